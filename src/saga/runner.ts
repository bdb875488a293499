/** The only place that awaits: intents become durable, then are acted on, then their outcomes become durable. */
import {
  type Cancel,
  type Clock,
  type Entry,
  errorText,
  type Outcome,
  type Refusal,
  refused,
  StoreError,
} from '../base/index.ts';
import type { Answer, Asker } from './asks.ts';
import { decide } from './decide.ts';
import type { Ask, Decision, Surroundings } from './decision.ts';
import { newEntry, type TransactionEntry, type TransactionEvent } from './events.ts';
import { FairTurns, tenantOf } from './fair.ts';
import { fitAll } from './fit.ts';
import type { EnginePorts } from './ports.ts';
import { apply, illegal, type TransactionData } from './state.ts';
import type { TransactionId, TransactionView } from './types.ts';
import { viewOf } from './views.ts';

/** A transaction that is not sealed, with all that is under way for it. */
export interface Live {
  readonly data: TransactionData;
  readonly inFlight: Map<string, { readonly ask: Ask; readonly controller: AbortController }>;
  /** Answers that are not journaled yet, oldest first. */
  readonly answers: Answer[];
  readonly requests: Request[];
  readonly notBeforeMs: Map<string, number>;
  /** Of a queued one: its plan may be stale. */
  stale: boolean;
  running: boolean;
  dirty: boolean;
  /** Something that must not be happened to it: it is left alone until a restart. */
  broken: boolean;
  cancelWake: Cancel;
}

/** A person's wish, answered once it is durable or refused. */
export interface Request {
  readonly actor: string;
  events(data: TransactionData): Outcome<readonly TransactionEvent[]>;
  resolve(outcome: Outcome<TransactionView>): void;
}

export interface RunnerHooks {
  around(live: Live): Pick<Surroundings, 'lost' | 'owing' | 'mayStart' | 'stale'>;
  /** After each durable change. */
  changed(live: Live, entries: readonly Entry[]): void;
}

const WRITE_AGAIN_MS = 1_000;

/** Kind of the refusal of whatever is asked of a transaction that met a bug. */
export const SET_ASIDE = 'setAside';

export function setAside(id: TransactionId): Refusal {
  return {
    kind: SET_ASIDE,
    message: `${id} is set aside: it met a fault of the hub`,
    hint: 'the hub’s log says which; restart the hub, and it goes on from its journal',
  };
}

export function newLive(data: TransactionData): Live {
  return {
    data,
    inFlight: new Map(),
    answers: [],
    requests: [],
    notBeforeMs: new Map(),
    stale: false,
    running: false,
    dirty: false,
    broken: false,
    cancelWake: () => {},
  };
}

export class Runner {
  readonly #ports: EnginePorts;
  readonly #asker: Asker;
  readonly #hooks: RunnerHooks;
  readonly #fair: FairTurns;
  #stopped = false;

  constructor(ports: EnginePorts, asker: Asker, hooks: RunnerHooks) {
    this.#ports = ports;
    this.#fair = new FairTurns(ports.limits.turnsAtOnceMax);
    this.#asker = asker;
    this.#hooks = hooks;
  }

  /** Looks at the transaction again, soon. Any number of calls is as good as one. */
  poke(live: Live): void {
    live.dirty = true;
    if (live.running || live.broken || this.#stopped) return;
    live.running = true;
    void this.#turns(live);
  }

  /** Acts no more; what is in flight is asked again by whoever recovers. */
  stop(lives: Iterable<Live>): void {
    this.#stopped = true;
    for (const live of lives) {
      live.cancelWake();
      for (const { controller } of live.inFlight.values()) controller.abort();
    }
  }

  async #turns(live: Live): Promise<void> {
    try {
      while (live.dirty && !this.#stopped) {
        live.dirty = false;
        await this.#fair.begin(tenantOf(live.data.plan), live.data.header.id);
        await this.#turn(live).finally(() => this.#fair.end());
      }
    } catch (error) {
      live.broken = true;
      const { id } = live.data.header;
      this.#ports.logger.error({ transaction: id, error: errorText(error) }, 'transaction set aside: it met a bug');
      for (const request of live.requests.splice(0)) request.resolve(refused(setAside(id)));
    } finally {
      live.running = false;
    }
  }

