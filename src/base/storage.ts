/**
 * The ports of durable memory. `store` implements them on SQLite and in memory; one conformance suite holds both.
 * All writes of a hub pass one sequencer; a promise resolves when what was handed in survives power loss.
 */
import type { Digest } from './digest.ts';
import type { Json, JsonObject } from './json.ts';
import type { SecretValues } from './secrets.ts';

/**
 * One entry of the journal, as DESIGN §10 says; stored as canonical JSON, at most limits.journalEntryBytesMax bytes.
 * `tx` names a chain: a transaction id, or `hub`, `audit`, `cluster/<name>`, `stack/<project>/<name>`.
 */
export interface Entry {
  readonly v: 1;
  readonly tx: string;
  /** Dense within the chain, from 1. */
  readonly seq: number;
  /** Digest of the chain's entry before, '' for the first. */
  readonly prev: string;
  readonly type: string;
  /** RFC 3339 with milliseconds, UTC. */
  readonly ts: string;
  /** Who: `user:<name>`, `agent:<cluster>`, `hub`. */
  readonly actor: string;
  /** The hub's epoch when it was written. */
  readonly epoch: number;
  readonly data: JsonObject;
}

/** What the writer gives; the sequencer adds v, seq, prev, ts and epoch. */
export type NewEntry = Pick<Entry, 'tx' | 'type' | 'actor' | 'data'>;

export interface Journal {
  /**
   * Appends in order, all or nothing, and folds each entry through the projectors in the same database transaction.
   * Resolves with the entries as written once they are durable. Rejects with a StoreError (`full`, `readOnly`, `closed`, `tooLarge`) and nothing written.
   */
  append(entries: readonly NewEntry[]): Promise<readonly Entry[]>;
  /** One chain in order; `after` leaves out entries up to that seq, `limit` those beyond that many. */
  chain(tx: string, after?: number, limit?: number): readonly Entry[];
  /** All entries in the order of writing; `position` counts from 1 over the whole journal. */
  read(after: number, limit: number): readonly { readonly position: number; readonly entry: Entry }[];
  /** Called after entries became durable, in order. */
  onAppend(listener: (entries: readonly Entry[]) => void): () => void;
}

/** A view of the journal, or a record of its own. Bodies are JSON; keys sort as text. */
export interface Document {
  readonly collection: string;
  readonly key: string;
  readonly body: JsonObject;
  /** Changes with each write; If-Match compares it. */
  readonly version: number;
}

export interface DocumentChange {
  readonly collection: string;
  readonly key: string;
  /** null deletes. */
  readonly body: JsonObject | null;
  /** When given, the write happens only if the stored version is this (0: absent); else the whole batch is refused. */
  readonly ifVersion?: number;
}

export interface DocumentReader {
  get(collection: string, key: string): Document | undefined;
  /** In key order (or reverse), keys with the prefix, strictly after `after`. */
  list(
    collection: string,
    options?: { prefix?: string; after?: string; limit?: number; reverse?: boolean },
  ): readonly Document[];
}

export interface Documents extends DocumentReader {
  /** All or nothing; resolves `conflict` when an ifVersion does not hold. */
  write(changes: readonly DocumentChange[]): Promise<'written' | 'conflict'>;
}

/** Folds one entry into documents; pure. Runs in the entry's own database transaction and sees earlier changes of it. */
export type Projector = (entry: Entry, documents: DocumentReader) => readonly DocumentChange[];

/** Large payloads by digest (bundles, plans, pre-images, stack sources). Secret values are cut out before they come here. */
export interface Blobs {
  put(value: Json): Promise<Digest>;
  get(digest: Digest): Json | undefined;
}

/** Secret values by cut reference, encrypted at rest; the key that cuts never leaves the hub but sealed to an agent. */
export interface SecretStore {
  /** The key for cutSecret(), 32 bytes, the same for the life of the hub's state. */
  readonly cutKey: Uint8Array;
  put(values: SecretValues): Promise<void>;
  /** Values of the references that are known. */
  get(references: readonly string[]): SecretValues;
}

/** Everything durable of one hub. */
export interface Store {
  readonly journal: Journal;
  readonly documents: Documents;
  readonly blobs: Blobs;
  readonly secrets: SecretStore;
  /** The epoch taken at open: higher than any before on this state. */
  readonly epoch: number;
  /** Who took that epoch, drawn at open: of two hubs on copies of one state folder each takes the same number. */
  readonly holder: string;
  close(): Promise<void>;
}

/**
 * A write that could not be made durable (nothing of it was written), or a state folder that cannot be opened: `locked` by
 * another hub, of a `newer` schema, `damaged`, or its master `key` is missing or another's.
 */
export class StoreError extends Error {
  readonly kind: 'full' | 'readOnly' | 'closed' | 'tooLarge' | 'io' | 'locked' | 'newer' | 'damaged' | 'key';
  constructor(kind: StoreError['kind'], message: string) {
    super(message);
    this.name = 'StoreError';
    this.kind = kind;
  }
}
