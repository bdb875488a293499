/**
 * Strategic merge patch: a merge patch that knows from the schema which lists are merged by key or as sets, with its
 * directives `$patch: delete|replace|merge`, `$setElementOrder/<list>`, `$deleteFromPrimitiveList/<list>`, `$retainKeys`.
 */
import { canonical, isObject, type Json, type JsonObject, jsonEqual } from '../../base/index.ts';
import { propertySchema, resolve } from '../schema/index.ts';
import type { TypeSchema } from '../types.ts';
import { badPatch, type PatchOutcome } from './outcome.ts';

const PATCH = '$patch';
const RETAIN_KEYS = '$retainKeys';
const DELETE_FROM = '$deleteFromPrimitiveList/';
const ELEMENT_ORDER = '$setElementOrder/';

/** A patch that cannot be carried out; caught at the door of this file. */
class BadPatch extends Error {}

type Fields = { [key: string]: Json | undefined };

/** How a list is patched. */
interface ListRule {
  readonly merges: boolean;
  /** Absent for lists of scalars. */
  readonly key?: string;
  readonly items?: TypeSchema;
}

function listRule(schema: TypeSchema | undefined): ListRule {
  const merges = schema?.patchStrategy?.split(',').includes('merge') === true;
  const items = schema?.items === undefined ? {} : { items: resolve(schema.items) };
  return schema?.patchMergeKey === undefined ? { merges, ...items } : { merges, key: schema.patchMergeKey, ...items };
}

function fieldSchema(schema: TypeSchema | undefined, name: string): TypeSchema | undefined {
  const declared = schema === undefined ? undefined : propertySchema(schema, name);
  return declared === undefined ? undefined : resolve(declared);
}

function list(value: Json | undefined, what: string): readonly Json[] {
  if (!Array.isArray(value)) throw new BadPatch(`invalid value for ${what}: expected a list`);
  return value;
}

function isDirective(name: string): boolean {
  return name === PATCH || name === RETAIN_KEYS || name.startsWith(DELETE_FROM) || name.startsWith(ELEMENT_ORDER);
}

/** What stays of a new value once its directives are carried out on nothing. */
function withoutDirectives(value: Json, schema: TypeSchema | undefined): Json {
  if (Array.isArray(value)) {
    const items = schema?.items === undefined ? undefined : resolve(schema.items);
    const kept = (value as readonly Json[]).filter(
      (item) => !(isObject(item) && item[PATCH] !== undefined && isOnlyDirective(item)),
    );
    return kept.map((item) => withoutDirectives(item, items));
  }
  if (!isObject(value)) return value;
  return mergeMaps({}, value, schema) ?? {};
}

/** `$patch: delete` on an item, or a lone `$patch: replace|merge` marker, adds nothing. */
function isOnlyDirective(item: JsonObject): boolean {
  return item[PATCH] === 'delete' || Object.keys(item).length === 1;
}

/** Undefined: the patch deletes the map. */
function mergeMaps(original: JsonObject, patch: JsonObject, schema: TypeSchema | undefined): JsonObject | undefined {
  const directive = patch[PATCH];
  if (directive === 'delete') return undefined;
  if (directive === 'replace') {
    const { [PATCH]: _, ...rest } = patch;
    return rest;
  }
  if (directive !== undefined && directive !== 'merge')
    throw new BadPatch(`Unknown patch type found: ${String(directive)}`);
  const out: Fields = retained(original, patch);
  for (const [name, item] of Object.entries(patch)) {
    if (item === undefined || isDirective(name)) continue;
    const merged = mergeField(out[name], item, fieldSchema(schema, name), patch, name);
    if (merged === undefined) delete out[name];
    else out[name] = merged;
  }
  listDirectives(out, patch, schema);
  return out;
}

/** `$retainKeys`: only these fields of the original stay. */
function retained(original: JsonObject, patch: JsonObject): Fields {
  const keys = patch[RETAIN_KEYS];
  if (keys === undefined) return { ...original };
  const retain = new Set(list(keys, RETAIN_KEYS).map(String));
  const stray = Object.keys(patch).find((name) => !isDirective(name) && patch[name] !== null && !retain.has(name));
  if (stray !== undefined) {
    throw new BadPatch(`${RETAIN_KEYS} directive must contain all fields in the patch: ${stray} is missing`);
  }
  return Object.fromEntries(Object.entries(original).filter(([name]) => retain.has(name)));
}

/** Directives about lists that the patch does not otherwise touch. */
function listDirectives(out: Fields, patch: JsonObject, schema: TypeSchema | undefined): void {
  for (const [directive, value] of Object.entries(patch)) {
    for (const prefix of [DELETE_FROM, ELEMENT_ORDER]) {
      if (!directive.startsWith(prefix)) continue;
      const name = directive.slice(prefix.length);
      const current = out[name];
      if (patch[name] !== undefined || !Array.isArray(current)) continue;
      const rule = listRule(fieldSchema(schema, name));
      if (prefix === DELETE_FROM) out[name] = deleted(current, list(value, directive));
      else out[name] = inOrder(current, list(value, directive), current, rule.key);
    }
  }
}

