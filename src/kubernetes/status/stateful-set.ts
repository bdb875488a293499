import { count, part, type StatusRule, status } from './read.ts';

/** A StatefulSet: every replica ready and, but for OnDelete and a partition, of the newest revision. It knows no failure of its own. */
export const statefulSet: StatusRule = (object) => {
  const spec = part(object, 'spec');
  const state = part(object, 'status');
  const wanted = count(spec, 'replicas', 1);
  const strategy = part(spec, 'updateStrategy');
  const all = count(state, 'replicas');
  const ready = count(state, 'readyReplicas');
  const updated = count(state, 'updatedReplicas');
  if (all < wanted) return status('inProgress', `${all} of ${wanted} pods created`);
  if (ready < wanted) return status('inProgress', `${ready} of ${wanted} pods ready`);
  if (all > wanted) return status('inProgress', `${all - wanted} pods still to end`);
  // its controller replaces nothing by itself: readiness is all that can be asked
  if (strategy.type === 'OnDelete') return status('current', `${ready} of ${wanted} pods ready (updated on delete)`);
  const partition = count(part(strategy, 'rollingUpdate'), 'partition');
  const due = Math.max(0, wanted - partition);
  if (updated < due) return status('inProgress', `${updated} of ${due} pods updated`);
  if (partition === 0 && state.currentRevision !== state.updateRevision) {
    return status('inProgress', 'waiting for the newest revision to become the current one');
  }
  return status('current', `${ready} of ${wanted} pods ready`);
};
