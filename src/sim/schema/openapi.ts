/** From OpenAPI as published (built-in kinds) or as written in a CRD to TypeSchema, and references resolved. */
import { isObject, type Json, type JsonObject } from '../../base/index.ts';
import type { TypeSchema, WireRule } from '../types.ts';
import { definition } from './documents.ts';

const REF_PREFIX = '#/components/schemas/';
export const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

type Writable = { -readonly [K in keyof TypeSchema]: TypeSchema[K] };

/** Keywords that TypeSchema has fields for, and prose. Everything else stays in `keywords`. */
const READ = new Set([
  'type',
  'properties',
  'additionalProperties',
  'items',
  'default',
  'nullable',
  '$ref',
  'description',
  'x-ldc-wire',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
  'x-kubernetes-patch-strategy',
  'x-kubernetes-patch-merge-key',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-int-or-string',
  'x-kubernetes-embedded-resource',
]);

/** Where a schema points: directly, or through the one-element `allOf` that published documents use beside a default. */
function referenceOf(raw: JsonObject): string | undefined {
  const only = Array.isArray(raw.allOf) && raw.allOf.length === 1 ? (raw.allOf[0] as JsonObject) : undefined;
  const ref = raw.$ref ?? only?.$ref;
  return typeof ref === 'string' && ref.startsWith(REF_PREFIX) ? ref.slice(REF_PREFIX.length) : undefined;
}

function wireRule(raw: Json | undefined): WireRule | undefined {
  if (raw === undefined) return undefined;
  if (raw === 'omitZero' || raw === 'omitEmpty') return { kind: raw };
  return { kind: 'always', zero: (raw as JsonObject).always ?? null };
}

function children(raw: Json | undefined): { [name: string]: TypeSchema } | undefined {
  if (!isObject(raw)) return undefined;
  return Object.fromEntries(Object.entries(raw).map(([name, item]) => [name, toTypeSchema(item as JsonObject)]));
}

/** Reads one schema; nested references stay references, since definitions may be recursive. */
export function toTypeSchema(raw: JsonObject): TypeSchema {
  const schema: Writable = {};
  const ref = referenceOf(raw);
  if (ref !== undefined) schema.ref = ref;
  if (typeof raw.type === 'string') schema.type = raw.type as NonNullable<TypeSchema['type']>;
  const properties = children(raw.properties);
  if (properties !== undefined) schema.properties = properties;
  if (isObject(raw.additionalProperties)) schema.additionalProperties = toTypeSchema(raw.additionalProperties);
  else if (typeof raw.additionalProperties === 'boolean') schema.additionalProperties = raw.additionalProperties;
  if (isObject(raw.items)) schema.items = toTypeSchema(raw.items);
  if (raw.default !== undefined) schema.default = raw.default;
  if (raw.nullable === true) schema.nullable = true;
  readExtensions(raw, schema);
  const rest = Object.entries(raw).filter(([key]) => !READ.has(key) && !(key === 'allOf' && ref !== undefined));
  if (rest.length > 0) schema.keywords = Object.fromEntries(rest);
  return schema;
}

function readExtensions(raw: JsonObject, schema: Writable): void {
  const wire = wireRule(raw['x-ldc-wire']);
  if (wire !== undefined) schema.wire = wire;
  const listType = raw['x-kubernetes-list-type'];
  if (listType !== undefined) schema.listType = listType as NonNullable<TypeSchema['listType']>;
  const keys = raw['x-kubernetes-list-map-keys'];
  if (Array.isArray(keys)) schema.listMapKeys = keys as string[];
  const mapType = raw['x-kubernetes-map-type'];
  if (mapType !== undefined) schema.mapType = mapType as NonNullable<TypeSchema['mapType']>;
  const strategy = raw['x-kubernetes-patch-strategy'];
  if (typeof strategy === 'string') schema.patchStrategy = strategy;
  const mergeKey = raw['x-kubernetes-patch-merge-key'];
  if (typeof mergeKey === 'string') schema.patchMergeKey = mergeKey;
  if (raw['x-kubernetes-preserve-unknown-fields'] === true) schema.preserveUnknownFields = true;
  if (raw['x-kubernetes-int-or-string'] === true || raw.format === 'int-or-string') schema.intOrString = true;
  if (raw['x-kubernetes-embedded-resource'] === true) schema.embeddedResource = true;
}

const definitions = new Map<string, TypeSchema>();
const resolved = new WeakMap<TypeSchema, TypeSchema>();

/**
 * The schema itself, a reference followed: what stands beside the reference (a default, the wire rule, a map type)
 * wins over the definition. Cached; the answer has no `ref`.
 */
export function resolve(schema: TypeSchema): TypeSchema {
  if (schema.ref === undefined) return schema;
  const known = resolved.get(schema);
  if (known !== undefined) return known;
  let target = definitions.get(schema.ref);
  if (target === undefined) {
    target = toTypeSchema(definition(schema.ref));
    definitions.set(schema.ref, target);
  }
  const { ref: _, ...own } = schema;
  const keywords = own.keywords === undefined ? target.keywords : { ...target.keywords, ...own.keywords };
  const merged = keywords === undefined ? { ...target, ...own } : { ...target, ...own, keywords };
  resolved.set(schema, merged);
  return merged;
}

/** The schema of a named property or, for maps, of any key; undefined: not declared. */
export function propertySchema(schema: TypeSchema, name: string): TypeSchema | undefined {
  const declared = schema.properties === undefined ? undefined : ownProperty(schema.properties, name);
  if (declared !== undefined) return declared;
  return typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
}

function ownProperty(properties: { readonly [name: string]: TypeSchema }, name: string): TypeSchema | undefined {
  return Object.hasOwn(properties, name) ? properties[name] : undefined;
}
