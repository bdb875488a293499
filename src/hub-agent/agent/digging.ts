/**
 * When reasons are dug for: each dig costs requests, so it follows a change after a moment, and is repeated with growing
 * waits while something stays unwell (a cause often shows only after the status did).
 */
import type { Cancel, Clock } from '../../base/index.ts';
import { createSlots } from '../../kubernetes/index.ts';

/** `well`: there is nothing to dig for; `same`: nothing new was found. */
export type Found = 'well' | 'same' | 'changed';

export interface Digging {
  /** Something about it has changed: dig in a moment (sooner when it has failed), then again while it is not well. */
  soon(key: string, dig: () => Promise<Found>, failed: boolean): void;
  forget(key: string): void;
}

/** What comes up well within it, as a rollout does, also one of many, is never dug for. */
const FIRST_MS = 3_000;
const FAILED_MS = 500;
const AGAIN_MS = 2_000;
const AGAIN_MS_MAX = 30_000;
const AT_ONCE = 4;

interface Planned {
  cancel: Cancel;
  /** Clock.monotonic() */
  readonly dueMs: number;
  againMs: number;
}

export function createDigging(clock: Clock, signal: AbortSignal): Digging {
  const slots = createSlots(AT_ONCE);
  const due = new Map<string, Planned>();

  function plan(key: string, dig: () => Promise<Found>, waitMs: number, againMs: number): void {
    const entry: Planned = { againMs, dueMs: clock.monotonic() + waitMs, cancel: () => {} };
    entry.cancel = clock.after(waitMs, () => void run(key, dig, entry));
    due.set(key, entry);
  }
  async function run(key: string, dig: () => Promise<Found>, entry: Planned): Promise<void> {
    await slots.take();
    const found = signal.aborted ? 'well' : await dig().catch((): Found => 'same');
    slots.give();
    if (due.get(key) !== entry) return; // told anew, or forgotten, meanwhile
    if (found === 'well') due.delete(key);
    else if (found === 'changed') plan(key, dig, AGAIN_MS, 2 * AGAIN_MS);
    else plan(key, dig, entry.againMs, Math.min(2 * entry.againMs, AGAIN_MS_MAX));
  }
  return {
    soon(key, dig, failed) {
      const before = due.get(key);
      const nowMs = clock.monotonic();
      const waitMs = failed ? FAILED_MS : FIRST_MS;
      // what changes all the time must not put it off for ever
      if (before !== undefined && before.dueMs > nowMs && before.dueMs <= nowMs + waitMs) before.againMs = AGAIN_MS;
      else {
        before?.cancel();
        plan(key, dig, waitMs, AGAIN_MS);
      }
    },
    forget(key) {
      due.get(key)?.cancel();
      due.delete(key);
    },
  };
}
