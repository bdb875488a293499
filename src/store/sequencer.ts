/** The one place where a hub's writes are put in order: groups what one turn hands in, commits it at once, then answers. */
import {
  type Blobs,
  canonical,
  type Digest,
  type Documents,
  type Entry,
  errorText,
  type Journal,
  type Json,
  type Logger,
  StoreError,
  sha256Hex,
} from '../base/index.ts';
import type { StoreOptions, Tables } from './types.ts';
import { Writer, type WriterOptions } from './writer.ts';

interface Request {
  readonly write: () => unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (error: StoreError) => void;
}

export type SequencerOptions = WriterOptions & Pick<StoreOptions, 'defer'> & { readonly logger: Logger };

export class Sequencer {
  readonly #tables: Tables;
  readonly #writer: Writer;
  readonly #classify: (error: unknown) => StoreError;
  readonly #defer: (run: () => void) => void;
  readonly #logger: Logger;
  readonly #listeners = new Set<(entries: readonly Entry[]) => void>();
  #waiting: Request[] = [];
  #closed = false;

  /** @param classify turns whatever the tables threw into a StoreError */
  constructor(tables: Tables, options: SequencerOptions, classify: (error: unknown) => StoreError) {
    this.#tables = tables;
    this.#writer = new Writer(tables, options);
    this.#classify = classify;
    this.#defer = options.defer ?? queueMicrotask;
    this.#logger = options.logger;
  }

  /** Runs `write` in the next group commit; resolves with its answer once durable. */
  submit<T>(write: () => T): Promise<T> {
    if (this.#closed) return Promise.reject(new StoreError('closed', 'the store is closed'));
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) this.#defer(() => this.#flush());
      this.#waiting.push({ write, resolve, reject });
    });
  }

  /** Commits what was handed in, then refuses further writes. */
  close(): void {
    this.#flush();
    this.#closed = true;
  }

  /**
   * The process's death, for the in-memory twin: nobody hears anything any more. What was handed in and not yet
   * committed is lost, or (`keep`) becomes durable just before.
   */
  abandon(keep: boolean): void {
    this.#closed = true;
    this.#listeners.clear();
    const unheard = { resolve: () => {}, reject: () => {} };
    this.#waiting = keep ? this.#waiting.map(({ write }) => ({ write, ...unheard })) : [];
    this.#flush();
  }

  #flush(): void {
    const group = this.#waiting;
    if (group.length === 0) return;
    this.#waiting = [];
    let answers: readonly (() => void)[];
    try {
      answers = this.#tables.transaction(() => {
        const made = group.map((request) => this.#answer(request));
        this.#writer.end();
        return made;
      });
    } catch (error) {
      this.#writer.forget();
      const failure = this.#classify(error);
      for (const request of group) request.reject(failure);
      return;
    }
    this.#announce(this.#writer.take());
    for (const answer of answers) answer();
  }

  /** One request within the group: when it fails alone (too large, a projector's bug), the others stand. */
  #answer(request: Request): () => void {
    const mark = this.#writer.mark();
    try {
      const value = this.#tables.transaction(request.write) as never;
      return () => request.resolve(value);
    } catch (error) {
      const failure = this.#classify(error);
      if (!this.#tables.inTransaction()) throw failure; // the database has rolled the whole group back by itself (disk full, I/O error)
      this.#writer.reset(mark);
      return () => request.reject(failure);
    }
  }

  #announce(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    for (const listener of this.#listeners) {
      try {
        listener(entries);
      } catch (error) {
        this.#logger.error({ error: errorText(error) }, 'a listener of the journal failed');
      }
    }
  }

  readonly journal: Journal = {
    append: (entries) => this.submit(() => this.#writer.append(entries)),
    chain: (tx, after = 0, limit = -1) => this.#tables.chain(tx, after, limit),
    read: (after, limit) => this.#tables.read(after, limit),
    onAppend: (listener) => {
      this.#listeners.add(listener);
      return () => this.#listeners.delete(listener);
    },
  };

  readonly documents: Documents = {
    get: (collection, key) => this.#tables.get(collection, key),
    list: (collection, range) => this.#tables.list(collection, range),
    write: (changes) => this.submit(() => this.#writer.writeDocuments(changes)),
  };

  readonly blobs: Blobs = {
    put: (value: Json) => {
      const text = canonical(value);
      const digest: Digest = `sha256:${sha256Hex(text)}`;
      return this.submit(() => {
        this.#tables.putBlob(digest, text);
        return digest;
      });
    },
    get: (digest) => {
      const text = this.#tables.blob(digest);
      return text === undefined ? undefined : (JSON.parse(text) as Json);
    },
  };
}
