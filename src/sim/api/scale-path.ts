/** Where the replicas of a resource are: fixed for built-in kinds, named by the CRD for custom ones. */
import type { Json } from '../../base/index.ts';
import type { ReplicaPaths } from '../apply/index.ts';
import type { ResourceInfo } from '../types.ts';
import { type Cluster, part } from './cluster.ts';
import { groupVersionText } from './resources.ts';
import { ApiError } from './status.ts';
import { fields } from './strategy.ts';

export interface Paths {
  readonly spec: readonly string[];
  readonly status: readonly string[];
  readonly selector: readonly string[] | undefined;
}

/** @throws ApiError 404: the resource has no scale. */
export function scalePaths(cluster: Cluster, resource: ResourceInfo): Paths {
  const crd = cluster.registry.crdOf(resource);
  if (crd === undefined)
    return { spec: ['spec', 'replicas'], status: ['status', 'replicas'], selector: ['spec', 'selector'] };
  const versions = part(crd, 'spec').versions;
  const version = (Array.isArray(versions) ? versions.map(fields) : []).find(({ name }) => name === resource.version);
  const scale = fields(fields(version?.subresources).scale);
  const split = (path: Json | undefined) => (typeof path === 'string' ? path.replace(/^\./, '').split('.') : undefined);
  const spec = split(scale.specReplicasPath);
  const status = split(scale.statusReplicasPath);
  if (spec === undefined || status === undefined)
    throw new ApiError(404, 'NotFound', 'the server could not find the requested resource', {});
  return { spec, status, selector: split(scale.labelSelectorPath) };
}

/** Where each served version of the kind has its replicas; empty: that version has no scale. */
export function replicaPaths(cluster: Cluster, resource: ResourceInfo): ReplicaPaths {
  const { registry } = cluster;
  const versions = registry
    .versionsOf(resource.group)
    .flatMap((version) => registry.find(resource.group, version, resource.plural) ?? []);
  return new Map(
    versions.map((version) => [
      groupVersionText(version),
      version.subresources.includes('scale') ? scalePaths(cluster, version).spec : [],
    ]),
  );
}
