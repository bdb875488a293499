/** Who may put a whole object in the place of the stored one. */
import type { KubeObject } from '../../base/index.ts';
import type { Call, Cluster } from './cluster.ts';
import { conflict, invalid, qualified } from './status.ts';
import { storageKey } from './storage-key.ts';

/** A whole object that takes the place of the stored one: its uid is a precondition. @throws ApiError 409. */
export function sameObject(cluster: Cluster, call: Call, live: KubeObject, sent: KubeObject): KubeObject {
  const { resource, name } = call;
  const uid = sent.metadata?.uid;
  if (uid && uid !== live.metadata.uid) {
    const key = storageKey(resource, cluster.registry.isCustom(resource), call.namespace, name);
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${live.metadata.uid}`;
    throw conflict(
      resource,
      name,
      `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: ${why}`,
    );
  }
  return sent;
}

/** The same from outside, where some kinds may be replaced only by who has read them. @throws ApiError 409, 422. */
export function replacing(cluster: Cluster, call: Call, live: KubeObject, sent: KubeObject): KubeObject {
  const { resource, name } = call;
  const unread = !sent.metadata.resourceVersion;
  if (unread && (cluster.registry.isCustom(resource) || ONLY_BY_VERSION.has(qualified(resource)))) {
    const message = 'Invalid value: 0: must be specified for an update';
    const subject = { group: resource.group, kind: resource.plural };
    throw invalid(subject, name, [{ reason: 'FieldValueInvalid', field: 'metadata.resourceVersion', message }]);
  }
  return sameObject(cluster, call, live, sent);
}

/** Built-in kinds that nobody may replace without having read them. */
const ONLY_BY_VERSION = new Set([
  'csidrivers.storage.k8s.io',
  'csinodes.storage.k8s.io',
  'customresourcedefinitions.apiextensions.k8s.io',
  'leases.coordination.k8s.io',
  'mutatingwebhookconfigurations.admissionregistration.k8s.io',
  'poddisruptionbudgets.policy',
  'validatingadmissionpolicies.admissionregistration.k8s.io',
  'validatingadmissionpolicybindings.admissionregistration.k8s.io',
  'validatingwebhookconfigurations.admissionregistration.k8s.io',
  'volumeattachments.storage.k8s.io',
]);
