/** Which transactions are owed now: state in, decisions out. Pure; the loop in availability.ts carries them out. */
import type { StackRef } from '../plan/index.ts';
import { brakesOn, type ClusterState, type HubState, heldBy, isSilent } from './brakes.ts';
import type { Brake, HealthTimers, MoveBudget, Waiting } from './types.ts';

/** What one stack has on one cluster. */
export interface Holding {
  readonly stack: StackRef;
  readonly cluster: string;
  /** Locations that should be served there. */
  readonly wanted: number;
  /** Undo or removal that is due there. */
  readonly owed: number;
}

/**
 * An unfinished transaction of a stack: `moving` is a reschedule; `settling` settles one cluster; `running` goes on by
 * itself (it looks after lost clusters on its own); `held` waits for a person and never delays a move (DESIGN §5);
 * `queuedSettle` has not begun either and delays no move, but one in the queue is enough.
 */
export interface Busy {
  readonly stack: StackRef;
  readonly kind: 'moving' | 'settling' | 'running' | 'held' | 'queuedSettle';
  /** Clusters to which a move brings something. */
  readonly targets: readonly string[];
}

export interface Situation {
  readonly timers: HealthTimers;
  readonly budget: MoveBudget;
  readonly hub: HubState;
  readonly clusters: readonly ClusterState[];
  /** Clusters that were removed while they served something: what a person has decided is not braked. */
  readonly gone: readonly string[];
  /** Of clusters that are gone, lost, draining or removing, and of those with owed work. */
  readonly holdings: readonly Holding[];
  readonly busy: readonly Busy[];
  /** Milliseconds left, by stack (`project/name`) for moves and `project/name@cluster` for settles. */
  readonly cooldowns: ReadonlyMap<string, number>;
}

export interface Move {
  readonly stack: StackRef;
  readonly cause: 'clusterLost' | 'drain';
  /** Where it has to leave, sorted. */
  readonly away: readonly string[];
}

export interface Settle {
  readonly cluster: string;
  readonly stacks: readonly StackRef[];
}

export interface Decision {
  readonly brakes: readonly Brake[];
  readonly moves: readonly Move[];
  readonly settles: readonly Settle[];
  readonly waiting: readonly Waiting[];
}

export function stackKey(stack: StackRef): string {
  return `${stack.project}/${stack.name}`;
}

export function decide(situation: Situation): Decision {
  const { timers, budget, busy } = situation;
  const brakes = brakesOn(situation.clusters, situation.hub, timers);
  const wanted = wantedMoves(situation, brakes);
  const waiting: Waiting[] = [...wanted.waiting];
  const moves: Move[] = [];
  let free = budget.atOnce - busy.filter((each) => each.kind === 'moving').length;
  for (const move of wanted.moves) {
    const obstacle = obstacleOf(move.stack, situation) ?? (free > 0 ? undefined : overBudget(budget));
    if (obstacle !== undefined) waiting.push({ stack: move.stack, clusters: move.away, ...obstacle });
    else {
      moves.push(move);
      free -= 1;
    }
  }
  return { brakes, moves, settles: settlesOf(situation), waiting };
}

/** How many unfinished moves bring something to each cluster. */
export function movesPerTarget(busy: readonly Busy[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const each of busy) {
    if (each.kind !== 'moving') continue;
    for (const target of each.targets) counts.set(target, (counts.get(target) ?? 0) + 1);
  }
  return counts;
}

/** Every stack that should leave some clusters, one move each, before budgets: by stack name. */
function wantedMoves(
  situation: Situation,
  brakes: readonly Brake[],
): { moves: readonly Move[]; waiting: readonly Waiting[] } {
  const clusters = new Map(situation.clusters.map((cluster) => [cluster.name, cluster]));
  const leaving = new Map<string, { stack: StackRef; lost: string[]; drained: string[] }>();
  const waiting: Waiting[] = [];
  for (const { stack, cluster: name, wanted } of situation.holdings) {
    const cluster = clusters.get(name);
    const isGone = situation.gone.includes(name);
    if (wanted === 0 || (cluster === undefined && !isGone)) continue;
    const verdict = cluster === undefined ? 'drained' : mustLeave(cluster, brakes, situation.timers);
    if (verdict === 'stay') continue;
    if (typeof verdict === 'object') {
      waiting.push({ stack, clusters: [name], ...verdict });
      continue;
    }
    const entry = leaving.get(stackKey(stack)) ?? { stack, lost: [], drained: [] };
    leaving.set(stackKey(stack), entry);
    (verdict === 'lost' ? entry.lost : entry.drained).push(name);
  }
  const sorted = [...leaving.entries()].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const moves = sorted.map(([, { stack, lost, drained }]): Move => {
    return { stack, cause: lost.length > 0 ? 'clusterLost' : 'drain', away: [...lost, ...drained].sort() };
  });
  return { moves, waiting };
}

