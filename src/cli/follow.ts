import type { HubClient } from '../api/client/index.ts';
import { type Cancel, unreachable } from '../base/index.ts';
import type { TransactionState, TransactionView } from '../saga/types.ts';
import { exit, Failure } from './failure.ts';
import type { Io } from './io.ts';
import { createProgress, type Progress, type Waits } from './render/progress.ts';

/** Events come in bursts; the view is read this long after the first of them. */
const REFRESH_MS = 150;
const TICK_MS = 1_000;
/** After a line that broke while reading. */
const RETRY_MS = 1_000;

/**
 * Shows a transaction until it ends or is stuck, over broken lines. Ctrl-C ends the following only.
 * @throws Failure (130) after Ctrl-C, with how to go on.
 */
export async function followTransaction(
  io: Io,
  client: HubClient,
  api: typeof import('../api/client/index.ts'),
  id: string,
  quiet: boolean,
): Promise<TransactionView> {
  const progress = quiet ? undefined : createProgress(io.err);
  const follower = new Follower(io, client, api, id, progress);
  const cancel = io.onInterrupt(() => follower.interrupt());
  try {
    return await follower.run();
  } finally {
    cancel();
    progress?.done();
  }
}

/** Exit code of a finished transaction. */
export function exitOf(state: TransactionState): number {
  switch (state) {
    case 'committed':
      return exit.done;
    case 'rolledBack':
      return exit.rolledBack;
    case 'stuck':
      return exit.stuck;
    case 'queued':
    case 'preparing':
    case 'awaitingApproval':
    case 'running':
    case 'verifying':
    case 'decided':
    case 'compensating':
    case 'paused':
      return exit.failed;
    default:
      return unreachable(state);
  }
}

class Follower {
  readonly #io: Io;
  readonly #client: HubClient;
  readonly #api: typeof import('../api/client/index.ts');
  readonly #id: string;
  readonly #progress: Progress | undefined;
  readonly #stop = new AbortController();
  #view: TransactionView | undefined;
  #waits: Waits = new Map();
  #planDigest: string | undefined;
  #refresh: Cancel | undefined;
  #tick: Cancel | undefined;
  #refreshing: Promise<void> = Promise.resolve();
  #fault: unknown;
  #interrupted = false;
  #told: TransactionState | undefined;

  constructor(
    io: Io,
    client: HubClient,
    api: typeof import('../api/client/index.ts'),
    id: string,
    progress: Progress | undefined,
  ) {
    this.#io = io;
    this.#client = client;
    this.#api = api;
    this.#id = id;
    this.#progress = progress;
  }

  interrupt(): void {
    this.#interrupted = true;
    this.#stop.abort();
  }

  async run(): Promise<TransactionView> {
    await this.#read();
    if (this.#io.err.isTerminal) this.#tickOn();
    if (!this.#ended()) await this.#watch();
    this.#tick?.();
    this.#refresh?.();
    await this.#refreshing;
    if (this.#interrupted && !this.#ended()) throw stillGoing(this.#id);
    if (this.#fault !== undefined) throw this.#fault;
    if (!this.#ended()) await this.#read();
    return this.#view as TransactionView;
  }

  /** Elapsed time goes on at a terminal while nothing else does. */
  #tickOn(): void {
    this.#tick = this.#io.clock.after(TICK_MS, () => {
      this.#show();
      if (!this.#stop.signal.aborted) this.#tickOn();
    });
  }

  #show(): void {
    const view = this.#view;
    if (view === undefined) return;
    const since = Date.parse(view.startedAt ?? view.createdAt);
    this.#progress?.show(view, this.#waits, this.#io.clock.now() - since);
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stop;
    const onBreak = (problem: Error, attempt: number) => {
      if (attempt === 0) this.#progress?.note(`the line to the hub broke (${problem.message}); trying again`);
    };
    const events = this.#client.follow(this.#api.routes.transactions.events, { id: this.#id }, { signal, onBreak });
    for await (const _ of events) this.#readIn(REFRESH_MS);
  }

  #readIn(delayMs: number): void {
    this.#refresh ??= this.#io.clock.after(delayMs, () => {
      this.#refresh = undefined;
      this.#refreshing = this.#refreshing.then(() => this.#read()).catch((error) => this.#failed(error));
    });
  }

  #failed(error: unknown): void {
    if (this.#stop.signal.aborted) return;
    if (error instanceof this.#api.HubUnreachable) {
      this.#readIn(RETRY_MS);
      return;
    }
    this.#fault ??= error;
    this.#stop.abort();
  }

  async #read(): Promise<void> {
    const params = { id: this.#id };
    const view = await this.#client.call(this.#api.routes.transactions.get, { params });
    this.#view = view;
    if (this.#progress !== undefined && this.#planDigest !== view.plan.digest) {
      this.#planDigest = view.plan.digest;
      const { plan } = await this.#client.call(this.#api.routes.transactions.plan, { params });
      this.#waits = new Map(plan.steps.map((step) => [step.id, step.after]));
    }
    this.#show();
    this.#tellWhoIsNeeded(view);
    if (this.#ended()) this.#stop.abort();
  }

  /** A transaction that waits for a person says so once. */
  #tellWhoIsNeeded({ state, id }: TransactionView): void {
    if (state === this.#told) return;
    this.#told = state;
    if (state === 'awaitingApproval') this.#progress?.note(`waits for an approver: ldc tx approve ${id}`);
    if (state === 'paused') this.#progress?.note(`paused: ldc tx resume ${id}, or ldc tx abort ${id}`);
  }

  #ended(): boolean {
    const view = this.#view;
    return view !== undefined && (view.sealed || ['committed', 'rolledBack', 'stuck'].includes(view.state));
  }
}

function stillGoing(id: string): Failure {
  return new Failure(exit.interrupted, `stopped following; transaction ${id} goes on`, {
    hint: `ldc tx watch ${id} follows it again, ldc tx abort ${id} undoes it`,
  });
}
