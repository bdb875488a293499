/** The in-memory twin of the durable store: what it has answered survives crash(), what it has not is lost. */
import { type Store, StoreError } from '../base/index.ts';
import { takeEpoch } from './epoch.ts';
import { type MemoryDisk, memoryDisk, memoryTables } from './memory-tables.ts';
import { Sequencer } from './sequencer.ts';
import type { StoreOptions } from './types.ts';
import { openVault } from './vault.ts';

export interface MemoryStore extends Store {
  readonly disk: MemoryDisk;
  /** How many group commits were made. */
  commits(): number;
  /** With `sync: 'manual'`: makes durable what was handed in. Answers whether there was anything. */
  sync(): boolean;
  /**
   * The hub dies: writes not yet durable are lost, or, with `keep`, became durable and nobody was told; so did a commit whose
   * fsync had failed. Nothing answers any more.
   */
  crash(options?: { readonly keep?: boolean }): void;
}

export interface MemoryStoreOptions extends Omit<StoreOptions, 'masterKey' | 'defer'> {
  /** What an earlier one left. */
  readonly disk?: MemoryDisk;
  /** `turn` (default) makes durable at the end of each turn; `manual` only when sync() is called; else whoever is handed the commit runs it. */
  readonly sync?: 'turn' | 'manual' | ((commit: () => void) => void);
}

export function memoryStore(options: MemoryStoreOptions): MemoryStore {
  const disk = options.disk ?? memoryDisk();
  const tables = memoryTables(disk);
  const { epoch, holder } = takeEpoch(tables, options.random);
  let unsynced: (() => void) | undefined;
  let commits = 0;
  const defer = (flush: () => void) => {
    const commit = () => {
      if (unsynced !== commit) return;
      unsynced = undefined;
      commits++;
      flush();
    };
    unsynced = commit;
    if (typeof options.sync === 'function') options.sync(commit);
    else if (options.sync !== 'manual') queueMicrotask(commit);
  };
  const sequencer = new Sequencer(tables, { ...options, epoch, defer }, (error) =>
    error instanceof StoreError ? error : new StoreError('io', String(error)),
  );
  const key = new Uint8Array(32).fill(7); // protects nothing: this memory dies with its process
  const masterKey = { load: () => key, create: () => key };
  return {
    disk,
    journal: sequencer.journal,
    documents: sequencer.documents,
    blobs: sequencer.blobs,
    secrets: openVault(tables, { masterKey, random: options.random }, (write) => sequencer.submit(write)),
    epoch,
    holder,
    commits: () => commits,
    sync() {
      const had = unsynced !== undefined;
      unsynced?.();
      return had;
    },
    crash({ keep = false } = {}) {
      unsynced = undefined;
      const { unsettled } = disk;
      disk.unsettled = undefined;
      if (keep) unsettled?.();
      // what came behind a commit of which nobody knows is not there without it
      sequencer.abandon(keep && unsettled === undefined);
    },
    async close() {
      sequencer.close();
    },
  };
}
