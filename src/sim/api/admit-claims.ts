/** Claims: which class one gets that names none, and which ones may grow. */
import type { KubeObject } from '../../base/index.ts';
import { isGrown } from '../schema/index.ts';
import { type Call, type Cluster, part } from './cluster.ts';
import { forbidden } from './status.ts';

const CLASSES = 'storageclasses.storage.k8s.io';
const NOT_BOUND = 'Only bound persistent volume claims can be expanded';
const NOT_EXPANDABLE =
  'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize';

/** A claim that names no class gets the default one. */
export function withStorageClass(cluster: Cluster, claim: KubeObject): KubeObject {
  const spec = part(claim, 'spec');
  if (spec.storageClassName !== undefined) return claim;
  const standard = cluster.store
    .list(CLASSES)
    .find((one) => one.metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true');
  return standard === undefined ? claim : { ...claim, spec: { ...spec, storageClassName: standard.metadata.name } };
}

/** @throws ApiError 403 when it asks for more than its class allows. */
export function checkGrowth(cluster: Cluster, call: Call, next: KubeObject, live: KubeObject): void {
  if (call.subresource !== '' || !isGrown(next, live)) return;
  if (part(live, 'status').phase !== 'Bound') throw forbidden(call.resource, call.name, NOT_BOUND);
  const { storageClassName: name } = part(next, 'spec');
  const provided = typeof name === 'string' && name !== '' ? cluster.store.get(CLASSES, undefined, name) : undefined;
  if (provided?.allowVolumeExpansion !== true) throw forbidden(call.resource, call.name, NOT_EXPANDABLE);
}
