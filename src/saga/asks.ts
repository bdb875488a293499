/**
 * Performs one ask to its end: a command is sent under the same id until there is an answer, for silence says nothing of
 * what was done. What comes of it is a function to events, because the transaction may have moved on meanwhile.
 */
import { backoffMs, errorText, type Outcome, type Refusal, StoreError } from '../base/index.ts';
import type { Step } from '../plan/index.ts';
import { type Command, type CommandBody, type CommandOutput, VERIFY_READY_MS_MAX } from '../protocol/index.ts';
import { type Answered, actionOf, type Deed } from './actions/index.ts';
import { amendment, type Holder } from './amend.ts';
import { unfit } from './check-plan.ts';
import { contextOf } from './context.ts';
import type { Ask } from './decision.ts';
import type { TransactionEvent } from './events.ts';
import { planRef } from './plan-ref.ts';
import type { EnginePorts } from './ports.ts';
import { keptBy, settledBy } from './settle.ts';
import { NO_ANSWER, ONLY_LATER } from './silence.ts';
import { forwardOnly, stateOf, type TransactionData } from './state.ts';
import { verifyBody, verifyLater, verifyResult } from './verify.ts';
import { viewOf } from './views.ts';

/** Events in the light of the transaction as it is when they are journaled; none when they came too late. */
export type Answer = (data: TransactionData) => readonly TransactionEvent[];

type Definite<T> = Extract<Outcome<T>, { readonly kind: 'done' | 'refused' }>;
type Try<T> = () => Outcome<T> | Promise<Outcome<T>>;
/** How long it is asked. `patienceMs`: since the first try, as things stand. */
interface Insistence {
  readonly patienceMs: () => number;
  readonly signal: AbortSignal;
}
type StepAsk = Extract<Ask, { readonly step: string }>;

/** An agent's answer to a hub that was replaced: it says nothing of the work, so such a hub waits and decides nothing. */
const STALE_EPOCH = 'staleEpoch';
const CANCEL_TIMEOUT_MS = 5_000;
const STORE_AGAIN_MS = 1_000;
/** Above what an agent waits for readiness; the rest is for reading on a slow cluster. Over it, the same id is asked again and joins the look under way. */
const VERIFY_TIMEOUT_MS = VERIFY_READY_MS_MAX + 20_000;

export class Asker {
  readonly #ports: EnginePorts;
  readonly #holder: Holder;

  constructor(ports: EnginePorts, holder: Holder) {
    this.#ports = ports;
    this.#holder = holder;
  }

  /** Resolves null once the signal is aborted. Never rejects. */
  async perform(data: TransactionData, ask: Ask, signal: AbortSignal): Promise<Answer | null> {
    try {
      const answer = await this.#answer(data, ask, signal);
      return signal.aborted ? null : answer;
    } catch (error) {
      if (signal.aborted) return null;
      if (error instanceof StoreError && error.kind !== 'tooLarge') {
        // a store that cannot write now says nothing of the step: asked again, as the runner writes again
        this.#ports.logger.warn({ transaction: data.header.id, ask: ask.key, error: error.message }, 'asked again');
        await this.#rest(STORE_AGAIN_MS, null, signal);
        return signal.aborted ? null : this.perform(data, ask, signal);
      }
      // a bug, or a plan that no code here understands: it becomes the step's refusal, so that a person sees it
      const refusal = {
        kind: 'internal',
        message: errorText(error),
        hint: 'a fault of ldc: look at the log of the hub, and report it',
      };
      this.#ports.logger.error({ transaction: data.header.id, ask: ask.key, error: errorText(error) }, 'an ask failed');
      return asRefused(ask, refusal);
    }
  }

  /** Tells the agent that nobody waits for the command any more. */
  callOff(data: TransactionData, ask: Ask): void {
    if (ask.kind !== 'do') return;
    const { step } = stateOf(data, ask.step);
    const cluster = actionOf(step.work).cluster(step.work);
    if (cluster === null || step.work.action === 'reserve') return;
    const command = this.#command(`${ask.key}/cancel`, { kind: 'cancel', command: ask.key });
    void this.#ports.link.execute(cluster, command, { timeoutMs: CANCEL_TIMEOUT_MS });
  }

