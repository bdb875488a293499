/** Lines between agents and hubs in memory: whole messages in order, as over TCP; what is under way when a line breaks is lost. */
import { type Json, limits, type Random, type SimulatedClock, type SimulatedProcess } from '../../src/base/index.ts';
import type { Channel } from '../../src/protocol/index.ts';

/** Where nothing passes; both ends notice by silence alone. */
export type Cut = 'toHub' | 'toAgent' | 'both';

interface End {
  readonly process: SimulatedProcess;
  readonly direction: Exclude<Cut, 'both'>;
  onMessage: ((message: Json) => void) | undefined;
  onClose: ((reason: string) => void) | undefined;
  readonly early: Json[];
  closed: string | undefined;
}

const DELAY_MS_MIN = 1;
const DELAY_MS_MAX = 6;

export interface NetworkOptions {
  readonly clock: SimulatedClock;
  readonly random: Random;
  /** A message arrives at a process that lives. */
  readonly onMessage?: (cluster: string, to: 'hub' | 'agent', message: Json) => void;
}

export class Network {
  readonly #options: NetworkOptions;
  readonly #cuts = new Map<string, Cut>();
  readonly #lines = new Map<string, Set<Line>>();
  /** Further delay of each message, in milliseconds. */
  slowMs = 0;

  constructor(options: NetworkOptions) {
    this.#options = options;
  }

  delayMs(): number {
    return DELAY_MS_MIN + this.#options.random.next() * (DELAY_MS_MAX - DELAY_MS_MIN + this.slowMs);
  }

  open(
    cluster: string,
    hub: SimulatedProcess,
    agent: SimulatedProcess,
  ): { readonly hub: Channel; readonly agent: Channel } {
    const line = new Line(cluster, { hub, agent }, this, this.#options);
    const lines = this.#lines.get(cluster) ?? new Set();
    this.#lines.set(cluster, lines.add(line));
    return line;
  }

  passes(cluster: string, direction: Exclude<Cut, 'both'>): boolean {
    const cut = this.#cuts.get(cluster);
    return cut !== 'both' && cut !== direction;
  }

  cut(cluster: string, how: Cut): void {
    this.#cuts.set(cluster, how);
  }

  /** What was sent meanwhile arrives now, as TCP would bring it. */
  heal(cluster: string): void {
    this.#cuts.delete(cluster);
    for (const line of this.#lines.get(cluster) ?? []) line.flush();
  }

  /** The lines of a cluster end, with all that is under way on them. */
  break(cluster: string): void {
    for (const line of [...(this.#lines.get(cluster) ?? [])]) line.break('connection reset');
  }

  over(cluster: string, line: Line): void {
    this.#lines.get(cluster)?.delete(line);
  }
}

class Line {
  readonly hub: Channel;
  readonly agent: Channel;
  readonly #network: Network;
  readonly #options: NetworkOptions;
  readonly #cluster: string;
  readonly #ends: { readonly hub: End; readonly agent: End };
  readonly #held: { readonly direction: Exclude<Cut, 'both'>; readonly run: () => void }[] = [];
  readonly #lastMs = { toHub: 0, toAgent: 0 };
  #broken = false;

  constructor(
    cluster: string,
    processes: { readonly hub: SimulatedProcess; readonly agent: SimulatedProcess },
    network: Network,
    options: NetworkOptions,
  ) {
    this.#cluster = cluster;
    this.#network = network;
    this.#options = options;
    const end = (process: SimulatedProcess, direction: Exclude<Cut, 'both'>): End => ({
      ...{ process, direction, early: [] },
      ...{ onMessage: undefined, onClose: undefined, closed: undefined },
    });
    this.#ends = { hub: end(processes.hub, 'toAgent'), agent: end(processes.agent, 'toHub') };
    this.hub = this.#channel(this.#ends.hub, this.#ends.agent);
    this.agent = this.#channel(this.#ends.agent, this.#ends.hub);
    for (const [own, other] of [
      [this.#ends.hub, this.#ends.agent],
      [this.#ends.agent, this.#ends.hub],
    ] as const) {
      // the machine of one that dies says so to the other; where that is cut, silence must
      own.process.onDeath(() => this.#carry(own, () => this.#close(other, 'connection reset')));
    }
  }

  flush(): void {
    for (const { direction, run } of this.#held.splice(0)) {
      if (this.#network.passes(this.#cluster, direction)) run();
      else this.#held.push({ direction, run });
    }
  }

  break(reason: string): void {
    this.#broken = true;
    this.#held.length = 0;
    for (const end of [this.#ends.hub, this.#ends.agent]) {
      this.#options.clock.after(this.#network.delayMs(), () => this.#close(end, reason));
    }
    this.#network.over(this.#cluster, this);
  }

  #channel(own: End, other: End): Channel {
    return {
      send: (message) => {
        if (own.closed !== undefined || own.process.isDead) return 'closed';
        const text = JSON.stringify(message);
        if (Buffer.byteLength(text) > limits.protocolMessageBytesMax) return 'tooLarge';
        this.#carry(own, () => this.#deliver(other, JSON.parse(text) as Json));
        return 'queued';
      },
      onMessage(listener) {
        own.onMessage = listener;
        for (const message of own.early.splice(0)) listener(message);
      },
      onClose(listener) {
        own.onClose = listener;
        if (own.closed !== undefined) listener(own.closed);
      },
      close: (reason) => {
        if (own.process.isDead) return;
        this.#close(own, reason);
        this.#carry(own, () => this.#close(other, reason));
      },
    };
  }

  /** In the order of sending, each way by itself. */
  #carry({ direction }: End, run: () => void): void {
    const { clock } = this.#options;
    const atMs = Math.max(clock.now() + this.#network.delayMs(), this.#lastMs[direction]);
    this.#lastMs[direction] = atMs;
    clock.after(atMs - clock.now(), () => {
      if (this.#broken) return;
      const waits = this.#held.some((one) => one.direction === direction);
      if (waits || !this.#network.passes(this.#cluster, direction)) this.#held.push({ direction, run });
      else run();
    });
  }

  #deliver(to: End, message: Json): void {
    to.process.deliver(() => {
      if (to.closed !== undefined) return;
      this.#options.onMessage?.(this.#cluster, to === this.#ends.hub ? 'hub' : 'agent', message);
      if (to.onMessage === undefined) to.early.push(message);
      else to.onMessage(message);
    });
  }

  #close(end: End, reason: string): void {
    end.process.deliver(() => {
      if (end.closed !== undefined) return;
      end.closed = reason;
      end.onClose?.(reason);
    });
    if (this.#ends.hub.closed !== undefined && this.#ends.agent.closed !== undefined) {
      this.#network.over(this.#cluster, this);
    }
  }
}
