/** What store's two implementations share inside, and what openStore is handed. */
import type {
  Clock,
  Digest,
  Document,
  DocumentReader,
  Entry,
  Logger,
  Projector,
  Random,
  Store,
} from '../base/index.ts';

/** Where the key that wraps the data key comes from: outside the database and its backups. */
export interface MasterKey {
  /** 32 bytes; undefined when there is none yet. @throws StoreError `key` when there is one that cannot be used. */
  load(): Uint8Array | undefined;
  /** Makes one, for a state that is new. @throws StoreError `key` when this source cannot (its owner must give one). */
  create(): Uint8Array;
}

export interface StoreOptions {
  readonly clock: Pick<Clock, 'now'>;
  readonly masterKey: MasterKey;
  readonly random: Random;
  readonly projectors: readonly Projector[];
  readonly logger: Logger;
  /**
   * Runs the group commit; all that was handed in until then shares one fsync. Default queueMicrotask (one turn);
   * main hands in setImmediate, so that all input of one event loop round shares it.
   */
  readonly defer?: (run: () => void) => void;
}

export interface SqliteStore extends Store {
  /** A restored backup: the hub watches and sends nothing until `rearm`. */
  readonly observeOnly: boolean;
  /** A consistent copy into a new file, without the master key, while the store goes on. */
  backup(file: string): Promise<void>;
}

/** The tables as the sequencer uses them: synchronous, within `transaction`. */
export interface Tables extends DocumentReader {
  /** Runs all of `write` or nothing of it, and makes it durable. Nested calls undo only themselves when they throw. */
  transaction<T>(write: () => T): T;
  inTransaction(): boolean;
  /** Last entry of a chain; seq 0 and prev '' when it has none. */
  head(tx: string): { readonly seq: number; readonly prev: Digest | '' };
  insertEntry(entry: Entry, text: string): void;
  /** A negative `limit` is none. */
  chain(tx: string, after: number, limit: number): readonly Entry[];
  read(after: number, limit: number): readonly { readonly position: number; readonly entry: Entry }[];
  putDocument(document: Document): void;
  deleteDocument(collection: string, key: string): void;
  putBlob(digest: Digest, text: string): void;
  blob(digest: Digest): string | undefined;
  putSecret(reference: string, sealed: Uint8Array): void;
  secret(reference: string): Uint8Array | undefined;
  meta(name: string): string | undefined;
  setMeta(name: string, value: string): void;
  close(): void;
}
