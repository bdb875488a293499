/** Garbage collection by owner references: dependents go when their owners have gone, in the way the deletion asked for. */
import type { Json, KubeObject } from '../../base/index.ts';
import { isObject } from '../../base/index.ts';
import { FOREGROUND, ORPHAN } from '../objects/index.ts';
import type { ApiDoor, ResourceInfo } from '../types.ts';
import type { Cluster } from './cluster.ts';
import { qualified } from './status.ts';

const MANAGER = 'kube-controller-manager';

interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly blockOwnerDeletion?: boolean;
}

/** A dependent, and where it is stored. */
interface Dependent {
  readonly resource: ResourceInfo;
  readonly object: KubeObject;
}

export interface GarbageCollector {
  /** To be called with each change of each resource. */
  observe(resource: ResourceInfo, type: string, object: KubeObject): void;
}

/** An index of owners' uids, kept by the changes it observes; it acts on the state at the time, not on the event. */
export function createGarbageCollector(cluster: Cluster, door: ApiDoor): GarbageCollector {
  const byOwner = new Map<string, Map<string, Dependent>>();
  const ownersOf = new Map<string, readonly string[]>();

  const forget = (uid: string) => {
    for (const owner of ownersOf.get(uid) ?? []) {
      byOwner.get(owner)?.delete(uid);
      if (byOwner.get(owner)?.size === 0) byOwner.delete(owner);
    }
    ownersOf.delete(uid);
  };
  const remember = (resource: ResourceInfo, object: KubeObject) => {
    const uid = object.metadata.uid ?? '';
    forget(uid);
    const owners = referencesOf(object).map((reference) => reference.uid);
    if (owners.length === 0) return;
    ownersOf.set(uid, owners);
    for (const owner of owners)
      byOwner.set(owner, (byOwner.get(owner) ?? new Map<string, Dependent>()).set(uid, { resource, object }));
  };
  /** As they are now: the index may lag behind the store by the changes that are not delivered yet. */
  const dependentsOf = (uid: string): readonly Dependent[] =>
    [...(byOwner.get(uid)?.values() ?? [])].map((one) => current(cluster, one)).filter((one) => one !== undefined);

  const settle = (dependent: Dependent) => collect(cluster, door, current(cluster, dependent));
  return {
    observe(resource, type, object) {
      const uid = object.metadata.uid ?? '';
      if (type === 'DELETED') {
        const owners = referencesOf(object);
        forget(uid);
        for (const dependent of dependentsOf(uid)) settle(dependent);
        for (const owner of owners) {
          const found = findOwner(cluster, owner, object.metadata.namespace);
          if (found !== undefined) finishForeground(door, found, dependentsOf(owner.uid));
        }
        return;
      }
      remember(resource, object);
      if (referencesOf(object).length > 0) settle({ resource, object });
      if (object.metadata.deletionTimestamp === undefined) return;
      const finalizers = object.metadata.finalizers ?? [];
      if (finalizers.includes(ORPHAN)) orphan(door, { resource, object }, dependentsOf(uid));
      else if (finalizers.includes(FOREGROUND)) foreground(cluster, door, { resource, object }, dependentsOf(uid));
    },
  };
}

function referencesOf(object: KubeObject): readonly OwnerReference[] {
  const references = object.metadata.ownerReferences;
  return Array.isArray(references) ? (references.filter(isObject) as unknown as readonly OwnerReference[]) : [];
}

function current(cluster: Cluster, { resource, object }: Dependent): Dependent | undefined {
  const { namespace, name, uid } = object.metadata;
  const found = cluster.store.get(cluster.registry.bucketOf(resource), namespace, name);
  return found === undefined || found.metadata.uid !== uid ? undefined : { resource, object: found };
}

/** The owner itself: same name, kind and uid. A namespaced owner counts only in the dependent's own namespace. */
function findOwner(cluster: Cluster, reference: OwnerReference, namespace: string | undefined): Dependent | undefined {
  const slash = reference.apiVersion.indexOf('/');
  const group = slash === -1 ? '' : reference.apiVersion.slice(0, slash);
  const resource = cluster.registry.byKind(group, reference.apiVersion.slice(slash + 1), reference.kind);
  if (resource === undefined) return undefined;
  const where = resource.namespaced ? namespace : undefined;
  const object = cluster.store.get(cluster.registry.bucketOf(resource), where, reference.name);
  return object !== undefined && object.metadata.uid === reference.uid ? { resource, object } : undefined;
}

