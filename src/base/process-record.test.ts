import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { systemClock } from './clock.ts';
import { endLeftovers, processStart, recordProcess, runningProcess } from './process-record.ts';

describe('records of processes', () => {
  let folder = '';
  const started: number[] = [];
  const start = (...command: readonly [string, ...string[]]) => {
    const [program, ...args] = command;
    const child = spawn(program, args, { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
    started.push(child.pid as number);
    return { pid: child.pid as number, child };
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ldc-pids-'));
  });
  afterEach(() => {
    for (const pid of started.splice(0)) {
      try {
        process.kill(-pid, 'SIGKILL');
      } catch {
        // it was ended by its test
      }
    }
    rmSync(folder, { recursive: true, force: true });
  });
  const rewrite = (name: string, change: (startedAt: string) => string) => {
    const file = join(folder, `${name}.json`);
    const { pid, startedAt } = JSON.parse(readFileSync(file, 'utf8')) as { pid: number; startedAt: string };
    writeFileSync(file, JSON.stringify({ pid, startedAt: change(startedAt) }));
  };

  it('end what they name, and never a process that only has the same pid', async () => {
    const [mine, other] = [start('sleep', '60'), start('sleep', '60')];
    recordProcess(folder, 'pod/web', mine.pid);
    recordProcess(folder, 'other', other.pid);
    rewrite('other', (startedAt) => `${startedAt}0`); // the pid's former owner
    writeFileSync(join(folder, 'torn.json'), '{"pid":');
    assert.equal(runningProcess(folder, 'pod/web'), mine.pid);
    assert.equal(runningProcess(folder, 'other'), undefined);
    const ended = once(mine.child, 'exit');
    assert.equal(await endLeftovers(folder, systemClock, 'process'), 1);
    assert.deepEqual(await ended, [null, 'SIGKILL']);
    assert.equal(processStart(mine.pid), undefined);
    assert.notEqual(processStart(other.pid), undefined);
    assert.deepEqual(readdirSync(folder), []);
  });

  it('do not mean a process of another boot that has the same pid and started as many ticks after it', {
    skip: process.platform !== 'linux',
  }, async () => {
    const other = start('sleep', '60');
    recordProcess(folder, 'other', other.pid);
    rewrite('other', (startedAt) => {
      const [boot, ticks] = startedAt.split(' ');
      assert.match(boot ?? '', /^[0-9a-f-]{36}$/);
      return `11111111-2222-4333-8444-555555555555 ${ticks}`;
    });
    assert.equal(runningProcess(folder, 'other'), undefined);
    assert.equal(await endLeftovers(folder, systemClock, 'group'), 0);
    assert.notEqual(processStart(other.pid), undefined, 'still there');
  });

  it('reach the whole group where that was asked for', async () => {
    const leader = start('sh', '-c', 'sleep 60 & echo $!; wait');
    const [line] = (await once(leader.child.stdout as NodeJS.EventEmitter, 'data')) as [Buffer];
    const follower = Number(String(line).trim());
    recordProcess(folder, 'leader', leader.pid);
    assert.equal(await endLeftovers(folder, systemClock, 'group'), 1);
    for (let tries = 0; tries < 500 && processStart(follower) !== undefined; tries++) await systemClock.sleep(20);
    assert.equal(processStart(follower), undefined);
  });

  it('spare the process that asks, and are nothing where none are', async () => {
    recordProcess(folder, 'me', process.pid);
    assert.equal(await endLeftovers(folder, systemClock, 'process'), 0);
    assert.equal(await endLeftovers(join(folder, 'none'), systemClock, 'process'), 0);
  });
});
