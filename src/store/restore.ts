/** `ldc hub restore` and `ldc hub rearm` (DESIGN §5): offline work on a state folder whose hub does not run. */
import { copyFileSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import SqliteDatabase, { type Database } from 'better-sqlite3';
import { StoreError } from '../base/index.ts';
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
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    withLock(dir, () => {
      if (!existsSync(file)) throw new StoreError('io', `${file} does not exist`);
      if (existsSync(target)) {
        throw new StoreError('io', `${target} exists: move it away first, a restore replaces nothing`);
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

function checkBackup(file: string): void {
  inDatabase(file, (database) => {
    const verdict = database.pragma('quick_check(1)', { simple: true });
    if (verdict !== 'ok') throw new StoreError('damaged', `the backup is damaged: ${String(verdict)}`);
  });
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

/** A consistent copy of a state whose hub may be running, without the master key, for a caller that has no open store. */
export async function backupStore(options: { readonly dir: string; readonly file: string }): Promise<void> {
  const source = guarded(
    `cannot read ${options.dir}`,
    () => new SqliteDatabase(join(options.dir, 'hub.db'), { readonly: true, fileMustExist: true }),
  );
  try {
    await backup(source, options.file);
  } finally {
    source.close();
  }
}
