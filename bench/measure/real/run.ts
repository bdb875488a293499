/** The order of the measures, and on which fleet each is taken. */
import { rounded } from '../figures.ts';
import { atOnce, oneAtATime, SINGLES } from './bursts.ts';
import { apply, deploy } from './deploying.ts';
import { drifts } from './drifts.ts';
import { FAULTS, fault } from './faults.ts';
import { type RealFleet, withRealFleet } from './fleet.ts';
import { idle } from './idle.ts';
import { memory } from './processes.ts';
import type { Results } from './results.ts';
import { type BenchSet, SHARED_NAMESPACE, setOf, type Variant } from './sets.ts';
import { statusChanges } from './status.ts';
import { sleep } from './wait.ts';
import { watched } from './watched.ts';

const CLUSTERS = 3;
const VARIANTS: readonly Variant[] = ['shared', 'own'];
const STATUS_SETS = 12;
const LOAD_AT_ONCE = 25;
const FAULT_SETS = 6;
const IDLE_SETS = 30;
const IDLE_SECONDS = 60;
const OBJECTS_PER_SET = 3;
const SETTLE_MS = 10_000;

/** Three fleets, one after the other: what costs CPU on one (audit logs, proxies) is not on another. */
export async function runAll(results: Results, stacks: number): Promise<void> {
  if (results.wants('single', 'burst', 'baseline', 'status', 'drift')) {
    results.say('starting a fleet for deploys');
    await withRealFleet({ clusters: CLUSTERS }, (fleet) => deploys(fleet, results, stacks));
  }
  if (results.wants('watched', 'idle')) {
    results.say('starting an audited fleet for memory and idling');
    await withRealFleet({ clusters: CLUSTERS, audited: true }, (fleet) => quiet(fleet, results));
  }
  if (results.wants('faults')) {
    results.say('starting a fleet behind proxies for faults');
    await withRealFleet({ clusters: CLUSTERS, proxied: true }, (fleet) => faults(fleet, results));
  }
}

async function deploys(fleet: RealFleet, results: Results, stacks: number): Promise<void> {
  await results.take('memoryFresh', async () => memory(fleet));
  await warm(fleet);
  await results.take('memoryWarm', async () => memory(fleet));
  for (const variant of VARIANTS) await singles(fleet, results, variant);
  const sets = Array.from({ length: SINGLES }, (_, n) => setOf(`single-own-${n}`, 'own'));
  if (results.wants('status'))
    await results.take('statusQuiet', () => statusChanges(fleet, sets.slice(0, STATUS_SETS)));
  if (results.wants('drift')) await results.take('drift', () => drifts(fleet, sets));
  for (const variant of VARIANTS) await bursts(fleet, results, variant, stacks);
  if (results.wants('status'))
    await results.take('statusUnderLoad', () => statusUnderLoad(fleet, sets.slice(0, STATUS_SETS)));
  await sleep(SETTLE_MS);
  await results.take('memoryAfter', async () => memory(fleet));
}

/** The first of everything: namespaces, watches, connections, compiled code. */
async function warm(fleet: RealFleet): Promise<void> {
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: SHARED_NAMESPACE } };
  for (const cluster of fleet.kube.keys())
    await apply(fleet, cluster, `/api/v1/namespaces/${SHARED_NAMESPACE}`, namespace);
  for (const variant of VARIANTS)
    for (const n of fleet.kube.keys()) await deploy(fleet, setOf(`warm-${variant}-${n}`, variant));
}

/** Status and drift need the sets of `own`, so that these are deployed for them too. */
async function singles(fleet: RealFleet, results: Results, variant: Variant): Promise<void> {
  const needed = variant === 'own' && results.wants('status', 'drift');
  if (!results.wants('single') && !needed) return;
  const ldc = await results.take(`single_${variant}`, () => oneAtATime(fleet, 'ldc', variant));
  if (!results.wants('baseline') || !results.wants('single')) return;
  const plain = await results.take(`single_${variant}_baseline`, () => oneAtATime(fleet, 'baseline', variant));
  if (ldc === undefined || plain === undefined) return;
  await results.take(`single_${variant}_ratio`, async () => ({
    calledToExistP50: rounded(ldc.calledToExistMs.p50 / plain.calledToExistMs.p50, 2),
    calledToReadyP50: rounded(ldc.calledToReadyMs.p50 / plain.calledToReadyMs.p50, 2),
  }));
}

async function bursts(fleet: RealFleet, results: Results, variant: Variant, stacks: number): Promise<void> {
  if (!results.wants('burst')) return;
  const ldc = await results.take(`burst_${variant}`, () => atOnce(fleet, 'ldc', variant, stacks));
  if (!results.wants('baseline')) return;
  const plain = await results.take(`burst_${variant}_baseline`, () => atOnce(fleet, 'baseline', variant, stacks));
  if (ldc === undefined || plain === undefined) return;
  await results.take(`burst_${variant}_ratio`, async () => ({
    secondsToExist: rounded(plain.setsPerSecondExist / ldc.setsPerSecondExist, 2),
    cpuSecondsPerSet: rounded((ldc.cpuSecondsPerSet.all ?? Number.NaN) / (plain.cpuSecondsPerSet.all ?? Number.NaN), 2),
  }));
}

/** So many deploys are under way at any time, until each set has changed. */
async function statusUnderLoad(fleet: RealFleet, sets: readonly BenchSet[]) {
  let on = true;
  let deployed = 0;
  const load = Array.from({ length: LOAD_AT_ONCE }, async (_, worker) => {
    for (let n = 0; on; n++, deployed++) await deploy(fleet, setOf(`load-${worker}-${n}`, 'own'));
  });
  const changes = statusChanges(fleet, sets).finally(() => {
    on = false;
  });
  const [figures] = await Promise.all([changes, ...load]);
  return { deploysAtOnce: LOAD_AT_ONCE, setsDeployed: deployed, ...figures };
}

async function quiet(fleet: RealFleet, results: Results): Promise<void> {
  await warm(fleet);
  for (let n = 0; n < IDLE_SETS; n++) await deploy(fleet, setOf(`idle-own-${n}`, 'own'));
  let objects = (IDLE_SETS + VARIANTS.length * CLUSTERS) * OBJECTS_PER_SET;
  if (results.wants('watched')) {
    const taken = await results.take('watched', () => watched(fleet, (line) => results.say(line)));
    objects += taken?.steps.at(-1)?.objects ?? 0;
  }
  if (!results.wants('idle')) return;
  await sleep(SETTLE_MS);
  await results.take('idle', () => idle(fleet, IDLE_SECONDS, objects));
}

async function faults(fleet: RealFleet, results: Results): Promise<void> {
  await warm(fleet);
  const sets = Array.from({ length: FAULT_SETS }, (_, n) => setOf(`moving-${n}`, 'own'));
  for (const set of sets) await deploy(fleet, set);
  for (const name of FAULTS) await results.take(`fault_${name}`, () => fault(fleet, name, sets));
}
