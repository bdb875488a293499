import type { Socket } from 'node:net';
import type { Clock } from '../../base/index.ts';
import type { FaultSwitch } from './faults.ts';

/** Bytes that may wait for their time on a slow line before the sender is held back. */
const DELAYED_BYTES_MAX = 1024 * 1024;

/**
 * Carries bytes from one socket to another under the gateway's fault, one way. While the line is cut nothing is read,
 * and the end of either side is not told to the other: as with a pulled cable, each side waits.
 */
export class Pipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #faults: FaultSwitch;
  readonly #clock: Clock;
  /** What is on its way: bytes, or the end; due at a time, in order. */
  readonly #line: { readonly dueMs: number; readonly chunk: Buffer | undefined }[] = [];
  #bytes = 0;
  #timerSet = false;
  #blocked = false;

  constructor(from: Socket, to: Socket, faults: FaultSwitch, clock: Clock) {
    this.#from = from;
    this.#to = to;
    this.#faults = faults;
    this.#clock = clock;
    from.on('data', (chunk: Buffer) => this.#take(chunk));
    from.on('end', () => this.#take(undefined));
    to.on('drain', () => {
      this.#blocked = false;
      this.move();
    });
  }

  /** Moves what is due and reads on; called again whenever the fault changed. */
  move(): void {
    if (this.#faults.fault.kind === 'cut' || this.#from.destroyed) {
      this.#from.pause();
      if (this.#faults.fault.kind === 'cut') return;
    }
    while (!this.#blocked && this.#line[0] !== undefined && this.#line[0].dueMs <= this.#clock.now()) {
      const { chunk } = this.#line.shift() as { chunk: Buffer | undefined };
      if (chunk === undefined) {
        this.#to.end();
        continue;
      }
      this.#bytes -= chunk.length;
      if (!this.#to.destroyed) this.#blocked = !this.#to.write(chunk);
    }
    this.#wake();
    if (this.#blocked || this.#bytes >= DELAYED_BYTES_MAX) this.#from.pause();
    else this.#from.resume();
  }

  #take(chunk: Buffer | undefined): void {
    const { fault } = this.#faults;
    const delayMs = fault.kind === 'slow' ? fault.latencyMs : 0;
    // never overtakes what is on its way already
    const dueMs = Math.max(this.#clock.now() + delayMs, this.#line.at(-1)?.dueMs ?? 0);
    this.#line.push({ dueMs, chunk });
    this.#bytes += chunk?.length ?? 0;
    this.move();
  }

  #wake(): void {
    const next = this.#line[0];
    if (next === undefined || this.#blocked || this.#timerSet) return;
    this.#timerSet = true;
    this.#clock.after(Math.max(0, next.dueMs - this.#clock.now()), () => {
      this.#timerSet = false;
      this.move();
    });
  }
}
