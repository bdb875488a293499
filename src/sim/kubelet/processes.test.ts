import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { systemClock } from '../../base/index.ts';
import { unpackPrograms } from '../catalogue/index.ts';
import { LogFile, readLog } from './log-file.ts';
import { Processes } from './processes.ts';

const folder = mkdtempSync(join(tmpdir(), 'ldc-processes-'));
after(() => rmSync(folder, { recursive: true, force: true }));

describe('processes', () => {
  const programsDir = join(folder, 'programs');
  unpackPrograms(programsDir);
  const processes = new Processes({
    programsDir,
    recordsDir: join(folder, 'd'),
    account: undefined,
    clock: systemClock,
  });
  const log = (name: string) => new LogFile(join(folder, 'logs', `${name}.log`), systemClock);
  const shell = (key: string, script: string) => ({
    key,
    program: { kind: 'command' } as const,
    command: ['/bin/sh', '-c', script],
    env: { GREETING: 'hello' },
    cwd: folder,
    logFile: '',
  });

  it('keeps output and exit code of a command, and its record only while it runs', async () => {
    const running = processes.start(shell('one', 'echo $GREETING; echo oops >&2; sleep 0.3; exit 7'), log('one'));
    assert.equal(existsSync(join(folder, 'd', 'one.json')), true);
    assert.deepEqual(await running.exited, { exitCode: 7 });
    assert.deepEqual(
      readLog(join(folder, 'logs', 'one.log'))
        .map(({ text }) => text)
        .sort(),
      ['hello', 'oops'],
    );
    assert.equal(existsSync(join(folder, 'd', 'one.json')), false);
  });

  it('gives a command time to end by itself, and ends it when that is over', async () => {
    const polite = processes.start(shell('two', "trap 'exit 3' TERM; while :; do sleep 0.05; done"), log('two'));
    await systemClock.sleep(150);
    assert.deepEqual(await polite.stop(5_000), { exitCode: 3 });
    const stubborn = processes.start(shell('three', "trap '' TERM; while :; do sleep 0.05; done"), log('three'));
    await systemClock.sleep(150);
    assert.deepEqual(await stubborn.stop(200), { exitCode: 137, signal: 9 });
  });

  it('runs a program of the catalogue, and a command beside it', async () => {
    const spec = {
      ...shell('four', ''),
      program: { kind: 'catalogue', name: 'job' } as const,
      command: [],
      env: { FAIL: '1' },
    };
    const running = processes.start(spec, log('four'));
    assert.deepEqual(await running.exec(['sh', '-c', 'echo $FAIL; exit 4'], 1_000), { exitCode: 4, output: '1\n' });
    const slow = await running.exec(['sleep', '5'], 50);
    assert.match(slow.output, /timed out after 0.05s/);
    assert.deepEqual(await running.exited, { exitCode: 1 });
  });

  it('says why a command cannot be started', async () => {
    const running = processes.start({ ...shell('five', ''), command: ['/no/such/file'] }, log('five'));
    assert.equal((await running.exited).exitCode, 127);
    assert.equal(processes.count, 0);
  });
});
