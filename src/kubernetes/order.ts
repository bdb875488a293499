/** In which order kinds are applied: what others need comes first. Deleting goes the other way round. */
import type { KubeObject, ObjectRef } from '../base/index.ts';
import { groupOf, refText } from '../base/index.ts';

const FIRST: readonly string[] = [
  'Namespace',
  'apiextensions.k8s.io/CustomResourceDefinition',
  'scheduling.k8s.io/PriorityClass',
  'storage.k8s.io/StorageClass',
  'ResourceQuota',
  'LimitRange',
  'ServiceAccount',
  'rbac.authorization.k8s.io/ClusterRole',
  'rbac.authorization.k8s.io/Role',
  'rbac.authorization.k8s.io/ClusterRoleBinding',
  'rbac.authorization.k8s.io/RoleBinding',
  'networking.k8s.io/NetworkPolicy',
  'Secret',
  'ConfigMap',
  'PersistentVolume',
  'PersistentVolumeClaim',
  'Service',
];
const LAST: readonly string[] = [
  'Pod',
  'apps/ReplicaSet',
  'apps/StatefulSet',
  'apps/DaemonSet',
  'apps/Deployment',
  'batch/Job',
  'batch/CronJob',
  'policy/PodDisruptionBudget',
  'autoscaling/HorizontalPodAutoscaler',
  'networking.k8s.io/Ingress',
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration',
  'admissionregistration.k8s.io/MutatingWebhookConfiguration',
  'admissionregistration.k8s.io/ValidatingAdmissionPolicy',
  'admissionregistration.k8s.io/MutatingAdmissionPolicy',
  'admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding',
  'admissionregistration.k8s.io/MutatingAdmissionPolicyBinding',
];

/** A smaller number is applied earlier; kinds that nobody here knows (custom resources) stand between the two lists. */
export function kindRank(ref: Pick<ObjectRef, 'apiVersion' | 'kind'>): number {
  const group = groupOf(ref.apiVersion);
  const name = group === '' ? ref.kind : `${group}/${ref.kind}`;
  const first = FIRST.indexOf(name);
  if (first !== -1) return first;
  const last = LAST.indexOf(name);
  return last === -1 ? FIRST.length : FIRST.length + 1 + last;
}

/** Whether the API server asks it before it lets others be written: a webhook or a policy of admission. They are not asked about each other. */
export function judgesOthers({ apiVersion }: Pick<ObjectRef, 'apiVersion'>): boolean {
  return groupOf(apiVersion) === 'admissionregistration.k8s.io';
}

/** Sorted for applying, stable within a kind. */
export function applyOrder<T extends ObjectRef | KubeObject>(items: readonly T[]): readonly T[] {
  return [...items].sort((a, b) => kindRank(a) - kindRank(b));
}

/** Sorted for deleting. */
export function deleteOrder<T extends ObjectRef | KubeObject>(items: readonly T[]): readonly T[] {
  return [...applyOrder(items)].reverse();
}

/** Items of one rank together, in order: they may be applied at once, the next group after them. */
export function rankGroups<T extends ObjectRef | KubeObject>(items: readonly T[]): readonly (readonly T[])[] {
  const groups = new Map<number, T[]>();
  for (const item of applyOrder(items)) groups.set(kindRank(item), [...(groups.get(kindRank(item)) ?? []), item]);
  return [...groups.values()];
}

/** Whether two refs name the same object; the version does not count. */
export function sameRef(a: ObjectRef, b: ObjectRef): boolean {
  return refText(a) === refText(b);
}

/** Kinds that others stand on: made before all else, and never deleted with what merely lists them. */
export function isGround(ref: Pick<ObjectRef, 'apiVersion' | 'kind'>): boolean {
  const group = groupOf(ref.apiVersion);
  return (
    (ref.kind === 'Namespace' && group === '') ||
    (ref.kind === 'CustomResourceDefinition' && group === 'apiextensions.k8s.io')
  );
}

/** Kinds whose loss is a loss of data: never removed without a person. */
export function isStateful(ref: Pick<ObjectRef, 'apiVersion' | 'kind'>): boolean {
  return (
    (ref.kind === 'PersistentVolumeClaim' && groupOf(ref.apiVersion) === '') ||
    (ref.kind === 'PersistentVolume' && groupOf(ref.apiVersion) === '')
  );
}
