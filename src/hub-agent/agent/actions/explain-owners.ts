/**
 * Who owned what before and who owns it now. Others' entries may differ by what they themselves have taken meanwhile, and by
 * what is theirs to lose: places whose value another has changed. What this stack gained, and what anybody lost to it or to
 * nobody, was not brought back. Pure.
 */
import { isObject, type Json, type JsonObject, jsonEqual, type KubeObject } from '../../../base/index.ts';
import { normalizeOwners } from '../../../kubernetes/index.ts';
import type { Change } from '../compare.ts';
import { ownersAt, type Pointer } from '../field-set.ts';
import { explanation, hasLostToUs, isTouched, type Surround } from './explain.ts';

/** A place that one entry names and the other reading of it does not. */
export interface OwnerChange {
  readonly manager: string;
  readonly operation: string;
  /** The place in the field set, step by step. */
  readonly steps: readonly string[];
  /** For people: `gitops (Apply)`. */
  readonly owner: string;
  /** For people: `.spec.replicas`. */
  readonly place: string;
  readonly had: boolean;
  /** Why it is none of this transaction's; undefined: it is. */
  readonly explained?: string;
}

/** One manager's places, by their text in the field set; `.` ends one that is owned for itself, not for what is below. */
interface Owner {
  readonly name: string;
  readonly manager: string;
  readonly operation: string;
  readonly versions: readonly Json[];
  readonly places: ReadonlyMap<string, readonly string[]>;
  readonly fieldsV1: readonly JsonObject[];
}

/** @param others the changes of values that are explained: the owners of those places moved with them. */
export function ownerChanges(around: Surround, others: readonly Change[]): readonly OwnerChange[] {
  const [then, now] = [around.past, around.live].map(ownersOfAll) as [Owners, Owners];
  const all = [...new Set([...then.keys(), ...now.keys()])].sort();
  return all.flatMap((key) => {
    const [before, after] = [then.get(key), now.get(key)];
    const changes = [
      ...placesOnlyIn(before, after).map((place) => lostOne(before as Owner, place, around, others, then, now)),
      ...placesOnlyIn(after, before).map((place) => gainedOne(after as Owner, before, place, around)),
    ];
    return changes.length === 0 ? otherVersion(before, after) : changes;
  });
}

/**
 * Whether one who applies has lost something to this stack, or to nobody: only then is anything written back in their name,
 * for that would undo what they have written themselves since.
 */
export function hasLost(around: Surround, changes: readonly Change[], manager: string): boolean {
  const others = changes.filter((change) => explanation(change, around) !== undefined);
  const isTheirs = (owner: { manager: string; operation: string }) =>
    owner.manager === manager && owner.operation === 'Apply';
  const value = changes.some(
    (change) =>
      change.before !== undefined && !others.includes(change) && ownersAt(around.past, change.inBefore).some(isTheirs),
  );
  return value || ownerChanges(around, others).some((one) => isTheirs(one) && one.had && one.explained === undefined);
}

function nameOf({ manager, operation, subresource }: JsonObject): string {
  const through = subresource === undefined ? '' : `, ${String(subresource)}`;
  return `${String(manager)} (${String(operation)}${through})`;
}

type Owners = ReadonlyMap<string, Owner>;

function ownersOfAll(object: KubeObject): Owners {
  const owners = new Map<string, Owner>();
  for (const entry of normalizeOwners(object.metadata.managedFields)) {
    const { manager, operation, subresource, apiVersion, fieldsV1 } = entry;
    const key = JSON.stringify([manager, operation, subresource ?? '']);
    const known = owners.get(key);
    owners.set(key, {
      name: nameOf(entry),
      manager: String(manager),
      operation: String(operation),
      versions: [...(known?.versions ?? []), apiVersion as Json],
      places: new Map([...(known?.places ?? []), ...placesIn(fieldsV1, [])]),
      fieldsV1: [...(known?.fieldsV1 ?? []), fieldsV1 as JsonObject],
    });
  }
  return owners;
}

function placesIn(fields: Json | undefined, at: readonly string[]): readonly [string, readonly string[]][] {
  if (!isObject(fields)) return [];
  return Object.entries(fields).flatMap(([step, below]): readonly [string, readonly string[]][] => {
    const place = [...at, step];
    const isLeaf = !isObject(below) || Object.keys(below).length === 0;
    return isLeaf ? [[place.join('\n'), place]] : placesIn(below, place);
  });
}

