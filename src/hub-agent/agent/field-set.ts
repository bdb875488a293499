/**
 * Field sets of managedFields (FieldsV1): which part of an object a manager owns. Pure.
 * Format: `f:name` a field, `k:{…}` a list item by its keys, `v:…` a set's value, `i:n` an index; `.` the item itself, `{}` a leaf.
 */
import { isObject, type Json, type JsonObject, jsonEqual, type KubeObject, type ObjectRef } from '../../base/index.ts';

export interface OwnerEntry {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource?: string;
  /** RFC 3339. */
  readonly time?: string;
  readonly fieldsV1: JsonObject;
}

/** Where in an object: concrete keys and indices. */
export type Pointer = readonly (string | number)[];

/** The owners of an object, status left out. */
export function ownersOf(object: KubeObject): readonly OwnerEntry[] {
  const entries = object.metadata.managedFields;
  if (!Array.isArray(entries)) return [];
  return (entries as readonly Json[]).filter(isObject).flatMap((entry) => {
    if (entry.subresource === 'status' || !isObject(entry.fieldsV1)) return [];
    return [entry as unknown as OwnerEntry];
  });
}

/** The entry that a manager's server-side apply keeps; undefined: it has applied nothing. */
export function applyEntry(object: KubeObject, manager: string): OwnerEntry | undefined {
  return ownersOf(object).find((entry) => entry.manager === manager && entry.operation === 'Apply');
}

/** The part of an object that a field set names, with the object's identity: what its manager has to apply to own the same again. */
export function extract(object: KubeObject, fields: JsonObject): KubeObject {
  const body = extractFrom(object as unknown as Json, fields);
  const part = isObject(body) ? body : {};
  const { apiVersion, kind, metadata } = object;
  const { name, namespace } = metadata;
  const owned = isObject(part.metadata) ? part.metadata : {};
  return {
    ...part,
    apiVersion,
    kind,
    metadata: { ...owned, name, ...(namespace === undefined ? {} : { namespace }) },
  } as KubeObject;
}

function extractFrom(value: Json | undefined, fields: JsonObject): Json | undefined {
  if (value === undefined || Object.keys(fields).length === 0) return value;
  if (Array.isArray(value)) return extractItems(value, fields);
  if (!isObject(value)) return value;
  const part: Record<string, Json> = {};
  for (const [key, below] of Object.entries(fields)) {
    if (!key.startsWith('f:') || !isObject(below)) continue;
    const found = extractFrom(value[key.slice(2)], below);
    if (found !== undefined) part[key.slice(2)] = found;
  }
  return part;
}

/** Items in the list's own order: an order is part of what is brought back. Key fields are sent only where they were owned. */
function extractItems(items: readonly Json[], fields: JsonObject): Json {
  return items.flatMap((item, index) => {
    const below = itemFields(item, index, fields);
    if (below === undefined) return [];
    const bare = Object.keys(below).every((key) => key === '.');
    if (!isObject(item) || Object.keys(below).length === 0) return [item];
    if (!bare) return [extractFrom(item, below) as Json];
    // the item itself is owned and none of its fields: its keys alone name it
    const key = Object.keys(fields).find((name) => name.startsWith('k:') && matchesKeys(item, name)) as string;
    return [JSON.parse(key.slice(2)) as Json];
  });
}

/** What a set says of one list item; undefined: nothing. */
function itemFields(item: Json, index: number, fields: JsonObject): JsonObject | undefined {
  for (const [key, below] of Object.entries(fields)) {
    if (!isObject(below)) continue;
    if (key.startsWith('k:') && matchesKeys(item, key)) return below;
    if (key.startsWith('v:') && jsonEqual(JSON.parse(key.slice(2)) as Json, item)) return below;
    if (key === `i:${index}`) return below;
  }
  return undefined;
}

/** A key field with a default may be absent from the item as it was read. */
function matchesKeys(item: Json, key: string): boolean {
  if (!isObject(item)) return false;
  const keys = JSON.parse(key.slice(2)) as JsonObject;
  return Object.entries(keys).every(([name, value]) => item[name] === undefined || jsonEqual(item[name], value));
}

/** Whether a set owns what stands at a place: the place itself, something above it as a whole, or all of it below. */
export function owns(object: Json, fields: JsonObject, pointer: Pointer): boolean {
  let value: Json | undefined = object;
  let below: JsonObject = fields;
  for (const step of pointer) {
    const next = fieldsBelow(value, step, below);
    if (next === undefined) return false;
    if (Object.keys(next).length === 0) return true;
    value = Array.isArray(value) ? value[step as number] : isObject(value) ? value[String(step)] : undefined;
    below = next;
  }
  return true;
}

