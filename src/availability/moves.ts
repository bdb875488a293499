/** Carries decisions out through the stacks, follows what came of them, and cools down what was refused or undone. */
import { type Clock, type Digest, digestOf, type Journal, type JsonObject, type Logger } from '../base/index.ts';
import type { StackRef } from '../plan/index.ts';
import type { Engine, TransactionView } from '../saga/types.ts';
import type { ApplyResult, MoveEvidence, Moves } from '../stacks/types.ts';
import { type Busy, type Decision, type Move, type Settle, stackKey } from './decide.ts';
import { moveEntries } from './records.ts';
import type { Cooldown, HealthTimers } from './types.ts';

const COOLDOWN_MS_MAX = 600_000;
/** Plans made side by side between two looks at the budget of each target. */
const AT_ONCE = 16;
const MESSAGE_CHARACTERS_MAX = 4_000;

export type EnginePort = Pick<Engine, 'list' | 'get' | 'plan' | 'clusterChanged'>;

interface Cooling {
  readonly stack: StackRef;
  failures: number;
  untilMs: number;
  message: string;
  /** Digest of the refusal last journaled. */
  said: Digest | null;
}

type Unsubmitted = Exclude<ApplyResult, { kind: 'submitted' }>;

export interface MoveRunner {
  carryOut(decision: Decision, evidence: (clusters: readonly string[]) => JsonObject): Promise<void>;
  /** The fleet has grown: stacks that want every matching cluster are looked at, each once it is not busy. */
  cover(detail: JsonObject): Promise<void>;
  wantCover(): void;
  /** Unfinished transactions as decide() sees them; also looks after the moves that have ended. */
  busy(): readonly Busy[];
  /** By stack, or `stack@cluster` for settles: milliseconds left. */
  cooldowns(): ReadonlyMap<string, number>;
  cooldownViews(): readonly Cooldown[];
  /** The fleet has grown: what was refused may find room now. */
  forgetRefusals(): void;
}

