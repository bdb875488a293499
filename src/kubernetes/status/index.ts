/**
 * Where an object stands, without asking anything: checks that hold for every kind, then the kind's own rule; other kinds by
 * their conditions. After kstatus, with its traps closed (facts: saga-audit §3.4; what was decided: docs/readiness.md).
 */
import { groupOf, type KubeObject } from '../../base/index.ts';
import type { ObjectStatus, Surroundings } from '../types.ts';
import { apiService } from './api-service.ts';
import { cronJob } from './cron-job.ts';
import { custom, data } from './custom.ts';
import { customResourceDefinition } from './custom-resource-definition.ts';
import { daemonSet } from './daemon-set.ts';
import { deployment } from './deployment.ts';
import { gateway, gatewayClass, policy, route } from './gateway-api.ts';
import { horizontalPodAutoscaler } from './horizontal-pod-autoscaler.ts';
import { ingress } from './ingress.ts';
import { job } from './job.ts';
import { namespace } from './namespace.ts';
import { persistentVolumeClaim } from './persistent-volume-claim.ts';
import { pod } from './pod.ts';
import { podDisruptionBudget } from './pod-disruption-budget.ts';
import { part, type StatusRule, status } from './read.ts';
import { replicaSet } from './replica-set.ts';
import { service } from './service.ts';
import { statefulSet } from './stateful-set.ts';

const GATEWAY = 'gateway.networking.k8s.io';

const RULES: { readonly [kind: string]: StatusRule } = {
  'apps/Deployment': deployment,
  'apps/StatefulSet': statefulSet,
  'apps/ReplicaSet': replicaSet,
  'apps/DaemonSet': daemonSet,
  ReplicationController: replicaSet,
  Pod: pod,
  'batch/Job': job,
  'batch/CronJob': cronJob,
  PersistentVolumeClaim: persistentVolumeClaim,
  Service: service,
  'networking.k8s.io/Ingress': ingress,
  'autoscaling/HorizontalPodAutoscaler': horizontalPodAutoscaler,
  'policy/PodDisruptionBudget': podDisruptionBudget,
  'apiextensions.k8s.io/CustomResourceDefinition': customResourceDefinition,
  'apiregistration.k8s.io/APIService': apiService,
  Namespace: namespace,
  [`${GATEWAY}/Gateway`]: gateway,
  [`${GATEWAY}/GatewayClass`]: gatewayClass,
  [`${GATEWAY}/HTTPRoute`]: route,
  [`${GATEWAY}/GRPCRoute`]: route,
  [`${GATEWAY}/TLSRoute`]: route,
  [`${GATEWAY}/TCPRoute`]: route,
  [`${GATEWAY}/UDPRoute`]: route,
  [`${GATEWAY}/BackendTLSPolicy`]: policy,
};

/** Groups that every API server serves by itself. */
const BUILT_IN = new Set([
  ...['', 'apps', 'batch', 'policy', 'autoscaling'],
  ...['admissionregistration', 'apiextensions', 'apiregistration', 'authentication', 'authorization', 'certificates'],
  ...['coordination', 'discovery', 'events', 'flowcontrol.apiserver', 'internal.apiserver', 'networking', 'node'],
  ...['rbac.authorization', 'resource', 'scheduling', 'storage', 'storagemigration'],
]);
/** Kinds whose controller writes the generation that it has seen: until it is there, nobody has seen the object. */
const OBSERVED = new Set(['apps/Deployment', 'apps/StatefulSet', 'apps/ReplicaSet', 'apps/DaemonSet']);

/** The status of one object; undefined: it is not there. */
export function statusOf(object: KubeObject | undefined, around: Surroundings = {}): ObjectStatus {
  if (object === undefined) return status('notFound', 'does not exist');
  return beforeRules(object) ?? ruleOf(object)(object, around);
}

/** What holds for every kind, whatever its rule would say. */
export function beforeRules(object: KubeObject): ObjectStatus | undefined {
  if (object.metadata.deletionTimestamp !== undefined) {
    // of a namespace its own conditions say what is left in it
    if (nameOf(object) === 'Namespace') return namespace(object, {});
    const holders = object.metadata.finalizers ?? [];
    const why = holders.length === 0 ? 'being deleted' : `being deleted; waits for ${holders.join(', ')}`;
    return status('terminating', why);
  }
  const generation = object.metadata.generation;
  const observed = part(object, 'status').observedGeneration;
  if (typeof observed !== 'number') {
    return OBSERVED.has(nameOf(object)) ? status('inProgress', 'not yet seen by its controller') : undefined;
  }
  if (generation === undefined || observed >= generation) return undefined;
  return status('inProgress', `generation ${generation} not yet seen by its controller (at ${observed})`);
}

/** Whether a kind has a rule of its own; others are judged by their conditions. */
export function hasOwnRule(object: KubeObject): boolean {
  return ruleOf(object) !== custom;
}

function ruleOf(object: KubeObject): StatusRule {
  const own = RULES[nameOf(object)];
  if (own !== undefined) return own;
  return BUILT_IN.has(groupOf(object.apiVersion).replace(/\.k8s\.io$/, '')) ? data : custom;
}

function nameOf(object: KubeObject): string {
  const group = groupOf(object.apiVersion);
  return group === '' ? object.kind : `${group}/${object.kind}`;
}
