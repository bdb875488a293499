/** One agent comes to watch 2,000 objects, then 4,000: its memory and CPU, and what each further object costs. */
import { rounded } from '../figures.ts';
import { cpuSecondsOf, memoryOf } from '../local.ts';
import { submit } from './deploying.ts';
import type { RealFleet } from './fleet.ts';
import { stackSource } from './sets.ts';
import { sleep } from './wait.ts';

/** Small ConfigMaps of a namespace of their own. */
const OBJECTS_PER_STACK = 250;
const STEP_OBJECTS = 2_000;
const SETTLE_MS = 10_000;
const BYTES_OF_DATA = 200;

export async function watched(fleet: RealFleet, say: (line: string) => void) {
  const [[cluster, pid]] = [...fleet.agents] as [[string, number]];
  const read = async (objects: number, deploySeconds: number) => {
    const rightAfter = rounded(memoryOf(pid).rssMiB);
    const cpu = cpuSecondsOf(pid);
    await sleep(SETTLE_MS);
    const idle = ((cpuSecondsOf(pid) - cpu) / SETTLE_MS) * 100_000;
    const line = {
      objects,
      agentRssMiB: rounded(memoryOf(pid).rssMiB),
      agentRssRightAfterMiB: rightAfter,
      agentCpuPercentOfOneCore: rounded(idle, 2),
      deploySeconds: rounded(deploySeconds),
      hubRssMiB: rounded(memoryOf(fleet.hubPid).rssMiB),
    };
    say(JSON.stringify(line));
    return line;
  };
  const steps = [await read(0, 0)];
  for (let step = 1; step <= 2; step++) {
    const startedMs = performance.now();
    for (let n = 0; n < STEP_OBJECTS / OBJECTS_PER_STACK; n++) await deployMany(fleet, cluster, `watched-${step}-${n}`);
    steps.push(await read(step * STEP_OBJECTS, (performance.now() - startedMs) / 1_000));
  }
  const [, first, second] = steps;
  const grown = (second?.agentRssMiB ?? Number.NaN) - (first?.agentRssMiB ?? Number.NaN);
  return { steps, agentRssKiBPerFurtherObject: rounded((grown * 1_024) / STEP_OBJECTS) };
}

async function deployMany(fleet: RealFleet, cluster: string, name: string): Promise<void> {
  const objects = Array.from({ length: OBJECTS_PER_STACK }, (_, n) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `item-${n}` },
    data: { value: `${name}-${n}`.padEnd(BYTES_OF_DATA, '.') },
  }));
  await submit(fleet, stackSource(name, name, objects, cluster));
}
