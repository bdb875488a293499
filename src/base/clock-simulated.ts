import { type Cancel, type Clock, sleepWith } from './clock.ts';

interface Timer {
  readonly atMs: number;
  readonly order: number;
  /** Undefined once cancelled: it leaves the heap when it comes to the top. */
  run: (() => void) | undefined;
}

/** A clock that moves only when told; the simulated twin of systemClock. Timers of one instant run in the order they were set. */
export class SimulatedClock implements Clock {
  #nowMs: number;
  readonly #startMs: number;
  #order = 0;
  /** A binary heap, soonest first: a simulation of a minute sets tens of thousands of timers. */
  readonly #timers: Timer[] = [];

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
    // whole milliseconds, as the machine's timers take them
    const timer: Timer = { atMs: this.#nowMs + Math.max(0, Math.trunc(delayMs)), order: this.#order++, run };
    this.#timers.push(timer);
    rise(this.#timers);
    return () => {
      timer.run = undefined;
    };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepWith(this, delayMs, signal);
  }

  /** Unix milliseconds of the next timer, or undefined when none is set. */
  nextTimer(): number | undefined {
    return this.#next()?.atMs;
  }

  /** Moves time on by `ms`, running what falls due in order; promise continuations run between two timers. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await settle();
    while (await this.#runNext(untilMs)) {}
    this.#nowMs = untilMs;
  }

  /** Moves time on to the next timer that is due by `untilMs` and runs it alone, with what waits on it; false: there is none. */
  async step(untilMs = Number.POSITIVE_INFINITY): Promise<boolean> {
    await settle();
    return this.#runNext(untilMs);
  }

  async #runNext(untilMs: number): Promise<boolean> {
    const next = this.#next();
    if (next === undefined || next.atMs > untilMs) return false;
    takeTop(this.#timers);
    this.#nowMs = Math.max(this.#nowMs, next.atMs);
    const { run } = next;
    next.run = undefined;
    run?.();
    await settle();
    return true;
  }

  #next(): Timer | undefined {
    while (this.#timers[0] !== undefined && this.#timers[0].run === undefined) takeTop(this.#timers);
    return this.#timers[0];
  }
}

/** Lets everything that only waits for promises run to its next wait. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function isSooner(a: Timer, b: Timer): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** Brings the last timer of the heap to its place. */
function rise(heap: Timer[]): void {
  let child = heap.length - 1;
  const timer = heap[child] as Timer;
  while (child > 0) {
    const parent = (child - 1) >> 1;
    const above = heap[parent] as Timer;
    if (!isSooner(timer, above)) break;
    heap[child] = above;
    child = parent;
  }
  heap[child] = timer;
}

function takeTop(heap: Timer[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let parent = 0;
  for (;;) {
    let child = 2 * parent + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && isSooner(heap[child + 1] as Timer, heap[child] as Timer)) child++;
    const below = heap[child] as Timer;
    if (!isSooner(below, last)) break;
    heap[parent] = below;
    parent = child;
  }
  heap[parent] = last;
}
