import { condition, conditionText, count, part, type StatusRule, status } from './read.ts';

/**
 * An autoscaler never holds back: what it scales says by itself how it stands, and metrics that cannot be read for a while
 * (there are none in the first minute) must not make a location that serves look unwell. The message says so.
 */
export const horizontalPodAutoscaler: StatusRule = (object) => {
  const faults = ['AbleToScale', 'ScalingActive'].map((type) => condition(object, type));
  const fault = faults.find((one) => one?.status === 'False');
  if (fault !== undefined) return status('current', `does not scale now: ${conditionText(fault)}`);
  const state = part(object, 'status');
  if (state.currentReplicas === undefined) return status('current', 'exists');
  return status('current', `${count(state, 'currentReplicas')} of ${count(state, 'desiredReplicas')} replicas`);
};
