import type { Response } from 'express';
import type { Clock } from '../../base/index.ts';
import type { ClusterStream, Told } from '../../stacks/types.ts';
import { closing, write } from './live.ts';

const KEEP_ALIVE_MS = 15_000;

/**
 * Several clusters' streams as one of NDJSON, each as fast as the reader takes it: what is not read is not asked of the
 * clusters. An empty line now and then says that the hub is still here. Ends when all have, or the reader or his right is gone.
 */
export async function streamClusters(
  response: Response,
  streams: readonly ClusterStream[],
  { clock, stillAllowed }: { readonly clock: Clock; readonly stillAllowed: () => boolean },
): Promise<void> {
  const stop = new AbortController();
  const gone = AbortSignal.any([closing(response), stop.signal]);
  response.status(200).set({ 'content-type': 'application/x-ndjson; charset=utf-8', 'x-accel-buffering': 'no' });
  response.flushHeaders();
  const alive = async () => {
    while (!gone.aborted) {
      await clock.sleep(KEEP_ALIVE_MS, gone);
      if (!stillAllowed()) stop.abort();
      await write(response, '\n', gone);
    }
  };
  void alive();
  const pump = async (stream: ClusterStream) => {
    for await (const items of stream.follow(gone)) {
      if (!stillAllowed()) stop.abort();
      if (gone.aborted) return;
      await write(response, items.map((item) => `${JSON.stringify(item)}\n`).join(''), gone);
    }
  };
  try {
    await Promise.all(streams.map(pump));
  } finally {
    stop.abort();
    response.end();
  }
}

/** What is there now, cluster after cluster, up to so many bytes; each cluster's `end` is in it, whatever is left out. */
export async function collectClusters(
  streams: readonly ClusterStream[],
  bytesMax: number,
): Promise<{ readonly items: readonly Told[]; readonly truncated: boolean }> {
  const items: Told[] = [];
  let left = bytesMax;
  let truncated = false;
  for (const stream of streams) {
    const enough = new AbortController();
    for await (const batch of stream.follow(enough.signal)) {
      for (const item of batch) {
        if (left > 0) left -= JSON.stringify(item).length;
        if (left > 0 || item.kind === 'end') items.push(item);
      }
      if (left > 0) continue;
      truncated = true;
      enough.abort();
    }
  }
  return { items, truncated };
}
