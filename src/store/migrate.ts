/** Brings a database forward to this program's schema. Strict: any surprise stops, and nothing is half-migrated. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Database } from 'better-sqlite3';
import { invariant, StoreError } from '../base/index.ts';

export interface Migration {
  /** From 1, dense; the database's `user_version` once it has run. */
  readonly number: number;
  readonly name: string;
  readonly sql: string;
}

const FOLDER = join(import.meta.dirname, '../../migrations');

export function readMigrations(folder: string = FOLDER): readonly Migration[] {
  const names = readdirSync(folder)
    .filter((name) => /^\d{4}_.*\.sql$/.test(name))
    .sort();
  return names.map((name, index) => {
    const number = Number(name.slice(0, 4));
    invariant(number === index + 1, `migrations are numbered without gaps; found ${name} at place ${index + 1}`);
    return { number, name, sql: readFileSync(join(folder, name), 'utf8') };
  });
}

/** @throws StoreError `newer` when a newer ldc has written this database. */
export function migrate(database: Database, migrations: readonly Migration[]): void {
  const present = Number(database.pragma('user_version', { simple: true }));
  if (present > migrations.length) {
    throw new StoreError(
      'newer',
      `the database has schema ${present}, this ldc knows ${migrations.length}: start the newer ldc that wrote it`,
    );
  }
  for (const { number, sql } of migrations.slice(present)) {
    database
      .transaction(() => {
        database.exec(sql);
        database.pragma(`user_version = ${number}`);
      })
      .exclusive();
  }
}
