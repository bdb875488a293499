/** Discovery: what is served, in the legacy form (one document a group version) and the aggregated one. */
import type { JsonObject } from '../../base/index.ts';
import { sha256Hex } from '../../base/index.ts';
import type { ResourceInfo } from '../types.ts';
import { type GroupVersion, groupVersionText, type ResourceRegistry } from './resources.ts';

/** What `/api` answers; the address is the one at which this server listens. */
export function apiVersions(address: string): JsonObject {
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: address }],
  };
}

export function apiGroupList(registry: ResourceRegistry): JsonObject {
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: registry.groups().map((group) => groupOf(registry, group)) };
}

/** `/apis/<group>`, or undefined for a group that is not served. */
export function apiGroup(registry: ResourceRegistry, group: string): JsonObject | undefined {
  if (!registry.groups().includes(group)) return undefined;
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupOf(registry, group) };
}

function groupOf(registry: ResourceRegistry, group: string): JsonObject {
  const versions = registry
    .versionsOf(group)
    .map((version) => ({ groupVersion: groupVersionText({ group, version }), version }));
  return { name: group, versions, preferredVersion: versions[0] };
}

/** `/apis/<group>/<version>` and `/api/v1`, or undefined for one that is not served. */
export function apiResourceList(registry: ResourceRegistry, gv: GroupVersion): JsonObject | undefined {
  const resources = registry.resources(gv);
  if (resources.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    ...(gv.group === '' ? {} : { apiVersion: 'v1' }),
    groupVersion: groupVersionText(gv),
    resources: resources.flatMap((resource) => [
      mainEntry(registry, resource),
      ...subresourceEntries(registry, resource),
    ]),
  };
}

function mainEntry(registry: ResourceRegistry, resource: ResourceInfo): JsonObject {
  const storable = resource.verbs.includes('list') && resource.verbs.includes('create');
  return {
    name: resource.plural,
    singularName: resource.singular,
    namespaced: resource.namespaced,
    kind: resource.kind,
    verbs: resource.verbs,
    ...(resource.shortNames.length === 0 ? {} : { shortNames: resource.shortNames }),
    ...(resource.categories.length === 0 ? {} : { categories: resource.categories }),
    ...(storable ? { storageVersionHash: storageVersionHash(registry, resource) } : {}),
  };
}

/** The hash names the storage version; equal means "may be moved between". */
function storageVersionHash(registry: ResourceRegistry, resource: ResourceInfo): string {
  const { group, version, kind } = registry.storageOf(resource);
  return Buffer.from(sha256Hex(`${group}/${version}/${kind}`), 'hex')
    .subarray(0, 8)
    .toString('base64');
}

interface Subresource {
  readonly name: string;
  readonly verbs: readonly string[];
  readonly group?: string;
  readonly version?: string;
  readonly kind?: string;
}

const KINDS: { readonly [name: string]: Subresource } = {
  approval: { name: 'approval', verbs: ['get', 'patch', 'update'] },
  binding: { name: 'binding', verbs: ['create'], kind: 'Binding' },
  eviction: { name: 'eviction', verbs: ['create'], group: 'policy', version: 'v1', kind: 'Eviction' },
  finalize: { name: 'finalize', verbs: ['update'] },
  log: { name: 'log', verbs: ['get'] },
  scale: { name: 'scale', verbs: ['get', 'patch', 'update'], group: 'autoscaling', version: 'v1', kind: 'Scale' },
  status: { name: 'status', verbs: ['get', 'patch', 'update'] },
  token: { name: 'token', verbs: ['create'], group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' },
};

/** Built-in kinds list them by name, custom ones in the order status, scale. */
function subresourcesOf(registry: ResourceRegistry, resource: ResourceInfo): readonly Subresource[] {
  const names = registry.isCustom(resource) ? resource.subresources : [...resource.subresources].sort();
  return names.map((name) => KINDS[name]).filter((entry) => entry !== undefined);
}

function subresourceEntries(registry: ResourceRegistry, resource: ResourceInfo): readonly JsonObject[] {
  return subresourcesOf(registry, resource).map(({ name, verbs, group, version, kind }) => ({
    name: `${resource.plural}/${name}`,
    singularName: '',
    namespaced: resource.namespaced,
    ...(group === undefined ? {} : { group }),
    ...(version === undefined ? {} : { version }),
    kind: kind ?? resource.kind,
    verbs,
  }));
}

/**
 * The aggregated document of `/api` (core) or `/apis` (all groups).
 * @param apiVersion `v2` or `v2beta1` of apidiscovery.k8s.io.
 */
export function aggregated(registry: ResourceRegistry, root: 'api' | 'apis', apiVersion: string): JsonObject {
  const groups = root === 'api' ? [''] : registry.groups();
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${apiVersion}`,
    metadata: {},
    items: groups.map((group) => ({
      metadata: group === '' ? {} : { name: group },
      versions: registry.versionsOf(group).map((version) => ({
        version,
        resources: registry.resources({ group, version }).map((resource) => aggregatedResource(registry, resource)),
        freshness: 'Current',
      })),
    })),
  };
}

function aggregatedResource(registry: ResourceRegistry, resource: ResourceInfo): JsonObject {
  const custom = registry.isCustom(resource);
  const kindOf = (kind: string, group?: string, version?: string) => ({
    group: group ?? (custom ? resource.group : ''),
    version: version ?? (custom ? resource.version : ''),
    kind,
  });
  const subresources = subresourcesOf(registry, resource).map(({ name, verbs, group, version, kind }) => ({
    subresource: name,
    responseKind: kindOf(kind ?? resource.kind, group, version),
    verbs,
  }));
  return {
    resource: resource.plural,
    responseKind: kindOf(resource.kind),
    scope: resource.namespaced ? 'Namespaced' : 'Cluster',
    ...(custom ? {} : { singularResource: resource.singular }),
    verbs: resource.verbs,
    ...(resource.shortNames.length === 0 ? {} : { shortNames: resource.shortNames }),
    ...(resource.categories.length === 0 ? {} : { categories: resource.categories }),
    ...(subresources.length === 0 ? {} : { subresources }),
  };
}
