/** Rules of the smaller workload kinds. */
import { condition, conditionText, count, list, part, type StatusRule, status } from './read.ts';

export const replicaSet: StatusRule = (object) => {
  const wanted = count(part(object, 'spec'), 'replicas', 1);
  const state = part(object, 'status');
  const failure = condition(object, 'ReplicaFailure');
  if (failure?.status === 'True') return status('inProgress', conditionText(failure));
  const available = count(state, 'availableReplicas');
  const all = count(state, 'replicas');
  if (all !== wanted) return status('inProgress', `${all} of ${wanted} pods exist`);
  if (available < wanted) return status('inProgress', `${available} of ${wanted} replicas available`);
  return status('current', `${available} of ${wanted} replicas available`);
};

export const daemonSet: StatusRule = (object) => {
  const state = part(object, 'status');
  if (state.desiredNumberScheduled === undefined) return status('inProgress', 'not yet seen by its controller');
  const wanted = count(state, 'desiredNumberScheduled');
  const updated = count(state, 'updatedNumberScheduled');
  const available = count(state, 'numberAvailable');
  const ready = count(state, 'numberReady');
  const onDelete = part(part(object, 'spec'), 'updateStrategy').type === 'OnDelete';
  if (!onDelete && updated < wanted) return status('inProgress', `${updated} of ${wanted} pods updated`);
  if (available < wanted) return status('inProgress', `${available} of ${wanted} pods available`);
  if (ready < wanted) return status('inProgress', `${ready} of ${wanted} pods ready`);
  return status('current', `${ready} of ${wanted} pods ready`);
};

/** A Job counts only when it is complete: one that runs is not done. A suspended one waits for a person. */
export const job: StatusRule = (object) => {
  const failed = condition(object, 'Failed');
  if (failed?.status === 'True') return status('failed', conditionText(failed));
  const complete = condition(object, 'Complete');
  const state = part(object, 'status');
  const wanted = count(part(object, 'spec'), 'completions', 1);
  const succeeded = count(state, 'succeeded');
  if (complete?.status === 'True') return status('current', `${succeeded} of ${wanted} completions`);
  if (part(object, 'spec').suspend === true) return status('inProgress', 'suspended');
  return status('inProgress', `${succeeded} of ${wanted} completions, ${count(state, 'active')} running`);
};

/** A Pod that ran to its end well is current; one that failed is failed. No room is no failure: room may come. */
export const pod: StatusRule = (object) => {
  const state = part(object, 'status');
  switch (state.phase) {
    case 'Succeeded':
      return status('current', 'ended well');
    case 'Failed':
      return status('failed', String(state.message ?? state.reason ?? 'a container ended with an error'));
    case 'Running': {
      const containers = list(state, 'containerStatuses');
      const ready = containers.filter((container) => container.ready === true).length;
      if (condition(object, 'Ready')?.status === 'True') return status('current', `${ready} containers ready`);
      return status('inProgress', `${ready} of ${containers.length} containers ready`);
    }
    default: {
      const scheduled = condition(object, 'PodScheduled');
      if (scheduled?.status === 'False') return status('inProgress', conditionText(scheduled));
      return status('inProgress', `phase ${String(state.phase ?? 'not set')}`);
    }
  }
};

/** Nothing to wait for: its Jobs come by the schedule. */
export const cronJob: StatusRule = () => status('current', 'scheduled');
