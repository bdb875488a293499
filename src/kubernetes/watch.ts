/** List, then watch, for ever: the loop that a cache of one kind lives on. */
import { backoffMs, type Clock, isObject, type KubeObject, limits, type Random } from '../base/index.ts';
import type { ApiRequest, Client } from './types.ts';

export interface WatchHandlers {
  /** Everything that is there; replaces what was known. */
  onList(objects: readonly KubeObject[]): void | Promise<void>;
  onEvent(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject): void | Promise<void>;
  /** The line is down (with why), or good again (undefined). */
  onHealth?(problem: string | undefined): void;
}

export interface WatchTarget {
  /** A collection's path. */
  readonly path: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Only the metadata of the objects; a server that cannot cut them down sends them whole. */
  readonly metadataOnly?: boolean;
}

/** A list and a watch are asked by different names: a real server fails a watch of lists. */
const METADATA_LIST = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';
const METADATA = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json';

const WATCH_SECONDS = 290;
/** A server that has not ended a watch so long after its time never will: the line is dead, or the server hangs. */
const OVERDUE_MS = 30_000;
const PAGE = 500;

/** Runs until the signal is aborted; never rejects. Starts again by itself after every end, with back-off and jitter. */
export async function watchLoop(
  client: Client,
  target: WatchTarget,
  handlers: WatchHandlers,
  options: { readonly clock: Clock; readonly random: Random; readonly signal: AbortSignal },
): Promise<void> {
  const { clock, random, signal } = options;
  let attempt = 0;
  while (!signal.aborted) {
    const listed = await listAll(client, target, signal);
    if (listed.kind === 'failed') {
      handlers.onHealth?.(listed.reason);
      await clock.sleep(backoffMs(random, attempt++, limits.retryFirstMs, limits.retryMsMax), signal);
      continue;
    }
    await handlers.onList(listed.objects);
    handlers.onHealth?.(undefined);
    attempt = 0;
    await watchFrom(client, target, handlers, listed.resourceVersion, options);
  }
}

type Listed =
  | { readonly kind: 'listed'; readonly objects: readonly KubeObject[]; readonly resourceVersion: string }
  /** `status`: what the server answered; absent: it did not, or it was stopped. */
  | { readonly kind: 'failed'; readonly reason: string; readonly status?: number };

/** All objects of a collection, page by page. */
export async function listAll(client: Client, target: WatchTarget, signal?: AbortSignal): Promise<Listed> {
  const objects: KubeObject[] = [];
  let token: string | undefined;
  do {
    const answer = await client.request({
      method: 'GET',
      path: target.path,
      query: { ...selectors(target), limit: PAGE, continue: token },
      ...(target.metadataOnly === true ? { accept: METADATA_LIST } : {}),
      ...(signal === undefined ? {} : { signal }),
    });
    if (answer.kind === 'unreachable') return { kind: 'failed', reason: answer.reason };
    const { body } = answer;
    if (answer.status !== 200 || !isObject(body)) {
      const { status } = answer;
      return { kind: 'failed', status, reason: `list ${target.path}: the API server answered ${status}` };
    }
    const items = Array.isArray(body.items) ? body.items.filter(isObject) : [];
    // items of a list carry no type of their own
    for (const item of items) {
      objects.push({ apiVersion: target.apiVersion, kind: target.kind, ...item } as unknown as KubeObject);
    }
    const metadata = isObject(body.metadata) ? body.metadata : {};
    token = typeof metadata.continue === 'string' && metadata.continue !== '' ? metadata.continue : undefined;
    if (token === undefined)
      return { kind: 'listed', objects, resourceVersion: String(metadata.resourceVersion ?? '') };
  } while (!signal?.aborted);
  return { kind: 'failed', reason: 'stopped' };
}

/** Watches from a resourceVersion until it is too old, however often the line breaks in between. */
async function watchFrom(
  client: Client,
  target: WatchTarget,
  handlers: WatchHandlers,
  from: string,
  { clock, random, signal }: { clock: Clock; random: Random; signal: AbortSignal },
): Promise<void> {
  let resourceVersion = from;
  let attempt = 0;
  while (!signal.aborted) {
    const startedMs = clock.monotonic();
    const timeoutSeconds = WATCH_SECONDS + Math.floor(random.next() * 60);
    const overdue = new AbortController();
    const request: ApiRequest = {
      method: 'GET',
      path: target.path,
      query: { ...selectors(target), resourceVersion, allowWatchBookmarks: true, timeoutSeconds },
      ...(target.metadataOnly === true ? { accept: METADATA } : {}),
      signal: AbortSignal.any([signal, overdue.signal]),
    };
    const cancel = clock.after(timeoutSeconds * 1_000 + OVERDUE_MS, () => overdue.abort());
    const end = await client.watch(request, async (event) => {
      resourceVersion = event.object.metadata.resourceVersion ?? resourceVersion;
      if (event.type !== 'BOOKMARK') await handlers.onEvent(event.type, event.object);
    });
    cancel();
    if (signal.aborted || end.kind === 'expired') return;
    if (end.kind === 'failed' && end.status !== 429 && end.status < 500) return; // what it says is about the request: list anew
    if (end.kind !== 'ended') handlers.onHealth?.(end.kind === 'unreachable' ? end.reason : end.message);
    // a watch that ends at once, time and again, must not spin
    attempt = clock.monotonic() - startedMs > limits.retryMsMax || end.kind === 'ended' ? 0 : attempt + 1;
    const quick = clock.monotonic() - startedMs < 1_000;
    if (end.kind !== 'ended' || quick) {
      await clock.sleep(backoffMs(random, attempt, limits.retryFirstMs, limits.retryMsMax), signal);
    }
  }
}

function selectors(target: WatchTarget) {
  return { labelSelector: target.labelSelector, fieldSelector: target.fieldSelector };
}
