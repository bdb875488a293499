/** Fields that a schema does not declare: named (strict decoding) or dropped (what a server does otherwise). */
import { isObject, type Json, type KubeObject } from '../../base/index.ts';
import type { TypeSchema } from '../types.ts';
import { propertySchema, resolve } from './openapi.ts';

/** What becomes of a value's undeclared fields: kept as they are, or reported and dropped. */
function keepsUnknown(schema: TypeSchema): boolean {
  if (schema.preserveUnknownFields === true || schema.additionalProperties === true) return true;
  return schema.properties === undefined && schema.additionalProperties === undefined;
}

/** Walks value and schema together; answers the value without undeclared fields (the same one if nothing was dropped). */
function prune(value: Json, declared: TypeSchema, path: string, report: (path: string) => void): Json {
  const schema = resolve(declared);
  if (Array.isArray(value)) return pruneList(value, schema, path, report);
  if (!isObject(value) || (schema.type !== undefined && schema.type !== 'object')) return value;
  let changed = false;
  const out: { [key: string]: Json | undefined } = {};
  for (const [key, item] of Object.entries(value)) {
    const own = propertySchema(schema, key);
    const place = path === '' ? key : `${path}.${key}`;
    if (own === undefined && !keepsUnknown(schema)) {
      report(place);
      changed = true;
      continue;
    }
    out[key] = own === undefined || item === undefined ? item : prune(item, own, place, report);
    if (out[key] !== item) changed = true;
  }
  return changed ? out : value;
}

function pruneList(value: readonly Json[], schema: TypeSchema, path: string, report: (path: string) => void): Json {
  if (schema.items === undefined) return value;
  const items = schema.items;
  let changed = false;
  const out = value.map((item, index) => {
    const pruned = prune(item, items, `${path}[${index}]`, report);
    if (pruned !== item) changed = true;
    return pruned;
  });
  return changed ? out : value;
}

/** Paths of undeclared fields as a strict decoder names them: `spec.template.spec.containers[0].bogus`; in document order. */
export function unknownFields(object: Json, schema: TypeSchema): readonly string[] {
  const found: string[] = [];
  prune(object, schema, '', (path) => found.push(path));
  return found;
}

/** The object without undeclared fields: what a server stores of it. The same object if there are none. */
export function dropUnknown(object: KubeObject, schema: TypeSchema): KubeObject {
  return prune(object as Json, schema, '', () => {}) as KubeObject;
}
