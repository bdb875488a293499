/** Carries decisions out through the stacks, follows what came of them, and cools down what was refused or undone. */
import { type Clock, type Digest, digestOf, type Journal, type JsonObject, type Logger } from '../base/index.ts';
import type { StackRef } from '../plan/index.ts';
import type { Engine, TransactionSummary } from '../saga/types.ts';
import type { ApplyResult, MoveEvidence, Moves } from '../stacks/types.ts';
import { type Busy, type Decision, fullTargets, type Move, movesPerTarget, type Settle, stackKey } from './decide.ts';
import { moveEntries } from './records.ts';
import type { Cooldown, HealthTimers, MoveBudget } from './types.ts';

const COOLDOWN_MS_MAX = 600_000;
/** Plans made side by side between two looks at the budget of each target, at most. */
const AT_ONCE_MAX = 16;
const MESSAGE_CHARACTERS_MAX = 4_000;

export type EnginePort = Pick<Engine, 'list' | 'summary' | 'plan' | 'clusterChanged'>;

interface Cooling {
  readonly stack: StackRef;
  failures: number;
  untilMs: number;
  message: string;
  /** Digest of the refusal last journaled. */
  said: Digest | null;
}

type Submitted = Extract<ApplyResult, { kind: 'submitted' }>;
type Unsubmitted = Exclude<ApplyResult, { kind: 'submitted' }>;

export interface MovePorts {
  readonly stacks: Moves;
  readonly engine: EnginePort;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly timers: HealthTimers;
  readonly budget: MoveBudget;
  readonly logger: Logger;
}

export class MoveRunner {
  readonly #ports: MovePorts;
  /** By stack, or `stack@cluster` for settles. */
  readonly #cooling = new Map<string, Cooling>();
  readonly #followed = new Map<string, { key: string; stack: StackRef }>();
  readonly #targets = new Map<string, readonly string[]>();
  readonly #uncovered = new Map<string, StackRef>();

  constructor(ports: MovePorts) {
    this.#ports = ports;
  }

