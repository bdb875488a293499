import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../base/index.ts';
import type { Fault, FaultSwitch } from './faults.ts';
import { Pipe } from './pipe.ts';

export interface Target {
  readonly host: string;
  readonly port: number;
}

export interface TcpProxyOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** Where a new connection goes; undefined: nowhere at present, it is refused. */
  readonly target: () => Target | undefined;
  readonly faults: FaultSwitch;
  readonly clock: Clock;
}

export interface TcpProxy {
  readonly port: number;
  /** Open connections. */
  connections(): number;
  close(): Promise<void>;
}

const REOPEN_MS = 100;

/** A TCP proxy on loopback that obeys a fault switch, open connections included. */
export async function startTcpProxy(options: TcpProxyOptions): Promise<TcpProxy> {
  const links = new Set<Link>();
  const accept = (socket: Socket) => {
    const link = new Link(socket, options, () => links.delete(link));
    links.add(link);
  };
  let server = await listen(options.port, accept);
  const { port } = server.address() as AddressInfo;
  let closed = false;
  const reopen = async (): Promise<void> => {
    if (closed || server.listening || options.faults.fault.kind === 'refuse') return;
    try {
      server = await listen(port, accept);
    } catch {
      options.clock.after(REOPEN_MS, () => void reopen());
    }
  };
  const stopListening = options.faults.onChange((fault) => {
    if (fault.kind === 'refuse') {
      // nobody listens: the kernel answers new connections with a refusal, as for a machine that is up without its service
      if (server.listening) server.close();
      for (const link of [...links]) link.reset();
      return;
    }
    for (const link of [...links]) link.obey(fault);
    void reopen();
  });
  return {
    port,
    connections: () => links.size,
    async close() {
      closed = true;
      stopListening();
      for (const link of [...links]) link.reset();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
}

function listen(port: number, accept: (socket: Socket) => void): Promise<Server> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true }, accept);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      server.off('error', reject);
      server.on('error', () => {});
      resolve(server);
    });
  });
}

/** One connection: the side that called and, once the fault lets it through, the side it wanted. */
class Link {
  readonly #inner: Socket;
  readonly #options: TcpProxyOptions;
  readonly #onGone: () => void;
  #outer: Socket | undefined;
  #pipes: readonly Pipe[] = [];
  #brokenWhileCut = false;

  constructor(inner: Socket, options: TcpProxyOptions, onGone: () => void) {
    this.#inner = inner;
    this.#options = options;
    this.#onGone = onGone;
    inner.on('error', () => {}); // told by 'close'
    inner.on('close', () => this.#sideClosed());
    this.#open();
  }

  obey(fault: Fault): void {
    if (fault.kind === 'cut') {
      for (const pipe of this.#pipes) pipe.move();
      return;
    }
    if (this.#brokenWhileCut) {
      this.reset();
      return;
    }
    this.#open();
    for (const pipe of this.#pipes) pipe.move();
  }

  /** Ends both sides at once. */
  reset(): void {
    reset(this.#inner);
    if (this.#outer !== undefined) reset(this.#outer);
    this.#onGone();
  }

  #open(): void {
    const { faults, clock, target } = this.#options;
    if (this.#outer !== undefined || faults.fault.kind === 'cut') return;
    const to = target();
    if (to === undefined) {
      this.reset();
      return;
    }
    const outer = connect({ ...to, allowHalfOpen: true, noDelay: true });
    this.#outer = outer;
    outer.on('error', () => {});
    outer.on('close', () => this.#sideClosed());
    this.#pipes = [new Pipe(this.#inner, outer, faults, clock), new Pipe(outer, this.#inner, faults, clock)];
    for (const pipe of this.#pipes) pipe.move();
  }

  #sideClosed(): void {
    if (this.#options.faults.fault.kind === 'cut') {
      this.#brokenWhileCut = true; // the other side learns of it when the line is whole again
      return;
    }
    const sides = [this.#inner, this.#outer].filter((side) => side !== undefined);
    const broken = sides.some((side) => side.destroyed && !side.readableEnded);
    if (broken) for (const side of sides) side.destroy();
    if (sides.every((side) => side.destroyed)) this.#onGone();
  }
}

/**
 * Ends a connection at once. Where its end is being sent already libuv refuses a reset, and Node 24 then keeps the handle for
 * ever: a process that has such a one spins when it would exit.
 */
export function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}
