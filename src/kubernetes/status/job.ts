import { conditionText, count, isTrue, part, type StatusRule, status } from './read.ts';

/**
 * A Job counts only when it is complete: one that runs is not done. One that its controller has given up or whose success is
 * decided (`FailureTarget`, `SuccessCriteriaMet`) still has pods to end: the failure is certain at once, the success is not
 * yet a completion. A suspended one waits for whoever suspended it.
 */
export const job: StatusRule = (object) => {
  const failed = isTrue(object, 'Failed') ?? isTrue(object, 'FailureTarget');
  if (failed !== undefined) return status('failed', conditionText(failed));
  const spec = part(object, 'spec');
  const state = part(object, 'status');
  const succeeded = count(state, 'succeeded');
  // a work queue (no completions) is done when one pod says so
  const wanted = count(spec, 'completions', 1);
  const done = `${succeeded} of ${wanted} completions`;
  const complete = isTrue(object, 'Complete');
  if (complete !== undefined) {
    return status('current', complete.reason === 'SuccessPolicy' ? `${done}; its success policy is met` : done);
  }
  if (isTrue(object, 'SuccessCriteriaMet') !== undefined) return status('inProgress', `${done}; its last pods end`);
  if (spec.suspend === true) return status('inProgress', `suspended at ${done}`);
  const lost = count(state, 'failed');
  const running = `${count(state, 'active')} running`;
  return status('inProgress', [done, running, ...(lost > 0 ? [`${lost} failed`] : [])].join(', '));
};