/** An object whose kind is not served (any more) may still exist elsewhere: nothing is concluded from not finding it. */
function isKnownKind(cluster: Cluster, reference: OwnerReference): boolean {
  const slash = reference.apiVersion.indexOf('/');
  const group = slash === -1 ? '' : reference.apiVersion.slice(0, slash);
  return cluster.registry.byKind(group, reference.apiVersion.slice(slash + 1), reference.kind) !== undefined;
}

/** Deletes an object none of whose owners is left; drops references to those that are gone when some are. */
function collect(cluster: Cluster, door: ApiDoor, dependent: Dependent | undefined): void {
  if (dependent === undefined) return;
  const { resource, object } = dependent;
  const references = referencesOf(object);
  if (references.length === 0 || object.metadata.deletionTimestamp !== undefined) return;
  const { namespace, name, uid } = object.metadata;
  const solid = references.filter(
    (one) => !isKnownKind(cluster, one) || findOwner(cluster, one, namespace) !== undefined,
  );
  if (solid.length === references.length) return;
  if (solid.length === 0) {
    const policy = (object.metadata.finalizers ?? []).includes(ORPHAN)
      ? {}
      : { propagationPolicy: 'Background' as const };
    door.delete(qualified(resource), namespace, name, { ...policy, ...(uid === undefined ? {} : { uid }) });
    return;
  }
  door.update(
    qualified(resource),
    { ...object, metadata: { ...object.metadata, ownerReferences: solid as unknown as Json } },
    MANAGER,
  );
}

function orphan(door: ApiDoor, owner: Dependent, dependents: readonly Dependent[]): void {
  for (const { resource, object } of dependents) {
    const rest = referencesOf(object).filter((reference) => reference.uid !== owner.object.metadata.uid);
    const { resourceVersion: _version, ownerReferences: _owners, ...metadata } = object.metadata;
    const next = rest.length === 0 ? metadata : { ...metadata, ownerReferences: rest as unknown as Json };
    door.update(qualified(resource), { ...object, metadata: next }, MANAGER);
  }
  dropFinalizer(door, owner, ORPHAN);
}

/** Dependents first: those that block the owner's deletion are deleted the same way, and waited for. */
function foreground(cluster: Cluster, door: ApiDoor, owner: Dependent, dependents: readonly Dependent[]): void {
  for (const dependent of dependents) {
    const { resource, object } = dependent;
    if (object.metadata.deletionTimestamp !== undefined) continue;
    const { namespace, name, uid } = object.metadata;
    const others = referencesOf(object).filter((one) => one.uid !== owner.object.metadata.uid);
    if (others.some((one) => findOwner(cluster, one, namespace) !== undefined)) continue;
    door.delete(qualified(resource), namespace, name, {
      propagationPolicy: 'Foreground',
      ...(uid === undefined ? {} : { uid }),
    });
  }
  const left = dependents.map((dependent) => current(cluster, dependent)).filter((one) => one !== undefined);
  finishForeground(door, owner, left);
}

function finishForeground(door: ApiDoor, owner: Dependent, dependents: readonly Dependent[]): void {
  const { object } = owner;
  if (object.metadata.deletionTimestamp === undefined || !(object.metadata.finalizers ?? []).includes(FOREGROUND))
    return;
  const blocks = ({ object: dependent }: Dependent) =>
    referencesOf(dependent).some((one) => one.uid === object.metadata.uid && one.blockOwnerDeletion === true);
  if (!dependents.some(blocks)) dropFinalizer(door, owner, FOREGROUND);
}

function dropFinalizer(door: ApiDoor, { resource, object }: Dependent, finalizer: string): void {
  const { namespace, name } = object.metadata;
  const live = door.get(qualified(resource), namespace, name);
  if (live?.metadata.uid !== object.metadata.uid || live === undefined) return;
  const finalizers = (live.metadata.finalizers ?? []).filter((one) => one !== finalizer);
  const { resourceVersion: _version, ...metadata } = live.metadata;
  door.update(qualified(resource), { ...live, metadata: { ...metadata, finalizers } }, MANAGER);
}
