/** The durable store: SQLite in `DIR/hub.db`, WAL with synchronous=FULL, one hub at a time. */
import {
  closeSync,
  existsSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import SqliteDatabase, { type Database } from 'better-sqlite3';
import { errorText, invariant, StoreError } from '../base/index.ts';
import { takeEpoch } from './epoch.ts';
import { migrate, readMigrations } from './migrate.ts';
import { Sequencer } from './sequencer.ts';
import { sqliteTables } from './sqlite-tables.ts';
import type { SqliteStore, StoreOptions, Tables } from './types.ts';
import { openVault } from './vault.ts';
import { brokenChain } from './writer.ts';

/** How many of the last entries are checked link by link at every start; the whole journal is `ldc log verify`'s work. */
const CHECKED_ENTRIES = 2_000;
const BUSY_TIMEOUT_MS = 5_000;

export interface SqliteStoreOptions extends StoreOptions {
  /** `STATE/hub`; made when absent. */
  readonly dir: string;
  /** The database grows no further than this; writes beyond are refused as on a full disk. Default: the disk's size. */
  readonly bytesMax?: number;
}

/** @throws StoreError `locked`, `newer`, `damaged`, `key`, `readOnly`, `full`, `io`, with what to do in its message */
export function openStore(options: SqliteStoreOptions): SqliteStore {
  const { dir } = options;
  const file = join(dir, 'hub.db');
  return guarded(`cannot open ${file}`, () => {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const lock = takeLock(dir);
    try {
      const database = openDatabase(file);
      if (options.bytesMax !== undefined) limitSize(database, options.bytesMax);
      return assemble(database, lock, options);
    } catch (error) {
      lock.close();
      throw error;
    }
  });
}

function assemble(database: Database, lock: Database, options: SqliteStoreOptions): SqliteStore {
  const tables = sqliteTables(database);
  checkIntegrity(database, tables);
  const { epoch, holder } = takeEpoch(tables, options.random);
  const sequencer = new Sequencer(tables, { ...options, epoch }, storeError);
  const secrets = openVault(tables, options, (write) => sequencer.submit(write));
  return {
    journal: sequencer.journal,
    documents: sequencer.documents,
    blobs: sequencer.blobs,
    secrets,
    epoch,
    holder,
    observeOnly: tables.meta('observeOnly') === '1',
    backup: (file) => backup(database, file),
    async close() {
      if (!database.open) return;
      sequencer.close();
      tables.close();
      lock.close();
    },
  };
}

/** Opens with the journal's pragmas, reads them back, and migrates. */
export function openDatabase(file: string): Database {
  ownFile(file);
  const database = new SqliteDatabase(file, { timeout: BUSY_TIMEOUT_MS });
  try {
    database.pragma('journal_mode = WAL');
    // better-sqlite3 is compiled with NORMAL in WAL mode, which may lose the last commits on power loss
    database.pragma('synchronous = FULL');
    invariant(database.pragma('journal_mode', { simple: true }) === 'wal', 'journal_mode is WAL');
    invariant(database.pragma('synchronous', { simple: true }) === 2, 'synchronous is FULL');
    migrate(database, readMigrations());
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** SQLite goes by the umask; what it makes beside a database has the database's mode. */
function ownFile(file: string): void {
  const descriptor = openSync(file, 'a', 0o600);
  try {
    if ((fstatSync(descriptor).mode & 0o077) !== 0) fchmodSync(descriptor, 0o600);
  } finally {
    closeSync(descriptor);
  }
}

function limitSize(database: Database, bytesMax: number): void {
  const pageBytes = Number(database.pragma('page_size', { simple: true }));
  database.pragma(`max_page_count = ${Math.floor(bytesMax / pageBytes)}`);
}

/** An exclusive lock for the process's life: the kernel drops it however the process ends. */
export function takeLock(dir: string): Database {
  ownFile(join(dir, 'hub.lock'));
  const lock = new SqliteDatabase(join(dir, 'hub.lock'), { timeout: 0 });
  try {
    lock.pragma('journal_mode = DELETE');
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock.close();
    if (sqliteCode(error).startsWith('SQLITE_BUSY')) {
      throw new StoreError('locked', `another hub is running on ${dir}: stop it first, or name another state folder`);
    }
    throw error;
  }
}

function checkIntegrity(database: Database, tables: Tables): void {
  const verdict = database.pragma('quick_check(1)', { simple: true });
  const last = database.prepare<[], { last: number | null }>('SELECT max(position) AS last FROM journal').get()?.last;
  const broken =
    verdict === 'ok'
      ? brokenChain(tables.read(Math.max(0, (last ?? 0) - CHECKED_ENTRIES), CHECKED_ENTRIES))
      : String(verdict);
  if (broken !== undefined) {
    throw new StoreError('damaged', `the database is damaged: ${broken}. Restore a backup with ldc hub restore FILE`);
  }
}

/** @throws StoreError `io` when the file exists; `full`, `readOnly` with nothing left behind */
export async function backup(database: Database, file: string): Promise<void> {
  const partial = `${file}.partial`;
  try {
    if (existsSync(file)) throw new StoreError('io', `${file} exists: name a new file for the backup`);
    rmSync(partial, { force: true });
    ownFile(partial);
    await database.backup(partial);
    syncFile(partial);
    renameSync(partial, file);
    syncFile(dirname(file));
  } catch (error) {
    rmSync(partial, { force: true });
    throw storeError(error, START_AGAIN);
  }
}

export function syncFile(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Runs `work`; what it throws becomes a StoreError that says where. */
export function guarded<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const failure = storeError(error, START_AGAIN);
    throw failure === error ? failure : new StoreError(failure.kind, `${what}: ${failure.message}`);
  }
}

const GOES_ON = 'the hub goes on by itself';
/** Of what is not running: nothing tries again for it. */
const START_AGAIN = 'start it again';

/**
 * Whatever SQLite or the file system threw, as a StoreError that a person can act on.
 * @param then what comes after room was made
 */
export function storeError(error: unknown, then = GOES_ON): StoreError {
  if (error instanceof StoreError) return error;
  const code = sqliteCode(error);
  const text = errorText(error);
  if (code.startsWith('SQLITE_FULL') || code === 'ENOSPC' || code === 'EDQUOT') {
    return new StoreError('full', `the disk is full (${text}); nothing was written. Free some space, and ${then}`);
  }
  if (/^SQLITE_(READONLY|PERM|CANTOPEN)|^E(ACCES|PERM|ROFS)$/.test(code)) {
    return new StoreError(
      'readOnly',
      `the state folder cannot be written (${text}); nothing was written. Check its owner and mode`,
    );
  }
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(code)) {
    return new StoreError('damaged', `the database is damaged (${text}). Restore a backup with ldc hub restore FILE`);
  }
  return new StoreError('io', `nothing was written: ${text}`);
}

function sqliteCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
