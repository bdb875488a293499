/** The tables in memory, for simulation and tests: the twin of sqlite-tables.ts under the same conformance suite. */
import { canonical, type Digest, type Document, type Entry, type Json, StoreError, sha256Hex } from '../base/index.ts';
import type { Tables } from './types.ts';

/** What survives a crash of a hub in memory; hand the same one to the next memoryStore. */
export interface MemoryDisk {
  readonly journal: { readonly tx: string; readonly text: string }[];
  readonly chains: Map<string, number[]>;
  readonly documents: Map<string, Map<string, Document>>;
  readonly blobs: Map<string, string>;
  readonly secrets: Map<string, Uint8Array>;
  readonly meta: Map<string, string>;
  /** While set, every commit fails as on a full disk. */
  full: boolean;
  /**
   * While set, every commit fails: `io` leaves nothing of it; after `fsync` nobody knows. What was written is there if the
   * process dies before the next good commit, which writes over it.
   */
  failing?: 'io' | 'fsync' | undefined;
  /** Of a commit whose fsync failed: what makes it so. */
  unsettled?: (() => void) | undefined;
}

export function memoryDisk(): MemoryDisk {
  return {
    journal: [],
    chains: new Map(),
    documents: new Map(),
    blobs: new Map(),
    secrets: new Map(),
    meta: new Map(),
    full: false,
  };
}

export function memoryTables(disk: MemoryDisk): Tables {
  /** How to take back what the running transaction has written, newest last. */
  const undo: (() => void)[] = [];
  /** How to write it once more, oldest first. */
  const redo: (() => void)[] = [];
  let depth = 0;

  function transaction<T>(write: () => T): T {
    const mark = { undo: undo.length, redo: redo.length };
    depth++;
    try {
      const answer = write();
      if (depth === 1 && undo.length > 0) commit(disk, redo);
      return answer;
    } catch (error) {
      for (const takeBack of undo.splice(mark.undo).reverse()) takeBack();
      redo.length = mark.redo;
      throw error;
    } finally {
      depth--;
      if (depth === 0) undo.length = 0;
      if (depth === 0) redo.length = 0;
    }
  }

  function put<V>(map: Map<string, V>, key: string, value: V | undefined): void {
    const before = map.get(key);
    undo.push(() => (before === undefined ? map.delete(key) : map.set(key, before)));
    const write = () => (value === undefined ? map.delete(key) : map.set(key, value));
    redo.push(write);
    write();
  }

  function collection(name: string): Map<string, Document> {
    const found = disk.documents.get(name) ?? new Map<string, Document>();
    disk.documents.set(name, found);
    return found;
  }

  return {
    transaction,
    inTransaction: () => depth > 0,
    ...journalTables(disk, undo, redo),
    get: (name, key) => disk.documents.get(name)?.get(key),
    list(name, { prefix = '', after, limit = -1, reverse = false } = {}) {
      const inRange = [...(disk.documents.get(name)?.values() ?? [])].filter(
        ({ key }) => key.startsWith(prefix) && (after === undefined || (reverse ? key < after : key > after)),
      );
      inRange.sort((a, b) => (a.key < b.key === reverse ? 1 : -1));
      return limit < 0 ? inRange : inRange.slice(0, limit);
    },
    putDocument(document) {
      const body = JSON.parse(canonical(document.body)) as Document['body'];
      put(collection(document.collection), document.key, { ...document, body });
    },
    deleteDocument: (name, key) => put(collection(name), key, undefined),
    putBlob: (digest, text) => put(disk.blobs, digest, text),
    blob: (digest) => disk.blobs.get(digest),
    putSecret: (reference, sealed) => put(disk.secrets, reference, sealed),
    secret: (reference) => disk.secrets.get(reference),
    meta: (name) => disk.meta.get(name),
    setMeta: (name, value) => put(disk.meta, name, value),
    close() {},
  };
}

/** The end of a transaction that has written something. @throws StoreError: it is to be taken back */
function commit(disk: MemoryDisk, written: readonly (() => void)[]): void {
  if (disk.full) {
    throw new StoreError(
      'full',
      'the disk is full; nothing was written. Free some space, and the hub goes on by itself',
    );
  }
  if (disk.failing !== undefined) {
    const all = [...written];
    if (disk.failing === 'fsync') {
      disk.unsettled = () => {
        for (const write of all) write();
      };
    }
    throw new StoreError('io', `disk I/O error (${disk.failing})`);
  }
  disk.unsettled = undefined;
}

function journalTables(
  disk: MemoryDisk,
  undo: (() => void)[],
  redo: (() => void)[],
): Pick<Tables, 'head' | 'insertEntry' | 'chain' | 'read'> {
  const entryAt = (index: number) => JSON.parse((disk.journal[index] as { text: string }).text) as Entry & Json;
  return {
    head(tx) {
      const chain = disk.chains.get(tx) ?? [];
      const last = chain.at(-1);
      if (last === undefined) return { seq: 0, prev: '' };
      const prev: Digest = `sha256:${sha256Hex((disk.journal[last] as { text: string }).text)}`;
      return { seq: chain.length, prev };
    },
    insertEntry(entry, text) {
      const chain = disk.chains.get(entry.tx) ?? [];
      disk.chains.set(entry.tx, chain);
      const write = () => {
        chain.push(disk.journal.length);
        disk.journal.push({ tx: entry.tx, text });
      };
      redo.push(write);
      write();
      undo.push(() => {
        chain.pop();
        disk.journal.pop();
      });
    },
    chain: (tx, after, limit) =>
      (disk.chains.get(tx) ?? []).slice(after, limit < 0 ? undefined : after + limit).map(entryAt),
    read: (after, limit) =>
      disk.journal.slice(after, after + limit).map((_, index) => ({
        position: after + index + 1,
        entry: entryAt(after + index),
      })),
  };
}
