import type { Score } from './score.ts';

/** Near what it needs and what needs it: 100 on the same cluster, 50 in the same region; and where a primary is preferred. */
export const affinity: Score = {
  name: 'affinity',
  rate(subject, fleet) {
    const preferred = Object.entries(subject.prefer);
    const { near } = subject;
    if (near.length === 0 && preferred.length === 0) return undefined;
    const regions = fleet.domains('region').of;
    const named = fleet.domains('region').names;
    const regionsOf = near.map((clusters) => new Set([...clusters].map((index) => regions[index])));
    return (index) => {
      let sum = 0;
      for (let i = 0; i < near.length; i++) {
        if (near[i]?.has(index)) sum += 100;
        else if (named[regions[index] as number] !== '' && regionsOf[i]?.has(regions[index])) sum += 50;
      }
      for (const [label, value] of preferred) if (fleet.clusters[index]?.labels[label] === value) sum += 100;
      return sum / (near.length + preferred.length);
    };
  },
};
