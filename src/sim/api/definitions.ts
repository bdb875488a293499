/** CustomResourceDefinitions: names accepted, kind served, and its objects gone when the definition goes. */
import type { KubeObject } from '../../base/index.ts';
import { type Json, jsonEqual } from '../../base/index.ts';
import { kubeTime } from '../objects/index.ts';
import type { ApiDoor, ResourceInfo } from '../types.ts';
import { type Cluster, type Fields, part } from './cluster.ts';
import { judgeNames, type NamesVerdict } from './definition-names.ts';
import { fields } from './strategy.ts';

const CRDS = 'customresourcedefinitions.apiextensions.k8s.io';
const MANAGER = 'kube-apiserver';
const CLEANUP = 'customresourcecleanup.apiextensions.k8s.io';

/** Brings the registry and the definitions' status up to date; answers the resources that are served by it now. */
export function establish(cluster: Cluster, door: ApiDoor, type: string, crd: KubeObject): readonly ResourceInfo[] {
  if (type === 'DELETED') {
    cluster.registry.removeCrd(crd.metadata.name);
    // its names are free: another may have waited for them
    return siblings(cluster, crd).flatMap((other) => (isEstablished(other) ? [] : settle(cluster, door, other)));
  }
  const current = cluster.store.get(CRDS, undefined, crd.metadata.name);
  if (current === undefined || current.metadata.uid !== crd.metadata.uid) return [];
  if (current.metadata.deletionTimestamp === undefined) return settle(cluster, door, current);
  clean(cluster, door, current);
  return [];
}

/** The other definitions of the group. */
function siblings(cluster: Cluster, crd: KubeObject): readonly KubeObject[] {
  const { group } = part(crd, 'spec');
  return cluster.store
    .list(CRDS)
    .filter((other) => part(other, 'spec').group === group && other.metadata.name !== crd.metadata.name);
}

export function isEstablished(crd: KubeObject): boolean {
  return conditionsOf(crd).some((one) => one.type === 'Established' && one.status === 'True');
}

function conditionsOf(crd: KubeObject): readonly Fields[] {
  const { conditions } = part(crd, 'status');
  return Array.isArray(conditions) ? conditions.map(fields) : [];
}

/** Judges its names, and serves it when they are its own. */
function settle(cluster: Cluster, door: ApiDoor, crd: KubeObject): readonly ResourceInfo[] {
  const { registry } = cluster;
  const verdict = judgeNames(crd, siblings(cluster, crd));
  const served = verdict.conflict === undefined || isEstablished(crd);
  if (served) registry.addCrd(crd, cluster.store.revision);
  const status = part(crd, 'status');
  const next = {
    ...status,
    conditions: verdictConditions(cluster, crd, verdict),
    acceptedNames: verdict.accepted,
  };
  if (!jsonEqual(status as Json, next as Json)) door.update(CRDS, { ...crd, status: next }, MANAGER, 'status');
  if (!served) return [];
  return resourcesOf(cluster, crd);
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

function verdictConditions(cluster: Cluster, crd: KubeObject, { conflict }: NamesVerdict): readonly Json[] {
  const accepted =
    conflict === undefined
      ? { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' }
      : { type: 'NamesAccepted', status: 'False', ...conflict };
  const initial = 'the initial names have been accepted';
  const established =
    conflict === undefined || isEstablished(crd)
      ? { type: 'Established', status: 'True', reason: 'InitialNamesAccepted', message: initial }
      : { type: 'Established', status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' };
  return withConditions(cluster, crd, [accepted, established]);
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** The conditions of a definition with these in their places; one whose status stays keeps its time. */
function withConditions(cluster: Cluster, crd: KubeObject, ours: readonly Condition[]): readonly Json[] {
  const old = conditionsOf(crd);
  const dated = ours.map(({ type, status, reason, message }): Json => {
    const known = old.find((one) => one.type === type);
    const lastTransitionTime =
      known?.status === status ? (known.lastTransitionTime ?? null) : kubeTime(cluster.clock.now());
    return { type, status, lastTransitionTime, reason, message };
  });
  return [...dated, ...old.filter(({ type }) => !ours.some((one) => one.type === type))];
}

/** Deletes every custom object; the definition waits until the last is gone. */
function clean(cluster: Cluster, door: ApiDoor, crd: KubeObject): void {
  const [resource] = resourcesOf(cluster, crd);
  const bucket = crd.metadata.name;
  tellTerminating(cluster, door, crd);
  if (resource !== undefined) {
    for (const object of cluster.store.list(bucket)) {
      const { namespace, name, deletionTimestamp } = object.metadata;
      if (deletionTimestamp === undefined) door.delete(bucket, namespace, name, { propagationPolicy: 'Background' });
    }
  }
  if (cluster.store.count(bucket) === 0) release(door, crd.metadata.name);
  else waitForLast(cluster, door, crd);
}

const PENDING = 'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon';
const IN_PROGRESS = 'CustomResource deletion is in progress';
const TERMINATING = { type: 'Terminating', status: 'True' };

/** The first DELETE of a definition has rules of its own: it always waits for its objects, says so at once, and counts no generation. */
export function deletedDefinition(cluster: Cluster, crd: KubeObject): KubeObject {
  const others = (crd.metadata.finalizers ?? []).filter((one) => one !== CLEANUP);
  const deletionTimestamp = kubeTime(cluster.clock.now());
  const metadata = { ...crd.metadata, deletionTimestamp, finalizers: [...others, CLEANUP] };
  return withTerminating(cluster, { ...crd, metadata }, { reason: 'InstanceDeletionPending', message: PENDING });
}

function withTerminating(cluster: Cluster, crd: KubeObject, why: Pick<Condition, 'reason' | 'message'>): KubeObject {
  const [going] = withConditions(cluster, crd, [{ ...TERMINATING, ...why }]);
  const others = conditionsOf(crd).filter(({ type }) => type !== TERMINATING.type);
  return { ...crd, status: { ...part(crd, 'status'), conditions: [...others, going] as Json } };
}

function tellTerminating(cluster: Cluster, door: ApiDoor, crd: KubeObject): void {
  const reason = 'InstanceDeletionInProgress';
  if (conditionsOf(crd).some((one) => one.type === TERMINATING.type && one.reason === reason)) return;
  door.update(CRDS, withTerminating(cluster, crd, { reason, message: IN_PROGRESS }), MANAGER, 'status');
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
