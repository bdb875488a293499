/**
 * A cluster fails, with the default timers: seconds from the fault until the hub says so, until the first move is decided,
 * until all sets that were there exist elsewhere, and until all moves are committed.
 */
import { routes } from '../../../src/api/client/index.ts';
import { rounded } from '../figures.ts';
import type { RealFleet } from './fleet.ts';
import type { BenchSet } from './sets.ts';
import { eventually, within } from './wait.ts';

/** Stopped: its connections stay open and hang (SIGSTOP, a cut). Killed: nobody answers the door. */
export const FAULTS = ['networkCut', 'agentStopped', 'apiServerStopped', 'apiServerKilled'] as const;
export type FaultName = (typeof FAULTS)[number];

/** Silence of 30 s, a heartbeat of patience, the move; what has not begun by then is said not to happen. */
const LOST_WITHIN_MS = 75_000;
/** Steady for a minute before it is ready again. */
const BACK_WITHIN_MS = 150_000;
const LOOK_EVERY_MS = 20;

/** Each fault befalls the cluster with the most sets, when the others can take them. */
export async function fault(fleet: RealFleet, name: FaultName, sets: readonly BenchSet[]) {
  const patience = { everyMs: 200, patienceMs: BACK_WITHIN_MS };
  await eventually('every set is on one cluster', () => settled(fleet, sets), patience);
  const cluster = busiest(fleet, sets);
  await eventually('other clusters can take them', () => othersReady(fleet, cluster), patience);
  const moved = sets.filter((set) => fleet.presence.clustersOf(set.name).includes(cluster));
  for (const set of moved) fleet.presence.forget(set.name, 'exists');
  const others = [...fleet.reals.keys()].filter((other) => other !== cluster);
  const elsewhere = moved.map((set) =>
    Promise.race(others.map((other) => fleet.presence.seen(set.name, 'exists', other))),
  );
  const earlier = new Set((await reschedules(fleet)).map(({ id }) => id));
  await strike(fleet, name, cluster);
  const atMs = performance.now();
  const seconds = (ms: number) => rounded((ms - atMs) / 1_000, 2);
  try {
    const suspect = await health(fleet, cluster, ['suspect', 'lost']);
    const lost = await health(fleet, cluster, ['lost']);
    const moves = await eventually(
      'every set has a move',
      async () => {
        const now = (await reschedules(fleet)).filter(({ id }) => !earlier.has(id));
        return now.length >= moved.length ? now.map(({ id }) => id) : undefined;
      },
      { everyMs: LOOK_EVERY_MS, patienceMs: LOST_WITHIN_MS },
    );
    const decided = performance.now();
    const exist = await within('all sets exist elsewhere', Promise.all(elsewhere));
    const ends = await Promise.all(moves.map((id) => within(`${id} ends`, fleet.ends.of(id))));
    return {
      setsMoved: moved.length,
      toSuspectSeconds: seconds(suspect),
      toLostSeconds: seconds(lost),
      toAllMovesDecidedSeconds: seconds(decided),
      toAllExistElsewhereSeconds: seconds(Math.max(...exist)),
      toAllCommittedSeconds: seconds(Math.max(...ends.map((end) => end.atMs))),
      outcomes: [...new Set(ends.map(({ outcome }) => outcome))],
    };
  } finally {
    await heal(fleet, name, cluster);
  }
}

function busiest({ reals, presence }: RealFleet, sets: readonly BenchSet[]): string {
  const count = (cluster: string) => sets.filter(({ name }) => presence.clustersOf(name).includes(cluster)).length;
  return [...reals.keys()].sort((a, b) => count(b) - count(a))[0] ?? '';
}

async function othersReady({ client }: RealFleet, cluster: string): Promise<true | undefined> {
  const all = await client.all(routes.clusters.list);
  const others = all.filter(({ name }) => name !== cluster).map(({ health }) => health);
  const able = others.includes('ready') && !others.includes('suspect') && !others.includes('lost');
  return able || undefined;
}

async function strike(fleet: RealFleet, name: FaultName, cluster: string): Promise<void> {
  const controlPlane = fleet.reals.get(cluster)?.controlPlane;
  switch (name) {
    case 'networkCut':
      return void fleet.networks.get(cluster)?.set({ kind: 'cut' });
    case 'agentStopped':
      return void process.kill(fleet.agents.get(cluster) ?? 0, 'SIGSTOP');
    case 'apiServerStopped':
      return controlPlane?.pause('kube-apiserver');
    case 'apiServerKilled':
      return controlPlane?.kill('kube-apiserver');
  }
}

async function heal(fleet: RealFleet, name: FaultName, cluster: string): Promise<void> {
  const controlPlane = fleet.reals.get(cluster)?.controlPlane;
  switch (name) {
    case 'networkCut':
      return void fleet.networks.get(cluster)?.set({ kind: 'none' });
    case 'agentStopped':
      return void process.kill(fleet.agents.get(cluster) ?? 0, 'SIGCONT');
    case 'apiServerStopped':
      return controlPlane?.resume('kube-apiserver');
    case 'apiServerKilled':
      return controlPlane?.start('kube-apiserver');
  }
}

function health({ client }: RealFleet, name: string, wanted: readonly string[]): Promise<number> {
  const look = async () => {
    const { health: now } = await client.call(routes.clusters.get, { params: { name } });
    return wanted.includes(now) ? performance.now() : undefined;
  };
  return eventually(`the hub says that ${name} is ${wanted[0]}`, look, {
    everyMs: LOOK_EVERY_MS,
    patienceMs: LOST_WITHIN_MS,
  });
}

function reschedules({ client }: RealFleet) {
  return client.all(routes.transactions.list, { query: { kind: 'reschedule' } });
}

function settled({ presence }: RealFleet, sets: readonly BenchSet[]): true | undefined {
  return sets.every(({ name }) => presence.clustersOf(name).length === 1) || undefined;
}
