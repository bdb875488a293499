import type { Score } from './score.ts';

/** Where it runs already. */
export const steady: Score = {
  name: 'steady',
  rate: (subject) => (subject.held.size === 0 ? undefined : (index) => (subject.held.has(index) ? 100 : 0)),
};