  async #answer(data: TransactionData, ask: Ask, signal: AbortSignal): Promise<Answer | null> {
    switch (ask.kind) {
      case 'do':
        return this.#do(data, ask, signal);
      case 'undo':
        return this.#undo(data, ask, signal);
      case 'verify':
        return this.#verify(data, ask, signal);
      case 'replan':
        return this.#replan(data, signal);
      case 'amend':
        return this.#amend(data, ask.lost, signal);
    }
  }

  async #do(data: TransactionData, ask: StepAsk, signal: AbortSignal): Promise<Answer | null> {
    const { step } = stateOf(data, ask.step);
    const context = contextOf(data, stateOf(data, ask.step), this.#ports.clock.now());
    const deed = actionOf(step.work).do(step.work, context);
    const answer = await this.#perform(data, ask, deed, signal);
    if (answer === null) return null;
    const outcome = judged(step, answer);
    if (outcome.kind === 'refused') return asRefused(ask, outcome.refusal);
    const value = outcome.value;
    return (now) => {
      if (now.steps.get(ask.step)?.status !== 'started') return [];
      const settles = settledBy(now, step, this.#ports.documents);
      const more = { ...(settles.length === 0 ? {} : { settles: [...settles] }), ...keptBy(step, value) };
      return [{ type: 'step.succeeded', data: { step: ask.step, output: { value }, ...more } }];
    };
  }

  async #undo(data: TransactionData, ask: StepAsk, signal: AbortSignal): Promise<Answer | null> {
    const { step } = stateOf(data, ask.step);
    const { undo } = actionOf(step.work);
    if (undo === null) throw new Error(`${step.id} has no undo`);
    const outcome = await this.#perform(data, ask, undo(step.work, contextOf(data, stateOf(data, ask.step))), signal);
    if (outcome === null) return null;
    if (outcome.kind === 'refused') return asRefused(ask, outcome.refusal);
    const value = outcome.value;
    return (now) =>
      now.steps.get(ask.step)?.status === 'undoStarted'
        ? [{ type: 'step.undone', data: { step: ask.step, output: { value } } }]
        : [];
  }

  async #perform(
    data: TransactionData,
    ask: StepAsk,
    deed: Deed,
    signal: AbortSignal,
  ): Promise<Definite<CommandOutput | null> | null> {
    const key = `${data.header.id}/${ask.step}`;
    switch (deed.kind) {
      case 'command': {
        const command = this.#command(deed.id ?? ask.key, deed.body);
        const { timeoutMs } = stateOf(data, ask.step).step;
        const patienceMs = () => this.#patienceMs(data, stateOf(data, ask.step).failures);
        return this.#insist(deed.cluster, command, { timeoutMs, patienceMs, signal });
      }
      case 'reserve':
        return this.#untilDefinite<null>(null, () => this.#ports.replan.reserve(key, deed.location, deed.need), {
          patienceMs: () => this.#patienceMs(data, stateOf(data, ask.step).failures),
          signal,
        });
      case 'release':
        this.#ports.replan.release(key);
        return { kind: 'done', value: null };
      case 'wait':
        throw new Error(`${ask.step} waits for the clock, not for an answer`);
    }
  }

  async #verify(data: TransactionData, ask: Ask & { kind: 'verify' }, signal: AbortSignal): Promise<Answer | null> {
    const body = verifyBody(data, ask.cluster);
    const startedMs = this.#ports.clock.now();
    for (let attempt = 1; ; attempt++) {
      const command = this.#command(attempt === 1 ? ask.key : `${ask.key}#${attempt}`, body);
      const patienceMs = () => this.#patienceMs(data, attempt - 1);
      const outcome = await this.#insist(ask.cluster, command, { timeoutMs: VERIFY_TIMEOUT_MS, patienceMs, signal });
      if (outcome === null) return null;
      const waitedMs = this.#ports.clock.now() - startedMs;
      if (!verifyLater(data, outcome, { attempt, waitedMs, attemptsMax: this.#ports.limits.stepAttemptsMax })) {
        const event = verifyResult(ask.cluster, outcome);
        return (now) => (now.verdicts.has(ask.cluster) || now.header.state !== 'compensating' ? [] : [event]);
      }
      await this.#rest(this.#backoff(attempt), ask.cluster, signal);
    }
  }

  async #replan(data: TransactionData, signal: AbortSignal): Promise<Answer | null> {
    const patienceMs = () => this.#patienceMs(data, 0);
    const again = () => this.#ports.replan.again(viewOf(data));
    const outcome = await this.#untilDefinite(null, again, { patienceMs, signal });
    if (outcome === null) return null;
    const refusal = outcome.kind === 'refused' ? outcome.refusal : unfit(outcome.value);
    if (refusal !== undefined)
      return (now) => (isQueued(now) ? [{ type: 'tx.compensating', data: { cause: refusal } }] : []);
    if (outcome.kind === 'refused') return null;
    const plan = outcome.value;
    const blob = await this.#ports.blobs.put(plan as never);
    return (now) =>
      isQueued(now) && plan.digest !== now.plan.digest ? [{ type: 'tx.replanned', data: planRef(plan, blob) }] : [];
  }

  async #amend(data: TransactionData, lost: readonly string[], signal: AbortSignal): Promise<Answer | null> {
    const ask = () => this.#ports.replan.without(viewOf(data), data.plan, lost);
    const patienceMs = () => this.#patienceMs(data, 0);
    const outcome = await this.#untilDefinite(null, ask, { patienceMs, signal });
    const { blobs } = this.#ports;
    return outcome === null ? null : amendment(data, lost, outcome, { blobs, holder: this.#holder });
  }

  /**
   * One command until its answer. Only silence of an agent that is connected is counted; at last it is a refusal `noAnswer`.
   * One that has said nothing but "later" for as long as the patience lasts is a refusal `onlyLater`.
   */
  #insist(
    cluster: string,
    command: Command,
    { timeoutMs, ...so }: Insistence & { readonly timeoutMs: number },
  ): Promise<Definite<CommandOutput> | null> {
    const ask = () => this.#ports.link.execute(cluster, command, { timeoutMs, signal: so.signal });
    return this.#untilDefinite(cluster, ask, so);
  }

  async #untilDefinite<T>(
    cluster: string | null,
    attempt: Try<T>,
    { patienceMs, signal }: Insistence,
  ): Promise<Definite<T> | null> {
    const startedMs = this.#ports.clock.now();
    let silent = 0;
    for (let tries = 1; !signal.aborted; tries++) {
      const outcome = await attempt();
      if (signal.aborted) return null;
      const replaced = outcome.kind === 'refused' && outcome.refusal.kind === STALE_EPOCH;
      if (replaced) this.#ports.logger.error({ cluster }, `another hub acts: ${outcome.refusal.message}`);
      else if (outcome.kind === 'done' || outcome.kind === 'refused') return outcome;
      if (outcome.kind === 'unknown' && cluster !== null && this.#ports.link.connected(cluster)) silent++;
      if (silent >= this.#ports.limits.stepAttemptsMax) return noAnswer(cluster, silent, outcome);
      const waitedMs = this.#ports.clock.now() - startedMs;
      if (outcome.kind === 'retry' && waitedMs >= patienceMs()) return onlyLater(cluster, waitedMs, outcome.reason);
      const askedMs = outcome.kind === 'retry' ? outcome.afterMs : 0;
      await this.#rest(Math.max(askedMs, this.#backoff(tries)), cluster, signal);
    }
    return null;
  }

  /** How long "later" is taken for an answer now; where the deadline counts, it decides. */
  #patienceMs(data: TransactionData, failures: number): number {
    const { laterFirstMs, laterMsMax, laterPreparingMsMax } = this.#ports.limits;
    const { state, heldFrom = state } = data.header;
    if (state === 'compensating' || forwardOnly(data)) return Math.min(laterFirstMs * 2 ** failures, laterMsMax);
    return heldFrom === 'queued' || heldFrom === 'preparing' ? laterPreparingMsMax : Number.POSITIVE_INFINITY;
  }

  /** Back-off with jitter before the try after `failures` failed ones. */
  backoff(failures: number): number {
    return this.#backoff(failures);
  }

  #backoff(failures: number): number {
    const { retryFirstMs, retryMsMax } = this.#ports.limits;
    return backoffMs(this.#ports.random, failures - 1, retryFirstMs, retryMsMax);
  }

  /** Waits; a cluster that connects, and the abort, end it early. */
  async #rest(delayMs: number, cluster: string | null, signal: AbortSignal): Promise<void> {
    const awake = new AbortController();
    const wake = () => awake.abort();
    signal.addEventListener('abort', wake, { once: true });
    const stop = this.#ports.link.onChange((change) => {
      if (change.kind === 'connected' && change.cluster === cluster) wake();
    });
    if (signal.aborted) wake();
    await this.#ports.clock.sleep(delayMs, awake.signal);
    signal.removeEventListener('abort', wake);
    stop();
  }

  #command(id: string, body: CommandBody): Command {
    return { id, epoch: this.#ports.epoch, body };
  }
}

