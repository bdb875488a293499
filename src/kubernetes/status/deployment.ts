import { condition, conditionText, count, part, type StatusRule, status } from './read.ts';

/**
 * A Deployment: rolled out whole and available. Without `progressDeadlineSeconds` (or before it) it never fails by itself;
 * the gate has its own deadline for that.
 */
export const deployment: StatusRule = (object) => {
  const spec = part(object, 'spec');
  const state = part(object, 'status');
  const progressing = condition(object, 'Progressing');
  if (progressing?.reason === 'ProgressDeadlineExceeded') return status('failed', conditionText(progressing));
  const failure = condition(object, 'ReplicaFailure');
  const wanted = count(spec, 'replicas', 1);
  const updated = count(state, 'updatedReplicas');
  const all = count(state, 'replicas');
  const available = count(state, 'availableReplicas');
  const why = failure?.status === 'True' ? ` (${conditionText(failure)})` : '';
  if (spec.paused === true && updated < wanted)
    return status('inProgress', `paused at ${updated} of ${wanted} updated`);
  if (updated < wanted) return status('inProgress', `${updated} of ${wanted} replicas updated${why}`);
  if (all > updated) return status('inProgress', `${all - updated} old replicas still to end`);
  if (available < updated) return status('inProgress', `${available} of ${updated} replicas available${why}`);
  const ready = count(state, 'readyReplicas');
  if (ready < wanted) return status('inProgress', `${ready} of ${wanted} replicas ready`);
  const availability = condition(object, 'Available');
  if (wanted > 0 && availability?.status !== 'True') return status('inProgress', 'not yet reported as available');
  return status('current', `${ready} of ${wanted} replicas ready`);
};
