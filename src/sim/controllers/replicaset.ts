import { jsonEqual, type KubeObject } from '../../base/index.ts';
import {
  availableAt,
  type Condition,
  fromKubeTime,
  isActive,
  isReady,
  isTerminating,
  kubeTime,
  type LabelSelector,
  matchesLabels,
  type Pod,
  type PodTemplate,
  splitKey,
  withCondition,
  withoutZeros,
} from '../kinds/index.ts';
import { type Context, claim, enqueueOwners, enqueueSelf, isAwaited, queueOf, writeStatus } from './controller.ts';
import { createPod, deletePod } from './pod-factory.ts';
import type { WorkQueue } from './work-queue.ts';

const COMPONENT = 'replicaset-controller';

export interface ReplicaSet extends KubeObject {
  readonly spec: {
    readonly replicas?: number;
    readonly minReadySeconds?: number;
    readonly selector: LabelSelector;
    readonly template: PodTemplate;
  };
  readonly status?: {
    readonly replicas?: number;
    readonly fullyLabeledReplicas?: number;
    readonly readyReplicas?: number;
    readonly availableReplicas?: number;
    readonly observedGeneration?: number;
    readonly conditions?: readonly Condition[];
  };
}

export function startReplicaSets(context: Context): WorkQueue {
  const sets = context.informers.of<ReplicaSet>('replicasets.apps');
  const pods = context.informers.of<Pod>('pods');
  const queue = queueOf(context, COMPONENT, (key) => {
    const { namespace, name } = splitKey(key);
    const set = sets.get(namespace, name);
    return set === undefined ? undefined : reconcile(context, set);
  });
  enqueueSelf(sets, queue);
  enqueueOwners(pods, 'ReplicaSet', queue);
  pods.onChange((pod) => {
    if (pod.metadata.ownerReferences !== undefined || isTerminating(pod)) return;
    for (const set of sets.inNamespace(pod.metadata.namespace))
      queue.add(`${set.metadata.namespace}/${set.metadata.name}`);
  });
  return queue;
}

function reconcile(context: Context, set: ReplicaSet): number | undefined {
  const pods = claim(context, context.informers.of<Pod>('pods'), 'pods', set, set.spec.selector).filter(isActive);
  let failure: string | undefined;
  if (!isTerminating(set)) failure = manage(context, set, pods);
  const nowMs = context.clock.now();
  const { status, againMs } = replicaSetStatus(set, pods, failure, nowMs);
  if (!jsonEqual(status, set.status)) writeStatus(context, 'replicasets.apps', set, status);
  if (failure !== undefined) throw new Error(failure);
  return againMs;
}

/** Creates or deletes pods until their number fits; answers why it could not. */
function manage(context: Context, set: ReplicaSet, pods: readonly Pod[]): string | undefined {
  const wanted = set.spec.replicas ?? 1;
  try {
    for (let made = pods.length; made < wanted; made++) {
      createPod(context, COMPONENT, { owner: set, template: set.spec.template });
    }
  } catch (error) {
    if (isAwaited(error)) throw error;
    return error instanceof Error ? error.message : String(error);
  }
  const surplus = [...pods].sort((a, b) => compareForDeletion(a, b)).slice(0, Math.max(0, pods.length - wanted));
  for (const pod of surplus) deletePod(context, COMPONENT, set, pod);
  return undefined;
}

/** Which of two pods a ReplicaSet gives up first (negative: `a`): the least useful one. */
export function compareForDeletion(a: Pod, b: Pod): number {
  return (
    rank(a.spec.nodeName !== undefined) - rank(b.spec.nodeName !== undefined) ||
    phaseRank(a) - phaseRank(b) ||
    rank(isReady(a)) - rank(isReady(b)) ||
    deletionCost(a) - deletionCost(b) ||
    readySince(b) - readySince(a) ||
    restarts(b) - restarts(a) ||
    createdAt(b) - createdAt(a) ||
    (a.metadata.name < b.metadata.name ? -1 : 1)
  );
}

const rank = (good: boolean) => (good ? 1 : 0);
const phaseRank = (pod: Pod) => ({ Pending: 0, Unknown: 1 })[pod.status?.phase as string] ?? 2;
const deletionCost = (pod: Pod) =>
  Number(pod.metadata.annotations?.['controller.kubernetes.io/pod-deletion-cost'] ?? 0);
const createdAt = (pod: Pod) => fromKubeTime(pod.metadata.creationTimestamp) ?? 0;
const restarts = (pod: Pod) =>
  (pod.status?.containerStatuses ?? []).reduce((most, { restartCount }) => Math.max(most, restartCount), 0);

function readySince(pod: Pod): number {
  const ready = pod.status?.conditions?.find(({ type }) => type === 'Ready');
  return (ready?.status === 'True' && fromKubeTime(ready.lastTransitionTime)) || 0;
}

/** The status from the pods alone, and when it has to be looked at again because a pod becomes available by time. */
export function replicaSetStatus(
  set: ReplicaSet,
  pods: readonly Pod[],
  failure: string | undefined,
  nowMs: number,
): { status: NonNullable<ReplicaSet['status']>; againMs: number | undefined } {
  const minReady = set.spec.minReadySeconds ?? 0;
  const times = pods.map((pod) => availableAt(pod, minReady)).filter((time) => time !== undefined);
  const later = times.filter((time) => time > nowMs);
  const before = (set.status?.conditions ?? []).filter(({ type }) => type !== 'ReplicaFailure');
  const problem = { type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: failure ?? '' } as const;
  const conditions =
    failure === undefined ? before : withCondition(set.status?.conditions ?? [], problem, kubeTime(nowMs));
  const status = withoutZeros(
    {
      replicas: pods.length,
      fullyLabeledReplicas: pods.filter((pod) => matchesLabels(set.spec.template.metadata?.labels, pod.metadata.labels))
        .length,
      readyReplicas: pods.filter(isReady).length,
      availableReplicas: times.length - later.length,
      observedGeneration: set.metadata.generation,
      conditions: conditions.length === 0 ? undefined : conditions,
    },
    ['replicas'],
  );
  return { status: status as never, againMs: later.length === 0 ? undefined : Math.min(...later) - nowMs };
}
