/** The built-in resources that an embedded server serves, as the published discovery lists of the release name them. */
import type { ResourceInfo } from '../types.ts';
import { readData } from './documents.ts';

type Subresource = ResourceInfo['subresources'][number];
const SERVED: ReadonlySet<string> = new Set<Subresource>([
  'status',
  'scale',
  'log',
  'eviction',
  'binding',
  'token',
  'approval',
  'finalize',
]);

interface Listed {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  readonly subresources: readonly string[];
  readonly definition: string;
}

/** Kinds of which several versions are served: the one that is stored. */
const STORED = new Map([
  ['autoscaling/HorizontalPodAutoscaler', 'v2'],
  ['/Event', 'v1'],
]);

let resources: readonly ResourceInfo[] | undefined;

function toResource(listed: Listed): ResourceInfo {
  const { definition, subresources, ...rest } = listed;
  const stored = STORED.get(`${listed.group}/${listed.kind}`);
  return {
    ...rest,
    listKind: `${listed.kind}List`,
    subresources: subresources.filter((name): name is Subresource => SERVED.has(name)),
    schema: { ref: definition },
    storageVersion: stored === undefined || stored === listed.version,
  };
}

/** Every built-in kind, with its schema by reference (read when first resolved). The same array each time. */
export function builtinResources(): readonly ResourceInfo[] {
  resources ??= (readData('resources') as unknown as readonly Listed[]).map(toResource);
  return resources;
}