/** The agent's answer as the step's outcome. */
function judged(step: Step, answer: Definite<CommandOutput | null>): Definite<CommandOutput | null> {
  const { judge } = actionOf(step.work);
  if (judge === undefined || (answer.kind === 'done' && answer.value === null)) return answer;
  return judge(step.work, answer as Answered);
}

function isQueued(data: TransactionData): boolean {
  return data.header.state === 'queued';
}

function noAnswer(cluster: string | null, tries: number, outcome: Outcome<unknown>): Definite<never> {
  const reason = 'reason' in outcome ? outcome.reason : 'no answer';
  const message = `the agent of ${cluster} is connected but did not answer ${tries} times (${reason})`;
  const hint = `look at the agent's log on ${cluster}`;
  return { kind: 'refused', refusal: { kind: NO_ANSWER, message, hint } };
}

function onlyLater(cluster: string | null, waitedMs: number, reason: string): Definite<never> {
  const who = cluster ?? 'the hub';
  const message = `${who} answered nothing but "later" for ${Math.round(waitedMs / 1_000)} s: ${reason}`;
  const hint = `see to it that ${who} takes it: the reason is its own`;
  return { kind: 'refused', refusal: { kind: ONLY_LATER, message, hint } };
}

function asRefused(ask: Ask, refusal: Refusal): Answer {
  switch (ask.kind) {
    case 'do':
      return (now) => {
        const state = now.steps.get(ask.step);
        if (state?.status !== 'started') return [];
        const pivot = state.step.kind === 'pivot' ? { pivot: true } : {};
        return [{ type: 'step.failed', data: { step: ask.step, refusal, ...pivot } }];
      };
    case 'undo':
      return (now) =>
        now.steps.get(ask.step)?.status === 'undoStarted'
          ? [{ type: 'step.undoFailed', data: { step: ask.step, refusal } }]
          : [];
    case 'verify':
      return (now) => (now.verdicts.has(ask.cluster) ? [] : [verifyResult(ask.cluster, { kind: 'refused', refusal })]);
    case 'replan':
      return (now) => (isQueued(now) ? [{ type: 'tx.compensating', data: { cause: refusal } }] : []);
    case 'amend':
      return (now) =>
        now.header.pivoted ||
        (now.header.state !== 'preparing' && now.header.state !== 'running' && now.header.state !== 'verifying')
          ? []
          : [{ type: 'tx.compensating', data: { cause: refusal } }];
  }
}
