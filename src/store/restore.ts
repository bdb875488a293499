/** `ldc hub restore` and `ldc hub rearm` (DESIGN §5): offline work on a state folder whose hub does not run. */
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import SqliteDatabase, { type Database } from 'better-sqlite3';
import { errorText, StoreError } from '../base/index.ts';
import { backup, guarded, openDatabase, syncFile, takeLock } from './sqlite-store.ts';

/**
 * Puts a backup in place of a state that is empty. The hub then starts observe-only: agents hold newer things than it remembers.
 * The master key is not in a backup: it must be put beside it (or given) before the hub starts.
 * @throws StoreError `io` when the folder has a database, `damaged` or `newer` when the backup cannot be used
 */
export function restoreStore(options: { readonly dir: string; readonly file: string }): void {
  const { dir, file } = options;
  const target = join(dir, 'hub.db');
  guarded(`cannot restore ${file}`, () => {
    if (!existsSync(file)) throw new StoreError('io', `${file} does not exist`);
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    withLock(dir, () => {
      // a write-ahead log that was left behind would be replayed into the backup
      const there = [target, `${target}-wal`].find((one) => existsSync(one));
      if (there !== undefined) {
        throw new StoreError('io', `${there} exists: move it away first, a restore replaces nothing`);
      }
      const partial = `${target}.restoring`;
      rmSync(partial, { force: true });
      copyFileSync(file, partial);
      try {
        checkBackup(partial);
        inDatabase(partial, (database) => setMeta(database, 'observeOnly', '1'));
        syncFile(partial);
        renameSync(partial, target);
        syncFile(dir);
      } finally {
        for (const rest of ['', '-wal', '-shm']) rmSync(`${partial}${rest}`, { force: true });
      }
    });
  });
}

/**
 * Lets a restored hub act again: its next start takes an epoch above `epochAbove`, the highest that any agent reports.
 * Answers whether it was observe-only before.
 */
export function rearmStore(options: { readonly dir: string; readonly epochAbove: number }): boolean {
  const { dir, epochAbove } = options;
  const file = join(dir, 'hub.db');
  return guarded(`cannot rearm ${file}`, () =>
    withLock(dir, () => {
      if (!existsSync(file)) throw new StoreError('io', `${file} does not exist`);
      return inDatabase(file, (database) =>
        database
          .transaction(() => {
            const was = meta(database, 'observeOnly') === '1';
            setMeta(database, 'epoch', String(Math.max(epochAbove, Number(meta(database, 'epoch') ?? '0'))));
            setMeta(database, 'observeOnly', '0');
            return was;
          })
          .immediate(),
      );
    }),
  );
}

/** Looked at as it is: opening it as a state would make one of any database, even of an empty file. */
function checkBackup(file: string): void {
  const database = new SqliteDatabase(file, { fileMustExist: true });
  try {
    const verdict = database.pragma('quick_check(1)', { simple: true });
    if (verdict !== 'ok') throw new StoreError('damaged', `it is damaged: ${String(verdict)}`);
    const tables = database.prepare<[], { name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
    const names = new Set(tables.map(({ name }) => name));
    if (!names.has('journal') || !names.has('meta') || meta(database, 'epoch') === undefined)
      throw new StoreError('damaged', 'it is no backup of a hub');
  } catch (error) {
    if (error instanceof StoreError) throw error;
    throw new StoreError('damaged', `it is no backup of a hub, or it is damaged (${errorText(error)})`);
  } finally {
    database.close();
  }
}

function withLock<T>(dir: string, work: () => T): T {
  const lock = takeLock(dir);
  try {
    return work();
  } finally {
    lock.close();
  }
}

function inDatabase<T>(file: string, work: (database: Database) => T): T {
  const database: Database = openDatabase(file);
  try {
    const answer = work(database);
    database.pragma('wal_checkpoint(TRUNCATE)');
    return answer;
  } finally {
    database.close();
  }
}

function meta(database: Database, name: string): string | undefined {
  return database.prepare<[string], { value: string }>('SELECT value FROM meta WHERE name = ?').get(name)?.value;
}

function setMeta(database: Database, name: string, value: string): void {
  database
    .prepare('INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value')
    .run(name, value);
}

/** The database of a state that is there. @throws StoreError `io`: what works on a state must not make one */
export function existingState(dir: string): string {
  const file = join(dir, 'hub.db');
  if (!existsSync(file)) throw new StoreError('io', `there is no hub in ${dir}: name its state folder with --state`);
  return file;
}

/** A consistent copy of a state whose hub may be running, without the master key, for a caller that has no open store. */
export async function backupStore(options: { readonly dir: string; readonly file: string }): Promise<void> {
  const state = existingState(options.dir);
  const source = guarded(
    `cannot read ${options.dir}`,
    () => new SqliteDatabase(state, { readonly: true, fileMustExist: true }),
  );
  try {
    await backup(source, options.file);
  } finally {
    source.close();
  }
}