export function createMoveRunner(ports: {
  readonly stacks: Moves;
  readonly engine: EnginePort;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly timers: HealthTimers;
  readonly logger: Logger;
}): MoveRunner {
  const { stacks, engine, journal, clock, timers } = ports;
  const cooling = new Map<string, Cooling>();
  const followed = new Map<string, { key: string; stack: StackRef }>();
  const targets = new Map<string, readonly string[]>();
  const uncovered = new Map<string, StackRef>();

  const fail = (key: string, stack: StackRef, message: string): Cooling => {
    const known = cooling.get(key) ?? { stack, failures: 0, untilMs: 0, message, said: null };
    known.failures += 1;
    known.untilMs =
      clock.monotonic() + Math.min(COOLDOWN_MS_MAX, timers.heartbeatMs * 2 ** Math.min(20, known.failures - 1));
    known.message = message;
    cooling.set(key, known);
    return known;
  };

  const refuse = async (key: string, stack: StackRef, away: readonly string[], result: Unsubmitted): Promise<void> => {
    const { message, data } = refusalOf(result);
    const known = fail(key, stack, message);
    const said = digestOf(data);
    if (known.said === said) return; // said once, not at every try
    known.said = said;
    ports.logger.warn({ stack: key, away: [...away], why: message }, 'a move was refused');
    await journal.append(moveEntries('move.refused', away, { stack: { ...stack }, ...data }));
  };

  const follow = async (
    key: string,
    stack: StackRef,
    result: Extract<ApplyResult, { kind: 'submitted' }>,
    move: MoveEvidence,
  ): Promise<void> => {
    followed.set(result.transaction, { key, stack });
    const { cause, detail } = move;
    const data = { stack: { ...stack }, transaction: result.transaction, kind: result.transactionKind, cause, detail };
    await journal.append(moveEntries('move.decided', move.clusters, data));
  };

  const move = async (each: Move, avoid: readonly string[], detail: JsonObject): Promise<void> => {
    const evidence = { cause: each.cause, clusters: each.away, detail };
    const result = await stacks.reschedule(each.stack, each.away, evidence, { avoid });
    const key = stackKey(each.stack);
    if (result.kind === 'submitted') return follow(key, each.stack, result, evidence);
    if (avoid.length > 0) return; // the budget may be all that stands in the way: asked again when a move has ended
    await refuse(key, each.stack, each.away, result);
  };

  const settle = async ({ cluster, stacks: owing }: Settle, detail: JsonObject): Promise<void> => {
    for (const stack of owing) {
      const evidence = { cause: 'returned', clusters: [cluster], detail } as const;
      const key = `${stackKey(stack)}@${cluster}`;
      for (const result of await stacks.settle(cluster, evidence, [stack])) {
        if (result.kind === 'submitted') await follow(key, stack, result, evidence);
        else await refuse(key, stack, [cluster], result);
      }
    }
  };

  /** A finished transaction clears its cooldown, or starts or doubles it. */
  const lookAfterFollowed = (): void => {
    for (const [id, { key, stack }] of followed) {
      const transaction = engine.get(id);
      if (transaction !== undefined && !isEnded(transaction)) continue;
      followed.delete(id);
      if (transaction?.state === 'committed') cooling.delete(key);
      else fail(key, stack, transaction?.cause?.message ?? `transaction ${id} was undone`);
    }
  };

  const targetsOf = (id: string): readonly string[] => {
    const known = targets.get(id);
    if (known !== undefined) return known;
    const steps = engine.plan(id)?.steps ?? [];
    const found = steps.flatMap(({ work }) => (work.action === 'apply' ? [work.location.cluster] : []));
    targets.set(id, [...new Set(found)].sort());
    return targets.get(id) ?? [];
  };

  return {
    async carryOut(decision, evidence) {
      for (const each of decision.settles) await settle(each, evidence([each.cluster]));
      for (let at = 0; at < decision.moves.length; at += AT_ONCE) {
        const batch = decision.moves.slice(at, at + AT_ONCE);
        await Promise.all(batch.map((each) => move(each, decision.full, evidence(each.away))));
      }
    },
    wantCover() {
      for (const stack of stacks.everywhere()) uncovered.set(stackKey(stack), stack);
    },
    async cover(detail) {
      if (uncovered.size === 0) return;
      const busy = new Set(listUnfinished(engine).map(({ stack }) => stackKey(stack)));
      for (const [key, stack] of uncovered) {
        if (busy.has(key)) continue;
        uncovered.delete(key);
        const result = await stacks.reschedule(stack, [], { cause: 'joined', clusters: [], detail });
        if (result.kind === 'refused')
          ports.logger.warn({ stack: key, why: result.refusal.message }, 'a stack did not grow');
      }
    },
    busy() {
      lookAfterFollowed();
      const unfinished = listUnfinished(engine);
      for (const id of targets.keys()) if (!unfinished.some((each) => each.id === id)) targets.delete(id);
      return unfinished.map((each) => ({
        stack: each.stack,
        kind: busyKind(each),
        targets: each.kind === 'reschedule' ? targetsOf(each.id) : [],
      }));
    },
    cooldowns: () => new Map([...cooling].map(([key, { untilMs }]) => [key, untilMs - clock.monotonic()])),
    cooldownViews: () =>
      [...cooling.values()].map(({ stack, failures, untilMs, message }) => {
        return { stack, failures, remainingMs: Math.max(0, untilMs - clock.monotonic()), message };
      }),
    forgetRefusals: () => cooling.clear(),
  };
}

type Unfinished = Pick<TransactionView, 'id' | 'kind' | 'state' | 'stack'>;

function listUnfinished(engine: EnginePort): readonly Unfinished[] {
  const found: Unfinished[] = [];
  let after: string | undefined;
  for (;;) {
    const page = engine.list({ unfinished: true, ...(after === undefined ? {} : { after }) });
    found.push(...page.items);
    if (page.next === null) return found;
    after = page.next;
  }
}

/** What waits for a person, or has not begun to touch anything, delays no move. */
function busyKind({ kind, state }: Unfinished): Busy['kind'] {
  if (kind === 'reschedule') return state === 'stuck' ? 'held' : 'moving';
  if (state === 'paused' || state === 'awaitingApproval' || state === 'stuck' || state === 'queued') return 'held';
  return kind === 'settle' ? 'settling' : 'running';
}

function isEnded(transaction: TransactionView): boolean {
  return transaction.state === 'committed' || transaction.state === 'rolledBack';
}

function refusalOf(result: Unsubmitted): { message: string; data: JsonObject } {
  switch (result.kind) {
    case 'nothing':
      return { message: result.message, data: { refusal: { kind: 'nothing', message: result.message } } };
    case 'invalid': {
      const message = result.problems.map((problem) => problem.message).join('; ');
      return { message, data: { refusal: { kind: 'invalid', message } } };
    }
    case 'refused':
      // details name every cluster of a large fleet: an entry keeps what a person reads
      return {
        message: result.refusal.message,
        data: {
          refusal: { kind: result.refusal.kind, message: result.refusal.message.slice(0, MESSAGE_CHARACTERS_MAX) },
        },
      };
  }
}
