/** CustomResourceDefinitions: names accepted, kind served, and its objects gone when the definition goes. */
import type { KubeObject } from '../../base/index.ts';
import { type Json, jsonEqual } from '../../base/index.ts';
import { kubeTime } from '../objects/index.ts';
import type { ApiDoor, ResourceInfo } from '../types.ts';
import { type Cluster, part } from './cluster.ts';
import { fields } from './strategy.ts';

const CRDS = 'customresourcedefinitions.apiextensions.k8s.io';
const MANAGER = 'kube-apiserver';
const CLEANUP = 'customresourcecleanup.apiextensions.k8s.io';

/** Brings the registry and the definition's status up to date; answers the resources that are served by it now. */
export function establish(cluster: Cluster, door: ApiDoor, type: string, crd: KubeObject): readonly ResourceInfo[] {
  const { registry } = cluster;
  if (type === 'DELETED') {
    registry.removeCrd(crd.metadata.name);
    return [];
  }
  const current = cluster.store.get(CRDS, undefined, crd.metadata.name);
  if (current === undefined || current.metadata.uid !== crd.metadata.uid) return [];
  if (current.metadata.deletionTimestamp !== undefined) {
    clean(cluster, door, current);
    return [];
  }
  registry.addCrd(current, cluster.store.revision);
  const spec = part(current, 'spec');
  const names = { ...fields(spec.names) };
  const versions = Array.isArray(spec.versions) ? spec.versions.map(fields) : [];
  const stored = versions.filter((version) => version.storage === true).map((version) => String(version.name));
  const status = part(current, 'status');
  const before = Array.isArray(status.storedVersions) ? status.storedVersions.map(String) : [];
  const next = {
    conditions: conditions(cluster, status.conditions),
    acceptedNames: names,
    storedVersions: [...new Set([...before, ...stored])],
  };
  if (!jsonEqual(status as Json, next as Json)) door.update(CRDS, { ...current, status: next }, MANAGER, 'status');
  const finalizers = current.metadata.finalizers ?? [];
  if (!finalizers.includes(CLEANUP)) withCleanup(door, current.metadata.name);
  return resourcesOf(cluster, current);
}

function withCleanup(door: ApiDoor, name: string): void {
  const live = door.get(CRDS, undefined, name);
  if (live === undefined) return;
  const metadata = { ...live.metadata, finalizers: [...(live.metadata.finalizers ?? []), CLEANUP] };
  door.update(CRDS, { ...live, metadata }, MANAGER);
}

function resourcesOf(cluster: Cluster, crd: KubeObject): readonly ResourceInfo[] {
  const spec = part(crd, 'spec');
  const plural = String(fields(spec.names).plural);
  const group = String(spec.group);
  return cluster.registry
    .versionsOf(group)
    .map((version) => cluster.registry.find(group, version, plural))
    .filter((resource) => resource !== undefined);
}

function conditions(cluster: Cluster, before: Json | undefined): readonly Json[] {
  const old = Array.isArray(before) ? before.map(fields) : [];
  const one = (type: string, reason: string, message: string): Json => {
    const known = old.find((condition) => condition.type === type);
    const lastTransitionTime =
      known?.status === 'True' ? (known.lastTransitionTime ?? null) : kubeTime(cluster.clock.now());
    return { type, status: 'True', lastTransitionTime, reason, message };
  };
  const ours = [
    one('NamesAccepted', 'NoConflicts', 'no conflicts found'),
    one('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
  ];
  return [
    ...ours,
    ...old.filter((condition) => condition.type !== 'NamesAccepted' && condition.type !== 'Established'),
  ];
}

/** Deletes every custom object; the definition waits until the last is gone. */
function clean(cluster: Cluster, door: ApiDoor, crd: KubeObject): void {
  const [resource] = resourcesOf(cluster, crd);
  const bucket = crd.metadata.name;
  if (resource !== undefined) {
    for (const object of cluster.store.list(bucket)) {
      const { namespace, name, deletionTimestamp } = object.metadata;
      if (deletionTimestamp === undefined) door.delete(bucket, namespace, name, { propagationPolicy: 'Background' });
    }
  }
  if (cluster.store.count(bucket) === 0) release(door, crd.metadata.name);
  else waitForLast(cluster, door, crd);
}

function waitForLast(cluster: Cluster, door: ApiDoor, crd: KubeObject): void {
  const bucket = crd.metadata.name;
  const cancel = cluster.store.subscribe(bucket, () => {
    if (cluster.store.count(bucket) > 0) return;
    cancel();
    release(door, crd.metadata.name);
  });
}

function release(door: ApiDoor, name: string): void {
  const live = door.get(CRDS, undefined, name);
  if (live === undefined) return;
  const finalizers = (live.metadata.finalizers ?? []).filter((one) => one !== CLEANUP);
  if (finalizers.length === (live.metadata.finalizers ?? []).length) return;
  door.update(CRDS, { ...live, metadata: { ...live.metadata, finalizers } }, MANAGER);
}
