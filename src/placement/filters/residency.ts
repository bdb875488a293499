import { canonical } from '../../base/index.ts';
import type { ClusterView } from '../types.ts';
import type { Filter } from './filter.ts';

/** Where the stack or database may be at all. A cluster without the label is refused: silence allows nothing. */
export const residency: Filter = {
  name: 'residency',
  check(subject, fleet) {
    const rules = subject.residency.flatMap((rule) => Object.entries(rule));
    if (rules.length === 0) return undefined;
    const broken = (cluster: ClusterView) =>
      rules.find(([label, allowed]) => !allowed.includes(cluster.labels[label] ?? ''));
    const mask = fleet.mask(`residency:${canonical(rules)}`, (cluster) => broken(cluster) === undefined);
    return {
      refuses: (index) => mask[index] === 0,
      why(index) {
        const cluster = fleet.clusters[index] as ClusterView;
        const [label, allowed] = broken(cluster) ?? ['', []];
        return `must stay in ${label} ${allowed.join(', ')}; this one has ${cluster.labels[label] ?? 'none'}`;
      },
    };
  },
};
