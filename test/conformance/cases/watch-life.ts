/** Watching in a case: events as they come, and a wait for the one that matters. */
import type { WatchEnd } from '../../../src/kubernetes/index.ts';
import { accepted, type Query } from '../caller.ts';
import type { Trial } from '../judge.ts';

export interface Watching {
  /** `ADDED a`, `MODIFIED a`, … so far; bookmarks are left out. */
  readonly seen: readonly string[];
  readonly events: readonly WatchedEvent[];
  /** Waits until so many events have come. */
  upTo(count: number): Promise<readonly string[]>;
  /** Whether the server has ended it. */
  readonly isOver: boolean;
  /** Waits until the server ends it. */
  ended(): Promise<WatchEnd>;
  stop(): void;
}

export type WatchedEvent = Parameters<Parameters<Trial['client']['watch']>[1]>[0];

/** Watches; the watch ends with the case. */
export function watching(t: Trial, path: string, query: Query): Watching {
  const stop = new AbortController();
  const events: WatchedEvent[] = [];
  let over: WatchEnd | undefined;
  const end = t.client
    .watch({ method: 'GET', path, query, signal: stop.signal }, (event) => void events.push(event))
    .then((how) => {
      over = how;
    });
  t.later(async () => {
    stop.abort();
    await end;
  });
  const seen = () =>
    events.filter(({ type }) => type !== 'BOOKMARK').map(({ type, object }) => `${type} ${object.metadata.name}`);
  return {
    get seen() {
      return seen();
    },
    events,
    get isOver() {
      return over !== undefined;
    },
    upTo: (count) => t.eventually(`${count} events at ${path}`, async () => seen().length >= count && seen()),
    ended: () => t.eventually(`the watch of ${path} to end`, async () => over),
    stop: () => stop.abort(),
  };
}

/** The resourceVersion of a collection now. */
export async function now(t: Trial, path: string): Promise<string> {
  return String(accepted(await t.get(path, { limit: 1 })).metadata.resourceVersion);
}
