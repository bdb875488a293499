/** What only the durable store can show: locks, schema, damage, a full disk, backup, keys, and SIGKILL at any instant. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import SqliteDatabase from 'better-sqlite3';
import { StoreError, silentLogger, systemClock, systemRandom } from '../base/index.ts';
import {
  backupStore,
  commandMasterKey,
  fileMasterKey,
  openStore,
  rearmStore,
  restoreStore,
  valueMasterKey,
} from './index.ts';
import { migrate, readMigrations } from './migrate.ts';
import { guarded, storeError } from './sqlite-store.ts';
import { brokenChain } from './writer.ts';

const folders: string[] = [];
const folder = () => {
  const made = mkdtempSync(join(tmpdir(), 'ldc-sqlite-'));
  folders.push(made);
  return made;
};
after(() => {
  for (const made of folders) rmSync(made, { recursive: true, force: true });
});

const open = (dir: string, more: { bytesMax?: number } = {}) =>
  openStore({
    dir,
    clock: systemClock,
    masterKey: fileMasterKey(join(dir, 'master.key'), systemRandom),
    random: systemRandom,
    projectors: [],
    logger: silentLogger,
    ...more,
  });
const entry = (n: number, text = '') => ({ tx: 't', type: 'test', actor: 'hub', data: { n, text } });
const kind = (expected: StoreError['kind'], message?: RegExp) => (error: unknown) => {
  assert.ok(error instanceof StoreError, String(error));
  assert.equal(error.kind, expected, error.message);
  if (message) assert.match(error.message, message);
  return true;
};

describe('sqlite store', () => {
  it('opens with WAL and synchronous FULL, STRICT tables, and entries as canonical text', async () => {
    const dir = folder();
    const store = open(dir);
    await store.journal.append([entry(1, 'ü')]);
    const reader = new SqliteDatabase(join(dir, 'hub.db'), { readonly: true });
    assert.equal(reader.pragma('journal_mode', { simple: true }), 'wal');
    const row = reader.prepare('SELECT tx, seq, entry, typeof(entry) AS type FROM journal').get() as {
      entry: string;
      type: string;
    };
    assert.equal(row.type, 'text');
    assert.match(
      row.entry,
      /^\{"actor":"hub","data":\{"n":1,"text":"ü"\},"epoch":1,"prev":"","seq":1,"ts":".*Z","tx":"t","type":"test","v":1\}$/,
    );
    const loose = reader
      .prepare(
        "SELECT count(*) AS n FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%' AND strict = 0",
      )
      .get();
    assert.deepEqual(loose, { n: 0 });
    reader.close();
    await store.close();
  });

  it('two hubs on one state folder: the second is refused, until the first has ended', async () => {
    const dir = folder();
    const store = open(dir);
    assert.throws(() => open(dir), kind('locked', /another hub is running on .*: stop it first/));
    await store.close();
    await open(dir).close();
  });

  it('refuses a newer schema, and gaps in the migrations', async () => {
    const dir = folder();
    await open(dir).close();
    const database = new SqliteDatabase(join(dir, 'hub.db'));
    database.pragma('user_version = 99');
    database.close();
    assert.throws(() => open(dir), kind('newer', /schema 99, this ldc knows \d+/));
    const gap = folder();
    writeFileSync(join(gap, '0001_a.sql'), 'SELECT 1;');
    writeFileSync(join(gap, '0003_b.sql'), 'SELECT 1;');
    assert.throws(() => readMigrations(gap), /without gaps; found 0003_b.sql at place 2/);
  });

  it('a migration that fails leaves nothing of itself', () => {
    const database = new SqliteDatabase(':memory:');
    const good = { number: 1, name: 'good', sql: 'CREATE TABLE a (x TEXT) STRICT;' };
    const bad = { number: 2, name: 'bad', sql: 'CREATE TABLE b (x TEXT) STRICT; CREATE TABLE a (y TEXT) STRICT;' };
    assert.throws(() => migrate(database, [good, bad]), /table a already exists/);
    assert.equal(database.pragma('user_version', { simple: true }), 1);
    assert.deepEqual(database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all(), [{ name: 'a' }]);
    migrate(database, [good, { ...bad, sql: 'CREATE TABLE b (x TEXT) STRICT;' }]);
    assert.equal(database.pragma('user_version', { simple: true }), 2);
  });

  it('0002: the uses of join tokens become documents of their own, spent ones stay spent', () => {
    const database = new SqliteDatabase(':memory:');
    const migrations = readMigrations();
    migrate(database, migrations.slice(0, 1));
    const put = database.prepare('INSERT INTO document VALUES (?, ?, ?, ?)');
    put.run('joinToken', 'join-1', 4, '{"id":"join-1","spent":["eu-2 b"],"used":["eu-1 a","eu-2 b"],"uses":5}');
    put.run('joinToken', 'join-2', 5, '{"id":"join-2","spent":[],"used":[],"uses":1}');
    put.run('cluster', 'eu-1', 6, '{"name":"eu-1"}');
    migrate(database, migrations);
    const rows = database.prepare('SELECT collection, key, body FROM document ORDER BY collection, key').raw().all();
    assert.deepEqual(rows, [
      ['cluster', 'eu-1', '{"name":"eu-1"}'],
      ['joinToken', 'join-1', '{"id":"join-1","used":2,"uses":5}'],
      ['joinToken', 'join-2', '{"id":"join-2","used":0,"uses":1}'],
      ['joinTokenUse', 'eu-1 a/join-1', '{"spent":false,"token":"join-1"}'],
      ['joinTokenUse', 'eu-2 b/join-1', '{"spent":true,"token":"join-1"}'],
    ]);
    database.close();
  });

  for (const [what, damage, message] of [
    [
      'a changed entry',
      `UPDATE journal SET entry = replace(entry, '"n":2', '"n":9') WHERE position = 2`,
      /entry 3 of t \(position 3\) does not follow/,
    ],
    ['a missing entry', 'DELETE FROM journal WHERE position = 2', /journal position 2 is missing/],
  ] as const) {
    it(`refuses a journal with ${what}`, async () => {
      const dir = folder();
      const store = open(dir);
      await store.journal.append([entry(1), entry(2), entry(3)]);
      await store.close();
      const database = new SqliteDatabase(join(dir, 'hub.db'));
      database.exec(damage);
      database.close();
      assert.throws(() => open(dir), kind('damaged', message));
    });
  }

  it('refuses a file that is no database', () => {
    const dir = folder();
    writeFileSync(join(dir, 'hub.db'), 'this is no database, whatever its name says'.repeat(100));
    assert.throws(() => open(dir), kind('damaged', /ldc hub restore FILE/));
  });

  it('a full disk: a clear refusal, nothing half-written, and it goes on once there is room', async () => {
    const dir = folder();
    const store = open(dir, { bytesMax: 400 * 1024 });
    const big = 'x'.repeat(30_000);
    let written = 0;
    const refusal = await (async () => {
      for (;;) {
        try {
          await store.journal.append([entry(written, big), entry(written + 1, big)]);
          written += 2;
          assert.ok(written < 100, 'the limit holds');
        } catch (error) {
          return error;
        }
      }
    })();
    assert.ok(kind('full', /the disk is full .*nothing was written/)(refusal));
    assert.ok(written >= 4, `${written} fitted`);
    assert.equal(store.journal.chain('t').length, written);
    await store.close();
    const again = open(dir);
    assert.equal(again.journal.chain('t').length, written);
    assert.equal((await again.journal.append([entry(1, big)]))[0]?.seq, written + 1);
    await again.close();
  });

  it('names what a person can do about each error of the system', () => {
    const withCode = (code: string) => Object.assign(new Error('text'), { code });
    assert.equal(storeError(withCode('ENOSPC')).kind, 'full');
    assert.match(storeError(withCode('ENOSPC')).message, /Free some space, and the hub goes on by itself$/);
    const starting = () => guarded('cannot open x', () => assert.fail(withCode('SQLITE_FULL')));
    assert.throws(
      starting,
      /^StoreError: cannot open x: .*Free some space, and start it again$/,
      'none runs that could go on',
    );
    assert.equal(storeError(withCode('EROFS')).kind, 'readOnly');
    assert.equal(storeError(withCode('SQLITE_READONLY_DIRECTORY')).kind, 'readOnly');
    assert.match(storeError(withCode('EACCES')).message, /state folder cannot be written .*owner and mode/);
    assert.equal(storeError(withCode('SQLITE_CORRUPT_VTAB')).kind, 'damaged');
    assert.equal(storeError(new Error('else')).kind, 'io');
    const file = join(folder(), 'file');
    writeFileSync(file, '');
    assert.throws(() => open(join(file, 'hub')), kind('io', /cannot open .*hub\.db/));
  });

  it('a stolen database holds no Secret value and no key', async () => {
    const dir = folder();
    const store = open(dir);
    await store.secrets.put(new Map([['ldc-cut:v1:abc', 'cGFzc3dvcmQtb2YtdGhlLXNob3A=']]));
    await store.close();
    const bytes = readFileSync(join(dir, 'hub.db')).toString('latin1');
    assert.ok(bytes.includes('ldc-cut:v1:abc'));
    assert.ok(!bytes.includes('cGFzc3dvcmQtb2YtdGhlLXNob3A='));
    const key = readFileSync(join(dir, 'master.key'), 'utf8').trim();
    assert.ok(!bytes.includes(key) && !bytes.includes(Buffer.from(key, 'base64').toString('latin1')));
    assert.equal(statSync(join(dir, 'master.key')).mode & 0o777, 0o600);
  });

  it('master keys: missing, another one, readable by others, of a wrong length, from a command', async () => {
    const dir = folder();
    await open(dir).close();
    const path = join(dir, 'master.key');
    const right = readFileSync(path, 'utf8');
    chmodSync(path, 0o644);
    assert.throws(() => open(dir), kind('key', /mode 0644: others can read it. Make it 0600/));
    rmSync(path);
    assert.throws(() => open(dir), kind('key', /master key of this state is missing/));
    assert.ok(!existsSync(path), 'no new key was made for an old state');
    writeFileSync(path, Buffer.alloc(32, 9).toString('base64'), { mode: 0o600 });
    assert.throws(() => open(dir), kind('key', /not the one of this state/));
    assert.throws(
      () => valueMasterKey('c2hvcnQ=', 'LDC_MASTER_KEY').load(),
      kind('key', /LDC_MASTER_KEY holds 5 bytes/),
    );
    assert.equal(commandMasterKey(['printf', '%s', right.trim()]).load()?.length, 32);
    assert.throws(() => commandMasterKey(['false']).load(), kind('key', /command false failed/));
    rmSync(path);
    writeFileSync(path, right, { mode: 0o600 });
    await open(dir).close();
  });

  it('two hubs on copies of one folder have the same epoch and are two holders of it', async () => {
    const [one, copy] = [folder(), folder()];
    await open(one).close();
    cpSync(one, copy, { recursive: true });
    const [first, second] = [open(one), open(copy)];
    assert.equal(first.epoch, second.epoch);
    assert.match(first.holder, /^[0-9a-f]{32}$/);
    assert.notEqual(first.holder, second.holder);
    await Promise.all([first.close(), second.close()]);
  });

  it('backup while writing, restore observe-only, rearm above the epoch that agents have seen', async () => {
    const dir = folder();
    const store = open(dir);
    const writes = Promise.all(Array.from({ length: 50 }, (_, n) => store.journal.append([entry(n)])));
    const file = join(folder(), 'backup.db');
    await store.backup(file);
    await writes;
    await store.journal.append([entry(99)]);
    await assert.rejects(store.backup(file), kind('io', /exists: name a new file/));
    assert.ok(!existsSync(`${file}.partial`));
    const other = join(folder(), 'offline.db');
    await backupStore({ dir, file: other });
    assert.throws(() => restoreStore({ dir, file }), kind('locked'));
    await store.close();
    assert.throws(() => restoreStore({ dir, file }), kind('io', /exists: move it away first/));
    const fresh = join(folder(), 'hub');
    restoreStore({ dir: fresh, file });
    assert.throws(() => open(fresh), kind('key'), 'the master key is not in the backup');
    writeFileSync(join(fresh, 'master.key'), readFileSync(join(dir, 'master.key')), { mode: 0o600 });
    const restored = open(fresh);
    assert.equal(restored.observeOnly, true);
    assert.ok(restored.journal.chain('t').length <= 50);
    assert.equal(brokenChain(restored.journal.read(0, 1_000)), undefined);
    assert.throws(() => rearmStore({ dir: fresh, epochAbove: 41 }), kind('locked'));
    await restored.close();
    assert.equal(rearmStore({ dir: fresh, epochAbove: 41 }), true);
    const armed = open(fresh);
    assert.equal(armed.observeOnly, false);
    assert.equal(armed.epoch, 42);
    await armed.close();
    const copy = new SqliteDatabase(other, { readonly: true });
    assert.deepEqual(copy.prepare('SELECT count(*) AS n FROM journal').get(), { n: 51 });
    copy.close();
  });

  it('SIGKILL at any instant: nothing that was answered is lost, chains stay whole, the lock is free', {
    timeout: 30_000,
  }, async () => {
    const dir = folder();
    const program = `
      import { openStore, valueMasterKey } from ${JSON.stringify(join(import.meta.dirname, 'index.ts'))};
      import { silentLogger, systemClock, systemRandom } from ${JSON.stringify(join(import.meta.dirname, '../base/index.ts'))};
      const store = openStore({ dir: ${JSON.stringify(dir)}, clock: systemClock, random: systemRandom, projectors: [], logger: silentLogger,
        masterKey: valueMasterKey(Buffer.alloc(32, 1).toString('base64'), 'test') });
      for (let n = 0; ; n++) {
        const [written] = await store.journal.append([{ tx: 't', type: 'test', actor: 'hub', data: { n } }, { tx: 'u', type: 'test', actor: 'hub', data: { n } }]);
        process.stdout.write(written.seq + '\\n');
        await new Promise(setImmediate);
      }`;
    let before = 0;
    for (const lifeMs of [40, 130, 75]) {
      const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let answered = '';
      const ended = new Promise((resolve) => child.on('close', resolve));
      child.stdout.on('data', (text) => {
        answered += text;
      });
      await once(child.stdout, 'data');
      await new Promise((resolve) => setTimeout(resolve, lifeMs));
      child.kill('SIGKILL');
      await ended;
      const lastAnswered = Number(answered.trimEnd().split('\n').at(-1));
      const store = openStore({
        dir,
        clock: systemClock,
        random: systemRandom,
        projectors: [],
        logger: silentLogger,
        masterKey: valueMasterKey(Buffer.alloc(32, 1).toString('base64'), 'test'),
      });
      const [t, u] = [store.journal.chain('t'), store.journal.chain('u')];
      assert.ok(lastAnswered > before, 'the child wrote');
      assert.ok(t.length >= lastAnswered, `${t.length} entries, ${lastAnswered} answered`);
      assert.equal(u.length, t.length, 'a batch is there whole or not at all');
      assert.equal(brokenChain(store.journal.read(0, 100_000)), undefined);
      before = t.length;
      await store.close();
    }
  });
});
