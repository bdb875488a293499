/** Free ports of loopback, for programs that have to be told theirs. */
import { createServer } from 'node:net';
import { randomInt, systemRandom } from './random.ts';

/** Below the range from which systems take ports for outgoing lines: nobody gets one of ours while its owner is down. */
const RANGE = { from: 20_000, to: 32_000 } as const;
const ATTEMPTS = 200;

/** Given away by this process: a program that was told a port may take seconds to listen on it. */
const given = new Set<number>();

/** A port that nobody listens on and that this process has not given away. @throws Error when none is found */
export function freePort(): Promise<number> {
  return freePorts(1);
}

/** Two of them, one after the other; answers the first: REST and agents. @throws Error when none are found */
export function freePortPair(): Promise<number> {
  return freePorts(2);
}

async function freePorts(count: number): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const first = RANGE.from + randomInt(systemRandom, RANGE.to - RANGE.from);
    const ports = Array.from({ length: count }, (_, at) => first + at);
    if (ports.some((port) => given.has(port))) continue;
    keepPorts(ports);
    const free = await Promise.all(ports.map(isFree));
    if (free.every(Boolean)) return first;
    for (const port of ports) given.delete(port);
  }
  throw new Error(`no free port was found between ${RANGE.from} and ${RANGE.to}`);
}

/** Has these given to nobody else. */
export function keepPorts(ports: readonly number[]): void {
  for (const port of ports) given.add(port);
}

/** Whether nobody listens on a loopback port. */
export async function isFree(port: number): Promise<boolean> {
  const held = await hold(port);
  await held?.release();
  return held !== undefined;
}

/** Listens on a port, 0 for any; undefined when it is in use. */
export function hold(port: number): Promise<{ readonly port: number; release(): Promise<void> } | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const { port: taken } = server.address() as { port: number };
      resolve({ port: taken, release: () => new Promise((released) => server.close(() => released())) });
    });
  });
}
