/** How two readings of one object differ, place by place; list items are matched by their keys where they have some. Pure. */
import { isObject, type Json, jsonEqual, type KubeObject } from '../../base/index.ts';
import type { Pointer } from './field-set.ts';

export interface Change {
  /** For people: `.spec.template.spec.containers[name=c].image`. */
  readonly path: string;
  /** Where it stands in the one and in the other; for a missing one, where it would be put. */
  readonly inBefore: Pointer;
  readonly inAfter: Pointer;
  /** undefined: not there. */
  readonly before: Json | undefined;
  readonly after: Json | undefined;
}

const LIST_KEYS: readonly (readonly string[])[] = [
  ['mountPath'],
  ['name'],
  ['containerPort', 'protocol'],
  ['port', 'protocol'],
  ['devicePath'],
  ['topologyKey', 'whenUnsatisfiable'],
  ['key'],
  ['ip'],
  ['uid'],
  ['type'],
];

/** Differences from `before` to `after`, in document order. */
export function compareJson(before: Json | undefined, after: Json | undefined): readonly Change[] {
  const changes: Change[] = [];
  walk(before, after, '', [], [], changes);
  return changes;
}

/** Differences of two normalised objects; who owns fields apart. */
export function compareObjects(before: KubeObject, after: KubeObject): readonly Change[] {
  return compareJson(before as unknown as Json, after as unknown as Json).filter(
    (change) => !change.path.startsWith('.metadata.managedFields'),
  );
}

function walk(
  before: Json | undefined,
  after: Json | undefined,
  path: string,
  inBefore: Pointer,
  inAfter: Pointer,
  changes: Change[],
): void {
  if (jsonEqual(before, after)) return;
  if (isObject(before) && isObject(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      walk(before[key], after[key], `${path}.${key}`, [...inBefore, key], [...inAfter, key], changes);
    }
    return;
  }
  if (Array.isArray(before) && Array.isArray(after) && walkItems(before, after, path, inBefore, inAfter, changes))
    return;
  changes.push({ path, inBefore, inAfter, before, after });
}

/** False when the items have no keys in common, or only their order differs: the list then counts as one value. */
function walkItems(
  before: readonly Json[],
  after: readonly Json[],
  path: string,
  inBefore: Pointer,
  inAfter: Pointer,
  changes: Change[],
): boolean {
  const keys = LIST_KEYS.find((candidate) => keyed(before, candidate) && keyed(after, candidate));
  if (keys === undefined) return false;
  const names = (items: readonly Json[]) => items.map((item) => nameOf(item, keys));
  const [left, right] = [names(before), names(after)];
  const shared = left.filter((name) => right.includes(name));
  if (
    !jsonEqual(
      shared,
      right.filter((name) => left.includes(name)),
    )
  )
    return false;
  for (const name of new Set([...left, ...right])) {
    const from = left.indexOf(name);
    const to = right.indexOf(name);
    const place = `${path}[${name}]`;
    walk(
      before[from],
      after[to],
      place,
      [...inBefore, from === -1 ? to : from],
      [...inAfter, to === -1 ? from : to],
      changes,
    );
  }
  return true;
}

function keyed(items: readonly Json[], keys: readonly string[]): boolean {
  const first = keys[0] as string;
  if (!items.every((item) => isObject(item) && item[first] !== undefined)) return false;
  return new Set(items.map((item) => nameOf(item, keys))).size === items.length;
}

/** The item of a list that is the same as one of another reading of it: by its keys, or, of plain values, by its value. */
export function itemLike(items: readonly Json[], item: Json): Json | undefined {
  const keys = LIST_KEYS.find((candidate) => keyed([item], candidate) && keyed(items, candidate));
  if (keys === undefined) return items.find((other) => jsonEqual(other, item));
  // a key with a default may be missing from what was not read from a server
  const matches = (other: Json) =>
    isObject(other) && isObject(item) && keys.every((key) => other[key] === undefined || jsonEqual(other[key], item[key])); // biome-ignore format: one condition
  return items.find(matches);
}

function nameOf(item: Json, keys: readonly string[]): string {
  return keys
    .filter((key) => isObject(item) && item[key] !== undefined)
    .map((key) => `${key}=${String((item as { [key: string]: Json })[key])}`)
    .join(',');
}

/**
 * The JSON patch that brings `before` back at these places of `after`. Replacements first, then removals from the end, then
 * additions from the front, so that no operation moves the place of another.
 */
export function restoringPatch(changes: readonly Change[]): readonly { op: string; path: string; value?: Json }[] {
  const at = (pointer: Pointer) => pointer.map((step) => `/${escapeStep(String(step))}`).join('');
  const replaced = changes.filter((change) => change.before !== undefined && change.after !== undefined);
  const removed = changes.filter((change) => change.before === undefined);
  const added = changes.filter((change) => change.after === undefined && change.before !== undefined);
  return [
    ...replaced.map((change) => ({ op: 'replace', path: at(change.inAfter), value: change.before as Json })),
    ...[...removed].reverse().map((change) => ({ op: 'remove', path: at(change.inAfter) })),
    ...added.map((change) => ({ op: 'add', path: at(change.inAfter), value: change.before as Json })),
  ];
}

function escapeStep(step: string): string {
  return step.replaceAll('~', '~0').replaceAll('/', '~1');
}
