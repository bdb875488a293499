/**
 * Which differences from a pre-image are none of the transaction's doing. What an undo leaves alone and what its proof lets
 * pass is the same, so a place is somebody else's only where the object itself says so, leaf by leaf. Pure.
 */
import { isObject, type Json, jsonEqual, type KubeObject, refOf } from '../../../base/index.ts';
import { sameRef } from '../../../kubernetes/index.ts';
import type { Bundle } from '../bundle.ts';
import { type Change, itemLike } from '../compare.ts';
import { isGranular, type OwnerEntry, ownersOf, type Pointer, reach } from '../field-set.ts';

/** What is needed to tell whose a place is. */
export interface Surround {
  /** The pre-image, and what is there now. */
  readonly past: KubeObject;
  readonly live: KubeObject;
  /** What the transaction applied. */
  readonly bundle: Bundle | undefined;
  /** The stack's own. */
  readonly manager: string;
}

/**
 * Changes of which a part is explained and a part not, taken apart: what came into being holds what several have put there.
 * The others stay whole.
 */
export function takenApart(changes: readonly Change[], around: Surround): readonly Change[] {
  return changes.flatMap((change) => {
    if (change.before !== undefined || !isObject(change.after)) return [change];
    if (explanation(change, around) !== undefined || Object.keys(change.after).length < 2) return [change];
    const parts = Object.entries(change.after).map(([key, after]): Change => {
      const at = (pointer: Pointer) => [...pointer, key];
      const { path, inBefore, inAfter } = change;
      return { path: `${path}.${key}`, inBefore: at(inBefore), inAfter: at(inAfter), before: undefined, after };
    });
    const judged = takenApart(parts, around);
    return judged.some((part) => explanation(part, around) !== undefined) ? judged : [change];
  });
}

/** Why a difference is none of this transaction's; undefined: it is. */
export function explanation(change: Change, around: Surround): string | undefined {
  if (change.after === undefined) return removedBy(change.inBefore, change.before as Json, around);
  const { before, after } = change;
  if (!Array.isArray(before) || !Array.isArray(after)) return changedBy(change.inAfter, after, around);
  return listChange(change.inBefore, before, change.inAfter, after, around);
}

/** A list that counts as one value, or a set: then only the items that came or went are judged. */
function listChange(
  inBefore: Pointer,
  before: readonly Json[],
  inAfter: Pointer,
  after: readonly Json[],
  around: Surround,
): string | undefined {
  if (!isGranular(around.live, inAfter)) return changedBy(inAfter, after, around);
  const came = after.flatMap((item, index) =>
    has(before, item) ? [] : [changedBy([...inAfter, index], item, around)],
  );
  const went = before.flatMap((item, index) =>
    has(after, item) ? [] : [removedBy([...inBefore, index], item, around)],
  );
  const all = [...came, ...went];
  return all.length > 0 && all.every((why) => why !== undefined) ? all[0] : undefined;
}

function has(items: readonly Json[], item: Json): boolean {
  return items.some((other) => jsonEqual(other, item));
}

/** Each leaf is said by another, and none by this stack, also where both say the same: then its own was not taken back. */
function changedBy(place: Pointer, value: Json, { live, bundle, manager }: Surround): string | undefined {
  const whose = leavesOf(place, value).map((leaf) => {
    // what the bundle says and nobody owns is no default: it was left there
    const isOurs = saidThere(leaf, live, bundle) !== undefined;
    return saidBy(live, leaf, isOurs ? leaf.length : place.length);
  });
  const other = othersOf(whose, manager);
  return other === undefined ? undefined : `${other} has changed it meanwhile`;
}

/**
 * What is gone leaves no trace of who took it: it counts as another's doing only where another said it, this stack did not,
 * and nothing that this transaction did (its apply, or its undo in another's name) could have taken it.
 */
function removedBy(place: Pointer, value: Json, around: Surround): string | undefined {
  const { past, live, manager } = around;
  // an object that was made anew has lost what others owned without their doing
  if (live.metadata.uid !== past.metadata.uid || isTouched(place, around)) return undefined;
  const whose = leavesOf(place, value).map((leaf) => saidBy(past, leaf, place.length));
  const other = othersOf(whose, manager);
  if (other === undefined || whose.flat().some((entry) => hasLostToUs(entry, around))) return undefined;
  return `${other}, who owned it, or another has removed it meanwhile`;
}

/** The first one of them when all leaves are said, and none by the stack itself. */
function othersOf(whose: readonly (readonly OwnerEntry[])[], manager: string): string | undefined {
  if (whose.some((entries) => entries.length === 0 || entries.some((entry) => entry.manager === manager))) return;
  return whose[0]?.[0]?.manager;
}

