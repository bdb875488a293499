/** The engine's surface: takes transactions in, keeps the unfinished ones, answers for all. */
import { type Cancel, type Digest, done, type Entry, errorText, type Outcome, refused } from '../base/index.ts';
import type { Plan } from '../plan/index.ts';
import { clusterOf } from './actions/index.ts';
import type { Holder } from './amend.ts';
import { Asker } from './asks.ts';
import { unfit } from './check-plan.ts';
import { newEntry, type TransactionEntry, type TransactionEvent } from './events.ts';
import { fitAll } from './fit.ts';
import type { Header } from './header.ts';
import { listTransactions } from './list.ts';
import { blockers, type Contender, conflict, holderOf, isBlocked, isForHub, overtakes } from './locks.ts';
import { CURRENT_MACHINE } from './machines/index.ts';
import { operationEvents } from './operations.ts';
import { Owing } from './owing.ts';
import { planRef } from './plan-ref.ts';
import type { EnginePorts } from './ports.ts';
import { clustersOf } from './reach.ts';
import { recover, reserveAgain } from './recover.ts';
import { busy, notWritten, OBSERVING } from './refusals.ts';
import { type Live, newLive, Runner, SET_ASIDE, setAside } from './runner.ts';
import { begin, replay, type TransactionData } from './state.ts';
import type {
  Engine,
  NewTransaction,
  Operation,
  TransactionFilter,
  TransactionId,
  TransactionSummary,
  TransactionView,
} from './types.ts';
import { summaryOf, viewOf } from './views.ts';

type Listener = (transaction: TransactionView, entries: readonly Entry[]) => void;

/** Steps of the views that are kept of what has just ended. */
const ENDED_STEPS_MAX = 1_000;

export function createEngine(ports: EnginePorts): Engine {
  return new TransactionEngine(ports);
}

class TransactionEngine implements Engine {
  readonly #ports: EnginePorts;
  readonly #runner: Runner;
  readonly #owing: Owing;
  readonly #lives = new Map<TransactionId, Live>();
  readonly #lost = new Set<string>();
  /** Unfinished settles: nothing else of their stack is begun where they are. */
  readonly #settles = new Map<TransactionId, Contender>();
  readonly #listeners = new Set<Listener>();
  /** Who has followed one to its end asks how it ended: it is not read back from its chain for that. */
  readonly #justEnded = new Map<TransactionId, TransactionView>();
  /** On their way into the journal: whoever comes next sees their locks already. */
  readonly #arriving = new Map<TransactionId, Contender & { readonly landed: Promise<void> }>();