function placesOnlyIn(one: Owner | undefined, other: Owner | undefined): readonly (readonly string[])[] {
  return [...(one?.places ?? [])].flatMap(([text, place]) => (other?.places.has(text) ? [] : [place]));
}

function lostOne(
  owner: Owner,
  place: readonly string[],
  around: Surround,
  others: readonly Change[],
  then: Owners,
  now: Owners,
): OwnerChange {
  const said = changeOf(owner, place, true);
  const at = pointerOf(place, around.past as unknown as Json);
  if (at === undefined) return said;
  const changed = others.some(({ inBefore }) => isWithin(at, inBefore) || (isItself(place) && isWithin(inBefore, at)));
  if (changed) return { ...said, explained: 'another has changed its value meanwhile' };
  const text = place.join('\n');
  const key = (one: Owner) => [...now].find(([, other]) => other === one)?.[0] ?? '';
  const heir = [...now.values()].find(
    (one) => one.manager !== around.manager && one.places.has(text) && !then.get(key(one))?.places.has(text),
  );
  if (heir === undefined || owner.manager === around.manager || isTouched(at, around)) return said;
  return { ...said, explained: `${heir.manager} owns it now` };
}

/** Others may take what they like; but not from an undo that wrote in their name, and then what was there before. */
function gainedOne(owner: Owner, before: Owner | undefined, place: readonly string[], around: Surround): OwnerChange {
  const said = changeOf(owner, place, false);
  if (owner.manager === around.manager) return said;
  const isOld = pointerOf(place, around.past as unknown as Json) !== undefined;
  const inTheirName = before?.fieldsV1.some((fieldsV1) => hasLostToUs({ fieldsV1 }, around)) ?? false;
  return isOld && inTheirName ? said : { ...said, explained: `${owner.manager} has taken it meanwhile` };
}

/** The same places under another version of the kind: nobody does that but an undo that writes in the wrong one. */
function otherVersion(before: Owner | undefined, after: Owner | undefined): readonly OwnerChange[] {
  if (before === undefined || after === undefined || jsonEqual(before.versions, after.versions)) return [];
  return [{ ...changeOf(before, [], true), place: `all, as ${before.versions.join(', ')}` }];
}

function changeOf({ name, manager, operation }: Owner, steps: readonly string[], had: boolean): OwnerChange {
  return { owner: name, manager, operation, place: textOf(steps), steps, had };
}

function isItself(place: readonly string[]): boolean {
  return place.at(-1) === '.';
}

function isWithin(inner: Pointer, outer: Pointer): boolean {
  return outer.every((step, index) => inner[index] === step);
}

/** Where a place of a field set stands in an object; undefined: nowhere. */
function pointerOf(place: readonly string[], object: Json): Pointer | undefined {
  const pointer: (string | number)[] = [];
  let value: Json | undefined = object;
  for (const step of place) {
    if (step === '.') return pointer;
    const at: string | number = Array.isArray(value) ? indexOf(value, step) : step.slice(2);
    if (at === -1) return undefined;
    pointer.push(at);
    value = Array.isArray(value) ? value[at as number] : isObject(value) ? value[String(at)] : undefined;
    if (value === undefined) return undefined;
  }
  return pointer;
}

function indexOf(items: readonly Json[], step: string): number {
  if (step.startsWith('i:')) return Number(step.slice(2));
  const wanted = JSON.parse(step.slice(2)) as Json;
  if (!step.startsWith('k:') || !isObject(wanted)) return items.findIndex((item) => jsonEqual(item, wanted));
  const matches = (item: Json) =>
    isObject(item) && Object.entries(wanted).every(([name, value]) => item[name] === undefined || jsonEqual(item[name], value)); // biome-ignore format: one condition
  return items.findIndex(matches);
}

/** `.spec.template.spec.containers[name=c].image` */
function textOf(place: readonly string[]): string {
  return place
    .filter((step) => step !== '.')
    .map((step) => {
      if (step.startsWith('f:')) return `.${step.slice(2)}`;
      const keys = step.startsWith('k:') ? (JSON.parse(step.slice(2)) as Json) : undefined;
      if (!isObject(keys)) return `[${step.slice(2)}]`;
      return `[${Object.entries(keys).map(([name, value]) => `${name}=${String(value)}`).join(',')}]`; // biome-ignore format: one item
    })
    .join('');
}
