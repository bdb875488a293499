/** Eviction: a deletion that a PodDisruptionBudget may refuse. */
import type { KubeObject } from '../../base/index.ts';
import { type Call, type Cluster, part } from './cluster.ts';
import { labelSelector } from './selectors.ts';
import { ApiError } from './status.ts';
import { fields } from './strategy.ts';

const RETRY_SECONDS = 10;

/** @throws ApiError 429 when a budget would be broken, 500 when several budgets match. */
export function evict(cluster: Cluster, call: Call, pod: KubeObject): void {
  const { phase } = part(pod, 'status');
  if (
    phase === 'Succeeded' ||
    phase === 'Failed' ||
    phase === 'Pending' ||
    pod.metadata.deletionTimestamp !== undefined
  )
    return;
  const budgets = cluster.store
    .list('poddisruptionbudgets.policy', call.namespace)
    .filter((budget) => selects(budget, pod));
  if (budgets.length > 1) {
    throw new ApiError(
      500,
      undefined,
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    );
  }
  const [budget] = budgets;
  if (budget === undefined) return;
  const status = part(budget, 'status');
  const allowed = typeof status.disruptionsAllowed === 'number' ? status.disruptionsAllowed : 0;
  if (allowed <= 0) throw refused(budget);
  if (call.dryRun) return;
  cluster.store.put('poddisruptionbudgets.policy', {
    ...budget,
    status: { ...status, disruptionsAllowed: allowed - 1 },
  });
}

function refused(budget: KubeObject): ApiError {
  const { currentHealthy = 0, desiredHealthy = 0 } = part(budget, 'status');
  const { name } = budget.metadata;
  const why = `The disruption budget ${name} needs ${String(desiredHealthy)} healthy pods and has ${String(currentHealthy)} currently`;
  return new ApiError(429, 'TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
    causes: [{ reason: 'DisruptionBudget', message: why }],
    retryAfterSeconds: RETRY_SECONDS,
  });
}

function selects(budget: KubeObject, pod: KubeObject): boolean {
  const selector = fields(part(budget, 'spec').selector);
  const labels = Object.entries(fields(selector.matchLabels)).map(([key, value]) => `${key}=${String(value)}`);
  const expressions = (Array.isArray(selector.matchExpressions) ? selector.matchExpressions : [])
    .map(fields)
    .map(({ key, operator, values }) => {
      const list = Array.isArray(values) ? values.map(String).join(',') : '';
      return operator === 'In'
        ? `${String(key)} in (${list})`
        : operator === 'NotIn'
          ? `${String(key)} notin (${list})`
          : operator === 'DoesNotExist'
            ? `!${String(key)}`
            : String(key);
    });
  const text = [...labels, ...expressions].join(',');
  return text === '' || (labelSelector(text)?.(pod) ?? true);
}
