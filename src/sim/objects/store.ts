import type { Cancel, KubeObject } from '../../base/index.ts';
import type { Change, ResourceName } from '../types.ts';
import type { ChangeFile, FileEntry } from './change-file.ts';

/** A change with its place in the one order of the cluster; `object.metadata.resourceVersion` is `String(revision)`. */
export interface StoredChange extends Change {
  readonly revision: number;
  readonly bucket: ResourceName;
}

export interface ObjectStoreOptions {
  /** Absent: in memory only. */
  readonly file?: ChangeFile;
  /** How many changes a watch can look back on. Default 2,000. */
  readonly historyMax?: number;
}

const HISTORY_MAX = 2_000;

/**
 * The objects of one cluster under one counter of revisions, with a bounded window of history: what etcd and the watch cache
 * are to a real API server. It knows no rules of Kubernetes beyond resourceVersion; objects in it are never mutated.
 */
export class ObjectStore {
  readonly #file: ChangeFile | undefined;
  readonly #historyMax: number;
  readonly #buckets = new Map<ResourceName, Bucket>();
  readonly #listeners = new Map<ResourceName, Set<Listener>>();
  #history: StoredChange[] = [];
  #revision = 0;
  #floor = 0;
  #undelivered: StoredChange[] = [];

  constructor(options: ObjectStoreOptions = {}) {
    this.#file = options.file;
    this.#historyMax = options.historyMax ?? HISTORY_MAX;
    const { floor, entries } = this.#file?.read() ?? { floor: 0, entries: [] };
    this.#floor = floor;
    this.#revision = floor;
    for (const entry of entries) this.#replay(entry, floor);
  }

  /** The revision of the newest change; 0 before the first. */
  get revision(): number {
    return this.#revision;
  }

  /** The oldest revision that a watch or a list may start from. */
  get oldestRevision(): number {
    return this.#floor;
  }

  get(bucket: ResourceName, namespace: string | undefined, name: string): KubeObject | undefined {
    return this.#buckets.get(bucket)?.objects.get(keyOf(namespace, name));
  }

  /** In the order of their keys, `namespace/name` by bytes, as a real server lists. */
  list(bucket: ResourceName, namespace?: string): readonly KubeObject[] {
    const sorted = this.#buckets.get(bucket)?.sorted() ?? [];
    return namespace === undefined ? sorted : sorted.filter((object) => object.metadata.namespace === namespace);
  }

