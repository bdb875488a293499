/** What the processes of a fleet cost, by class. */
import type { ControlPlanePart } from '../../../src/sim/real/index.ts';
import { rounded } from '../figures.ts';
import { cpuSecondsOf, memoryOf } from '../local.ts';
import type { RealFleet } from './fleet.ts';

const PARTS: readonly ControlPlanePart[] = [
  'kube-apiserver',
  'etcd',
  'kube-controller-manager',
  'kube-scheduler',
  'kwok',
];

/** CPU seconds so far, by class: the parts of all control planes, `agents`, `hub`, `bench` (this process). */
export type CpuSeconds = ReadonlyMap<string, number>;

export function cpuSeconds({ reals, agents, hubPid }: RealFleet): CpuSeconds {
  const sum = (pids: readonly (number | undefined)[]) =>
    pids.reduce<number>((total, pid) => total + (pid === undefined ? 0 : cpuSecondsOf(pid)), 0);
  const parts = PARTS.map(
    (part) => [part, sum([...reals.values()].map(({ controlPlane }) => controlPlane.pid(part)))] as const,
  );
  const agentPids = [...agents.values()];
  return new Map([...parts, ['agents', sum(agentPids)], ['hub', sum([hubPid])], ['bench', sum([process.pid])]]);
}

/** What was used between two readings: seconds of each class and of all, for one of `count` things. */
export function cpuPer(count: number, before: CpuSeconds, after: CpuSeconds): { readonly [name: string]: number } {
  const used = [...after].map(([name, seconds]) => [name, (seconds - (before.get(name) ?? 0)) / count] as const);
  const all = used.reduce((total, [, seconds]) => total + seconds, 0);
  return Object.fromEntries([...used, ['all', all] as const].map(([name, seconds]) => [name, rounded(seconds, 4)]));
}

/** Resident memory now. */
export function memory({ agents, hubPid }: RealFleet) {
  return {
    hubRssMiB: rounded(memoryOf(hubPid).rssMiB),
    agentRssMiB: [...agents.values()].map((pid) => rounded(memoryOf(pid).rssMiB)),
  };
}
