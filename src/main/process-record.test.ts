import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { systemClock } from '../base/index.ts';
import { endLeftovers, processStart, recordProcess, runningProcess } from './process-record.ts';

it('ends a recorded process, and never one that only has the same pid', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'ldc-pids-'));
  const mine = spawn('sleep', ['60']);
  const other = spawn('sleep', ['60']);
  try {
    recordProcess(dir, 'mine', mine.pid as number);
    writeFileSync(join(dir, 'other.json'), JSON.stringify({ pid: other.pid, startedAt: '1' })); // the pid's former owner
    writeFileSync(join(dir, 'torn.json'), '{"pid":');
    assert.equal(runningProcess(dir, 'mine'), mine.pid);
    assert.equal(runningProcess(dir, 'other'), undefined);
    assert.equal(await endLeftovers(dir, systemClock), 1);
    assert.equal(processStart(mine.pid as number), undefined);
    assert.notEqual(processStart(other.pid as number), undefined);
    assert.deepEqual(readdirSync(dir), []);
  } finally {
    mine.kill('SIGKILL');
    other.kill('SIGKILL');
  }
});
