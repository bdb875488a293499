/**
 * What server-side apply alone does not bring back: values that the server derived and nobody owns, values of managers that
 * write by update or through /scale, and who owned a field whose value did not change.
 */
import { isObject, type Json, type JsonObject, jsonEqual, type KubeObject, refOf } from '../../../base/index.ts';
import { normalize, normalizeOwners } from '../../../kubernetes/index.ts';
import type { Bundle } from '../bundle.ts';
import { type Change, compareObjects, restoringPatch } from '../compare.ts';
import { applyEntry, extract, ownersAt } from '../field-set.ts';
import { objectOf } from '../objects.ts';
import { explanation, isIdentity, takenApart } from './explain.ts';
import type { Work } from './work.ts';

/** Controllers write in between: what was guarded by resourceVersion is tried again. */
const ROUNDS_MAX = 8;
/** Owners that one object may have lost fields of; each takes a round. */
const OWNERS_MAX = 8;
const JSON_PATCH = 'application/json-patch+json';

/** Restores what still differs; answers the object as it is then. What others changed meanwhile stays theirs. */
export async function restoreLeftovers(
  work: Work,
  bundle: Bundle,
  past: KubeObject,
  found: KubeObject,
  manager: string,
): Promise<KubeObject> {
  let live = found;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const changes = unexplained(work, bundle, past, live, manager);
    if (changes.length === 0) break;
    const derived = changes.filter(
      (change) => change.before === undefined && ownersAt(live, change.inAfter).length === 0,
    );
    if (derived.length > 0 && round === 0) live = await dropDerived(work, past, live, manager, derived);
    else live = await patchBack(work, past, live, manager, changes);
  }
  return restoreOwners(work, past, live, manager);
}

/** Gives managers that write by update, or through /scale, their values back while the stack still holds them. */
export async function giveBack(
  work: Work,
  bundle: Bundle,
  past: KubeObject,
  found: KubeObject,
  manager: string,
): Promise<KubeObject> {
  let live = found;
  for (let round = 0; round < OWNERS_MAX; round++) {
    const theirs = unexplained(work, bundle, past, live, manager).filter(
      (change) =>
        change.before !== undefined &&
        ownersAt(past, change.inBefore).some((owner) => owner.manager !== manager && owner.operation === 'Update'),
    );
    if (theirs.length === 0) return live;
    const before = live.metadata.resourceVersion;
    live = await patchBack(work, past, live, manager, theirs);
    if (live.metadata.resourceVersion === before) return live;
  }
  return live;
}

/** Differences that are this transaction's to bring back. */
function unexplained(
  work: Work,
  bundle: Bundle,
  past: KubeObject,
  live: KubeObject,
  manager: string,
): readonly Change[] {
  const around = { past, live, bundle, manager };
  const changes = compareObjects(normalize(past, work.cutKey), normalize(live, work.cutKey));
  return takenApart(changes, around).filter(
    (change) => explanation(change, around) === undefined && !isIdentity(change),
  );
}

/** One apply that takes what nobody owns, and one that drops it again. */
async function dropDerived(
  work: Work,
  past: KubeObject,
  live: KubeObject,
  manager: string,
  derived: readonly Change[],
): Promise<KubeObject> {
  const entry = applyEntry(past, manager);
  const former = entry === undefined ? undefined : extract(past, entry.fieldsV1);
  // within a list an item would have to be named by its keys: a patch does it better
  const simple = derived.filter((change) => change.inAfter.every((step) => typeof step === 'string'));
  if (former === undefined || simple.length === 0) return patchBack(work, past, live, manager, derived);
  const taking = simple.reduce<KubeObject>(
    (object, change) => putAt(object as unknown as Json, change.inAfter, change.after as Json) as unknown as KubeObject,
    former,
  );
  const taken = await work.objects.apply(taking, { manager, force: false });
  if (taken.kind !== 'ok') return live;
  return objectOf(await work.objects.apply(former, { manager, force: false }));
}

function putAt(value: Json | undefined, [step, ...rest]: readonly (string | number)[], put: Json): Json {
  if (step === undefined) return put;
  const object = typeof value === 'object' && value !== null ? (value as { readonly [key: string]: Json }) : {};
  return { ...object, [String(step)]: putAt(object[String(step)], rest, put) };
}

