import type { Score } from './score.ts';

/** Halves with every ten locations that a cluster has more. */
const HALF = 10;

/** Clusters with fewer locations first. */
export const balance: Score = {
  name: 'balance',
  rate(subject, fleet) {
    const { busy } = fleet;
    return (index) => {
      const own = subject.held.has(index) ? 1 : 0; // its own location there speaks neither for nor against
      const others = Math.max(0, (busy[index] as number) - own) + (subject.planned.has(index) ? 1 : 0);
      return (100 * HALF) / (HALF + others);
    };
  },
};
