/** The tables on SQLite. Every statement is prepared once. */
import type { Database } from 'better-sqlite3';
import type { Digest, Document, Entry } from '../base/index.ts';
import { sha256Hex } from '../base/index.ts';
import type { Tables } from './types.ts';

/** Sorts after every key that has the prefix. */
const LAST = '\u{10FFFF}';

/** Documents asked for again and again (records of clusters, tokens, transactions under way) are parsed once: up to so much text. */
const KEPT_TEXT_MAX = 1024 * 1024;

export function sqliteTables(database: Database): Tables {
  const s = statements(database);
  const kept = keptDocuments();
  // one for all: making it costs more than most writes
  const run = database.transaction((write: () => unknown) => write());
  return {
    transaction<T>(write: () => T): T {
      try {
        return run.immediate(write) as T;
      } catch (error) {
        kept.forgetAll(); // what was written in it was never there
        throw error;
      }
    },
    inTransaction: () => database.inTransaction,
    head(tx) {
      const last = s.head.get(tx);
      return last === undefined ? { seq: 0, prev: '' } : { seq: last.seq, prev: `sha256:${sha256Hex(last.entry)}` };
    },
    insertEntry: (entry, text) => void s.insertEntry.run(entry.tx, entry.seq, text),
    chain: (tx, after, limit) => s.chain.all(tx, after, limit).map((row) => JSON.parse(row.entry) as Entry),
    read: (after, limit) =>
      s.read.all(after, limit).map(({ position, entry }) => ({ position, entry: JSON.parse(entry) as Entry })),
    get(collection, key) {
      const known = kept.get(collection, key);
      if (known !== undefined) return known;
      const row = s.get.get(collection, key);
      return row === undefined ? undefined : kept.keep(documentOf(collection, row), row.body.length);
    },
    list(collection, { prefix = '', after, limit = -1, reverse = false } = {}) {
      const low = reverse || after === undefined ? '' : after;
      const high = reverse && after !== undefined ? after : LAST;
      const statement = reverse ? s.listReverse : s.list;
      return statement
        .all(collection, prefix, `${prefix}${LAST}`, low, high, limit)
        .map((row) => kept.newest(collection, row) ?? documentOf(collection, row));
    },
    putDocument({ collection, key, version, body }) {
      kept.forget(collection, key);
      s.putDocument.run(collection, key, version, JSON.stringify(body));
    },
    deleteDocument(collection, key) {
      kept.forget(collection, key);
      s.deleteDocument.run(collection, key);
    },
    putBlob: (digest, text) => void s.putBlob.run(digest, text),
    blob: (digest) => s.blob.get(digest)?.value,
    putSecret: (reference, sealed) => void s.putSecret.run(reference, sealed),
    secret: (reference) => s.secret.get(reference)?.sealed,
    meta: (name) => s.meta.get(name)?.value,
    setMeta: (name, value) => void s.setMeta.run(name, value),
    close: () => void database.close(),
  };
}

interface DocumentRow {
  readonly key: string;
  readonly version: number;
  readonly body: string;
}

function documentOf(collection: string, row: DocumentRow): Document {
  return { collection, key: row.key, version: row.version, body: JSON.parse(row.body) };
}

/** This process is the only writer, so what it has read stays true until it writes. Readers treat bodies as immutable. */
function keptDocuments() {
  const collections = new Map<string, Map<string, Document>>();
  let characters = 0;
  const forgetAll = () => {
    collections.clear();
    characters = 0;
  };
  return {
    get: (collection: string, key: string) => collections.get(collection)?.get(key),
    newest(collection: string, { key, version }: DocumentRow): Document | undefined {
      const known = collections.get(collection)?.get(key);
      return known?.version === version ? known : undefined;
    },
    keep(document: Document, length: number): Document {
      if (characters + length > KEPT_TEXT_MAX) forgetAll();
      characters += length;
      const known = collections.get(document.collection);
      if (known === undefined) collections.set(document.collection, new Map([[document.key, document]]));
      else known.set(document.key, document);
      return document;
    },
    /** Its text stays counted until all is forgotten: the bound is on what was read, and reading again is cheap. */
    forget: (collection: string, key: string) => void collections.get(collection)?.delete(key),
    forgetAll,
  };
}

function statements(database: Database) {
  const range = 'collection = ? AND key >= ? AND key < ? AND key > ? AND key < ?';
  const list = `SELECT key, version, body FROM document WHERE ${range} ORDER BY key`;
  type Range = [string, string, string, string, string, number];
  return {
    head: database.prepare<[string], { seq: number; entry: string }>(
      'SELECT seq, entry FROM journal WHERE tx = ? ORDER BY seq DESC LIMIT 1',
    ),
    insertEntry: database.prepare<[string, number, string]>('INSERT INTO journal (tx, seq, entry) VALUES (?, ?, ?)'),
    chain: database.prepare<[string, number, number], { entry: string }>(
      'SELECT entry FROM journal WHERE tx = ? AND seq > ? ORDER BY seq LIMIT ?',
    ),
    read: database.prepare<[number, number], { position: number; entry: string }>(
      'SELECT position, entry FROM journal WHERE position > ? ORDER BY position LIMIT ?',
    ),
    get: database.prepare<[string, string], DocumentRow>(
      'SELECT key, version, body FROM document WHERE collection = ? AND key = ?',
    ),
    list: database.prepare<Range, DocumentRow>(`${list} LIMIT ?`),
    listReverse: database.prepare<Range, DocumentRow>(`${list} DESC LIMIT ?`),
    putDocument: database.prepare<[string, string, number, string]>(
      `INSERT INTO document (collection, key, version, body) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET version = excluded.version, body = excluded.body`,
    ),
    deleteDocument: database.prepare<[string, string]>('DELETE FROM document WHERE collection = ? AND key = ?'),
    putBlob: database.prepare<[Digest, string]>(
      'INSERT INTO blob (digest, value) VALUES (?, ?) ON CONFLICT DO NOTHING',
    ),
    blob: database.prepare<[Digest], { value: string }>('SELECT value FROM blob WHERE digest = ?'),
    putSecret: database.prepare<[string, Uint8Array]>(
      'INSERT INTO secret (reference, sealed) VALUES (?, ?) ON CONFLICT DO NOTHING',
    ),
    secret: database.prepare<[string], { sealed: Uint8Array }>('SELECT sealed FROM secret WHERE reference = ?'),
    meta: database.prepare<[string], { value: string }>('SELECT value FROM meta WHERE name = ?'),
    setMeta: database.prepare<[string, string]>(
      'INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
    ),
  };
}