/** Patches under the manager that owned each place before; a scale owner through /scale. */
async function patchBack(
  work: Work,
  past: KubeObject,
  live: KubeObject,
  manager: string,
  changes: readonly Change[],
): Promise<KubeObject> {
  const byOwner = Map.groupBy(changes, (change) => {
    const owners = change.before === undefined ? [] : ownersAt(past, change.inBefore);
    const owner = owners.find((one) => one.operation === 'Update') ?? owners[0];
    return JSON.stringify([owner?.manager ?? manager, owner?.subresource === 'scale' ? 'scale' : '']);
  });
  const first = [...byOwner][0];
  if (first === undefined) return live;
  // one owner at a time: the next round reads again, and its places are then where they are
  const [owner, subresource] = JSON.parse(first[0]) as [string, string];
  const ref = refOf(past);
  if (subresource === 'scale') {
    const replicas = first[1][0]?.before as Json;
    const scaled = { contentType: 'application/merge-patch+json', manager: owner, subresource };
    const verdict = await work.objects.patch(ref, { spec: { replicas } }, scaled);
    if (verdict.kind !== 'ok') return live;
  } else {
    const guard = { op: 'test', path: '/metadata/resourceVersion', value: live.metadata.resourceVersion as Json };
    const patch = [guard, ...filled(first[1], past)] as unknown as Json;
    const verdict = await work.objects.patch(ref, patch, { contentType: JSON_PATCH, manager: owner });
    if (verdict.kind === 'retry') objectOf(verdict);
    // a refusal is for the verification to show: something else moved, and the next round looks again
  }
  return (await work.objects.get(ref)) ?? live;
}

/** Values of the past itself: what was compared had its Secret values cut. */
function filled(changes: readonly Change[], past: KubeObject) {
  const real = changes.map((change) =>
    change.before === undefined ? change : { ...change, before: valueAt(past as unknown as Json, change.inBefore) },
  );
  return restoringPatch(real);
}

function valueAt(value: Json, pointer: readonly (string | number)[]): Json {
  return pointer.reduce<Json>((at, step) => (at as { readonly [key: string]: Json })[step] as Json, value);
}

/** The same values under the same managers: where only the ownership still differs it is written back as it was. */
async function restoreOwners(work: Work, past: KubeObject, found: KubeObject, manager: string): Promise<KubeObject> {
  let live: KubeObject = found;
  for (let round = 0; round < ROUNDS_MAX && onlyOwnersDiffer(work, past, live, manager); round++) {
    const managedFields = [
      ...entriesOf(past).filter((entry) => entry.subresource !== 'status'),
      ...entriesOf(live).filter((entry) => entry.subresource === 'status'),
    ];
    const body = { metadata: { resourceVersion: live.metadata.resourceVersion as Json, managedFields } };
    const written = { contentType: 'application/merge-patch+json', manager };
    const verdict = await work.objects.patch(refOf(past), body, written);
    if (verdict.kind === 'ok') return objectOf(verdict);
    if (verdict.kind !== 'stale') return live;
    live = (await work.objects.get(refOf(past))) ?? live;
  }
  return live;
}

function onlyOwnersDiffer(work: Work, past: KubeObject, live: KubeObject, manager: string): boolean {
  const owners = (object: KubeObject) => normalizeOwners(object.metadata.managedFields);
  if (jsonEqual(owners(past), owners(live)) || !ownershipIsOurs(live, past, manager)) return false;
  const moved = compareObjects(normalize(past, work.cutKey), normalize(live, work.cutKey));
  return moved.every(isIdentity);
}

function entriesOf(object: KubeObject): readonly JsonObject[] {
  const entries = object.metadata.managedFields;
  return Array.isArray(entries) ? (entries as readonly Json[]).filter(isObject) : [];
}

/** No manager is there that was not there before, but for ourselves: what others did meanwhile is left as it is. */
function ownershipIsOurs(live: KubeObject, past: KubeObject, manager: string): boolean {
  const names = (object: KubeObject) =>
    new Set(normalizeOwners(object.metadata.managedFields).map((entry) => String(entry.manager)));
  const then = names(past);
  return [...names(live)].every((name) => name === manager || then.has(name));
}
