/** Time as a port. Everything that waits or reads a clock is handed one of these, so that a simulation can own time. */
export interface Clock {
  /** Wall-clock time, Unix milliseconds. */
  now(): number;
  /** Milliseconds from an arbitrary start; never goes back. For durations and leases. */
  monotonic(): number;
  /** Calls `run` once after `delayMs`; the answer cancels it. */
  after(delayMs: number, run: () => void): Cancel;
  /** Resolves after `delayMs`, or at once when the signal is aborted. Never rejects. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

export type Cancel = () => void;

/** The machine's own clock. Timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, Math.min(delayMs, 2 ** 31 - 1));
    timer.unref();
    return () => clearTimeout(timer);
  },
  sleep: (delayMs, signal) => sleepWith(systemClock, delayMs, signal),
};

/** Clock.sleep in terms of Clock.after; shared by the implementations. */
export function sleepWith(clock: Pick<Clock, 'after'>, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const finish = () => {
      cancel();
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const cancel = clock.after(delayMs, finish);
    signal?.addEventListener('abort', finish, { once: true });
  });
}

/** RFC 3339 with milliseconds, as journal entries and REST show it. */
export function timestamp(unixMs: number): string {
  return new Date(unixMs).toISOString();
}
