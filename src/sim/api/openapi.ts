/** OpenAPI v3, slim: the schemas of each group version, and of each kind the two operations that clients look at. */
import { createHash } from 'node:crypto';
import type { Json, JsonObject } from '../../base/index.ts';
import { publishedSchemas, publishedSchemasOfCrd } from '../schema/index.ts';
import type { ResourceInfo } from '../types.ts';
import type { GroupVersion, ResourceRegistry } from './resources.ts';

/** `/openapi/v3`: where the documents are; the hash in an address changes with the content. */
export function openApiIndex(registry: ResourceRegistry): JsonObject {
  const versions: GroupVersion[] = ['', ...registry.groups()].flatMap((group) =>
    registry.versionsOf(group).map((version) => ({ group, version })),
  );
  const entries = versions.map((gv) => {
    const path = gv.group === '' ? `api/${gv.version}` : `apis/${gv.group}/${gv.version}`;
    return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${hashOf(registry, gv)}` }] as const;
  });
  return { paths: Object.fromEntries(entries) };
}

/** What a document depends on: the built-in data of this program, or the CRDs of its group. */
function hashOf(registry: ResourceRegistry, gv: GroupVersion): string {
  const parts = registry.resources(gv).map((resource) => {
    const crd = registry.crdOf(resource);
    return `${resource.kind} ${crd === undefined ? 'v1.34.10' : `${crd.metadata.uid} ${crd.metadata.generation}`}`;
  });
  return createHash('sha512').update(parts.join('\n')).digest('hex').toUpperCase();
}

/** The document of one group version, or undefined when it is not served. */
export function openApiDocument(registry: ResourceRegistry, gv: GroupVersion): JsonObject | undefined {
  const resources = registry.resources(gv);
  if (resources.length === 0) return undefined;
  const schemas = resources.some((resource) => !registry.isCustom(resource))
    ? publishedSchemas(gv.group, gv.version)
    : {};
  const custom = resources.map((resource) => {
    const crd = registry.crdOf(resource);
    return crd === undefined ? {} : publishedSchemasOfCrd(crd, gv.version);
  });
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'v1.34.10' },
    paths: Object.fromEntries(resources.flatMap((resource) => pathsOf(resource))),
    components: { schemas: Object.assign({}, schemas, ...custom) },
  };
}

const QUERY = (name: string, type: string): JsonObject => ({ name, in: 'query', schema: { type, uniqueItems: true } });
const WRITE_PARAMETERS: readonly Json[] = [
  QUERY('dryRun', 'string'),
  QUERY('fieldManager', 'string'),
  QUERY('fieldValidation', 'string'),
];

function pathsOf(resource: ResourceInfo): readonly (readonly [string, JsonObject])[] {
  const { group, version, kind, plural, namespaced } = resource;
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const collection = namespaced ? `${root}/namespaces/{namespace}/${plural}` : `${root}/${plural}`;
  const named = { 'x-kubernetes-group-version-kind': { group, kind, version } };
  const operation = (action: string, parameters: readonly Json[]): JsonObject => ({
    parameters,
    responses: { 200: { description: 'OK' } },
    'x-kubernetes-action': action,
    ...named,
  });
  const has = (verb: string) => resource.verbs.includes(verb);
  const onCollection = {
    ...(has('list') ? { get: operation('list', []) } : {}),
    ...(has('create') ? { post: operation('post', WRITE_PARAMETERS) } : {}),
  };
  const onObject = {
    ...(has('get') ? { get: operation('get', []) } : {}),
    ...(has('update') ? { put: operation('put', WRITE_PARAMETERS) } : {}),
    ...(has('patch') ? { patch: operation('patch', [...WRITE_PARAMETERS, QUERY('force', 'boolean')]) } : {}),
    ...(has('delete') ? { delete: operation('delete', [QUERY('dryRun', 'string')]) } : {}),
  };
  return [
    [collection, onCollection],
    [`${collection}/{name}`, onObject],
  ];
}
