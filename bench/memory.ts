/**
 * What an idle installation costs: memory and CPU of the hub with 4 embedded clusters joined, and what each further embedded
 * cluster with its agent adds to the one process that serves them all. Linux (/proc). `node bench/memory.ts`; JSON on stdout.
 */
import { defaultTimers } from '../src/availability/index.ts';
import { printFigures, rounded } from './measure/figures.ts';
import { cpuSecondsOf, type Local, memoryOf, withLocal } from './measure/local.ts';

const SETTLE_MS = 15_000;
const IDLE_MS = 20_000;
const FEW = 4;
const MANY = 24;

interface Cost {
  readonly rssMiB: number;
  readonly pssMiB: number;
  readonly idleCpuPercentOfOneCore: number;
}

/** Costs of hub and fleet after they have come to rest. */
async function costs({ hubPid, fleetPid, readySeconds }: Local) {
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const pids = [hubPid, fleetPid];
  const before = pids.map(cpuSecondsOf);
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
  const [hub, fleet] = pids.map((pid, index): Cost => {
    const { rssMiB, pssMiB } = memoryOf(pid);
    const cpuSeconds = cpuSecondsOf(pid) - (before[index] ?? 0);
    return { rssMiB, pssMiB, idleCpuPercentOfOneCore: (cpuSeconds / IDLE_MS) * 100_000 };
  });
  return { hub: hub as Cost, fleet: fleet as Cost, readySeconds };
}

const shown = ({ rssMiB, pssMiB, idleCpuPercentOfOneCore }: Cost) => ({
  rssMiB: rounded(rssMiB),
  pssMiB: rounded(pssMiB),
  idleCpuPercentOfOneCore: rounded(idleCpuPercentOfOneCore, 2),
});

const few = await withLocal({ clusters: FEW, timers: defaultTimers }, costs);
const many = await withLocal({ clusters: MANY, timers: defaultTimers }, costs);
const each = (of: 'hub' | 'fleet', figure: keyof Cost) =>
  rounded((many[of][figure] - few[of][figure]) / (MANY - FEW), 2);
printFigures('memory', {
  hubWith4Clusters: shown(few.hub),
  hubWith24Clusters: shown(many.hub),
  fleetOf4Clusters: { ...shown(few.fleet), readySeconds: rounded(few.readySeconds) },
  fleetOf24Clusters: { ...shown(many.fleet), readySeconds: rounded(many.readySeconds) },
  perEmbeddedClusterWithAgent: {
    pssMiB: each('fleet', 'pssMiB'),
    idleCpuPercentOfOneCore: each('fleet', 'idleCpuPercentOfOneCore'),
  },
});
