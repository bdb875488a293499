import { backoffMs, type Clock, isObject, type KubeObject, type Random } from '../../base/index.ts';
import type { Client, WatchEnd } from '../../kubernetes/types.ts';

export interface ReflectorOptions<T extends KubeObject> {
  readonly client: Client;
  readonly path: string;
  readonly query?: { readonly [name: string]: string };
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** The whole truth at one moment. */
  readonly onList: (objects: readonly T[]) => void;
  readonly onChange: (type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T) => void;
}

/** LIST, then WATCH, and again for as long as the signal is not aborted. */
export async function reflect<T extends KubeObject>(options: ReflectorOptions<T>): Promise<void> {
  const { clock, random, signal } = options;
  let failures = 0;
  while (!signal.aborted) {
    const version = await list(options);
    if (version !== undefined) {
      failures = 0;
      await watch(options, version);
    }
    if (!signal.aborted) await clock.sleep(backoffMs(random, failures++, 100, 5_000), signal);
  }
}

async function list<T extends KubeObject>({ client, path, query, signal, onList }: ReflectorOptions<T>) {
  const answer = await client.request({ method: 'GET', path, signal, ...(query === undefined ? {} : { query }) });
  if (answer.kind !== 'answered' || answer.status !== 200 || !isObject(answer.body)) return undefined;
  const { items, metadata, kind, apiVersion } = answer.body as unknown as {
    items: readonly T[];
    metadata: { resourceVersion: string };
    kind: string;
    apiVersion: string;
  };
  // items of a list carry neither kind nor apiVersion
  onList(items.map((item) => ({ ...item, apiVersion, kind: kind.replace(/List$/, '') })));
  return metadata.resourceVersion;
}

async function watch<T extends KubeObject>(options: ReflectorOptions<T>, from: string): Promise<void> {
  const { client, path, query, signal, onChange } = options;
  let resourceVersion = from;
  let end: WatchEnd = { kind: 'ended' };
  while (end.kind === 'ended' && !signal.aborted) {
    const asked = { ...query, watch: true, allowWatchBookmarks: true, resourceVersion };
    end = await client.watch({ method: 'GET', path, query: asked, signal }, ({ type, object }) => {
      resourceVersion = object.metadata.resourceVersion ?? resourceVersion;
      if (type !== 'BOOKMARK') onChange(type, object as T);
    });
    if (end.kind === 'ended' && !signal.aborted) await options.clock.sleep(50, signal);
  }
}
