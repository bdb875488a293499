import type { Cancel, Clock } from '../../base/index.ts';

const FIRST_RETRY_MS = 20;
const RETRY_MAX_MS = 30_000;
/** Keys handled in one turn of the event loop, so that a burst of work leaves room for requests. */
const BATCH = 50;

/**
 * A level-based queue of keys: a key that is added again while it waits is handled once. No timer runs while it is idle.
 * `handle` answers after how many milliseconds the key is due again, or undefined; when it throws, the key comes back
 * after an exponential back-off.
 */
export class WorkQueue {
  readonly #clock: Clock;
  readonly #handle: (key: string) => number | undefined;
  readonly #onError: (key: string, error: unknown) => void;
  readonly #pending = new Set<string>();
  readonly #delayed = new Map<string, { dueMs: number; cancel: Cancel }>();
  readonly #failures = new Map<string, number>();
  #turn: Cancel | undefined;
  #closed = false;

  constructor(
    clock: Clock,
    handle: (key: string) => number | undefined,
    onError: (key: string, error: unknown) => void,
  ) {
    this.#clock = clock;
    this.#handle = handle;
    this.#onError = onError;
  }

  add(key: string): void {
    if (this.#closed) return;
    this.#pending.add(key);
    this.#turn ??= this.#clock.after(0, () => this.#run());
  }

  /** Adds the key after `delayMs`; of several delays the earliest counts. */
  addAfter(key: string, delayMs: number): void {
    if (this.#closed) return;
    const dueMs = this.#clock.now() + delayMs;
    const before = this.#delayed.get(key);
    if (before !== undefined && before.dueMs <= dueMs) return;
    before?.cancel();
    const cancel = this.#clock.after(delayMs, () => {
      this.#delayed.delete(key);
      this.add(key);
    });
    this.#delayed.set(key, { dueMs, cancel });
  }

  close(): void {
    this.#closed = true;
    this.#turn?.();
    for (const { cancel } of this.#delayed.values()) cancel();
    this.#delayed.clear();
    this.#pending.clear();
  }

  #run(): void {
    this.#turn = undefined;
    let left = BATCH;
    for (const key of this.#pending) {
      if (left-- === 0 || this.#closed) break;
      this.#pending.delete(key);
      this.#one(key);
    }
    if (this.#pending.size > 0 && !this.#closed) this.#turn ??= this.#clock.after(0, () => this.#run());
  }

  #one(key: string): void {
    try {
      const againMs = this.#handle(key);
      this.#failures.delete(key);
      if (againMs !== undefined) this.addAfter(key, againMs);
    } catch (error) {
      const failures = this.#failures.get(key) ?? 0;
      this.#failures.set(key, failures + 1);
      this.#onError(key, error);
      this.addAfter(key, Math.min(RETRY_MAX_MS, FIRST_RETRY_MS * 2 ** Math.min(failures, 20)));
    }
  }
}