/** Whether what a cluster serves has to leave it: lost ones under the brakes, drained ones because a person said so. */
function mustLeave(
  cluster: ClusterState,
  brakes: readonly Brake[],
  timers: HealthTimers,
): 'stay' | 'lost' | 'drained' | Pick<Waiting, 'cause' | 'detail'> {
  const drained = cluster.intent === 'draining' || cluster.intent === 'removing';
  if (cluster.health === 'suspect' && drained) {
    return {
      cause: 'heartbeat',
      detail: `${cluster.name} is silent: the drain goes on when it is heard again or lost`,
    };
  }
  if (cluster.health !== 'lost') return drained ? 'drained' : 'stay';
  // the others that went silent at the same moment must have had the time to be counted
  if ((cluster.lostForMs ?? 0) < timers.heartbeatMs) {
    return { cause: 'heartbeat', detail: `${cluster.name} is lost for less than one heartbeat` };
  }
  if (drained) return 'drained'; // a person knows more than the count
  const brake = heldBy(cluster, brakes);
  return brake === undefined ? 'lost' : { cause: 'brake', detail: `${brake.scope}: ${brake.reason}` };
}

function obstacleOf(stack: StackRef, situation: Situation): Pick<Waiting, 'cause' | 'detail'> | undefined {
  const key = stackKey(stack);
  const busy = situation.busy.find((each) => delays(each) && stackKey(each.stack) === key);
  if (busy !== undefined) return { cause: 'busy', detail: `a transaction of it is ${busy.kind}` };
  const remainingMs = situation.cooldowns.get(key);
  if (remainingMs === undefined || remainingMs <= 0) return undefined;
  return {
    cause: 'cooldown',
    detail: `its last move was refused or undone; tried again in ${Math.ceil(remainingMs / 1000)} s`,
  };
}

function delays({ kind }: Busy): boolean {
  return kind !== 'held' && kind !== 'queuedSettle';
}

function overBudget(budget: MoveBudget): Pick<Waiting, 'cause' | 'detail'> {
  return { cause: 'budget', detail: `${budget.atOnce} moves are under way, as many as the budget allows` };
}

function isSettling({ kind }: Busy): boolean {
  return kind === 'settling' || kind === 'queuedSettle';
}

/**
 * Owed work goes on where heartbeats come, one transaction per stack and cluster, whatever the brakes say: it moves nothing.
 * Another transaction of the stack is no reason to wait: at that cluster it waits itself for what is owed there.
 */
function settlesOf({ clusters, holdings, busy, cooldowns, timers }: Situation): readonly Settle[] {
  const reachable = clusters.filter(
    (cluster) => (cluster.health === 'ready' || cluster.health === 'returning') && !isSilent(cluster, timers),
  );
  return reachable.flatMap(({ name }): Settle[] => {
    const stacks = holdings
      .filter((holding) => holding.cluster === name && holding.owed > 0)
      .map((holding) => holding.stack)
      .filter((stack) => (cooldowns.get(`${stackKey(stack)}@${name}`) ?? 0) <= 0)
      .filter((stack) => !busy.some((each) => isSettling(each) && stackKey(each.stack) === stackKey(stack)));
    return stacks.length === 0 ? [] : [{ cluster: name, stacks }];
  });
}

/** Clusters that have as many unfinished moves as the budget allows, sorted. */
export function fullTargets(busy: readonly Busy[], budget: MoveBudget): readonly string[] {
  const counts = [...movesPerTarget(busy)];
  return counts.flatMap(([cluster, count]) => (count >= budget.perTargetAtOnce ? [cluster] : [])).sort();
}
