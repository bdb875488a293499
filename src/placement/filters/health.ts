import type { Filter } from './filter.ts';

/** Only a ready cluster takes something new. What runs stays until its cluster is lost: unreachable is not dead. */
export const health: Filter = {
  name: 'health',
  check(subject, fleet) {
    const ready = fleet.mask('health:ready', (cluster) => cluster.health === 'ready');
    const keeps = fleet.mask('health:keeps', (cluster) => cluster.health !== 'lost');
    return {
      refuses: (index) => (ready[index] === 1 ? false : !(subject.held.has(index) && keeps[index] === 1)),
      why: (index) => `is ${fleet.clusters[index]?.health}`,
    };
  },
};