  async carryOut(decision: Decision, evidence: (clusters: readonly string[]) => JsonObject): Promise<void> {
    for (const each of decision.settles) await this.#settle(each, evidence([each.cluster]));
    const moves = [...decision.moves];
    for (let busy = this.busy(); moves.length > 0; busy = this.busy()) {
      const full = fullTargets(busy, this.#ports.budget);
      const batch = moves.splice(0, this.#atOnce(busy, full));
      await Promise.all(batch.map((each) => this.#move(each, full, evidence(each.away))));
    }
  }

  /** So few that all of them may go to one cluster without its budget being passed. */
  #atOnce(busy: readonly Busy[], full: readonly string[]): number {
    const counts = [...movesPerTarget(busy)].filter(([target]) => !full.includes(target)).map(([, count]) => count);
    return Math.min(AT_ONCE_MAX, Math.max(1, this.#ports.budget.perTargetAtOnce - Math.max(0, ...counts)));
  }

  /** The fleet has grown, or a cluster may match that did not: stacks that want every matching cluster are to be looked at. */
  wantCover(): void {
    for (const stack of this.#ports.stacks.everywhere()) this.#uncovered.set(stackKey(stack), stack);
  }

  /** Looks at each of them once it is not busy. */
  async cover(detail: JsonObject): Promise<void> {
    if (this.#uncovered.size === 0) return;
    const { engine, stacks, logger } = this.#ports;
    const busy = new Set(listUnfinished(engine).map(({ stack }) => stackKey(stack)));
    for (const [key, stack] of this.#uncovered) {
      if (busy.has(key)) continue;
      this.#uncovered.delete(key);
      const result = await stacks.reschedule(stack, [], { cause: 'joined', clusters: [], detail });
      if (result.kind === 'refused') logger.warn({ stack: key, why: result.refusal.message }, 'a stack did not grow');
    }
  }

  /** Unfinished transactions as decide() sees them; also looks after the moves that have ended. */
  busy(): readonly Busy[] {
    this.#lookAfterFollowed();
    const unfinished = listUnfinished(this.#ports.engine);
    const ids = new Set(unfinished.map(({ id }) => id));
    for (const id of this.#targets.keys()) if (!ids.has(id)) this.#targets.delete(id);
    return unfinished.map((each) => ({
      stack: each.stack,
      kind: busyKind(each),
      targets: each.kind === 'reschedule' ? this.#targetsOf(each.id) : [],
    }));
  }

  /** Clusters that unfinished transactions act on. */
  clustersAtWork(): readonly string[] {
    const plans = listUnfinished(this.#ports.engine).flatMap(({ id }) => this.#ports.engine.plan(id)?.steps ?? []);
    return plans.flatMap(({ work }) =>
      'location' in work ? [work.location.cluster] : 'cluster' in work ? [work.cluster] : [],
    );
  }

  /** Milliseconds left. */
  cooldowns(): ReadonlyMap<string, number> {
    const now = this.#ports.clock.monotonic();
    return new Map([...this.#cooling].map(([key, { untilMs }]) => [key, untilMs - now]));
  }

  cooldownViews(): readonly Cooldown[] {
    const now = this.#ports.clock.monotonic();
    return [...this.#cooling.values()].map(({ stack, failures, untilMs, message }) => {
      return { stack, failures, remainingMs: Math.max(0, untilMs - now), message };
    });
  }

  /** The fleet has grown: what was refused may find room now. */
  forgetRefusals(): void {
    this.#cooling.clear();
  }

  #fail(key: string, stack: StackRef, message: string): Cooling {
    const { clock, timers } = this.#ports;
    const known = this.#cooling.get(key) ?? { stack, failures: 0, untilMs: 0, message, said: null };
    known.failures += 1;
    const coolMs = timers.heartbeatMs * 2 ** Math.min(20, known.failures - 1);
    known.untilMs = clock.monotonic() + Math.min(COOLDOWN_MS_MAX, coolMs);
    known.message = message;
    this.#cooling.set(key, known);
    return known;
  }

  async #refuse(key: string, stack: StackRef, away: readonly string[], result: Unsubmitted): Promise<void> {
    const { message, data } = refusalOf(result);
    const known = this.#fail(key, stack, message);
    const said = digestOf(data);
    if (known.said === said) return; // said once, not at every try
    known.said = said;
    this.#ports.logger.warn({ stack: key, away: [...away], why: message }, 'a move was refused');
    await this.#ports.journal.append(moveEntries('move.refused', away, { stack: { ...stack }, ...data }));
  }

  async #follow(key: string, stack: StackRef, result: Submitted, evidence: MoveEvidence): Promise<void> {
    const { transaction, transactionKind: kind } = result;
    this.#followed.set(transaction, { key, stack });
    const { cause, detail, clusters } = evidence;
    const data = { stack: { ...stack }, transaction, kind, cause, detail };
    await this.#ports.journal.append(moveEntries('move.decided', clusters, data));
  }

  async #move(each: Move, avoid: readonly string[], detail: JsonObject): Promise<void> {
    const evidence = { cause: each.cause, clusters: each.away, detail };
    const result = await this.#ports.stacks.reschedule(each.stack, each.away, evidence, { avoid });
    const key = stackKey(each.stack);
    if (result.kind === 'submitted') return this.#follow(key, each.stack, result, evidence);
    if (avoid.length > 0) return; // the budget may be all that stands in the way: asked again when a move has ended
    await this.#refuse(key, each.stack, each.away, result);
  }

  async #settle({ cluster, stacks: owing }: Settle, detail: JsonObject): Promise<void> {
    for (const stack of owing) {
      const evidence = { cause: 'returned', clusters: [cluster], detail } as const;
      const key = `${stackKey(stack)}@${cluster}`;
      for (const result of await this.#ports.stacks.settle(cluster, evidence, [stack])) {
        if (result.kind === 'submitted') await this.#follow(key, stack, result, evidence);
        else await this.#refuse(key, stack, [cluster], result);
      }
    }
  }

  /** A finished transaction clears its cooldown, or starts or doubles it. */
  #lookAfterFollowed(): void {
    for (const [id, { key, stack }] of this.#followed) {
      const transaction = this.#ports.engine.summary(id);
      if (transaction !== undefined && !isEnded(transaction)) continue;
      this.#followed.delete(id);
      if (transaction?.state === 'committed') this.#cooling.delete(key);
      else this.#fail(key, stack, transaction?.cause?.message ?? `transaction ${id} was undone`);
    }
  }

  #targetsOf(id: string): readonly string[] {
    const known = this.#targets.get(id);
    if (known !== undefined) return known;
    const steps = this.#ports.engine.plan(id)?.steps ?? [];
    const found = steps.flatMap(({ work }) => (work.action === 'apply' ? [work.location.cluster] : []));
    const targets = [...new Set(found)].sort();
    this.#targets.set(id, targets);
    return targets;
  }
}

type Unfinished = Pick<TransactionSummary, 'id' | 'kind' | 'state' | 'stack'>;

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
  if (kind === 'settle' && state === 'queued') return 'queuedSettle';
  if (state === 'paused' || state === 'awaitingApproval' || state === 'stuck' || state === 'queued') return 'held';
  return kind === 'settle' ? 'settling' : 'running';
}

function isEnded(transaction: TransactionSummary): boolean {
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