  /** Journals what is to be journaled until nothing is, then sees to it that what should be in flight is. */
  async #turn(live: Live): Promise<void> {
    while (!this.#stopped) {
      const answered = live.answers.splice(0);
      const events = answered.flatMap((answer) => answer(live.data));
      if (events.length > 0) {
        if (await this.#write(live, events, 'hub')) continue;
        live.answers.unshift(...answered);
        return;
      }
      const request = live.requests.shift();
      if (request !== undefined) {
        await this.#grant(live, request);
        continue;
      }
      const decision = decide(live.data, this.#surroundings(live));
      if (decision.events.length === 0) return this.#reconcile(live, decision);
      if (!(await this.#write(live, decision.events, 'hub'))) return;
    }
  }

  async #grant(live: Live, request: Request): Promise<void> {
    const wanted = request.events(live.data);
    if (wanted.kind !== 'done') return request.resolve(wanted);
    const failed = { kind: 'unknown', reason: 'it could not be made durable; see the hub’s log' } as const;
    const written = await this.#write(live, wanted.value, request.actor).catch((error: unknown) => {
      request.resolve(failed);
      throw error;
    });
    request.resolve(written ? { kind: 'done', value: viewOf(live.data) } : failed);
  }

  /** Whether it is durable. When the store cannot, nothing has changed and it is tried again by and by. */
  async #write(live: Live, events: readonly TransactionEvent[], actor: string): Promise<boolean> {
    const { id } = live.data.header;
    const wrong = illegal(live.data, events);
    if (wrong !== undefined) throw new Error(wrong);
    let entries: readonly Entry[];
    try {
      const fitted = await fitAll(events, this.#ports.blobs);
      entries = await this.#ports.journal.append(fitted.map((event) => newEntry(id, actor, event)));
    } catch (error) {
      // too large is a bug here (fit.ts), and trying again would not help
      if (!(error instanceof StoreError) || error.kind === 'tooLarge') throw error;
      this.#ports.logger.error({ transaction: id, kind: error.kind, error: error.message }, 'journal refused a write');
      if (error.kind === 'closed') this.#stopped = true;
      else this.#wakeIn(live, WRITE_AGAIN_MS);
      return false;
    }
    for (const entry of entries) {
      apply(live.data, entry as unknown as TransactionEntry, (digest) => this.#ports.blobs.get(digest));
      this.#noteFailure(live, entry as unknown as TransactionEntry);
    }
    this.#hooks.changed(live, entries);
    return true;
  }

  #noteFailure(live: Live, entry: TransactionEntry): void {
    // a person who has repaired what was wrong does not wait for the back-off of what failed before
    if (entry.type === 'tx.retried') live.notBeforeMs.clear();
    if (entry.type !== 'step.failed' && entry.type !== 'step.undoFailed') return;
    const failures = live.data.steps.get(entry.data.step)?.failures ?? 1;
    live.notBeforeMs.set(entry.data.step, this.#clock.now() + this.#asker.backoff(failures));
  }

  #surroundings(live: Live): Surroundings {
    const { stepAttemptsMax, journalBatchEntriesMax, laterPreparingMsMax } = this.#ports.limits;
    return {
      ...this.#hooks.around(live),
      nowMs: this.#clock.now(),
      notBeforeMs: (step) => live.notBeforeMs.get(step) ?? 0,
      attemptsMax: stepAttemptsMax,
      preparingMsMax: laterPreparingMsMax,
      eventsMax: Math.floor(journalBatchEntriesMax / 2),
    };
  }

  #reconcile(live: Live, { asks, wakeAtMs }: Decision): void {
    const wanted = new Set(asks.map(({ key }) => key));
    for (const [key, { ask, controller }] of live.inFlight) {
      if (wanted.has(key)) continue;
      live.inFlight.delete(key);
      controller.abort();
      this.#asker.callOff(live.data, ask);
    }
    for (const ask of asks) if (!live.inFlight.has(ask.key)) this.#launch(live, ask);
    live.cancelWake();
    live.cancelWake = () => {};
    if (wakeAtMs !== null) this.#wakeIn(live, wakeAtMs - this.#clock.now());
  }

  #launch(live: Live, ask: Ask): void {
    const controller = new AbortController();
    const flight = { ask, controller };
    live.inFlight.set(ask.key, flight);
    void this.#asker.perform(live.data, ask, controller.signal).then((answer) => {
      if (live.inFlight.get(ask.key) !== flight) return;
      live.inFlight.delete(ask.key);
      if (answer !== null) live.answers.push(answer);
      if (answer !== null && ask.kind === 'replan') live.stale = false;
      this.poke(live);
    });
  }

  #wakeIn(live: Live, delayMs: number): void {
    live.cancelWake();
    live.cancelWake = this.#clock.after(Math.max(0, delayMs), () => this.poke(live));
  }

  get #clock(): Clock {
    return this.#ports.clock;
  }
}
