import { count, part, type StatusRule, status } from './read.ts';

/**
 * A StatefulSet: every replica available and, but for OnDelete and a partition, of the newest revision. It knows no failure
 * of its own.
 */
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
  if (strategy.type === 'OnDelete') {
    const old = wanted - updated;
    const left = old > 0 ? `; ${old} of an older revision until they are deleted` : '';
    return status('current', `${ready} of ${wanted} pods ready${left}`);
  }
  const partition = count(part(strategy, 'rollingUpdate'), 'partition');
  const due = Math.max(0, wanted - partition);
  if (updated < due) return status('inProgress', `${updated} of ${due} pods updated`);
  const available = count(state, 'availableReplicas');
  if (count(spec, 'minReadySeconds') > 0 && available < wanted) {
    return status('inProgress', `${available} of ${wanted} pods available`);
  }
  if (partition === 0 && state.currentRevision !== state.updateRevision) {
    return status('inProgress', 'waiting for the newest revision to become the current one');
  }
  const kept = partition === 0 ? '' : `; partition ${partition} keeps those below it`;
  return status('current', `${ready} of ${wanted} pods ready${kept}`);
};
