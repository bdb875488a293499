import type { Toleration } from '../../ldc/index.ts';
import type { Taint } from '../types.ts';
import type { Filter } from './filter.ts';

/** As in Kubernetes: NoSchedule keeps new ones away, NoExecute also drives out what runs; PreferNoSchedule only ranks. */
export const taints: Filter = {
  name: 'taints',
  check(subject, fleet) {
    const refused = new Map<number, Taint>();
    for (const index of fleet.tainted) {
      const cluster = fleet.clusters[index];
      const taint = cluster?.taints.find(
        (one) =>
          (one.effect === 'NoExecute' || (one.effect === 'NoSchedule' && !subject.held.has(index))) &&
          !isTolerated(one, subject.placement.tolerations),
      );
      if (taint !== undefined) refused.set(index, taint);
    }
    if (refused.size === 0) return undefined;
    return {
      refuses: (index) => refused.has(index),
      why(index) {
        const taint = refused.get(index);
        const value = taint?.value === undefined || taint.value === '' ? '' : `=${taint.value}`;
        return `its taint ${taint?.key}${value}:${taint?.effect} is not tolerated`;
      },
    };
  },
};

export function isTolerated(taint: Taint, tolerations: readonly Toleration[]): boolean {
  return tolerations.some(
    (one) =>
      (one.effect === undefined || one.effect === taint.effect) &&
      (one.key === undefined ? one.operator === 'Exists' : one.key === taint.key) &&
      (one.operator === 'Exists' || one.value === (taint.value ?? '')),
  );
}