  constructor(ports: EnginePorts) {
    this.#ports = ports;
    this.#owing = new Owing(ports.documents, ports.journal, () => this.#pokeAll());
    const holder: Holder = (id, locks) => holderOf(locks, id, this.#contenders())?.header.id;
    this.#runner = new Runner(ports, new Asker(ports, holder), {
      around: (live) => this.#around(live),
      changed: (live, entries) => this.#changed(live, entries),
    });
  }

  submit(request: NewTransaction): Promise<Outcome<TransactionView>> {
    return this.#submit(request).catch(notWritten);
  }

  async #submit(request: NewTransaction): Promise<Outcome<TransactionView>> {
    if (this.#ports.observeOnly === true) return refused(OBSERVING);
    const { plan } = request;
    const refusal = unfit(plan);
    if (refusal !== undefined) return refused(refusal);
    const created = await this.#createdEvent(request);
    // nothing is awaited from the look at the others until this one can be seen by them
    const id = this.#ports.ids.next('tx');
    const header = { id, kind: plan.kind, stack: plan.stack, state: 'queued' } as Contender['header'];
    const { promise: landed, resolve: land } = Promise.withResolvers<void>();
    const arriving = { header, locks: plan.locks, clusters: () => inPlan(plan), landed };
    const before = blockers(arriving, this.#contenders());
    const [first] = before;
    if (first !== undefined && request.ifBusy === 'fail') return refused(busy(first));
    this.#arriving.set(id, arriving);
    if (plan.kind === 'settle') this.#settles.set(id, arriving);
    try {
      return await this.#enter(id, created, request, before);
    } finally {
      if (this.#arriving.delete(id)) {
        this.#settles.delete(id);
        this.#pokeQueued();
      }
      land();
    }
  }

  async #createdEvent({ plan, reason, ifBusy }: NewTransaction): Promise<readonly TransactionEvent[]> {
    const { blobs } = this.#ports;
    const { kind, stack, locks } = plan;
    const ref = planRef(plan, await blobs.put(plan as never));
    const data = { ...ref, machine: CURRENT_MACHINE, kind, stack, locks: { value: locks }, reason, ifBusy };
    return fitAll([{ type: 'tx.created', data }], blobs);
  }

  /** @param before those it has to wait for */
  async #enter(
    id: TransactionId,
    created: readonly TransactionEvent[],
    { actor, ifBusy, isStale }: NewTransaction,
    before: readonly Contender[],
  ): Promise<Outcome<TransactionView>> {
    if (ifBusy === 'replace') {
      for (const { header } of before) {
        if (isForHub(header.kind)) continue; // it waits for that, as for one that is being undone or is decided
        await this.#arriving.get(header.id)?.landed;
        const outcome = await this.operate(header.id, { verb: 'abort' }, actor, `replaced by ${id}`);
        if (outcome.kind !== 'refused') continue;
        if (header.state === 'stuck' || outcome.refusal.kind === SET_ASIDE) return outcome;
      }
    }
    const entries = await this.#ports.journal.append(created.map((event) => newEntry(id, actor, event)));
    const live = newLive(begin(entries[0] as unknown as TransactionEntry, (digest) => this.#ports.blobs.get(digest)));
    this.#arriving.delete(id);
    this.#live(live);
    live.stale = isStale?.() ?? false;
    this.#changed(live, entries);
    this.#runner.poke(live);
    return done(viewOf(live.data));
  }

  get(id: TransactionId): TransactionView | undefined {
    const ended = this.#justEnded.get(id);
    if (ended !== undefined) return ended;
    const data = this.#data(id);
    return data === undefined ? undefined : { ...viewOf(data), ...this.#waitsFor(id) };
  }

  #waitsFor(id: TransactionId): Pick<TransactionView, 'waitsFor'> {
    const live = this.#lives.get(id);
    if (live?.data.header.state !== 'queued') return {};
    const before = blockers(contender(live), this.#contenders());
    return { waitsFor: before.map(({ header: { id, kind, stack, state } }) => ({ id, kind, stack, state })) };
  }

  summary(id: TransactionId): TransactionSummary | undefined {
    const header = this.#header(id);
    return header === undefined ? undefined : summaryOf(header);
  }

  plan(id: TransactionId): Plan | undefined {
    const live = this.#lives.get(id);
    if (live !== undefined) return live.data.plan;
    const header = this.#header(id);
    if (header === undefined) return undefined;
    return this.#ports.blobs.get(header.planBlob as Digest) as unknown as Plan | undefined;
  }

  list(filter: TransactionFilter) {
    return listTransactions(filter, this.#ports.documents, (id) => this.plan(id));
  }

  events(id: TransactionId, afterSeq = 0, limit?: number): readonly Entry[] {
    return this.#ports.journal.chain(id, afterSeq, limit);
  }

  operate(
    id: TransactionId,
    operation: Operation,
    actor: string,
    reason: string | null,
  ): Promise<Outcome<TransactionView>> {
    const live = this.#lives.get(id);
    if (live === undefined) {
      const known = this.summary(id);
      const message = known === undefined ? `there is no transaction ${id}` : `${id} has ended: it is ${known.state}`;
      const hint = known === undefined ? '`ldc tx list` lists all' : 'nothing more can be done to it';
      return Promise.resolve(refused({ kind: known === undefined ? 'notFound' : 'notNow', message, hint }));
    }
    if (this.#ports.observeOnly === true) return Promise.resolve(refused(OBSERVING));
    if (live.broken) return Promise.resolve(refused(setAside(id)));
    return new Promise((resolve) => {
      live.requests.push({
        actor,
        resolve,
        events: (data) => {
          const overtaker = this.#overtakerOf(live)?.data.header.id ?? null;
          return operationEvents(data, operation, { actor, reason, nowMs: this.#ports.clock.now(), overtaker });
        },
      });
      this.#runner.poke(live);
    });
  }

  onChange(listener: Listener): Cancel {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  finished(id: TransactionId, signal?: AbortSignal): Promise<TransactionView> {
    return new Promise((resolve, reject) => {
      const ended = (view: TransactionView | undefined) =>
        view !== undefined && (view.sealed || view.state === 'stuck');
      const finish = () => {
        stop();
        signal?.removeEventListener('abort', finish);
        const view = this.get(id);
        if (view === undefined) reject(new Error(`there is no transaction ${id}`));
        else resolve(view);
      };
      const stop = this.onChange((view) => {
        if (view.id === id && ended(view)) finish();
      });
      const now = this.get(id);
      if (now === undefined || ended(now) || signal?.aborted) return finish();
      signal?.addEventListener('abort', finish, { once: true });
    });
  }

  clusterChanged(cluster: string, reachable: 'reachable' | 'suspect' | 'lost'): void {
    if (reachable === 'lost') this.#lost.add(cluster);
    else if (reachable === 'reachable') this.#lost.delete(cluster);
    for (const live of this.#lives.values()) {
      // a queued plan that counts on a lost cluster is made anew before it starts
      if (reachable === 'lost' && countsOn(live.data, cluster)) live.stale = true;
      if (this.#ports.observeOnly !== true) this.#runner.poke(live);
    }
  }

  async start(): Promise<void> {
    for (const data of recover(this.#ports)) {
      const live = newLive(data);
      live.stale = data.header.startedAt === null; // queued, or paused before it began
      this.#live(live);
      await reserveAgain(data, this.#ports);
    }
    if (this.#ports.observeOnly === true) return;
    for (const live of this.#lives.values()) {
      this.#noteOvertaken(live);
      this.#runner.poke(live);
    }
  }

  async stop(): Promise<void> {
    this.#owing.stop();
    this.#runner.stop(this.#lives.values());
  }

  #live(live: Live): void {
    const { id, kind } = live.data.header;
    this.#lives.set(id, live);
    if (kind === 'settle') this.#settles.set(id, contender(live));
  }

  #header(id: TransactionId): Header | undefined {
    const live = this.#lives.get(id);
    if (live !== undefined) return live.data.header;
    return this.#ports.documents.get('transaction', id)?.body as unknown as Header | undefined;
  }

  #data(id: TransactionId): TransactionData | undefined {
    const live = this.#lives.get(id);
    if (live !== undefined) return live.data;
    if (this.#ports.documents.get('transaction', id) === undefined) return undefined;
    return replay(this.#ports.journal.chain(id), (digest) => this.#ports.blobs.get(digest));
  }

  #around(live: Live) {
    const mayStart = live.data.header.state !== 'queued' || !isBlocked(contender(live), this.#contenders());
    const owing = (cluster: string) => this.#owing.holdsBack(live.data, cluster, this.#settles.values());
    return { lost: this.#lost, owing, mayStart, stale: live.stale };
  }

  /** Oldest first, those on their way into the journal last; to be read before anything is awaited. */
  *#contenders(): Generator<Contender> {
    for (const live of this.#lives.values()) yield contender(live);
    yield* this.#arriving.values();
  }

  #changed(live: Live, entries: readonly Entry[]): void {
    if (this.#listeners.size > 0) {
      const view = viewOf(live.data);
      for (const listener of [...this.#listeners]) {
        try {
          listener(view, entries);
        } catch (error) {
          this.#ports.logger.error({ error: errorText(error) }, 'a listener of the engine failed');
        }
      }
    }
    const { state, sealed } = live.data.header;
    if (sealed) {
      this.#remember(viewOf(live.data));
      this.#ended(live);
      if (live.data.header.kind === 'settle') this.#pokeAll();
    }
    if (sealed || state === 'paused' || state === 'stuck' || state === 'awaitingApproval') this.#pokeQueued();
  }

  #remember(view: TransactionView): void {
    this.#justEnded.set(view.id, view);
    let steps = 0;
    for (const [id, kept] of [...this.#justEnded].reverse()) {
      steps += kept.plan.steps.length;
      if (steps > ENDED_STEPS_MAX) this.#justEnded.delete(id);
    }
  }

  #ended(live: Live): void {
    const { id, state } = live.data.header;
    this.#lives.delete(id);
    this.#settles.delete(id);
    live.cancelWake();
    for (const { step } of live.data.steps.values()) {
      if (step.work.action === 'reserve') this.#ports.replan.release(`${id}/${step.id}`);
    }
    if (state !== 'committed') return;
    for (const other of this.#lives.values()) {
      if (!conflict(contender(live), contender(other))) continue;
      if (other.data.header.startedAt === null) other.stale = true;
      else if (live.data.header.kind !== 'settle') this.#overtake(other, id);
    }
  }

  #overtake(live: Live, by: TransactionId): void {
    live.answers.push((data) =>
      data.overtakenBy === null && isHeld(data) ? [{ type: 'tx.overtaken', data: { by } }] : [],
    );
    this.#runner.poke(live);
  }

  /** After a restart: whether another transaction of the stack has committed since this one was made. */
  #noteOvertaken(live: Live): void {
    if (!isHeld(live.data)) return;
    const { id, stack } = live.data.header;
    const later = this.#ports.documents.list('transaction', { after: id }).find(({ body }) => {
      const other = body as unknown as Contender['header'];
      const same = other.stack.project === stack.project && other.stack.name === stack.name;
      return same && other.state === 'committed' && other.kind !== 'settle';
    });
    const noted = this.events(id).some(({ type, data }) => type === 'tx.overtaken' && data.by === later?.key);
    if (later !== undefined && !noted) this.#overtake(live, later.key);
  }

  #overtakerOf(live: Live): Live | undefined {
    return [...this.#lives.values()].find((other) => {
      const { state, kind } = other.data.header;
      const moving = state !== 'queued' && !isHeld(other.data);
      return other !== live && overtakes(kind) && moving && conflict(contender(live), contender(other));
    });
  }

  /** What waited at a cluster until it was settled may go on. */
  #pokeAll(): void {
    for (const live of this.#lives.values()) this.#runner.poke(live);
  }

  #pokeQueued(): void {
    for (const live of this.#lives.values()) {
      if (live.data.header.state !== 'queued' || isBlocked(contender(live), this.#contenders())) continue;
      this.#runner.poke(live);
    }
  }
}

function contender({ data }: Live): Contender {
  const { header, plan } = data;
  return {
    header,
    locks: plan.locks,
    clusters: () => (header.kind === 'settle' ? inPlan(data.plan) : clustersOf(data)),
  };
}

function inPlan(plan: Plan): ReadonlySet<string> {
  return new Set(plan.steps.flatMap((step) => clusterOf(step) ?? []));
}

function countsOn({ plan }: TransactionData, cluster: string): boolean {
  return plan.steps.some((step) => clusterOf(step) === cluster);
}

/** It waits for a person, after having started. */
function isHeld({ header: { state, heldFrom } }: TransactionData): boolean {
  return state === 'awaitingApproval' || state === 'stuck' || (state === 'paused' && heldFrom !== 'queued');
}
