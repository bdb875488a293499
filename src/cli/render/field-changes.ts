import { isObject, type Json, jsonEqual } from '../../base/index.ts';

/** Set by servers at every write: no change that a person asked for. */
const NOISE = new Set(['managedFields', 'resourceVersion', 'generation', 'uid', 'creationTimestamp']);
const VALUE_CHARS_MAX = 80;

/** The fields that differ, as `.spec.replicas: 1 → 2`; list entries are matched by `name` where they have one. */
export function fieldChanges(before: Json | undefined, after: Json | undefined, path = ''): string[] {
  if (jsonEqual(before, after)) return [];
  if (isObject(before) && isObject(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    return keys.flatMap((key) => {
      if (path === '.metadata' && NOISE.has(key)) return [];
      if (path === '' && key === 'status') return [];
      return fieldChanges(before[key], after[key], `${path}${keyText(key)}`);
    });
  }
  if (Array.isArray(before) && Array.isArray(after)) return listChanges(before, after, path);
  if (before === undefined) return [`${path}: + ${valueText(after)}`];
  if (after === undefined) return [`${path}: - ${valueText(before)}`];
  return [`${path}: ${valueText(before)} → ${valueText(after)}`];
}

function listChanges(before: readonly Json[], after: readonly Json[], path: string): string[] {
  const named = [...before, ...after].every((item) => isObject(item) && typeof item.name === 'string');
  if (!named) {
    return Array.from({ length: Math.max(before.length, after.length) }).flatMap((_, index) =>
      fieldChanges(before[index], after[index], `${path}[${index}]`),
    );
  }
  const byName = (list: readonly Json[]) => new Map(list.map((item) => [String((item as { name: Json }).name), item]));
  const [old, next] = [byName(before), byName(after)];
  return [...new Set([...old.keys(), ...next.keys()])].flatMap((name) =>
    fieldChanges(old.get(name), next.get(name), `${path}[name=${name}]`),
  );
}

function keyText(key: string): string {
  return /^[\w-]+$/.test(key) ? `.${key}` : `["${key}"]`;
}

function valueText(value: Json | undefined): string {
  const text = JSON.stringify(value) ?? 'null';
  return text.length <= VALUE_CHARS_MAX ? text : `${text.slice(0, VALUE_CHARS_MAX - 1)}…`;
}
