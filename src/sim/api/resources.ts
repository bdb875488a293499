/** Which resources one cluster serves: the built-in ones and those of its CustomResourceDefinitions. */
import type { KubeObject } from '../../base/index.ts';
import { builtinResources, resourcesOfCrd } from '../schema/index.ts';
import type { ResourceInfo, ResourceName } from '../types.ts';
import { qualified } from './status.ts';

export interface GroupVersion {
  readonly group: string;
  readonly version: string;
}

/** `apps/v1`, or `v1` for the core group. */
export function groupVersionText({ group, version }: GroupVersion): string {
  return group === '' ? version : `${group}/${version}`;
}

/** The groups in the order in which a real 1.34 server lists them; others follow by name. */
const GROUP_ORDER = [
  'apiregistration.k8s.io',
  'apps',
  'events.k8s.io',
  'authentication.k8s.io',
  'authorization.k8s.io',
  'autoscaling',
  'batch',
  'certificates.k8s.io',
  'networking.k8s.io',
  'policy',
  'rbac.authorization.k8s.io',
  'storage.k8s.io',
  'admissionregistration.k8s.io',
  'apiextensions.k8s.io',
  'scheduling.k8s.io',
  'coordination.k8s.io',
  'node.k8s.io',
  'discovery.k8s.io',
  'resource.k8s.io',
  'flowcontrol.apiserver.k8s.io',
];

export class ResourceRegistry {
  readonly #byPath = new Map<string, ResourceInfo>();
  readonly #custom = new Map<string, readonly ResourceInfo[]>();
  readonly #crds = new Map<string, KubeObject>();
  readonly #since = new Map<string, number>();
  #generation = 0;

  constructor() {
    for (const resource of builtinResources()) this.#byPath.set(pathKey(resource, resource.plural), resource);
  }

  /** Moves on with each change of the CRDs: for caches of discovery. */
  get generation(): number {
    return this.#generation;
  }

  find(group: string, version: string, plural: string): ResourceInfo | undefined {
    return this.#byPath.get(`${group}/${version}/${plural}`);
  }

  /** The resource in its preferred version, by `plural.group`. */
  byName(name: ResourceName): ResourceInfo | undefined {
    const dot = name.indexOf('.');
    const [plural, group] = dot === -1 ? [name, ''] : [name.slice(0, dot), name.slice(dot + 1)];
    return this.versionsOf(group)
      .map((version) => this.find(group, version, plural))
      .find((resource) => resource !== undefined);
  }

  byKind(group: string, version: string, kind: string): ResourceInfo | undefined {
    return this.resources({ group, version }).find((resource) => resource.kind === kind);
  }

  isCustom(resource: ResourceInfo): boolean {
    return this.crdOf(resource) !== undefined;
  }

  /** The definition behind a custom resource. */
  crdOf(resource: Pick<ResourceInfo, 'group' | 'plural'>): KubeObject | undefined {
    return this.#crds.get(qualified(resource));
  }

  /** The revision at which a custom resource was first served: before that there is nothing of it to watch. */
  servedSince(resource: ResourceInfo): number {
    return this.#since.get(qualified(resource)) ?? 0;
  }

  /** The resource whose version objects are stored in. Events are stored in their core form. */
  storageOf(resource: ResourceInfo): ResourceInfo {
    if (resource.group === 'events.k8s.io') return this.find('', 'v1', 'events') ?? resource;
    if (resource.storageVersion) return resource;
    const versions = this.versionsOf(resource.group).map((version) =>
      this.find(resource.group, version, resource.plural),
    );
    return versions.find((other) => other?.storageVersion === true) ?? resource;
  }

  /** The other versions of a resource: what is stored as the same objects. */
  sameAs(resource: ResourceInfo): readonly ResourceInfo[] {
    const bucket = this.bucketOf(resource);
    return [...this.#byPath.values()].filter((other) => other !== resource && this.bucketOf(other) === bucket);
  }

  /** The name under which the objects of a resource are stored. */
  bucketOf(resource: ResourceInfo): ResourceName {
    return resource.group === 'events.k8s.io' ? 'events' : qualified(resource);
  }

  groups(): readonly string[] {
    const present = new Set([...this.#byPath.values()].map(({ group }) => group).filter((group) => group !== ''));
    const known = GROUP_ORDER.filter((group) => present.delete(group));
    return [...known, ...[...present].sort()];
  }

  /** The versions of a group, the preferred one first. */
  versionsOf(group: string): readonly string[] {
    const found = new Set(
      [...this.#byPath.values()].filter((resource) => resource.group === group).map(({ version }) => version),
    );
    return [...found].sort(byVersionPriority);
  }

  /** The resources of a group version by name. */
  resources({ group, version }: GroupVersion): readonly ResourceInfo[] {
    const found = [...this.#byPath.values()].filter((one) => one.group === group && one.version === version);
    return found.sort((a, b) => (a.plural < b.plural ? -1 : 1));
  }

  /** Every stored resource once, in its storage version. */
  stored(): readonly ResourceInfo[] {
    return [...this.#byPath.values()].filter(
      (one) => one.group !== 'events.k8s.io' && this.storageOf(one) === one && one.verbs.includes('list'),
    );
  }

  addCrd(crd: KubeObject, revision: number): void {
    const since = this.#since.get(crd.metadata.name) ?? revision;
    this.removeCrd(crd.metadata.name);
    this.#since.set(crd.metadata.name, since);
    const resources = resourcesOfCrd(crd);
    for (const resource of resources) this.#byPath.set(pathKey(resource, resource.plural), resource);
    this.#custom.set(crd.metadata.name, resources);
    this.#crds.set(crd.metadata.name, crd);
    this.#generation++;
  }

  removeCrd(name: string): void {
    for (const resource of this.#custom.get(name) ?? []) this.#byPath.delete(pathKey(resource, resource.plural));
    if (this.#custom.delete(name)) this.#generation++;
    this.#crds.delete(name);
    this.#since.delete(name);
  }
}

function pathKey({ group, version }: GroupVersion, plural: string): string {
  return `${group}/${version}/${plural}`;
}

/** v2 before v1 before v2beta1 before v1alpha1, as the real server ranks versions. */
function byVersionPriority(a: string, b: string): number {
  const [x, y] = [rank(a), rank(b)];
  return y[0] - x[0] || y[1] - x[1] || y[2] - x[2] || (a < b ? -1 : 1);
}

function rank(version: string): [number, number, number] {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  if (match === null) return [-1, 0, 0];
  const stability = match[2] === undefined ? 2 : match[2] === 'beta' ? 1 : 0;
  return [stability, Number(match[1]), Number(match[3] ?? 0)];
}
