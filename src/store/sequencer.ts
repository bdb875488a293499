/** The one place where a hub's writes are put in order: groups what one turn hands in, commits it at once, then answers. */
import {
  type Blobs,
  canonical,
  type Digest,
  type DocumentChange,
  type Documents,
  digestOf,
  type Entry,
  errorText,
  type Journal,
  type Json,
  limits,
  type NewEntry,
  StoreError,
  sha256Hex,
  timestamp,
} from '../base/index.ts';
import type { StoreOptions, Tables } from './types.ts';

export interface Sequencer {
  readonly journal: Journal;
  readonly documents: Documents;
  readonly blobs: Blobs;
  /** Runs `write` in the next group commit; resolves with its answer once durable. */
  submit<T>(write: () => T): Promise<T>;
  /** Commits what was handed in, then refuses further writes. */
  close(): void;
  /**
   * The process's death, for the in-memory twin: nobody hears anything any more. What was handed in and not yet
   * committed is lost, or (`keep`) becomes durable just before.
   */
  abandon(keep: boolean): void;
}

interface Request {
  readonly write: () => unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (error: StoreError) => void;
}

/** @param classify turns whatever the tables threw into a StoreError */
export function createSequencer(
  tables: Tables,
  options: Omit<StoreOptions, 'masterKey' | 'random'> & { readonly epoch: number },
  classify: (error: unknown) => StoreError,
): Sequencer {
  const defer = options.defer ?? queueMicrotask;
  let waiting: Request[] = [];
  let closed = false;
  const listeners = new Set<(entries: readonly Entry[]) => void>();
  const writer = createWriter(tables, options);

  function submit<T>(write: () => T): Promise<T> {
    if (closed) return Promise.reject(closedError());
    return new Promise((resolve, reject) => {
      if (waiting.length === 0) defer(flush);
      waiting.push({ write, resolve, reject });
    });
  }

  function flush(): void {
    const group = waiting;
    if (group.length === 0) return;
    waiting = [];
    writer.begin();
    let answers: readonly (() => void)[];
    try {
      answers = tables.transaction(() => {
        const made = group.map((request) => answerOf(request));
        writer.end();
        return made;
      });
    } catch (error) {
      writer.forget();
      const failure = classify(error);
      for (const request of group) request.reject(failure);
      return;
    }
    announce(writer.written());
    for (const answer of answers) answer();
  }

  /** One request within the group: when it fails alone (too large, a projector's bug), the others stand. */
  function answerOf(request: Request): () => void {
    const mark = writer.mark();
    try {
      const value = tables.transaction(request.write) as never;
      return () => request.resolve(value);
    } catch (error) {
      const failure = classify(error);
      if (!tables.inTransaction()) throw failure; // the database has rolled the whole group back by itself (disk full, I/O error)
      writer.reset(mark);
      return () => request.reject(failure);
    }
  }

  function announce(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    for (const listener of listeners) {
      try {
        listener(entries);
      } catch (error) {
        options.logger.error({ error: errorText(error) }, 'a listener of the journal failed');
      }
    }
  }

  const journal: Journal = {
    append: (entries) => submit(() => writer.append(entries)),
    chain: (tx, after = 0) => tables.chain(tx, after),
    read: (after, limit) => tables.read(after, limit),
    onAppend(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const documents: Documents = {
    get: (collection, key) => tables.get(collection, key),
    list: (collection, range) => tables.list(collection, range),
    write: (changes) => submit(() => writer.writeDocuments(changes)),
  };
  return {
    journal,
    documents,
    blobs: blobsOf(tables, submit),
    submit,
    close() {
      flush();
      closed = true;
    },
    abandon(keep) {
      closed = true;
      listeners.clear();
      waiting = keep ? waiting.map(({ write }) => ({ write, resolve: () => {}, reject: () => {} })) : [];
      flush();
    },
  };
}

function blobsOf(tables: Tables, submit: Sequencer['submit']): Blobs {
  return {
    put(value: Json) {
      const text = canonical(value);
      const digest: Digest = `sha256:${sha256Hex(text)}`;
      return submit(() => {
        tables.putBlob(digest, text);
        return digest;
      });
    },
    get(digest) {
      const text = tables.blob(digest);
      return text === undefined ? undefined : (JSON.parse(text) as Json);
    },
  };
}

function closedError(): StoreError {
  return new StoreError('closed', 'the store is closed');
}

/** Makes entries of what is handed in and folds them; its memory of chain heads lives for one group. */
function createWriter(
  tables: Tables,
  options: Pick<StoreOptions, 'clock' | 'projectors'> & { readonly epoch: number },
) {
  const heads = new Map<string, { readonly seq: number; readonly prev: Digest | '' }>();
  const fresh: Entry[] = [];
  let version = Number(tables.meta('documentVersion') ?? '0');
  let durableVersion = version;

  function append(news: readonly NewEntry[]): readonly Entry[] {
    const ts = timestamp(options.clock.now());
    return news.map(({ tx, type, actor, data }) => {
      const head = heads.get(tx) ?? tables.head(tx);
      const entry: Entry = {
        v: 1,
        tx,
        seq: head.seq + 1,
        prev: head.prev,
        type,
        ts,
        actor,
        epoch: options.epoch,
        data,
      };
      const text = entryText(entry);
      tables.insertEntry(entry, text);
      heads.set(tx, { seq: entry.seq, prev: `sha256:${sha256Hex(text)}` });
      const written = JSON.parse(text) as Entry; // what a reader will see: no undefined keys, nothing shared with the caller
      fresh.push(written);
      for (const project of options.projectors) applyChanges(project(written, tables));
      return written;
    });
  }

  function writeDocuments(changes: readonly DocumentChange[]): 'written' | 'conflict' {
    const stale = changes.some(
      ({ collection, key, ifVersion }) =>
        ifVersion !== undefined && (tables.get(collection, key)?.version ?? 0) !== ifVersion,
    );
    if (stale) return 'conflict';
    applyChanges(changes);
    return 'written';
  }

  function applyChanges(changes: readonly DocumentChange[]): void {
    for (const { collection, key, body } of changes) {
      if (body === null) tables.deleteDocument(collection, key);
      else tables.putDocument({ collection, key, body, version: ++version });
    }
  }

  return {
    append,
    writeDocuments,
    begin() {
      heads.clear();
      fresh.length = 0;
    },
    end() {
      if (version !== durableVersion) tables.setMeta('documentVersion', String(version));
      durableVersion = version;
    },
    forget() {
      version = Number(tables.meta('documentVersion') ?? '0');
      durableVersion = version;
      heads.clear();
      fresh.length = 0;
    },
    mark: () => fresh.length,
    /** Forgets entries of a request that failed alone; heads are read again from the tables. */
    reset(mark: number) {
      fresh.length = mark;
      heads.clear();
    },
    written: () => fresh.slice(),
  };
}

function entryText(entry: Entry): string {
  const text = canonical(entry);
  const bytes = Buffer.byteLength(text);
  if (bytes > limits.journalEntryBytesMax) {
    const what = `entry ${entry.type} of ${entry.tx}`;
    throw new StoreError('tooLarge', `${what} has ${bytes} bytes; at most ${limits.journalEntryBytesMax} fit`);
  }
  return text;
}

/** Where an entry does not follow from the one before it, in words; undefined when all do. Chains may start in the middle. */
export function brokenChain(
  entries: readonly { readonly position: number; readonly entry: Entry }[],
): string | undefined {
  const heads = new Map<string, { seq: number; prev: string }>();
  let position = entries[0]?.position ?? 1;
  for (const { position: at, entry } of entries) {
    if (at !== position) return `journal position ${position} is missing`;
    const head = heads.get(entry.tx);
    if (head !== undefined && (entry.seq !== head.seq + 1 || entry.prev !== head.prev)) {
      return `entry ${entry.seq} of ${entry.tx} (position ${at}) does not follow from the one before it`;
    }
    heads.set(entry.tx, { seq: entry.seq, prev: digestOf(entry) });
    position++;
  }
  return undefined;
}
