import { count, part, type StatusRule, status } from './read.ts';

/** A DaemonSet: an available pod on every node that it is for, updated unless that is left to a person (OnDelete). */
export const daemonSet: StatusRule = (object) => {
  const state = part(object, 'status');
  const wanted = count(state, 'desiredNumberScheduled');
  const created = count(state, 'currentNumberScheduled');
  const updated = count(state, 'updatedNumberScheduled');
  const ready = count(state, 'numberReady');
  const available = count(state, 'numberAvailable');
  const onDelete = part(part(object, 'spec'), 'updateStrategy').type === 'OnDelete';
  if (created < wanted) return status('inProgress', `${created} of ${wanted} pods created`);
  if (!onDelete && updated < wanted) return status('inProgress', `${updated} of ${wanted} pods updated`);
  if (ready < wanted) return status('inProgress', `${ready} of ${wanted} pods ready`);
  if (available < wanted) return status('inProgress', `${available} of ${wanted} pods available`);
  if (wanted === 0) return status('current', 'no node asks for a pod');
  const old = wanted - updated;
  const left = onDelete && old > 0 ? `; ${old} of an older revision until they are deleted` : '';
  return status('current', `${ready} of ${wanted} pods ready${left}`);
};
