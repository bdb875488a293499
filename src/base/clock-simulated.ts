import { type Cancel, type Clock, sleepWith } from './clock.ts';

/** A clock that moves only when told; the simulated twin of systemClock. Timers of one instant run in the order they were set. */
export class SimulatedClock implements Clock {
  #nowMs: number;
  #startMs: number;
  #order = 0;
  #timers: { atMs: number; order: number; run: () => void }[] = [];

  constructor(startMs = 1_700_000_000_000) {
    this.#nowMs = startMs;
    this.#startMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs - this.#startMs;
  }

  after(delayMs: number, run: () => void): Cancel {
    const timer = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepWith(this, delayMs, signal);
  }

  /** Unix milliseconds of the next timer, or undefined when none is set. */
  nextTimer(): number | undefined {
    return this.#timers.length === 0 ? undefined : Math.min(...this.#timers.map((timer) => timer.atMs));
  }

  /** Moves time on by `ms`, running what falls due in order; promise continuations run between two timers. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settle();
    for (;;) {
      const due = this.#timers.filter((timer) => timer.atMs <= untilMs);
      due.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
      const next = due[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.run();
      await settle();
    }
    this.#nowMs = untilMs;
  }
}

/** Lets everything that only waits for promises run to its next wait. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
