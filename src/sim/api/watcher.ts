/** WATCH: events from a revision on, over one HTTP answer. An open watch without events costs a socket and one timer at most. */
import type { ServerResponse } from 'node:http';
import type { JsonObject, KubeObject } from '../../base/index.ts';
import type { StoredChange } from '../objects/index.ts';
import type { Call, Cluster } from './cluster.ts';
import { type Selection, selection } from './reader.ts';
import type { ListOptions } from './request.ts';
import { groupVersionText } from './resources.ts';
import { expired } from './status.ts';
import { toVersion } from './views.ts';

const TIMEOUT_SECONDS_MIN = 1800;
const BOOKMARK_MS = 60_000;
const BOOKMARK_BEFORE_END_MS = 2_000;
/** What may wait for a slow client before it is cut off; it lists again then, as after any broken watch. */
const BACKLOG_BYTES_MAX = 32 * 1024 * 1024;

/** How events become bytes: plain objects, Tables or PartialObjectMetadata. `first` says that nothing was sent before. */
export type EventEncoder = (object: KubeObject, first: boolean) => JsonObject;

/** Streams until the client leaves, the time is up, or `stop` is called; resolves then. */
export function watch(
  cluster: Cluster,
  call: Call,
  options: ListOptions,
  encode: EventEncoder,
  response: ServerResponse,
): Promise<void> {
  const chosen = selection(cluster, call, options);
  return new Promise((resolve) => {
    const stream = new WatchStream(cluster, call, options, chosen, encode, response);
    response.on('close', () => {
      stream.stop();
      resolve();
    });
    stream.start();
  });
}

class WatchStream {
  readonly #cluster: Cluster;
  readonly #call: Call;
  readonly #options: ListOptions;
  readonly #chosen: Selection;
  readonly #encode: EventEncoder;
  readonly #response: ServerResponse;
  readonly #cancels: (() => void)[] = [];
  #first = true;
  #sentRevision = 0;
  /** Revisions at or below this were part of what the client asked to start from. */
  #fromRevision = 0;

  constructor(
    cluster: Cluster,
    call: Call,
    options: ListOptions,
    chosen: Selection,
    encode: EventEncoder,
    response: ServerResponse,
  ) {
    this.#cluster = cluster;
    this.#call = call;
    this.#options = options;
    this.#chosen = chosen;
    this.#encode = encode;
    this.#response = response;
  }

  start(): void {
    const { store, clock } = this.#cluster;
    const options = this.#options;
    const seconds = options.timeoutSeconds ?? TIMEOUT_SECONDS_MIN * (1 + this.#cluster.random.next());
    this.#response.flushHeaders();
    const wanted =
      options.resourceVersion === '' || options.resourceVersion === '0' ? undefined : Number(options.resourceVersion);
    const initial = options.sendInitialEvents ?? wanted === undefined;
    this.#cancels.push(clock.after(seconds * 1000, () => this.#end()));
    const oldest = Math.max(store.oldestRevision, this.#cluster.registry.servedSince(this.#call.resource));
    if (wanted !== undefined && wanted < oldest && !initial) {
      const { body } = expired(`too old resource version: ${wanted} (${oldest})`);
      this.#write('ERROR', body);
      this.#end();
      return;
    }
    this.#fromRevision = initial ? store.revision : (wanted ?? store.revision);
    this.#sentRevision = this.#fromRevision;
    if (initial) this.#sendInitial();
    else for (const change of store.since(this.#bucket, this.#fromRevision) ?? []) this.#deliver(change);
    this.#cancels.push(store.subscribe(this.#bucket, (change) => this.#deliver(change)));
    if (options.allowBookmarks) this.#scheduleBookmarks(seconds * 1000);
  }

  stop(): void {
    for (const cancel of this.#cancels.splice(0)) cancel();
  }

  get #bucket(): string {
    return this.#cluster.registry.bucketOf(this.#call.resource);
  }

  #end(): void {
    this.stop();
    this.#response.end();
  }

  #sendInitial(): void {
    const { store } = this.#cluster;
    for (const object of store.list(this.#bucket, this.#chosen.namespace)) {
      const view = toVersion(this.#call.resource, object);
      if (this.#chosen.matches(view)) this.#send('ADDED', view);
    }
    if (this.#options.sendInitialEvents === true)
      this.#bookmark({ annotations: { 'k8s.io/initial-events-end': 'true' } });
  }

  /** A change as this selection sees it: leaving it is DELETED, entering it ADDED. */
  #deliver(change: StoredChange): void {
    if (change.revision <= this.#fromRevision) return;
    const { namespace, matches } = this.#chosen;
    if (namespace !== undefined && change.object.metadata.namespace !== namespace) return;
    this.#sentRevision = change.revision;
    const after = toVersion(this.#call.resource, change.object);
    const before = change.before === undefined ? undefined : toVersion(this.#call.resource, change.before);
    const wasIn = before !== undefined && matches(before);
    const isIn = change.type !== 'DELETED' && matches(after);
    if (isIn) this.#send(wasIn ? 'MODIFIED' : 'ADDED', after);
    else if (wasIn && before !== undefined) this.#send('DELETED', atRevision(before, change.revision));
  }

  #send(type: string, object: KubeObject): void {
    this.#write(type, this.#encode(object, this.#first));
    this.#first = false;
  }

  #write(type: string, object: JsonObject): void {
    this.#response.write(`${JSON.stringify({ type, object })}\n`);
    if (this.#response.writableLength > BACKLOG_BYTES_MAX) this.#response.destroy();
  }

  #bookmark(extra: JsonObject = {}): void {
    const { kind } = this.#call.resource;
    const apiVersion = groupVersionText(this.#call.resource);
    const revision = Math.max(this.#sentRevision, this.#fromRevision);
    this.#write('BOOKMARK', { kind, apiVersion, metadata: { resourceVersion: String(revision), ...extra } });
  }

  /** One shortly before the end, and one a minute while something has moved since the last. */
  #scheduleBookmarks(totalMs: number): void {
    const { clock } = this.#cluster;
    const beforeEndMs = totalMs - BOOKMARK_BEFORE_END_MS;
    if (beforeEndMs >= BOOKMARK_BEFORE_END_MS) this.#cancels.push(clock.after(beforeEndMs, () => this.#bookmarkNow()));
    const tick = () => {
      this.#bookmarkNow();
      this.#cancels.push(clock.after(BOOKMARK_MS, tick));
    };
    if (totalMs > 2 * BOOKMARK_MS) this.#cancels.push(clock.after(BOOKMARK_MS, tick));
  }

  /** Everything up to the newest revision has been delivered by now, so a bookmark may stand for it. */
  #bookmarkNow(): void {
    this.#sentRevision = Math.max(this.#sentRevision, this.#cluster.store.revision);
    this.#bookmark();
  }
}

function atRevision(object: KubeObject, revision: number): KubeObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}
