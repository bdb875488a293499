import type { Score } from './score.ts';

/** Cheaper clusters first: 100 for nothing, 50 for a price of 1; a price not known stands in the middle. */
export const cost: Score = {
  name: 'cost',
  rate(subject, fleet) {
    if (subject.placement.weights.cost === 0) return undefined;
    return (index) => {
      const price = fleet.clusters[index]?.cost;
      return price === undefined ? 50 : 100 / (1 + Math.max(0, price));
    };
  },
};
