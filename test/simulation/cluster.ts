/** One simulated cluster: its API server, the way to it with its faults, and the processes that ask it. */
import type { Cancel, Random, SimulatedClock, SimulatedProcess } from '../../src/base/index.ts';
import type { ApiAnswer, ApiRequest, Client, WatchEnd } from '../../src/kubernetes/index.ts';
import { LightApi } from './light-api.ts';

/** What befalls one request: an answer of the server's own trouble, or none; `effect`: it was done all the same. */
export type RequestFault =
  | { readonly kind: 'status'; readonly status: 403 | 429 | 500 | 503; readonly effect: boolean }
  | { readonly kind: 'silence'; readonly effect: boolean };

const TIMEOUT_MS = 30_000;
const REASONS = { 403: 'Forbidden', 429: 'TooManyRequests', 500: 'InternalError', 503: 'ServiceUnavailable' } as const;

export class SimulatedCluster {
  readonly name: string;
  readonly api: LightApi;
  /** The API server answers nobody: connections are refused. */
  isDown = false;
  slowMs = 0;
  faultOf: (request: ApiRequest) => RequestFault | undefined = () => undefined;
  readonly #clock: SimulatedClock;
  readonly #random: Random;

  constructor(name: string, clock: SimulatedClock, random: Random) {
    this.name = name;
    this.#clock = clock;
    this.#random = random;
    this.api = new LightApi({ clock, bytes: (count) => random.bytes(count) });
  }

  /** A client of that process: nothing of it goes on once the process is dead, but what the server was already asked. */
  client(process: SimulatedProcess): Client {
    const self: Client = {
      request: (request) => this.#ask(process, request),
      watch: (request, onEvent) => this.#watch(process, request, onEvent),
      lines: () => Promise.resolve({ kind: 'unreachable', sent: false, reason: 'no logs here' }),
      bearing: () => self,
      close: () => Promise.resolve(),
    };
    return self;
  }

  #delayMs(): number {
    return 0.5 + this.#random.next() * (2 + this.slowMs);
  }

  #ask(process: SimulatedProcess, request: ApiRequest): Promise<ApiAnswer> {
    const { timeoutMs = TIMEOUT_MS, signal } = request;
    return new Promise((resolve) => {
      if (process.isDead) return;
      let isOver = false;
      let sent = false;
      const settle = (answer: ApiAnswer) => {
        if (isOver) return;
        isOver = true;
        cancel();
        signal?.removeEventListener('abort', abort);
        resolve(answer);
      };
      const unreachable = (reason: string) => settle({ kind: 'unreachable', sent, reason });
      const abort = () => unreachable('aborted');
      const cancel: Cancel = process.after(timeoutMs, () => unreachable(`no answer within ${timeoutMs / 1_000} s`));
      if (signal?.aborted) return abort();
      signal?.addEventListener('abort', abort, { once: true });
      const arriveMs = this.#delayMs();
      const backMs = this.#delayMs();
      this.#clock.after(arriveMs, () => {
        if (isOver && !process.isDead) return;
        if (this.isDown) return process.deliver(() => unreachable('connection refused'));
        sent = true;
        const answer = this.#answer(request);
        if (answer !== undefined) this.#clock.after(backMs, () => process.deliver(() => settle(answer)));
      });
    });
  }

  /** undefined: there is none. */
  #answer(request: ApiRequest): ApiAnswer | undefined {
    const fault = this.faultOf(request);
    if (fault === undefined) return this.api.handle(request);
    if (fault.effect) this.api.handle(request);
    if (fault.kind === 'silence') return undefined;
    const { status: code } = fault;
    const message = `${REASONS[code]}: as the simulation wants it`;
    const body = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      code,
      reason: REASONS[code],
      message,
    };
    return { kind: 'answered', status: code, body, warnings: [] };
  }

  #watch(process: SimulatedProcess, request: ApiRequest, onEvent: Parameters<Client['watch']>[1]): Promise<WatchEnd> {
    return new Promise((resolve) => {
      if (process.isDead) return;
      let chain: Promise<unknown> = Promise.resolve();
      let isOver = false;
      let lastMs = 0;
      let stop: Cancel = () => {};
      const finish = (end: WatchEnd) => {
        if (isOver) return;
        isOver = true;
        stop();
        request.signal?.removeEventListener('abort', abort);
        void chain.then(() => resolve(end));
      };
      const abort = () => finish({ kind: 'ended' });
      if (request.signal?.aborted) return abort();
      request.signal?.addEventListener('abort', abort, { once: true });
      process.onDeath(() => stop());
      /** In order, however long each takes. */
      const later = (run: () => void) => {
        const atMs = Math.max(this.#clock.now() + this.#delayMs(), lastMs);
        lastMs = atMs;
        this.#clock.after(atMs - this.#clock.now(), () => process.deliver(() => !isOver && run()));
      };
      this.#clock.after(this.#delayMs(), () => {
        if (isOver) return;
        if (this.isDown) return process.deliver(() => finish({ kind: 'unreachable', reason: 'connection refused' }));
        stop = this.api.watch(
          request,
          (event) => later(() => (chain = chain.then(() => onEvent(event)))),
          (end) => later(() => finish(end)),
        );
      });
    });
  }
}
