/** One stream's way to the hub: in batches, no more ahead than the hub has granted, no faster than allowed. */
import { type Clock, limits } from '../../../base/index.ts';
import type { StreamItem } from '../../../protocol/index.ts';

export interface Sender {
  /** Resolves when there is room for more; what reads the source waits for it. */
  push(item: StreamItem): Promise<void>;
  /** Sends what is left; nothing may be pushed after. */
  flush(): Promise<void>;
  /** The hub has read so much. */
  grant(bytes: number): void;
}

const BATCH_MS = 30;
const BATCH_BYTES = 32 * 1024;
const BATCH_ITEMS = 1_000;

/** How fast an agent sends, over all its streams: a log that pours must not take the line from the others. */
export interface Pace {
  /** Resolves when so many bytes may leave; at once when aborted. */
  take(bytes: number, signal: AbortSignal): Promise<void>;
}

export function createPace(clock: Clock, bytesPerSecondMax: number = limits.streamsBytesPerSecondMax): Pace {
  let freeMs = clock.monotonic();
  return {
    async take(bytes, signal) {
      const nowMs = clock.monotonic();
      const fromMs = Math.max(freeMs, nowMs);
      freeMs = fromMs + (bytes / bytesPerSecondMax) * 1_000;
      if (fromMs > nowMs) await clock.sleep(fromMs - nowMs, signal);
    },
  };
}

/** @param signal aborted: whoever waits goes on, and nothing is sent. */
export function createSender(
  clock: Clock,
  send: (items: readonly StreamItem[]) => void,
  signal: AbortSignal,
  pace: Pace,
): Sender {
  let credit: number = limits.streamWindowBytes;
  let granted = Promise.withResolvers<void>();
  let batch: StreamItem[] = [];
  let batchBytes = 0;
  /** One batch leaves at a time, in order. */
  let leaving: Promise<void> = Promise.resolve();
  let due = () => {};
  signal.addEventListener('abort', () => granted.resolve(), { once: true });

  async function leave(items: readonly StreamItem[], bytes: number): Promise<void> {
    while (credit <= 0 && !signal.aborted) await granted.promise;
    if (!signal.aborted) await pace.take(bytes, signal);
    if (signal.aborted) return;
    credit -= bytes;
    send(items);
  }
  function flush(): Promise<void> {
    due();
    due = () => {};
    if (batch.length > 0) {
      const items = batch;
      const bytes = batchBytes;
      batch = [];
      batchBytes = 0;
      leaving = leaving.then(() => leave(items, bytes));
    }
    return leaving;
  }
  return {
    async push(item) {
      if (signal.aborted) return;
      if (batch.length === 0) due = clock.after(BATCH_MS, () => void flush());
      batch.push(item);
      batchBytes += sizeOf(item);
      if (batchBytes >= BATCH_BYTES || batch.length >= BATCH_ITEMS) await flush();
    },
    flush,
    grant(bytes) {
      credit += bytes;
      if (credit <= 0) return;
      granted.resolve();
      if (!signal.aborted) granted = Promise.withResolvers<void>();
    },
  };
}

/** Both ends count by it. */
export function sizeOf(item: StreamItem): number {
  return Buffer.byteLength(JSON.stringify(item));
}
