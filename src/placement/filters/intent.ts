import type { Filter } from './filter.ts';

/** A person's will: a cordoned cluster takes nothing new, one that is drained or removed keeps nothing either. */
export const intent: Filter = {
  name: 'intent',
  check(subject, fleet) {
    const open = fleet.mask('intent:open', (cluster) => cluster.intent === 'open');
    const keeps = fleet.mask('intent:keeps', (cluster) => cluster.intent === 'open' || cluster.intent === 'cordoned');
    return {
      refuses: (index) => (open[index] === 1 ? false : !(subject.held.has(index) && keeps[index] === 1)),
      why: (index) => `is ${fleet.clusters[index]?.intent}`,
    };
  },
};
