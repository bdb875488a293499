/** The life of a namespace: what it is given when it comes, and how it is emptied when it goes. */
import { type Json, jsonEqual, type KubeObject } from '../../base/index.ts';
import { kubeTime } from '../objects/index.ts';
import type { ApiDoor, ResourceInfo } from '../types.ts';
import { type Cluster, part } from './cluster.ts';
import { qualified } from './status.ts';

const MANAGER = 'kube-controller-manager';

/** Watches namespaces and everything in them; level based, so that a lost step is taken again with the next change. */
export function runNamespaces(cluster: Cluster, door: ApiDoor): void {
  door.onChange('namespaces', ({ type, object }) => {
    if (type === 'DELETED') return;
    if (object.metadata.deletionTimestamp === undefined) furnish(cluster, door, object);
    else empty(cluster, door, object);
  });
  door.onChange('serviceaccounts', ({ type, object }) => refurnish(cluster, door, type, object));
  door.onChange('configmaps', ({ type, object }) => refurnish(cluster, door, type, object));
}

/** A removal inside a namespace that is going may have been the last. */
export function afterRemoval(cluster: Cluster, door: ApiDoor, object: KubeObject): void {
  const { namespace } = object.metadata;
  if (namespace === undefined) return;
  const owner = cluster.store.get('namespaces', undefined, namespace);
  if (owner?.metadata.deletionTimestamp !== undefined) empty(cluster, door, owner);
}

function refurnish(cluster: Cluster, door: ApiDoor, type: string, object: KubeObject): void {
  const { name, namespace } = object.metadata;
  if (type !== 'DELETED' || (name !== 'default' && name !== 'kube-root-ca.crt')) return;
  const owner = cluster.store.get('namespaces', undefined, namespace ?? '');
  if (owner !== undefined && owner.metadata.deletionTimestamp === undefined) furnish(cluster, door, owner);
}

const ROOT_CA_NOTE =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service ' +
  'IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.';

function furnish(cluster: Cluster, door: ApiDoor, namespace: KubeObject): void {
  const { name } = namespace.metadata;
  if (door.get('configmaps', name, 'kube-root-ca.crt') === undefined) {
    const annotations = { 'kubernetes.io/description': ROOT_CA_NOTE };
    const metadata = { name: 'kube-root-ca.crt', namespace: name, annotations };
    door.create(
      'configmaps',
      { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'ca.crt': cluster.caPem } },
      MANAGER,
    );
  }
  if (door.get('serviceaccounts', name, 'default') === undefined) {
    door.create(
      'serviceaccounts',
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: name } },
      MANAGER,
    );
  }
}

/** Deletes the content; when nothing is left the namespace itself may go. */
function empty(cluster: Cluster, door: ApiDoor, namespace: KubeObject): void {
  const { name } = namespace.metadata;
  const resources = cluster.registry
    .stored()
    .filter((resource) => resource.namespaced && resource.verbs.includes('delete'));
  for (const resource of resources) {
    for (const object of contentOf(cluster, resource, name)) {
      if (object.metadata.deletionTimestamp === undefined) {
        door.delete(qualified(resource), name, object.metadata.name, { propagationPolicy: 'Background' });
      }
    }
  }
  const left = resources.map((resource) => ({ resource, objects: contentOf(cluster, resource, name) }));
  const remaining = left.filter(({ objects }) => objects.length > 0);
  const current = cluster.store.get('namespaces', undefined, name);
  if (current === undefined) return;
  if (remaining.length === 0) finalize(cluster, current);
  else report(cluster, door, current, remaining);
}

function contentOf(cluster: Cluster, resource: ResourceInfo, namespace: string): readonly KubeObject[] {
  return cluster.store.list(cluster.registry.bucketOf(resource), namespace);
}

/** Takes the `kubernetes` finalizer away; without others the namespace is gone. */
function finalize(cluster: Cluster, namespace: KubeObject): void {
  const { finalizers: before, ...spec } = part(namespace, 'spec');
  const held = Array.isArray(before) ? before : [];
  const finalizers = held.filter((one) => one !== 'kubernetes');
  if (finalizers.length > 0 || (namespace.metadata.finalizers ?? []).length > 0) {
    if (finalizers.length === held.length) return; // what is left waits for others
    const rest = finalizers.length === 0 ? spec : { ...spec, finalizers };
    cluster.store.put('namespaces', { ...namespace, spec: rest });
  } else cluster.store.remove('namespaces', undefined, namespace.metadata.name);
}

interface Remaining {
  readonly resource: ResourceInfo;
  readonly objects: readonly KubeObject[];
}

function report(cluster: Cluster, door: ApiDoor, namespace: KubeObject, remaining: readonly Remaining[]): void {
  const counts = remaining.map(
    ({ resource, objects }) => `${resource.plural}.${resource.group} has ${objects.length} resource instances`,
  );
  const byFinalizer = new Map<string, number>();
  for (const object of remaining.flatMap(({ objects }) => objects)) {
    for (const one of object.metadata.finalizers ?? []) byFinalizer.set(one, (byFinalizer.get(one) ?? 0) + 1);
  }
  const holds = [...byFinalizer].map(([finalizer, count]) => `${finalizer} in ${count} resource instances`);
  const held = holds.length > 0;
  const wanted: readonly (readonly [string, boolean, string, string])[] = [
    ['NamespaceDeletionDiscoveryFailure', false, 'ResourcesDiscovered', 'All resources successfully discovered'],
    [
      'NamespaceDeletionGroupVersionParsingFailure',
      false,
      'ParsedGroupVersions',
      'All legacy kube types successfully parsed',
    ],
    [
      'NamespaceDeletionContentFailure',
      false,
      'ContentDeleted',
      'All content successfully deleted, may be waiting on finalization',
    ],
    ['NamespaceContentRemaining', true, 'SomeResourcesRemain', `Some resources are remaining: ${counts.join(', ')}`],
    [
      'NamespaceFinalizersRemaining',
      held,
      held ? 'SomeFinalizersRemain' : 'ContentHasNoFinalizers',
      held
        ? `Some content in the namespace has finalizers remaining: ${holds.join(', ')}`
        : 'All content-preserving finalizers finished',
    ],
  ];
  const status = part(namespace, 'status');
  const before = (Array.isArray(status.conditions) ? status.conditions : []) as readonly {
    readonly [field: string]: Json;
  }[];
  const conditions = wanted.map(([type, value, reason, message]) => {
    const next = { type, status: value ? 'True' : 'False', reason, message };
    const old = before.find((one) => one.type === type);
    const since = old?.status === next.status ? old.lastTransitionTime : kubeTime(cluster.clock.now());
    return { ...next, lastTransitionTime: since };
  });
  if (jsonEqual(conditions as Json, before as Json)) return;
  door.update('namespaces', { ...namespace, status: { ...status, conditions } }, MANAGER, 'status');
}