function leavesOf(place: Pointer, value: Json): readonly Pointer[] {
  const inner: readonly (readonly [string | number, Json])[] = Array.isArray(value)
    ? value.map((item, index) => [index, item] as const)
    : isObject(value)
      ? Object.entries(value).map(([key, item]) => [key, item as Json] as const)
      : [];
  return inner.length === 0 ? [place] : inner.flatMap(([step, item]) => leavesOf([...place, step], item));
}

/**
 * Who says a leaf: those who name it, or come nearest to it from above. Where nobody owns it (the server filled it in), who
 * made the nearest thing around it, no further out than `depth`: a default within what somebody made is part of that.
 */
function saidBy(object: KubeObject, leaf: Pointer, depth: number): readonly OwnerEntry[] {
  const near = ownersOf(object).map((entry) => {
    const { itself, whole } = reach(object as unknown as Json, entry.fieldsV1, leaf);
    return { entry, steps: Math.max(whole, itself >= depth ? itself : -1) };
  });
  const nearest = Math.max(0, ...near.map(({ steps }) => steps));
  return near.flatMap(({ entry, steps }) => (steps === nearest && steps > 0 ? [entry] : []));
}

/** Whether the bundle says something of that place: its apply may have taken it. */
export function isTouched(place: Pointer, { past, bundle }: Pick<Surround, 'past' | 'bundle'>): boolean {
  return saidThere(place, past, bundle) !== undefined;
}

/** What the bundle says of a place of a reading; of a list that is replaced as a whole, the list. */
function saidThere(place: Pointer, read: KubeObject, bundle: Bundle | undefined): Json | undefined {
  let value = bundle?.objects.find((object) => sameRef(refOf(object), refOf(read))) as unknown as Json | undefined;
  let there: Json | undefined = read as unknown as Json;
  for (const [depth, step] of place.entries()) {
    if (typeof value !== 'object' || value === null) return value;
    const inner: Json | undefined = Array.isArray(there) ? there[step as number] : asObject(there)[String(step)];
    if (Array.isArray(value)) {
      if (!Array.isArray(there) || inner === undefined || !isGranular(read, place.slice(0, depth))) return value;
      value = itemLike(value, inner);
    } else value = asObject(value)[String(step)];
    there = inner;
  }
  return value;
}

function asObject(value: Json | undefined): { readonly [key: string]: Json | undefined } {
  return isObject(value) ? value : {};
}

/**
 * Whether this transaction took fields of theirs by force: its undo then writes in their name, so what they have lost
 * besides may be its doing.
 */
export function hasLostToUs({ fieldsV1 }: Pick<OwnerEntry, 'fieldsV1'>, { past, bundle }: Surround): boolean {
  if (bundle?.conflicts !== 'take') return false;
  return leavesOf([], past as unknown as Json).some((leaf) => {
    const { itself, whole } = reach(past as unknown as Json, fieldsV1, leaf);
    if (whole === -1 && itself < leaf.length) return false;
    const said = saidThere(leaf, past, bundle);
    return said !== undefined && !jsonEqual(said, valueAt(past as unknown as Json, leaf));
  });
}

export function valueAt(value: Json | undefined, pointer: Pointer): Json | undefined {
  return pointer.reduce<Json | undefined>(
    (at, step) => (Array.isArray(at) ? at[step as number] : asObject(at)[String(step)]),
    value,
  );
}

/**
 * Whether an object that was absent before is another's by now: somebody owns it, this stack nothing of it, and nothing that
 * the bundle says stands in it without an owner, as in one that was given up instead of being deleted.
 */
export function isOthers(live: KubeObject, bundle: Bundle, manager: string): boolean {
  const owners = ownersOf(live);
  if (owners.length === 0 || owners.some((owner) => owner.manager === manager)) return false;
  const said = bundle.objects.find((object) => sameRef(refOf(object), refOf(live)));
  const { apiVersion: _version, kind: _kind, metadata, ...rest } = said ?? live;
  const { labels = {}, annotations = {} } = metadata;
  return leavesOf([], { ...rest, metadata: { labels, annotations } } as unknown as Json).every((leaf) => {
    const value = valueAt(live as unknown as Json, leaf);
    return value === undefined || isEmpty(value) || saidBy(live, leaf, leaf.length).length > 0;
  });
}

function isEmpty(value: Json): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

/** uid and creation time cannot be brought back, only compared. */
export function isIdentity(change: Change): boolean {
  return change.path === '.metadata.uid' || change.path === '.metadata.creationTimestamp';
}
