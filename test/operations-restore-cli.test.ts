/** `ldc hub backup|restore|rearm` as a person runs them: what is in the way is named, with what to do, and nothing is made by accident. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { freePortPair } from '../src/base/free-ports.ts';
import { systemClock as clock, systemRandom as random, silentLogger } from '../src/base/index.ts';
import { type RunningHub, startHub } from '../src/main/hub.ts';
import { hubOptionsFor } from './world.ts';

const LDC = join(import.meta.dirname, '..', 'bin', 'ldc');
const folder = mkdtempSync(join(tmpdir(), 'ldc-restore-'));
const at = (name: string) => join(folder, name);
let hub: RunningHub | undefined;
let port = 0;
before(async () => {
  port = await freePortPair();
  hub = await startHub(hubOptionsFor(at('state/hub'), port), { clock, random, logger: silentLogger });
});
after(async () => {
  await hub?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function ldc(...args: readonly string[]): Promise<{ readonly code: number; readonly text: string }> {
  return new Promise((resolve) => {
    execFile(LDC, [...args], { cwd: folder, timeout: 20_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, text: `${stdout}${stderr}` });
    });
  });
}

test('a backup is taken while the hub runs, readable by its owner only, and never over another file', async () => {
  const first = await ldc('hub', 'backup', 'hub.bak', '--state', 'state');
  assert.equal(first.code, 0, first.text);
  assert.match(first.text, /all but the master key/);
  assert.equal(statSync(at('hub.bak')).mode & 0o077, 0);
  const key = readFileSync(at('state/hub/ca.key'), 'utf8').split('\n')[1] ?? '';
  assert.ok(
    key.length > 20 && !readFileSync(at('hub.bak'), 'latin1').includes(key),
    'the key of the CA is encrypted in it',
  );
  const again = await ldc('hub', 'backup', 'hub.bak', '--state', 'state');
  assert.equal(again.code, 1);
  assert.match(again.text, /hub\.bak exists: name a new file/);
  const nowhere = await ldc('hub', 'backup', 'other.bak', '--state', 'nowhere');
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.text, /there is no hub in .*nowhere.*--state/);
  assert.ok(!existsSync(at('nowhere')));
});

test('restore and rearm refuse a running hub, a state that is there, and what is no backup', async () => {
  for (const verb of [
    ['restore', 'hub.bak'],
    ['rearm', '--reason', 'x'],
  ]) {
    const running = await ldc('hub', ...verb, '--state', 'state', '--yes');
    assert.equal(running.code, 1);
    assert.match(running.text, /another hub is running on .*state.*stop it first/);
  }
  const missing = await ldc('hub', 'restore', 'no.bak', '--state', 'fresh', '--yes');
  assert.equal(missing.code, 1);
  assert.match(missing.text, /no\.bak does not exist/);
  assert.ok(!existsSync(at('fresh')), 'nothing was made');
  writeFileSync(at('empty.bak'), '');
  writeFileSync(at('noise.bak'), 'this is text'.repeat(1_000));
  for (const file of ['empty.bak', 'noise.bak']) {
    const bad = await ldc('hub', 'restore', file, '--state', 'bad', '--yes');
    assert.equal(bad.code, 1, file);
    assert.match(bad.text, /it is no backup of a hub/);
    assert.deepEqual(
      readdirSync(at('bad/hub')).filter((name) => name.startsWith('hub.db')),
      [],
    );
  }
  const unasked = await ldc('hub', 'restore', 'hub.bak', '--state', 'fresh');
  assert.equal(unasked.code, 2, 'it asks, and nobody is there');
  const nothing = await ldc('hub', 'rearm', '--state', 'nowhere', '--reason', 'x', '--yes');
  assert.equal(nothing.code, 1);
  assert.match(nothing.text, /there is no hub in .*nowhere/);
  assert.ok(!existsSync(at('nowhere')), 'a state is not made by arming it');
});

test('restore, then the key, then rearm: each says what comes next', async () => {
  const restored = await ldc('hub', 'restore', 'hub.bak', '--state', 'fresh', '--yes');
  assert.equal(restored.code, 0, restored.text);
  for (const words of [/master\.key/, /only watches/, /rearm --reason/]) assert.match(restored.text, words);
  const twice = await ldc('hub', 'restore', 'hub.bak', '--state', 'fresh', '--yes');
  assert.equal(twice.code, 1);
  assert.match(twice.text, /hub\.db exists: move it away first/);
  for (const args of [
    ['rearm', '--reason', 'x', '--yes'],
    ['--port', String(port)],
  ]) {
    const keyless = await ldc('hub', ...args, '--state', 'fresh');
    assert.equal(keyless.code, 1);
    assert.match(keyless.text, /master key of this state is missing.*master\.key.*LDC_MASTER_KEY_FILE/);
  }
  copyFileSync(at('state/hub/master.key'), at('fresh/hub/master.key'));
  const armed = await ldc('hub', 'rearm', '--state', 'fresh', '--reason', 'the disk died', '--yes');
  assert.equal(armed.code, 0, armed.text);
  assert.match(armed.text, /may act again: 0 agents have said what they hold; its next epoch is above \d+/);
  const already = await ldc('hub', 'rearm', '--state', 'fresh', '--reason', 'x', '--yes');
  assert.match(already.text, /this hub acts already/);
});

test('a CA that is not the one of the backup is refused, not used', async () => {
  await ldc('hub', 'restore', 'hub.bak', '--state', 'mixed', '--yes');
  copyFileSync(at('state/hub/master.key'), at('mixed/hub/master.key'));
  writeFileSync(at('mixed/hub/ca.key'), readFileSync(at('state/hub/ca.key')));
  writeFileSync(at('mixed/hub/ca.crt'), "another hub's");
  const start = startHub(hubOptionsFor(at('mixed/hub'), 0), { clock, random, logger: silentLogger });
  await assert.rejects(start, /ca\.crt is not the CA of this hub.*Move ca\.crt and ca\.key away/);
  rmSync(at('mixed/hub/ca.key'));
  rmSync(at('mixed/hub/ca.crt'));
  const next = await startHub(hubOptionsFor(at('mixed/hub'), 0), { clock, random, logger: silentLogger });
  assert.equal(next.caPem, hub?.caPem, 'the CA of the backup');
  assert.equal(statSync(at('mixed/hub/ca.key')).mode & 0o077, 0);
  assert.notEqual(
    readFileSync(next.adminTokenFile, 'utf8'),
    readFileSync(at('state/hub/admin.token'), 'utf8'),
    'a new admin token; the former one still holds',
  );
  await next.stop();
});
