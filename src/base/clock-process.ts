import { type Cancel, type Clock, sleepWith } from './clock.ts';

/**
 * What one simulated process sees of time: a view of the simulation's clock that may be wrong, stand still, and die.
 * Death needs no help of who dies: none of its timers runs again, and nothing that `alive` wraps is ever answered.
 */
export class SimulatedProcess implements Clock {
  readonly #clock: Clock;
  #skewMs: number;
  #dead = false;
  /** What fell due while it stood still; undefined: it runs. */
  #held: (() => void)[] | undefined;
  readonly #atDeath = new Set<() => void>();

  /** @param skewMs how far its wall clock is ahead of the simulation's */
  constructor(clock: Clock, skewMs = 0) {
    this.#clock = clock;
    this.#skewMs = skewMs;
  }

  get isDead(): boolean {
    return this.#dead;
  }

  get isHalted(): boolean {
    return this.#held !== undefined;
  }

  now(): number {
    return this.#clock.now() + this.#skewMs;
  }

  monotonic(): number {
    return this.#clock.monotonic();
  }

  after(delayMs: number, run: () => void): Cancel {
    if (this.#dead) return () => {};
    let cancelled = false;
    const cancel = this.#clock.after(delayMs, () => this.#whenRunning(() => !cancelled && run()));
    return () => {
      cancelled = true;
      cancel();
    };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepWith(this, delayMs, signal);
  }

  /** Its wall clock is set, by an administrator or by NTP; durations are not touched. */
  jump(byMs: number): void {
    this.#skewMs += byMs;
  }

  /** It stands still (SIGSTOP, a swapped-out machine): what falls due meanwhile comes at once when it goes on. */
  halt(): void {
    if (!this.#dead) this.#held ??= [];
  }

  resume(): void {
    const due = this.#held ?? [];
    this.#held = undefined;
    for (const run of due) this.#whenRunning(run);
  }

  kill(): void {
    if (this.#dead) return;
    this.#dead = true;
    this.#held = undefined;
    for (const run of this.#atDeath) run();
    this.#atDeath.clear();
  }

  /** What the world does when it dies: its connections end, what it had not written is lost. */
  onDeath(run: () => void): Cancel {
    this.#atDeath.add(run);
    return () => this.#atDeath.delete(run);
  }

  /** An answer from outside, as this process hears it: when it runs, and never once it is dead. */
  alive<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      answer.then(
        (value) => this.#whenRunning(() => resolve(value)),
        (error) => this.#whenRunning(() => reject(error)),
      );
    });
  }

  /** Hands something in from outside, under the same rules. */
  deliver(run: () => void): void {
    this.#whenRunning(run);
  }

  #whenRunning(run: () => void): void {
    if (this.#dead) return;
    if (this.#held === undefined) run();
    else this.#held.push(run);
  }
}
