/** What has a say in a write between defaulting and validation, in the real server's order. */
import { jsonEqual, type KubeObject } from '../../base/index.ts';
import { admitRequest } from './admit-certificates.ts';
import { admitPod } from './admit-pods.ts';
import { checkQuota, limited } from './admit-quota.ts';
import { checkRoles } from './admit-roles.ts';
import { admitService } from './admit-services.ts';
import type { Call, Cluster } from './cluster.ts';
import { part } from './cluster.ts';
import { forbidden, notFound, qualified } from './status.ts';

/** @throws ApiError 403, 404. */
export function admitCreate(cluster: Cluster, call: Call, object: KubeObject): KubeObject {
  checkNamespace(cluster, call, object);
  const admitted = mutate(cluster, call, object);
  checkRoles(cluster, call, admitted);
  checkQuota(cluster, call, admitted, undefined);
  return admitted;
}

function mutate(cluster: Cluster, call: Call, object: KubeObject): KubeObject {
  switch (qualified(call.resource)) {
    case 'pods':
      return limited(cluster, admitPod(cluster, call, object));
    case 'services':
      return admitService(cluster, object, undefined);
    case 'persistentvolumeclaims':
      return withStorageClass(cluster, limited(cluster, object));
    case 'certificatesigningrequests.certificates.k8s.io':
      return admitRequest(call, object);
    default:
      return object;
  }
}

/** @throws ApiError 403. */
export function admitUpdate(cluster: Cluster, call: Call, live: KubeObject, next: KubeObject): KubeObject {
  const admitted = qualified(call.resource) === 'services' ? admitService(cluster, next, live) : next;
  if (call.subresource === '' && !jsonEqual(part(live, 'spec'), part(admitted, 'spec')))
    checkQuota(cluster, call, admitted, live);
  checkRoles(cluster, call, admitted, live);
  return admitted;
}

/** Nothing new in a namespace that is not there or on its way out. */
function checkNamespace(cluster: Cluster, call: Call, object: KubeObject): void {
  const { namespace, resource } = call;
  if (namespace === undefined || !resource.namespaced) return;
  const found = cluster.store.get('namespaces', undefined, namespace);
  if (found === undefined) throw notFound({ group: '', plural: 'namespaces', kind: 'Namespace' }, namespace);
  if (found.metadata.deletionTimestamp === undefined) return;
  throw forbidden(
    resource,
    object.metadata.name,
    `unable to create new content in namespace ${namespace} because it is being terminated`,
    [
      {
        reason: 'NamespaceTerminating',
        message: `namespace ${namespace} is being terminated`,
        field: 'metadata.namespace',
      },
    ],
  );
}

/** A claim that names no class gets the default one. */
function withStorageClass(cluster: Cluster, claim: KubeObject): KubeObject {
  const spec = part(claim, 'spec');
  if (spec.storageClassName !== undefined) return claim;
  const standard = cluster.store
    .list('storageclasses.storage.k8s.io')
    .find((one) => one.metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true');
  return standard === undefined ? claim : { ...claim, spec: { ...spec, storageClassName: standard.metadata.name } };
}
