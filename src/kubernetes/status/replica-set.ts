import { conditionText, count, isTrue, part, type StatusRule, status } from './read.ts';

/** A ReplicaSet or a ReplicationController: as many available pods as asked for. It replaces no pod of an older template. */
export const replicaSet: StatusRule = (object) => {
  const wanted = count(part(object, 'spec'), 'replicas', 1);
  const state = part(object, 'status');
  const failure = isTrue(object, 'ReplicaFailure');
  const why = failure === undefined ? '' : ` (${conditionText(failure)})`;
  const all = count(state, 'replicas');
  const ready = count(state, 'readyReplicas');
  const available = count(state, 'availableReplicas');
  if (all !== wanted) return status('inProgress', `${all} of ${wanted} pods exist${why}`);
  if (ready < wanted) return status('inProgress', `${ready} of ${wanted} replicas ready`);
  if (available < wanted) return status('inProgress', `${available} of ${wanted} replicas available`);
  return status('current', `${available} of ${wanted} replicas available`);
};
