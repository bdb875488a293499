/** What a cluster does by itself beside answering: definitions take effect, garbage goes, namespaces live and die, certificates are signed. */
import type { Cancel } from '../../base/index.ts';
import type { StoredChange } from '../objects/index.ts';
import type { ApiDoor, ResourceInfo } from '../types.ts';
import type { Cluster } from './cluster.ts';
import { establish, isEstablished } from './definitions.ts';
import { createGarbageCollector } from './garbage.ts';
import { afterRemoval, runNamespaces } from './namespaces.ts';
import type { Pki } from './pki.ts';
import { runQuotas } from './quota-status.ts';
import { runSigner } from './signer.ts';

const CRDS = 'customresourcedefinitions.apiextensions.k8s.io';

/** Starts it all; everything is driven by changes, nothing polls. */
export function runBackground(cluster: Cluster, door: ApiDoor, pki: Pki): void {
  const collector = createGarbageCollector(cluster, door);
  const watched = new Map<string, Cancel>();
  const observe = (resource: ResourceInfo) => (change: Pick<StoredChange, 'type' | 'object'>) => {
    collector.observe(resource, change.type, change.object);
    if (change.type === 'DELETED') afterRemoval(cluster, door, change.object);
  };
  const watchResource = (resource: ResourceInfo) => {
    const bucket = cluster.registry.bucketOf(resource);
    watched.get(bucket)?.();
    const run = observe(resource);
    for (const object of cluster.store.list(bucket)) run({ type: 'ADDED', object });
    watched.set(bucket, cluster.store.subscribe(bucket, run));
  };
  for (const crd of cluster.store.list(CRDS))
    if (isEstablished(crd)) cluster.registry.addCrd(crd, Number(crd.metadata.resourceVersion ?? 0));
  for (const resource of cluster.registry.stored()) watchResource(resource);
  door.onChange(CRDS, ({ type, object }) => {
    const added = establish(cluster, door, type, object);
    for (const resource of added.filter((one) => cluster.registry.storageOf(one) === one)) watchResource(resource);
  });
  runNamespaces(cluster, door);
  runQuotas(cluster, door);
  runSigner(cluster, door, pki);
}
