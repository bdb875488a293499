import type { Amounts } from '../../ldc/index.ts';
import type { Fleet } from '../fleet.ts';
import type { Subject } from '../subject.ts';
import type { Filter } from './filter.ts';

/** Room for one location: what is free, less what this decision has given away, plus what the location takes there already. */
export const capacity: Filter = {
  name: 'capacity',
  check(subject, fleet) {
    const { cpuMilli, memoryBytes, pods } = subject.need;
    return {
      refuses(index) {
        if (subject.held.size > 0 || subject.planned.size > 0) return shortText(subject, fleet, index) !== undefined;
        return (
          (fleet.freeCpu[index] as number) < cpuMilli ||
          (fleet.freeMemory[index] as number) < memoryBytes ||
          (fleet.freePods[index] as number) < pods
        );
      },
      why: (index) => shortText(subject, fleet, index) ?? '',
    };
  },
};

/** Amounts free for a subject on a cluster. */
export function freeFor(subject: Subject, fleet: Fleet, index: number): Amounts {
  const held = subject.held.get(index);
  const planned = subject.planned.get(index);
  return {
    cpuMilli: (fleet.freeCpu[index] as number) + (held?.cpuMilli ?? 0) - (planned?.cpuMilli ?? 0),
    memoryBytes: (fleet.freeMemory[index] as number) + (held?.memoryBytes ?? 0) - (planned?.memoryBytes ?? 0),
    pods: (fleet.freePods[index] as number) + (held?.pods ?? 0) - (planned?.pods ?? 0),
  };
}

function shortText(subject: Subject, fleet: Fleet, index: number): string | undefined {
  const free = freeFor(subject, fleet, index);
  const { need } = subject;
  const held = subject.held.get(index);
  // an overcommitted cluster keeps what runs there, as long as it does not grow
  const short = (wanted: number, there: number, has: number | undefined) => wanted > there && wanted > (has ?? 0);
  const missing = [
    short(need.cpuMilli, free.cpuMilli, held?.cpuMilli)
      ? `needs ${cpuText(need.cpuMilli)}, has ${cpuText(free.cpuMilli)} free`
      : undefined,
    short(need.memoryBytes, free.memoryBytes, held?.memoryBytes)
      ? `needs ${memoryText(need.memoryBytes)} of memory, has ${memoryText(free.memoryBytes)} free`
      : undefined,
    short(need.pods, free.pods, held?.pods)
      ? `needs room for ${need.pods} pods, has ${Math.max(0, free.pods)}`
      : undefined,
  ].filter((text) => text !== undefined);
  return missing.length === 0 ? undefined : missing.join('; ');
}

/** `3 CPU`, `0.25 CPU` */
export function cpuText(milli: number): string {
  return `${Math.max(0, milli) / 1000} CPU`;
}

export function memoryText(bytes: number): string {
  const mebibytes = Math.max(0, bytes) / 2 ** 20;
  return mebibytes >= 1024 ? `${Math.round((mebibytes / 1024) * 10) / 10}Gi` : `${Math.floor(mebibytes)}Mi`;
}
