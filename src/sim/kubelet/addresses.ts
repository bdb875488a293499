import { createServer, type Server } from 'node:net';
import { sha256Hex } from '../../base/index.ts';

/** Held on x.x.x.1 of each block while it is ours, so that two installations on one machine never share addresses. */
const RESERVATION_PORT = 10_251;
/** 127.64.0.0 to 127.191.255.0: away from 127.0.0.x, which others use by hand. */
const BLOCKS = 128 * 256;

/** Loopback addresses for pods: one each, so that ports never collide. Blocks of 254 are reserved by a listening socket. */
export class PodAddresses {
  readonly #start: number;
  readonly #blocks: Server[] = [];
  readonly #free: string[] = [];
  #tried = 0;
  #simulated = 0;

  /** `seed` only decides where the search for a free block begins. */
  constructor(seed: string) {
    this.#start = Number.parseInt(sha256Hex(seed).slice(0, 8), 16) % BLOCKS;
  }

  async take(): Promise<string> {
    const address = this.#free.shift();
    if (address !== undefined) return address;
    await this.#reserve();
    return this.take();
  }

  release(address: string): void {
    // to the end of the queue: an address rests before it is used again, as late packets and clients need
    if (!isSimulated(address)) this.#free.push(address);
  }

  /** An address where nothing listens, for a pod that is only simulated. */
  simulated(): string {
    const number = this.#simulated++ % (64 * 65_536 - 1);
    return `127.${192 + (number >> 16)}.${(number >> 8) & 255}.${number & 255 || 1}`;
  }

  async close(): Promise<void> {
    await Promise.all(this.#blocks.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  async #reserve(): Promise<void> {
    while (this.#tried < BLOCKS) {
      const number = (this.#start + this.#tried++) % BLOCKS;
      const block = `127.${64 + (number >> 8)}.${number & 255}`;
      const server = await listen(`${block}.1`);
      if (server === undefined) continue;
      this.#blocks.push(server);
      for (let host = 2; host < 255; host++) this.#free.push(`${block}.${host}`);
      return;
    }
    throw new Error(
      'no free loopback addresses for pods: needs 127.64.0.0/10 on the loopback interface, as Linux has it',
    );
  }
}

function isSimulated(address: string): boolean {
  return Number(address.split('.')[1]) >= 192;
}

function listen(host: string): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy());
  server.unref();
  return new Promise((resolve) => {
    server.once('error', () => resolve(undefined));
    server.listen({ host, port: RESERVATION_PORT, exclusive: true }, () => resolve(server));
  });
}
