import { freeFor } from '../filters/capacity.ts';
import type { Score } from './score.ts';

/** The share of CPU or memory, whichever is scarcer, that stays free once it runs there. */
export const headroom: Score = {
  name: 'headroom',
  rate(subject, fleet) {
    const { cpuMilli, memoryBytes } = subject.need;
    const plain = subject.held.size === 0 && subject.planned.size === 0;
    return (index) => {
      const { allocatable } = fleet.clusters[index] as (typeof fleet.clusters)[number];
      const free = plain ? undefined : freeFor(subject, fleet, index);
      const cpu = ((free?.cpuMilli ?? (fleet.freeCpu[index] as number)) - cpuMilli) / allocatable.cpuMilli;
      const memory =
        ((free?.memoryBytes ?? (fleet.freeMemory[index] as number)) - memoryBytes) / allocatable.memoryBytes;
      const share = Math.min(cpu, memory);
      return share > 0 ? 100 * Math.min(1, share) : 0; // a cluster of no size gives NaN: no headroom
    };
  },
};
