/** Ports for a local installation or a test that names none. */
import { createServer } from 'node:net';
import { randomInt, systemRandom } from '../base/index.ts';

/** Below the range from which systems take ports for outgoing lines: nobody gets one of ours while its hub is down. */
const PORTS = { from: 20_000, to: 32_000 } as const;

/** Two free ports, one after the other: REST and agents. */
export async function freePortPair(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = PORTS.from + randomInt(systemRandom, PORTS.to - PORTS.from);
    const first = await hold(port);
    const second = first === undefined ? undefined : await hold(port + 1);
    await first?.release();
    await second?.release();
    if (first !== undefined && second !== undefined) return port;
  }
  throw new Error('no two free ports in a row');
}

/** Listens on a port; undefined when it is in use. */
export function hold(port: number): Promise<{ readonly port: number; release(): Promise<void> } | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => {
      const { port: taken } = server.address() as { port: number };
      resolve({ port: taken, release: () => new Promise((released) => server.close(() => released())) });
    });
  });
}