/**
 * How near to a place a set comes: how many of its steps lead to what the set names for itself (`.`), or as a whole (`{}`).
 * -1: to nothing. An empty map that was applied looks like one that is owned as a whole: what another names further in is not of it.
 */
export function reach(object: Json, fields: JsonObject, pointer: Pointer): { itself: number; whole: number } {
  let value: Json | undefined = object;
  let below: JsonObject = fields;
  let itself = -1;
  for (const [index, step] of pointer.entries()) {
    const next = fieldsBelow(value, step, below);
    if (next === undefined) return { itself, whole: -1 };
    if (Object.keys(next).length === 0) return { itself, whole: index + 1 };
    value = Array.isArray(value) ? value[step as number] : isObject(value) ? value[String(step)] : undefined;
    below = next;
    if (below['.'] !== undefined) itself = index + 1;
  }
  return { itself, whole: -1 };
}

/** Whether somebody owns single items of a list; else it is owned, and replaced, as a whole. */
export function isGranular(object: KubeObject, list: Pointer): boolean {
  return ownersOf(object).some(({ fieldsV1 }) => {
    let value: Json | undefined = object as unknown as Json;
    let below: JsonObject | undefined = fieldsV1;
    for (const step of list) {
      below = below === undefined ? undefined : fieldsBelow(value, step, below);
      value = Array.isArray(value) ? value[step as number] : isObject(value) ? value[String(step)] : undefined;
    }
    return Object.keys(below ?? {}).some((key) => key.startsWith('k:') || key.startsWith('v:'));
  });
}

function fieldsBelow(value: Json | undefined, step: string | number, fields: JsonObject): JsonObject | undefined {
  return Array.isArray(value)
    ? itemFields(value[step as number] ?? null, step as number, fields)
    : asObject(fields[`f:${step}`]);
}

/** Managers that own a place. */
export function ownersAt(object: KubeObject, pointer: Pointer): readonly OwnerEntry[] {
  return ownersOf(object).filter((entry) => owns(object as unknown as Json, entry.fieldsV1, pointer));
}

/** Takes a field out by the path that a conflict names: `.spec.template.spec.containers[name="c"].image`. */
export function removeAt(object: KubeObject, path: string): KubeObject {
  const steps = parsePath(path);
  return steps.length === 0 ? object : (removeStep(object as unknown as Json, steps) as unknown as KubeObject);
}

type Step =
  | { readonly field: string }
  | { readonly keys: JsonObject }
  | { readonly value: Json }
  | { readonly index: number };

function removeStep(value: Json, [step, ...rest]: readonly Step[]): Json {
  if (step === undefined) return value;
  if ('field' in step) {
    if (!isObject(value) || value[step.field] === undefined) return value;
    const { [step.field]: inner, ...others } = value;
    return rest.length === 0 ? others : { ...others, [step.field]: removeStep(inner as Json, rest) };
  }
  if (!Array.isArray(value)) return value;
  const hit = (item: Json, index: number) =>
    'index' in step
      ? index === step.index
      : 'value' in step
        ? jsonEqual(item, step.value)
        : isObject(item) &&
          Object.entries(step.keys).every(
            ([name, wanted]) => item[name] === undefined || jsonEqual(item[name], wanted),
          );
  return rest.length === 0
    ? value.filter((item, index) => !hit(item, index))
    : value.map((item, index) => (hit(item, index) ? removeStep(item, rest) : item));
}

function parsePath(path: string): readonly Step[] {
  const steps: Step[] = [];
  const pattern = /\.([^.[\]]+)|\[([^\]]*)\]/g;
  for (const match of path.matchAll(pattern)) {
    const [, field, inner] = match;
    if (field !== undefined) steps.push({ field });
    else if (inner?.startsWith('=')) steps.push({ value: scalar(inner.slice(1)) });
    else if (/^\d+$/.test(inner ?? '')) steps.push({ index: Number(inner) });
    else steps.push({ keys: Object.fromEntries((inner ?? '').split(',').map(pair)) });
  }
  return steps;
}

function pair(text: string): [string, Json] {
  const at = text.indexOf('=');
  return [text.slice(0, at), scalar(text.slice(at + 1))];
}

function scalar(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return text;
  }
}

/** An object's identity alone: applying it gives up everything that a manager owned. */
export function identityOnly(ref: ObjectRef): KubeObject {
  const { apiVersion, kind, name, namespace } = ref;
  return { apiVersion, kind, metadata: { name, ...(namespace === undefined ? {} : { namespace }) } };
}

function asObject(value: Json | undefined): JsonObject | undefined {
  return isObject(value) ? value : undefined;
}
