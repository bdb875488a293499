/**
 * A hub as a process of its own that ends itself with SIGKILL at one journal write of the first transaction that is created
 * in its life: just before the write is durable, or just after, before anyone hears of it. Started by
 * faults-hub-killed.test.ts: `node mortal-hub.ts {"options": HubOptions, "kill": {"at": 7, "when": "before"}}`.
 */
import SqliteDatabase from 'better-sqlite3';
import { systemClock as clock, systemRandom as random, silentLogger } from '../src/base/index.ts';
import { type HubOptions, startHub } from '../src/main/hub.ts';

export interface MortalHub {
  readonly options: HubOptions;
  readonly kill?: { readonly at: number; readonly when: 'before' | 'after' };
}

const given = JSON.parse(process.argv[2] ?? '') as MortalHub;

function die(): void {
  process.kill(process.pid, 'SIGKILL');
}

if (given.kill !== undefined) {
  const { at, when } = given.kill;
  const { prepare, transaction } = SqliteDatabase.prototype;
  let watched: string | undefined;
  let due = false;
  SqliteDatabase.prototype.prepare = function (this: SqliteDatabase.Database, sql: string) {
    const statement = prepare.call(this, sql);
    if (!sql.startsWith('INSERT INTO journal')) return statement;
    const run = statement.run.bind(statement) as (...values: unknown[]) => SqliteDatabase.RunResult;
    statement.run = (...values: unknown[]) => {
      const [tx, seq] = values as [string, number];
      if (seq === 1 && /^[a-z]+-[0-9a-z]{8,}$/.test(tx)) watched ??= tx;
      if (tx === watched && seq === at) {
        if (when === 'before') die();
        due = true;
      }
      return run(...values);
    };
    return statement;
  } as typeof prepare;
  SqliteDatabase.prototype.transaction = function (
    this: SqliteDatabase.Database,
    work: (...values: never[]) => unknown,
  ) {
    const whole = transaction.call(this, work as never);
    const immediate = (...values: never[]) => {
      const value = whole.immediate(...values);
      if (due && !this.inTransaction) die();
      return value;
    };
    return Object.assign((...values: never[]) => whole(...values), { immediate });
  } as typeof transaction;
}

process.on('disconnect', () => process.exit(0)); // the test's end is its end
const { url, agentsUrl, caPem, adminTokenFile } = await startHub(given.options, {
  clock,
  random,
  logger: silentLogger,
});
process.send?.({ url, agentsUrl, caPem, adminTokenFile });
