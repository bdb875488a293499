/** What has a say in a write beside validation, in the real server's order. */
import { jsonEqual, type KubeObject } from '../../base/index.ts';
import { admitRequest } from './admit-certificates.ts';
import { checkGrowth, withStorageClass } from './admit-claims.ts';
import { checkLimits, withDefaultLimits } from './admit-limits.ts';
import { admitPod } from './admit-pods.ts';
import { checkQuota } from './admit-quota.ts';
import { checkRoles } from './admit-roles.ts';
import { admitService } from './admit-services.ts';
import { judged } from './admit-webhooks.ts';
import type { Call, Cluster } from './cluster.ts';
import { part } from './cluster.ts';
import { forbidden, notFound, qualified } from './status.ts';
import { warnOfNoEffect } from './unserved.ts';

/** What the server makes of an object before it has any of its own fields. @throws ApiError 403, 404. */
export function admitCreate(cluster: Cluster, call: Call, object: KubeObject): KubeObject {
  checkNamespace(cluster, call, object);
  checkDefinition(cluster, call, object);
  return mutate(cluster, call, object);
}

/** What it allocates, and what it allows. @throws ApiError 403, 422. */
export function completeCreate(cluster: Cluster, call: Call, object: KubeObject): KubeObject {
  const isService = qualified(call.resource) === 'services';
  const admitted = isService ? admitService(cluster, object, undefined, call.dryRun) : object;
  checkLimits(cluster, call, admitted);
  checkRoles(cluster, call, admitted);
  checkQuota(cluster, call, admitted, undefined);
  warnOfNoEffect(call, admitted);
  return admitted;
}

function mutate(cluster: Cluster, call: Call, object: KubeObject): KubeObject {
  switch (qualified(call.resource)) {
    case 'pods':
      return withDefaultLimits(cluster, admitPod(cluster, call, object));
    case 'persistentvolumeclaims':
      return withStorageClass(cluster, object);
    case 'certificatesigningrequests.certificates.k8s.io':
      return admitRequest(call, object);
    default:
      return object;
  }
}

/** @throws ApiError 403. */
export function admitUpdate(cluster: Cluster, call: Call, live: KubeObject, next: KubeObject): KubeObject {
  const admitted = qualified(call.resource) === 'services' ? admitService(cluster, next, live, call.dryRun) : next;
  if (call.subresource === '' && !jsonEqual(part(live, 'spec'), part(admitted, 'spec')))
    checkQuota(cluster, call, admitted, live);
  checkRoles(cluster, call, admitted, live);
  warnOfNoEffect(call, admitted);
  return admitted;
}

/** What is asked only of a creation that is valid. @throws ApiError, Unanswered. */
export function judgeCreate(cluster: Cluster, call: Call, object: KubeObject): void {
  judged(cluster, call, { operation: 'CREATE', object });
}

/** What is asked only of an update that is valid. @throws ApiError 403, Unanswered. */
export function judgeUpdate(cluster: Cluster, call: Call, live: KubeObject, next: KubeObject): void {
  if (call.subresource !== 'scale' && call.subresource !== 'binding')
    judged(cluster, call, { operation: 'UPDATE', object: next, before: live });
  if (qualified(call.resource) === 'persistentvolumeclaims') checkGrowth(cluster, call, next, live);
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

/** Nothing new of a kind whose definition is on its way out. */
function checkDefinition(cluster: Cluster, call: Call, object: KubeObject): void {
  const name = cluster.registry.crdOf(call.resource)?.metadata.name;
  if (name === undefined) return;
  const definition = cluster.store.get('customresourcedefinitions.apiextensions.k8s.io', undefined, name);
  if (definition?.metadata.deletionTimestamp === undefined) return;
  const why = 'create not allowed while custom resource definition is terminating';
  throw forbidden(call.resource, object.metadata.name, why);
}
