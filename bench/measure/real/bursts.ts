/**
 * Apply accepted → objects exist → Ready → committed, one set at a time and many at once; the same sets by plain server-side
 * apply from this process; and what the many cost the processes of the fleet.
 */
import { rounded, spread } from '../figures.ts';
import { applyPlainly, type Deployed, deploy } from './deploying.ts';
import type { RealFleet } from './fleet.ts';
import { cpuPer, cpuSeconds, memory } from './processes.ts';
import { requestsPer, requestTotals } from './requests.ts';
import { setOf, type Variant } from './sets.ts';

export const SINGLES = 20;

type Way = 'ldc' | 'baseline';

/** The set's name says the way, the variant and its number: `single-own-3`. */
function one(fleet: RealFleet, way: Way, name: string, variant: Variant, n: number): Promise<Deployed> {
  if (way === 'ldc') return deploy(fleet, setOf(`${name}-${variant}-${n}`, variant));
  const clusters = [...fleet.kube.keys()];
  return applyPlainly(fleet, setOf(`plain-${name}-${variant}-${n}`, variant), clusters[n % clusters.length] as string);
}

export async function oneAtATime(fleet: RealFleet, way: Way, variant: Variant) {
  const all: Deployed[] = [];
  for (let n = 0; n < SINGLES; n++) all.push(await one(fleet, way, 'single', variant, n));
  return shown(all, way);
}

/** All are called in the same moment. */
export async function atOnce(fleet: RealFleet, way: Way, variant: Variant, count: number) {
  const askedBefore = await requestTotals(fleet);
  const before = cpuSeconds(fleet);
  const startedMs = performance.now();
  const all = await Promise.all(Array.from({ length: count }, (_, n) => one(fleet, way, 'many', variant, n)));
  const rate = (pick: (one: Deployed) => number) => rounded((count * 1_000) / (Math.max(...all.map(pick)) - startedMs));
  const wallSeconds = (performance.now() - startedMs) / 1_000;
  const cpuSecondsPerSet = cpuPer(count, before, cpuSeconds(fleet));
  return {
    sets: count,
    ...shown(all, way),
    setsPerSecondExist: rate(({ existsMs }) => existsMs),
    setsPerSecondReady: rate(({ readyMs }) => readyMs),
    ...(way === 'ldc' ? { setsPerSecondCommitted: rate(({ endedMs }) => endedMs) } : {}),
    wallSeconds: rounded(wallSeconds, 2),
    cpuSecondsPerSet,
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
