import { condition, conditionText, count, part, type StatusRule, status } from './read.ts';

/**
 * A disruption budget: its controller has seen it, and as many pods are healthy as it asks for. One that asks for more pods
 * than there are can never be met; that allows no eviction, but breaks nothing that runs.
 */
export const podDisruptionBudget: StatusRule = (object) => {
  const state = part(object, 'status');
  if (state.observedGeneration === undefined) return status('inProgress', 'not yet seen by its controller');
  const allowed = condition(object, 'DisruptionAllowed');
  if (allowed?.reason === 'SyncFailed') return status('inProgress', conditionText(allowed));
  const healthy = count(state, 'currentHealthy');
  const wanted = count(state, 'desiredHealthy');
  const expected = count(state, 'expectedPods');
  const text = `${healthy} of ${wanted} healthy`;
  if (healthy >= wanted) return status('current', text);
  if (healthy < expected) return status('inProgress', text);
  return status('current', `${text}: it asks for more pods than there are, so none may be evicted`);
};
