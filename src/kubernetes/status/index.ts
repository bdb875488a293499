/**
 * Where an object stands, without asking anything: checks that hold for every kind, then the kind's own rule, then a
 * `Ready` condition. After kstatus, with the traps closed that are listed beside each rule (facts: saga-audit §3.4).
 */
import { groupOf, isObject, type KubeObject } from '../../base/index.ts';
import type { ObjectStatus } from '../types.ts';
import { deployment } from './deployment.ts';
import { customResourceDefinition, namespace, persistentVolumeClaim, podDisruptionBudget, service } from './objects.ts';
import { condition, conditionText, part, type StatusRule, status } from './read.ts';
import { statefulSet } from './stateful-set.ts';
import { cronJob, daemonSet, job, pod, replicaSet } from './workloads.ts';

const RULES: { readonly [kind: string]: StatusRule } = {
  'apps/Deployment': deployment,
  'apps/StatefulSet': statefulSet,
  'apps/ReplicaSet': replicaSet,
  'apps/DaemonSet': daemonSet,
  'batch/Job': job,
  'batch/CronJob': cronJob,
  'policy/PodDisruptionBudget': podDisruptionBudget,
  'apiextensions.k8s.io/CustomResourceDefinition': customResourceDefinition,
  Pod: pod,
  PersistentVolumeClaim: persistentVolumeClaim,
  Service: service,
  Namespace: namespace,
};

/** Built-in groups: their kinds without a rule have nothing to wait for. Other groups are custom resources. */
const BUILT_IN_GROUP = /^(|apps|batch|policy|autoscaling|.*\.k8s\.io)$/;

/** The status of one object; undefined: it is not there. */
export function statusOf(object: KubeObject | undefined): ObjectStatus {
  if (object === undefined) return status('notFound', 'does not exist');
  if (object.metadata.deletionTimestamp !== undefined) {
    const holders = object.metadata.finalizers ?? [];
    return status(
      'terminating',
      holders.length === 0 ? 'being deleted' : `being deleted; waits for ${holders.join(', ')}`,
    );
  }
  const group = groupOf(object.apiVersion);
  const name = group === '' ? object.kind : `${group}/${object.kind}`;
  const rule = RULES[name];
  return notObserved(object) ?? stalledOrReconciling(object) ?? rule?.(object) ?? byReady(object, group);
}

/** Its controller has not seen the newest spec yet. A workload without any status was not seen at all. */
function notObserved(object: KubeObject): ObjectStatus | undefined {
  const generation = object.metadata.generation;
  const observed = part(object, 'status').observedGeneration;
  if (generation === undefined || typeof observed !== 'number' || observed >= generation) {
    const workload = groupOf(object.apiVersion) === 'apps' && object.kind !== 'ControllerRevision';
    return workload && observed === undefined ? status('inProgress', 'not yet seen by its controller') : undefined;
  }
  return status('inProgress', `generation ${generation} not yet seen by its controller (at ${observed})`);
}

function stalledOrReconciling(object: KubeObject): ObjectStatus | undefined {
  const stalled = condition(object, 'Stalled');
  if (stalled?.status === 'True') return status('failed', conditionText(stalled));
  const reconciling = condition(object, 'Reconciling');
  if (reconciling?.status === 'True') return status('inProgress', conditionText(reconciling));
  return undefined;
}

/**
 * By the `Ready` condition. Traps closed: one that speaks of an older generation says nothing of this one; a custom
 * resource with an empty status object has a controller to come, which is not yet readiness.
 */
function byReady(object: KubeObject, group: string): ObjectStatus {
  const ready = condition(object, 'Ready') ?? condition(object, 'Available');
  if (ready === undefined) {
    const emptied = isObject(object.status) && Object.keys(object.status).length === 0;
    if (!BUILT_IN_GROUP.test(group) && emptied) return status('inProgress', 'its controller has not reported yet');
    return status('current', 'exists');
  }
  const generation = object.metadata.generation;
  if (ready.observedGeneration !== undefined && generation !== undefined && ready.observedGeneration < generation) {
    return status('inProgress', `${ready.type} speaks of generation ${ready.observedGeneration}, not ${generation}`);
  }
  if (ready.status === 'True') return status('current', `${ready.type} is True`);
  return status('inProgress', conditionText(ready));
}
