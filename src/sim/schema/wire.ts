/**
 * What becomes of a built-in object on its way through the server's own types: nulls and omitted zero values vanish,
 * structures that are always sent appear, quantities and times take their canonical form. Idempotent. Custom resources
 * carry no wire rules and pass unchanged.
 */
import { isObject, type Json, type JsonObject } from '../../base/index.ts';
import type { TypeSchema } from '../types.ts';
import { resolve } from './openapi.ts';
import { canonicalQuantity } from './quantity.ts';

const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity';
const TIME = 'io.k8s.apimachinery.pkg.apis.meta.v1.Time';
/** A structure without a field: that it is there is all it says. */
const EMPTY = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceSubresourceStatus';
const MICRO_TIME = 'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime';

/** RFC 3339 in UTC with the digits after the second that the type keeps; text that is no time stays as it is. */
function canonicalTime(text: string, digits: 0 | 6): string {
  const unixMs = Date.parse(text);
  if (Number.isNaN(unixMs)) return text;
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? '';
  const second = new Date(unixMs).toISOString().slice(0, 19);
  return digits === 0 ? `${second}Z` : `${second}.${fraction.padEnd(6, '0').slice(0, 6)}Z`;
}

function isZero(value: Json): boolean {
  return value === null || value === '' || value === 0 || value === false;
}

function isEmpty(value: Json): boolean {
  if (value === null || value === '') return true;
  return Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0;
}

/** One declared property; undefined: it is not sent. */
function property(value: Json | undefined, declared: TypeSchema): Json | undefined {
  const rule = declared.wire;
  if (value === undefined || value === null) {
    return rule?.kind === 'always' ? through(rule.zero, declared) : undefined;
  }
  if (rule?.kind === 'omitZero' && isZero(value)) return undefined;
  const sent = through(value, declared);
  return rule?.kind === 'omitEmpty' && isEmpty(sent) ? undefined : sent;
}

function structure(value: JsonObject, properties: { readonly [name: string]: TypeSchema }): Json {
  const out: { [key: string]: Json } = {};
  for (const name in properties) {
    const sent = property(value[name], properties[name] as TypeSchema);
    if (sent !== undefined) out[name] = sent;
  }
  // Undeclared fields are another step's business (unknown.ts): here they pass.
  for (const [name, item] of Object.entries(value)) {
    if (item !== undefined && !Object.hasOwn(properties, name)) out[name] = item;
  }
  return out;
}

/** Maps keep null values only where the type of their values has none of its own: they become that type's zero. */
function mapped(value: JsonObject, item: TypeSchema): Json {
  const out: { [key: string]: Json } = {};
  for (const [key, each] of Object.entries(value)) {
    if (each === undefined) continue;
    const isText = resolve(item).type === 'string' && item.ref !== TIME && item.ref !== MICRO_TIME;
    out[key] = each === null && isText ? '' : through(each, item);
  }
  return out;
}

function through(value: Json, declared: TypeSchema): Json {
  if (value === null) return null;
  switch (declared.ref) {
    case QUANTITY:
      return typeof value === 'string' || typeof value === 'number' ? canonicalQuantity(String(value)) : value;
    case TIME:
      return typeof value === 'string' ? canonicalTime(value, 0) : value;
    case MICRO_TIME:
      return typeof value === 'string' ? canonicalTime(value, 6) : value;
    case EMPTY:
      return isObject(value) ? {} : value;
    default:
      break;
  }
  const schema = resolve(declared);
  if (Array.isArray(value)) {
    const items = schema.items;
    return items === undefined ? value : value.map((item) => through(item, items));
  }
  if (!isObject(value)) return value;
  if (schema.properties !== undefined) return structure(value, schema.properties);
  return typeof schema.additionalProperties === 'object' ? mapped(value, schema.additionalProperties) : value;
}

/** Sends a built-in object through its published type. `schema` is the resource's; see the head of this file. */
export function throughWire(object: JsonObject, schema: TypeSchema): JsonObject {
  if (schema.ref === undefined) return object;
  const sent = through(object as Json, schema) as JsonObject;
  const managers = isObject(object.metadata) ? object.metadata.managedFields : undefined;
  if (!Array.isArray(managers) || managers.length > 0) return sent;
  // An empty list of managers is a request to forget them all: it must reach whoever tracks ownership.
  return { ...sent, metadata: { ...(sent.metadata as JsonObject), managedFields: [] } };
}
