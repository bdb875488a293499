/** Makes entries of what is handed in, links them, folds them through the projectors; one group commit at a time. */
import {
  canonical,
  type Digest,
  type DocumentChange,
  digestOf,
  type Entry,
  limits,
  type NewEntry,
  StoreError,
  sha256Hex,
  timestamp,
} from '../base/index.ts';
import type { StoreOptions, Tables } from './types.ts';

export type WriterOptions = Pick<StoreOptions, 'clock' | 'projectors'> & { readonly epoch: number };

const HEADS_MAX = 1_000;

export class Writer {
  readonly #tables: Tables;
  readonly #options: WriterOptions;
  /** Heads of the chains that were written to last, so that a chain's last entry is not read each time. */
  readonly #heads = new Map<string, { readonly seq: number; readonly prev: Digest | '' }>();
  #fresh: Entry[] = [];
  #version = 0;
  #durableVersion = 0;

  constructor(tables: Tables, options: WriterOptions) {
    this.#tables = tables;
    this.#options = options;
    this.forget();
  }

  append(news: readonly NewEntry[]): readonly Entry[] {
    const ts = timestamp(this.#options.clock.now());
    return news.map((entry) => this.#appendOne(entry, ts));
  }

  #appendOne({ tx, type, actor, data }: NewEntry, ts: string): Entry {
    const head = this.#heads.get(tx) ?? this.#tables.head(tx);
    const { epoch } = this.#options;
    const entry: Entry = { v: 1, tx, seq: head.seq + 1, prev: head.prev, type, ts, actor, epoch, data };
    const text = entryText(entry);
    this.#tables.insertEntry(entry, text);
    this.#heads.set(tx, { seq: entry.seq, prev: `sha256:${sha256Hex(text)}` });
    const written = JSON.parse(text) as Entry; // what a reader will see: no undefined keys, nothing shared with the caller
    this.#fresh.push(written);
    for (const project of this.#options.projectors) this.#apply(project(written, this.#tables));
    return written;
  }

  writeDocuments(changes: readonly DocumentChange[]): 'written' | 'conflict' {
    const stale = changes.some(
      ({ collection, key, ifVersion }) =>
        ifVersion !== undefined && (this.#tables.get(collection, key)?.version ?? 0) !== ifVersion,
    );
    if (stale) return 'conflict';
    this.#apply(changes);
    return 'written';
  }

  #apply(changes: readonly DocumentChange[]): void {
    for (const { collection, key, body } of changes) {
      if (body === null) this.#tables.deleteDocument(collection, key);
      else this.#tables.putDocument({ collection, key, body, version: ++this.#version });
    }
  }

  /** Entries of this group so far; hand it to reset() to take back what came after. */
  mark(): number {
    return this.#fresh.length;
  }

  /** Forgets entries of a request that failed alone; heads are read again from the tables. */
  reset(mark: number): void {
    this.#fresh.length = mark;
    this.#heads.clear();
  }

  /** The last act within the group's transaction. */
  end(): void {
    if (this.#version !== this.#durableVersion) this.#tables.setMeta('documentVersion', String(this.#version));
  }

  /** The group is durable: its entries. */
  take(): readonly Entry[] {
    this.#durableVersion = this.#version;
    if (this.#heads.size > HEADS_MAX) this.#heads.clear();
    return this.#fresh.splice(0);
  }

  /** The group is lost: nothing of it was ever there. */
  forget(): void {
    this.#version = Number(this.#tables.meta('documentVersion') ?? '0');
    this.#durableVersion = this.#version;
    this.#heads.clear();
    this.#fresh = [];
  }
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
