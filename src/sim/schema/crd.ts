/** The resources that a CustomResourceDefinition adds. */
import { isObject, type Json, type JsonObject, type KubeObject } from '../../base/index.ts';
import type { ResourceInfo, TypeSchema } from '../types.ts';
import { OBJECT_META, toTypeSchema } from './openapi.ts';
import { publishedDefinitions } from './published.ts';

/** In the order in which a real server lists them for custom resources. */
const VERBS = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];

const HEAD: JsonObject = { apiVersion: { type: 'string' }, kind: { type: 'string' } };
const METADATA: JsonObject = { allOf: [{ $ref: `#/components/schemas/${OBJECT_META}` }] };

interface CrdVersion {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly schema?: { readonly openAPIV3Schema?: JsonObject };
  readonly subresources?: { readonly status?: Json; readonly scale?: Json };
}

interface CrdSpec {
  readonly group: string;
  readonly scope: string;
  readonly names: JsonObject;
  readonly versions: readonly CrdVersion[];
  readonly preserveUnknownFields?: boolean;
}

const strings = (value: Json | undefined): string[] => (Array.isArray(value) ? value.map(String) : []);

/** The schema as written, with what every object has; without one, anything goes. */
function openApiOf(version: CrdVersion, preserveUnknown: boolean): JsonObject {
  const written = version.schema?.openAPIV3Schema ?? { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const properties = isObject(written.properties) ? written.properties : {};
  const whole: JsonObject = { ...written, type: 'object', properties: { ...properties, ...HEAD, metadata: METADATA } };
  return preserveUnknown ? { ...whole, 'x-kubernetes-preserve-unknown-fields': true } : whole;
}

function schemaOf(version: CrdVersion, preserveUnknown: boolean): TypeSchema {
  return embedded(toTypeSchema(openApiOf(version, preserveUnknown)));
}

/** `x-kubernetes-embedded-resource`: such an object has apiVersion, kind and metadata though its schema does not say so. */
function embedded(schema: TypeSchema): TypeSchema {
  const properties =
    schema.properties === undefined
      ? undefined
      : Object.fromEntries(Object.entries(schema.properties).map(([name, item]) => [name, embedded(item)]));
  const out: TypeSchema = {
    ...schema,
    ...(properties === undefined ? {} : { properties }),
    ...(schema.items === undefined ? {} : { items: embedded(schema.items) }),
    ...(typeof schema.additionalProperties === 'object'
      ? { additionalProperties: embedded(schema.additionalProperties) }
      : {}),
  };
  if (schema.embeddedResource !== true) return out;
  const head = { apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: { ref: OBJECT_META } } as const;
  return { ...out, properties: { ...properties, ...head } };
}

/** One resource for each *served* version of a CRD (defaulted and valid: `names` complete). */
export function resourcesOfCrd(crd: KubeObject): readonly ResourceInfo[] {
  const spec = crd.spec as unknown as CrdSpec;
  const kind = String(spec.names.kind);
  return spec.versions
    .filter((version) => version.served)
    .map((version) => ({
      group: spec.group,
      version: version.name,
      kind,
      listKind: String(spec.names.listKind ?? `${kind}List`),
      plural: String(spec.names.plural),
      singular: String(spec.names.singular ?? kind.toLowerCase()),
      shortNames: strings(spec.names.shortNames),
      categories: strings(spec.names.categories),
      namespaced: spec.scope === 'Namespaced',
      verbs: VERBS,
      subresources: [
        ...(version.subresources?.status === undefined ? [] : (['status'] as const)),
        ...(version.subresources?.scale === undefined ? [] : (['scale'] as const)),
      ],
      schema: schemaOf(version, spec.preserveUnknownFields === true),
      storageVersion: version.storage,
    }));
}

/** `components.schemas` of one version of a CRD for /openapi/v3: the kind, its list, and what they refer to. */
export function publishedSchemasOfCrd(crd: KubeObject, version: string): JsonObject {
  const spec = crd.spec as unknown as CrdSpec;
  const found = spec.versions.find((item) => item.name === version && item.served);
  if (found === undefined) return {};
  const kind = String(spec.names.kind);
  const listKind = String(spec.names.listKind ?? `${kind}List`);
  const prefix = `${spec.group.split('.').reverse().join('.')}.${version}`;
  const listMeta = 'io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta';
  const gvk = (name: string) => ({ 'x-kubernetes-group-version-kind': [{ group: spec.group, kind: name, version }] });
  const items = { type: 'array', items: { allOf: [{ $ref: `#/components/schemas/${prefix}.${kind}` }] } };
  const list = {
    type: 'object',
    required: ['items'],
    properties: { ...HEAD, items, metadata: { allOf: [{ $ref: `#/components/schemas/${listMeta}` }] } },
  };
  return {
    [`${prefix}.${kind}`]: { ...openApiOf(found, spec.preserveUnknownFields === true), ...gvk(kind) },
    [`${prefix}.${listKind}`]: { ...list, ...gvk(listKind) },
    ...publishedDefinitions([OBJECT_META, listMeta]),
  };
}