/** Undefined: the field is deleted. */
function mergeField(
  original: Json | undefined,
  item: Json,
  schema: TypeSchema | undefined,
  patch: JsonObject,
  name: string,
): Json | undefined {
  if (item === null) return undefined;
  if (isObject(item)) {
    if (!isObject(original))
      return original === undefined || item[PATCH] === undefined ? withoutDirectives(item, schema) : undefined;
    return mergeMaps(original, item, schema);
  }
  if (!Array.isArray(item)) return item;
  const rule = listRule(schema);
  if (!rule.merges) return original === undefined ? withoutDirectives(item, schema) : replaced(item);
  const before = Array.isArray(original) ? (original as readonly Json[]) : [];
  const merged =
    rule.key === undefined ? mergeScalars(before, item, patch, name) : mergeItems(before, item, rule, rule.key);
  const order = patch[`${ELEMENT_ORDER}${name}`];
  // without an order of its own the patch is one: what it brings stands before what it does not name
  const brought = item.filter((one) => !(isObject(one) && one[PATCH] !== undefined));
  const wanted = order === undefined ? brought : list(order, `${ELEMENT_ORDER}${name}`);
  return inOrder(merged, wanted, before, rule.key);
}

/** A list that is not merged: its replace marker, if any, is not part of it. */
function replaced(items: readonly Json[]): Json {
  return items.filter((item) => !(isObject(item) && item[PATCH] !== undefined && Object.keys(item).length === 1));
}

function deleted(items: readonly Json[], gone: readonly Json[]): Json[] {
  return items.filter((item) => !gone.some((other) => jsonEqual(item, other)));
}

function mergeScalars(before: readonly Json[], items: readonly Json[], patch: JsonObject, name: string): Json[] {
  const gone = patch[`${DELETE_FROM}${name}`];
  const kept = gone === undefined ? before : deleted(before, list(gone, `${DELETE_FROM}${name}`));
  const seen = new Map<string, Json>();
  for (const item of [...kept, ...items]) if (!seen.has(canonical(item))) seen.set(canonical(item), item);
  return [...seen.values()];
}

function mergeItems(before: readonly Json[], items: readonly Json[], rule: ListRule, key: string): Json[] {
  const objects = items.map((item) => {
    if (!isObject(item)) throw new BadPatch('invalid patch format of elements: expected an object');
    return item;
  });
  if (objects.some((item) => item[PATCH] === 'replace')) {
    return objects.filter((item) => item[PATCH] === undefined);
  }
  let out = [...before];
  for (const item of objects) {
    if (item[PATCH] === 'merge' && Object.keys(item).length === 1) continue;
    const value = item[key];
    if (value === undefined) throw new BadPatch(`map: map[] does not contain declared merge key: ${key}`);
    const isSame = (other: Json) => isObject(other) && jsonEqual(other[key], value);
    if (item[PATCH] === 'delete') {
      out = out.filter((other) => !isSame(other));
      continue;
    }
    const index = out.findIndex(isSame);
    if (index === -1) out.push(withoutDirectives(item, rule.items));
    else {
      const merged = mergeMaps(out[index] as JsonObject, item, rule.items);
      if (merged !== undefined) out[index] = merged;
    }
  }
  return out;
}

/**
 * `$setElementOrder`: items that it names stand in its order; the others keep their place relative to what stood around
 * them on the server.
 */
function inOrder(
  items: readonly Json[],
  order: readonly Json[],
  before: readonly Json[],
  key: string | undefined,
): Json[] {
  const idOf = (item: Json): string => canonical(key === undefined ? item : isObject(item) ? item[key] : item);
  const wanted = order.map(idOf);
  const places = new Map(before.map((item, index) => [idOf(item), index]));
  const named = items.filter((item) => wanted.includes(idOf(item)));
  named.sort((a, b) => wanted.indexOf(idOf(a)) - wanted.indexOf(idOf(b)));
  const others = items.filter((item) => !wanted.includes(idOf(item)));
  const out: Json[] = [];
  let next = 0;
  for (const item of named) {
    const place = places.get(idOf(item));
    while (place !== undefined && next < others.length && (places.get(idOf(others[next] as Json)) ?? 0) < place) {
      out.push(others[next] as Json);
      next += 1;
    }
    out.push(item);
  }
  return [...out, ...others.slice(next)];
}

/** `schema` is the resource's. The document is not changed. */
export function strategicMergePatch(document: Json, patch: Json, schema: TypeSchema): PatchOutcome {
  if (!isObject(patch))
    return badPatch('error decoding patch: json: cannot unmarshal into Go value of type map[string]interface {}');
  try {
    const value = mergeMaps(isObject(document) ? document : {}, patch, resolve(schema));
    return { kind: 'patched', value: value ?? {} };
  } catch (error) {
    if (error instanceof BadPatch) return badPatch(error.message);
    throw error;
  }
}
