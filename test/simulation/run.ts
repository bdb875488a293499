/** One seed from its beginning to the end of its calm phase. */
import { deriveRandom, errorText, randomInt } from '../../src/base/index.ts';
import { convergeChecker } from './checkers/converge.ts';
import { durableChecker } from './checkers/durable.ts';
import { foldChecker } from './checkers/fold.ts';
import { imageChecker } from './checkers/image.ts';
import { outcomeChecker } from './checkers/outcome.ts';
import { type Checker, Violation } from './events.ts';
import { type FaultKind, startFaults } from './faults.ts';
import { startPeople } from './people.ts';
import { isReady, openWorld, type World } from './world.ts';

const FAULTS_MS_MIN = 60_000;
const FAULTS_MS_MAX = 180_000;
const CALM_MS_MAX = 2 * 3_600_000;
const HELP_EVERY_MS = 30_000;
/** What is stuck after so many retries of a person, in a world where nothing fails any more, stays so. */
const HELPS_MAX = 12;
const QUIET_MS = 120_000;

export interface RunOptions {
  readonly without?: readonly FaultKind[];
  readonly trace?: boolean;
  /** Is handed the world before anything runs in it. */
  readonly listen?: (world: World) => void;
}

export interface RunResult {
  readonly seed: number;
  readonly events: number;
  readonly digest: string;
  readonly violation: Violation | undefined;
  /** The last events, in words; with `trace`: all. */
  readonly lines: readonly string[];
  /** How often each fault struck, each outcome came about, each thing was compared. */
  readonly counts: { readonly [what: string]: number };
}

export async function simulate(
  seed: number,
  { without = [], trace = false, listen }: RunOptions = {},
): Promise<RunResult> {
  const seen: { readonly [what: string]: number }[] = [];
  const checkers = (of: World): readonly Checker[] => {
    listen?.(of);
    const [outcome, durable, image] = [outcomeChecker(), durableChecker(of), imageChecker(of)];
    seen.push(outcome.seen, durable.seen, image.seen);
    return [outcome, foldChecker(of), durable, image, convergeChecker(of)];
  };
  const world = await openWorld(seed, { trace, checkers });
  const faults = startFaults(world, without);
  const people = startPeople(world);
  let violation: Violation | undefined;
  // it would end the process of hub or agent
  const onRejection = (error: unknown) => world.violate('crash', `nobody handles: ${errorText(error)}`);
  process.on('unhandledRejection', onRejection);
  try {
    const random = deriveRandom(seed, 'length');
    await world.pass(FAULTS_MS_MIN + randomInt(random, FAULTS_MS_MAX - FAULTS_MS_MIN));
    people.calm();
    faults.calm();
    await calm(world, () => people.help());
    world.check();
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    violation = error;
  } finally {
    process.off('unhandledRejection', onRejection);
  }
  const counts = Object.assign({}, faults.counts, people.counts, ...seen) as RunResult['counts'];
  const lines = world.lines(trace ? Number.POSITIVE_INFINITY : undefined);
  return { seed, events: world.events, digest: world.digest(), violation, lines, counts };
}

/** Until nothing is under way and every cluster is ready; then for a while nothing more may happen. */
async function calm(world: World, help: () => void): Promise<void> {
  const isSettled = () => {
    const rooms = world.hub?.rooms;
    if (rooms === undefined || !isReady(world)) return false;
    return ['unfinished', 'owed', 'stale'].every((one) => rooms.store.documents.list(one, { limit: 1 }).length === 0);
  };
  const untilMs = world.atMs + CALM_MS_MAX;
  let helps = 0;
  while (world.atMs < untilMs && (helps < HELPS_MAX || !isStuck(world))) {
    if (!(await world.until(isSettled, HELP_EVERY_MS))) {
      help();
      helps++;
    }
    // what availability decides next may open another one
    else if (await stays(world, isSettled)) return;
  }
  throw new Violation('converge', unsettled(world));
}

async function stays(world: World, isSettled: () => boolean): Promise<boolean> {
  const entries = () => world.disk.journal.length;
  const before = entries();
  await world.pass(QUIET_MS);
  return isSettled() && entries() === before;
}

function isStuck({ hub }: World): boolean {
  return (hub?.rooms?.engine.list({ state: 'stuck' }).items ?? []).length > 0;
}

function unsettled({ hub, clusters, atMs }: World): string {
  const rooms = hub?.rooms;
  if (rooms === undefined) return 'the hub does not start';
  const open = rooms.engine.list({ unfinished: true }).items.map(({ id, kind, state }) => `${kind} ${id} is ${state}`);
  const due = ['owed', 'stale'].flatMap((one) => rooms.store.documents.list(one).map(({ key }) => `${one} ${key}`));
  const health = [...clusters.keys()].map((name) => `${name} is ${rooms.availability.health(name)?.health}`);
  return `at ${Math.round(atMs / 1_000)} s, long calm: ${[...open, ...due, ...health].join('; ')}`;
}
