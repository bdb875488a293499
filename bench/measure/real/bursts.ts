/**
 * Apply accepted → objects exist → Ready → committed, one set at a time and many at once; the same sets by plain server-side
 * apply from this process; and what the many cost the processes of the fleet.
 */
import { rounded, spread } from '../figures.ts';
import { applyPlainly, CALLS_AT_ONCE, type Deployed, deploy } from './deploying.ts';
import type { RealFleet } from './fleet.ts';
import { cpuPer, cpuSeconds, memory } from './processes.ts';
import { requestsPer, requestTotals } from './requests.ts';
import { type BenchSet, setOf, type Variant } from './sets.ts';

export const SINGLES = 20;

type Way = 'ldc' | 'baseline';

/** Its name says the way, the variant and its number: `plain-many-own-3`. */
function nth(way: Way, name: string, variant: Variant, n: number): BenchSet {
  return setOf(`${way === 'ldc' ? '' : 'plain-'}${name}-${variant}-${n}`, variant);
}

function bring(fleet: RealFleet, way: Way, set: BenchSet, n: number): Promise<Deployed> {
  if (way === 'ldc') return deploy(fleet, set);
  const clusters = [...fleet.kube.keys()];
  return applyPlainly(fleet, set, clusters[n % clusters.length] as string);
}

export async function oneAtATime(fleet: RealFleet, way: Way, variant: Variant) {
  const all: Deployed[] = [];
  for (let n = 0; n < SINGLES; n++) all.push(await bring(fleet, way, nth(way, 'single', variant, n), n));
  return shown(all, way);
}

/** All of them, or the first failure once none is under way any more: the next measure begins in peace. */
async function settled<T>(all: readonly Promise<T>[]): Promise<readonly T[]> {
  await Promise.allSettled(all);
  return Promise.all(all);
}

/** All begin in the same moment; how many calls and requests are under way at once is the same for both ways (`CALLS_AT_ONCE`). */
export async function atOnce(fleet: RealFleet, way: Way, variant: Variant, count: number) {
  const askedBefore = await requestTotals(fleet);
  const before = cpuSeconds(fleet);
  const startedMs = performance.now();
  const sets = Array.from({ length: count }, (_, n) => nth(way, 'many', variant, n));
  const allExist = Promise.all(sets.map(({ name }) => fleet.presence.seen(name, 'exists'))).then(() =>
    cpuSeconds(fleet),
  );
  const all = await settled(sets.map((set, n) => bring(fleet, way, set, n)));
  const rate = (pick: (one: Deployed) => number) => rounded((count * 1_000) / (Math.max(...all.map(pick)) - startedMs));
  const wallSeconds = (performance.now() - startedMs) / 1_000;
  const cpuSecondsPerSet = cpuPer(count, before, cpuSeconds(fleet));
  return {
    sets: count,
    callsAtOnceMax: CALLS_AT_ONCE,
    ...shown(all, way),
    setsPerSecondExist: rate(({ existsMs }) => existsMs),
    setsPerSecondReady: rate(({ readyMs }) => readyMs),
    ...(way === 'ldc' ? { setsPerSecondCommitted: rate(({ endedMs }) => endedMs) } : {}),
    wallSeconds: rounded(wallSeconds, 2),
    // fewer than the machine has: other work had them, or something waited
    coresUsed: rounded(((cpuSecondsPerSet.all ?? Number.NaN) * count) / wallSeconds, 2),
    cpuSecondsPerSet,
    cpuSecondsPerSetUntilAllExist: cpuPer(count, before, await allExist),
    apiRequestsPerSet: requestsPer(count, askedBefore, await requestTotals(fleet)),
    ...memory(fleet),
  };
}

function shown(all: readonly Deployed[], way: Way) {
  const since = (from: 'calledMs' | 'acceptedMs', to: 'acceptedMs' | 'existsMs' | 'readyMs' | 'endedMs') =>
    spread(all.map((each) => (each[to] ?? Number.NaN) - (each[from] ?? Number.NaN)));
  const plain = { calledToExistMs: since('calledMs', 'existsMs'), calledToReadyMs: since('calledMs', 'readyMs') };
  if (way === 'baseline') return plain;
  return {
    calledToAcceptedMs: since('calledMs', 'acceptedMs'),
    acceptedToExistMs: since('acceptedMs', 'existsMs'),
    acceptedToReadyMs: since('acceptedMs', 'readyMs'),
    acceptedToCommittedMs: since('acceptedMs', 'endedMs'),
    ...plain,
  };
}
