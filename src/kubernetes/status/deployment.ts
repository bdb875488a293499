import { condition, conditionText, count, isTrue, part, type StatusRule, status } from './read.ts';

/**
 * A Deployment: rolled out whole and available. Without `progressDeadlineSeconds` (or before it) it never fails by itself:
 * the gate has its own deadline for that. While it is paused no deadline runs.
 */
export const deployment: StatusRule = (object) => {
  const spec = part(object, 'spec');
  const state = part(object, 'status');
  const progressing = condition(object, 'Progressing');
  if (progressing?.reason === 'ProgressDeadlineExceeded') return status('failed', conditionText(progressing));
  // the ReplicaSet's own words: no quota, refused by admission
  const failure = isTrue(object, 'ReplicaFailure');
  const why = failure === undefined ? '' : ` (${conditionText(failure)})`;
  const wanted = count(spec, 'replicas', 1);
  const updated = count(state, 'updatedReplicas');
  const all = count(state, 'replicas');
  const available = count(state, 'availableReplicas');
  const ready = count(state, 'readyReplicas');
  if (updated < wanted) {
    const paused = spec.paused === true ? 'paused at ' : '';
    return status('inProgress', `${paused}${updated} of ${wanted} replicas updated${why}`);
  }
  if (all > updated) return status('inProgress', `${all - updated} old replicas still to end`);
  if (all > wanted) return status('inProgress', `${all - wanted} replicas still to end`);
  if (ready < wanted) return status('inProgress', `${ready} of ${wanted} replicas ready${why}`);
  if (available < wanted) return status('inProgress', `${available} of ${wanted} replicas available${why}`);
  if (wanted > 0 && isTrue(object, 'Available') === undefined) {
    return status('inProgress', 'not yet reported as available');
  }
  return status('current', `${ready} of ${wanted} replicas ready`);
};
