/** Whether what looks ready is so: long enough, where nothing proves it, and without a container that ends meanwhile. */
import type { Unwell } from '../why.ts';
import { createEndings } from './endings.ts';
import type { Work } from './work.ts';

/** How long what looks ready, but is not tied to the newest spec by anything, must stay so. */
const UNPROVEN_MS = 2_000;

export interface Calm<T extends Unwell> {
  /**
   * Of everything that was seen: what is not ready; `proven`: all of it is, for long enough; else look again after `waitMs` at
   * the earliest. Who is late takes what is ready as it is, unless one of its containers has ended since it was ready first.
   */
  judge(seen: readonly T[], late: boolean): Promise<Judged<T>>;
}

interface Judged<T> {
  readonly unwell: readonly T[];
  readonly proven: boolean;
  readonly waitMs: number;
}

export function createCalm<T extends Unwell>(work: Pick<Work, 'client' | 'clock'>, minReadyMs: number): Calm<T> {
  const endings = createEndings<T>(work);
  /** Since when everything has been ready without a break. */
  let sinceMs: number | undefined;
  /** What has ended before this. */
  let fallen: readonly T[] = [];

  function settled(forMs: number, late: boolean): Judged<T> {
    if (late && forMs < minReadyMs && fallen.length > 0) return { unwell: fallen, proven: false, waitMs: 0 };
    return { unwell: [], proven: late || forMs >= minReadyMs, waitMs: Math.max(0, minReadyMs - forMs) };
  }

  return {
    async judge(seen, late) {
      const unwell = seen.filter(({ status }) => status.status !== 'current');
      if (unwell.length > 0) {
        sinceMs = undefined;
        return { unwell, proven: false, waitMs: 0 };
      }
      const nowMs = work.clock.monotonic();
      const begins = sinceMs === undefined;
      sinceMs ??= nowMs;
      const forMs = nowMs - sinceMs;
      if (minReadyMs > 0 && (begins || late || forMs >= minReadyMs)) {
        const ended = await endings.since(seen);
        if (ended.length > 0) {
          fallen = ended;
          sinceMs = undefined;
          return { unwell: ended, proven: false, waitMs: 0 };
        }
      }
      const judged = settled(forMs, late);
      const unproven = !late && forMs < UNPROVEN_MS && seen.some(({ status }) => status.unproven === true);
      return unproven ? { ...judged, proven: false, waitMs: 0 } : judged;
    },
  };
}
