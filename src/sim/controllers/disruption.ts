import { jsonEqual, type KubeObject } from '../../base/index.ts';
import {
  type Condition,
  controllerOf,
  isActive,
  isReady,
  keyOf,
  kubeTime,
  type LabelSelector,
  type Labels,
  matchesSelector,
  type Pod,
  splitKey,
  withCondition,
} from '../kinds/index.ts';
import { type Context, enqueueSelf, queueOf, writeStatus } from './controller.ts';
import type { IntOrPercent } from './rolling-update.ts';
import type { WorkQueue } from './work-queue.ts';

const BUDGETS = 'poddisruptionbudgets.policy';
const SCALED: { readonly [kind: string]: string } = {
  ReplicaSet: 'replicasets.apps',
  StatefulSet: 'statefulsets.apps',
};

export interface DisruptionBudget extends KubeObject {
  readonly spec: {
    readonly minAvailable?: IntOrPercent;
    readonly maxUnavailable?: IntOrPercent;
    readonly selector?: LabelSelector;
  };
  readonly status?: { readonly conditions?: readonly Condition[] };
}

/** Keeps the status of PodDisruptionBudgets: how many pods may be evicted now. */
export function startDisruptionBudgets(context: Context): WorkQueue {
  const budgets = context.informers.of<DisruptionBudget>(BUDGETS);
  const queue = queueOf(context, 'disruption-controller', (key) => {
    const { namespace, name } = splitKey(key);
    const budget = budgets.get(namespace, name);
    if (budget !== undefined) reconcile(context, budget);
    return undefined;
  });
  enqueueSelf(budgets, queue);
  context.informers.of<Pod>('pods').onChange((pod) => {
    for (const budget of budgets.inNamespace(pod.metadata.namespace)) {
      if (matchesSelector(budget.spec.selector, pod.metadata.labels as Labels)) queue.add(keyOf(budget));
    }
  });
  return queue;
}

function reconcile(context: Context, budget: DisruptionBudget): void {
  const { namespace } = budget.metadata;
  const pods = context.informers.of<Pod>('pods').inNamespace(namespace);
  const covered = pods.filter(
    (pod) => isActive(pod) && matchesSelector(budget.spec.selector, pod.metadata.labels as Labels),
  );
  const expected = expectedPods(context, covered);
  const healthy = covered.filter(isReady).length;
  const desired = desiredHealthy(budget.spec, expected);
  const allowed = Math.max(0, healthy - desired);
  const { generation } = budget.metadata;
  const seen = generation === undefined ? {} : { observedGeneration: generation };
  const condition: Condition =
    allowed > 0
      ? { type: 'DisruptionAllowed', status: 'True', reason: 'SufficientPods', message: '', ...seen }
      : { type: 'DisruptionAllowed', status: 'False', reason: 'InsufficientPods', message: '', ...seen };
  const status = {
    observedGeneration: budget.metadata.generation,
    disruptionsAllowed: allowed,
    currentHealthy: healthy,
    desiredHealthy: desired,
    expectedPods: expected,
    conditions: withCondition(budget.status?.conditions ?? [], condition, kubeTime(context.clock.now())),
  };
  if (!jsonEqual(status, budget.status as never)) writeStatus(context, BUDGETS, budget, status);
}

/** What the pods' owners want together; pods without an owner that has a scale count themselves. */
function expectedPods(context: Context, pods: readonly Pod[]): number {
  const owners = new Map<string, number>();
  let single = 0;
  for (const pod of pods) {
    const owner = controllerOf(pod);
    const resource = owner && SCALED[owner.kind];
    const scaled = resource && context.door.get(resource, pod.metadata.namespace, owner.name);
    const spec = (scaled ? scaled.spec : undefined) as { replicas?: number } | undefined;
    if (owner === undefined || spec === undefined) single++;
    else owners.set(owner.uid, spec.replicas ?? 1);
  }
  return single + [...owners.values()].reduce((sum, replicas) => sum + replicas, 0);
}

/** How many must stay healthy; percentages are rounded up, as for a real budget. */
export function desiredHealthy({ minAvailable, maxUnavailable }: DisruptionBudget['spec'], expected: number): number {
  const share = (value: IntOrPercent) =>
    typeof value === 'number' ? value : Math.ceil((Number.parseInt(value, 10) * expected) / 100);
  if (maxUnavailable !== undefined) return Math.max(0, expected - share(maxUnavailable));
  return share(minAvailable ?? 1);
}