  /** The list as it was at an earlier revision, or undefined when that is before the window of history. */
  listAt(bucket: ResourceName, revision: number): readonly KubeObject[] | undefined {
    if (revision >= this.#revision) return this.list(bucket);
    const changes = this.since(bucket, revision);
    if (changes === undefined) return undefined;
    const past = new Bucket(this.#buckets.get(bucket)?.objects);
    for (const change of changes.toReversed()) {
      if (change.before === undefined) past.remove(keyOfObject(change.object));
      else past.put(keyOfObject(change.before), change.before);
    }
    return past.sorted();
  }

  /** The names of the buckets that hold anything. */
  buckets(): readonly ResourceName[] {
    return [...this.#buckets].filter(([, bucket]) => bucket.objects.size > 0).map(([name]) => name);
  }

  /** How many objects a bucket holds. */
  count(bucket: ResourceName): number {
    return this.#buckets.get(bucket)?.objects.size ?? 0;
  }

  /** Stores the object under a new revision and answers it with that revision in it. */
  put(bucket: ResourceName, object: KubeObject): KubeObject {
    const revision = this.#revision + 1;
    const stored = withRevision(object, revision);
    this.#file?.append({ kind: 'put', revision, bucket, object: stored });
    this.#commit(this.#store(bucket, stored, revision));
    return stored;
  }

  /** Removes the object; the answer is its last state under the revision of the removal, or undefined if it was not there. */
  remove(bucket: ResourceName, namespace: string | undefined, name: string): KubeObject | undefined {
    const key = keyOf(namespace, name);
    if (this.#buckets.get(bucket)?.objects.has(key) !== true) return undefined;
    const revision = this.#revision + 1;
    this.#file?.append({ kind: 'remove', revision, bucket, key });
    const change = this.#drop(bucket, key, revision);
    if (change !== undefined) this.#commit(change);
    return change?.object;
  }

  /** The changes of a bucket after `revision`, or undefined when some of them are no longer known (a 410). */
  since(bucket: ResourceName, revision: number): readonly StoredChange[] | undefined {
    if (revision < this.#floor) return undefined;
    const changes: StoredChange[] = [];
    for (let i = this.#history.length - 1; i >= 0; i--) {
      const change = this.#history[i];
      if (change === undefined || change.revision <= revision) break;
      if (change.bucket === bucket) changes.push(change);
    }
    return changes.reverse();
  }

  /** Calls `listener` with each later change of the bucket, in order, after the caller that made it has returned. */
  subscribe(bucket: ResourceName, listener: (change: StoredChange) => void): Cancel {
    const entry: Listener = { after: this.#revision, run: listener };
    const listeners = this.#listeners.get(bucket) ?? new Set();
    this.#listeners.set(bucket, listeners.add(entry));
    return () => void listeners.delete(entry);
  }

  /** Forgets the history up to `revision`, as a compaction of etcd does. */
  compact(revision = this.#revision): void {
    this.#floor = Math.max(this.#floor, Math.min(revision, this.#revision));
    this.#history = this.#history.filter((change) => change.revision > this.#floor);
  }

  close(): void {
    this.#file?.close();
    this.#listeners.clear();
  }

  #replay(entry: FileEntry, floor: number): void {
    this.#revision = Math.max(this.#revision, entry.revision);
    const change =
      entry.kind === 'put'
        ? this.#store(entry.bucket, entry.object, entry.revision)
        : this.#drop(entry.bucket, entry.key, entry.revision);
    if (change !== undefined && change.revision > floor) this.#remember(change);
  }

  #store(bucket: ResourceName, object: KubeObject, revision: number): StoredChange {
    const objects = this.#buckets.get(bucket) ?? new Bucket();
    this.#buckets.set(bucket, objects);
    const key = keyOfObject(object);
    const before = objects.objects.get(key);
    objects.put(key, object);
    return before === undefined
      ? { type: 'ADDED', object, revision, bucket }
      : { type: 'MODIFIED', object, before, revision, bucket };
  }

  #drop(bucket: ResourceName, key: string, revision: number): StoredChange | undefined {
    const objects = this.#buckets.get(bucket);
    const before = objects?.objects.get(key);
    if (objects === undefined || before === undefined) return undefined;
    objects.remove(key);
    return { type: 'DELETED', object: withRevision(before, revision), before, revision, bucket };
  }

  #commit(change: StoredChange): void {
    this.#revision = change.revision;
    this.#remember(change);
    this.#file?.compactWhenDue(this.#revision, () => this.#live());
    if (this.#undelivered.push(change) === 1) queueMicrotask(() => this.#deliver());
  }

  #remember(change: StoredChange): void {
    this.#history.push(change);
    if (this.#history.length < this.#historyMax * 2) return;
    const dropped = this.#history.splice(0, this.#history.length - this.#historyMax);
    this.#floor = Math.max(this.#floor, dropped.at(-1)?.revision ?? 0);
  }

  /** A listener's own changes join the end of the queue, so that none is called while another one runs. */
  #deliver(): void {
    for (let i = 0; i < this.#undelivered.length; i++) {
      const change = this.#undelivered[i];
      if (change === undefined) continue;
      for (const listener of [...(this.#listeners.get(change.bucket) ?? [])]) {
        if (change.revision > listener.after) listener.run(change);
      }
    }
    this.#undelivered = [];
  }

  *#live(): Iterable<FileEntry> {
    for (const [bucket, { objects }] of this.#buckets) {
      for (const object of objects.values()) {
        yield { kind: 'put', revision: Number(object.metadata.resourceVersion), bucket, object };
      }
    }
  }
}

interface Listener {
  readonly after: number;
  readonly run: (change: StoredChange) => void;
}

/** The objects of one resource; the sorted list is kept until a key comes or goes or an object changes. */
class Bucket {
  readonly objects: Map<string, KubeObject>;
  #sorted: readonly KubeObject[] | undefined;

  constructor(objects: Iterable<[string, KubeObject]> = []) {
    this.objects = new Map(objects);
  }

  put(key: string, object: KubeObject): void {
    this.objects.set(key, object);
    this.#sorted = undefined;
  }

  remove(key: string): void {
    this.objects.delete(key);
    this.#sorted = undefined;
  }

  sorted(): readonly KubeObject[] {
    this.#sorted ??= [...this.objects].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, object]) => object);
    return this.#sorted;
  }
}

/** The place of an object among those of its resource; also the start key of a `continue` token. */
export function keyOf(namespace: string | undefined, name: string): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

export function keyOfObject(object: KubeObject): string {
  return keyOf(object.metadata.namespace, object.metadata.name);
}

function withRevision(object: KubeObject, revision: number): KubeObject {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
}
