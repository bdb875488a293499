/**
 * One agent comes to watch 2,000 objects, then 4,000: its memory as it is after the deploys and started anew, and what
 * each further object costs.
 */
import { rounded } from '../figures.ts';
import { memoryOf } from '../local.ts';
import { submit } from './deploying.ts';
import type { RealFleet } from './fleet.ts';
import { stackSource } from './sets.ts';
import { sleep } from './wait.ts';

/** Small ConfigMaps of a namespace of their own. */
const OBJECTS_PER_STACK = 250;
const STEP_OBJECTS = 2_000;
const STEPS = 2;
const SETTLE_MS = 10_000;
const BYTES_OF_DATA = 200;

interface Settled {
  readonly agentRssMiB: number;
  readonly hubRssMiB: number;
}

interface Step {
  readonly objects: number;
  readonly deploySeconds: number;
  readonly deployed: Settled;
  readonly startedAnew: Settled;
}

export async function watched(fleet: RealFleet, say: (line: string) => void) {
  const [cluster = ''] = fleet.agents.keys();
  const steps: Step[] = [];
  for (let step = 0; step <= STEPS; step++) {
    const startedMs = performance.now();
    const stacks = step === 0 ? 0 : STEP_OBJECTS / OBJECTS_PER_STACK;
    for (let n = 0; n < stacks; n++) await deployMany(fleet, cluster, `watched-${step}-${n}`);
    const deploySeconds = rounded((performance.now() - startedMs) / 1_000);
    const deployed = await settled(fleet, cluster);
    await fleet.restartAgent(cluster);
    const line = { objects: step * STEP_OBJECTS, deploySeconds, deployed, startedAnew: await settled(fleet, cluster) };
    say(JSON.stringify(line));
    steps.push(line);
  }
  const perObject = (way: 'deployed' | 'startedAnew') => {
    const grown = (steps[STEPS]?.[way].agentRssMiB ?? Number.NaN) - (steps[1]?.[way].agentRssMiB ?? Number.NaN);
    return rounded((grown * 1_024) / (STEP_OBJECTS * (STEPS - 1)));
  };
  return {
    steps,
    agentRssKiBPerFurtherObject: perObject('deployed'),
    agentRssKiBPerFurtherObjectStartedAnew: perObject('startedAnew'),
  };
}

/** After a while in which nothing is deployed. */
async function settled({ agents, hubPid }: RealFleet, cluster: string): Promise<Settled> {
  await sleep(SETTLE_MS);
  const rss = (pid: number) => rounded(memoryOf(pid).rssMiB);
  return { agentRssMiB: rss(agents.get(cluster) ?? 0), hubRssMiB: rss(hubPid) };
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
