import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { systemClock as clock, type JsonObject, type Logger, silentLogger } from '../../base/index.ts';
import { processStart } from '../../base/process-record.ts';
import { Part } from './part.ts';

describe('a part of a control plane', () => {
  let folder = '';
  let parts: Part[] = [];
  const warned: JsonObject[] = [];
  const logger: Logger = { ...silentLogger, warn: (fields) => void warned.push(fields) };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ldc-part-'));
    parts = [];
    warned.length = 0;
  });
  afterEach(async () => {
    await Promise.all(parts.map((part) => part.kill()));
    rmSync(folder, { recursive: true, force: true });
  });

  function partOf(script: string, isReady = async () => true): Part {
    const part = new Part({
      name: 'etcd',
      program: '/bin/sh',
      args: ['-c', script],
      folder,
      logFile: join(folder, 'etcd.log'),
      records: join(folder, 'processes'),
      clock,
      logger,
      isReady,
    });
    parts.push(part);
    return part;
  }
  const log = (suffix = '') => readFileSync(join(folder, `etcd.log${suffix}`), 'utf8');
  const until = async (holds: () => boolean) => {
    while (!holds()) await clock.sleep(10);
  };

  it('is the process itself, recorded while it runs, and gone with its watcher after a kill', async () => {
    const part = partOf('echo $$; exec sleep 600');
    assert.equal(part.state, 'down');
    await part.start();
    await until(() => log().trim() === String(part.pid));
    assert.deepEqual(readdirSync(join(folder, 'processes')), ['etcd.json']);
    const pid = part.pid as number;
    const group = () => readdirSync('/proc').filter((other) => groupOf(other) === String(pid));
    assert.equal(group().length, 2);
    await part.kill();
    assert.equal(part.state, 'down');
    assert.equal(processStart(pid), undefined);
    await until(() => group().length === 0);
    assert.deepEqual(readdirSync(join(folder, 'processes')), []);
    assert.deepEqual(warned, [], 'an end that was asked for is no news');
  });

  it('stops and goes on; a paused one is stopped all the same', async () => {
    const part = partOf('while :; do sleep 0.02; done');
    await part.start();
    part.pause();
    assert.equal(part.state, 'paused');
    await until(() => stateOf(part.pid) === 'T');
    part.resume();
    assert.equal(part.state, 'running');
    await until(() => stateOf(part.pid) !== 'T');
    part.pause();
    await part.stop(60_000);
    assert.equal(part.state, 'down');
  });

  it('is killed when it does not heed SIGTERM in time', async () => {
    const part = partOf("trap '' TERM; echo deaf; while :; do sleep 0.05; done");
    await part.start();
    await until(() => log().includes('deaf'));
    await part.stop(50);
    assert.equal(part.state, 'down');
  });

  it('that ends before it is ready is told with the end of its log and what to do', async () => {
    const part = partOf('echo first; echo "inotify_init: too many open files" >&2; exit 3', async () => false);
    await assert.rejects(part.start(), (error: Error) => {
      assert.match(
        error.message,
        /^etcd ended before it was ready; its log is \S+etcd\.log and ends\n {2}first\n {2}inotify_init/,
      );
      assert.match(error.message, /next: .*sysctl -w fs\.inotify\.max_user_instances=1024/);
      return true;
    });
    assert.equal(warned[0]?.how, 'exit code 3');
  });

  it('keeps the log of the run before', async () => {
    const part = partOf('echo run $$; exec sleep 600');
    await part.start();
    const first = `run ${part.pid}\n`;
    await until(() => log() === first);
    await part.kill();
    await part.start();
    await until(() => log() === `run ${part.pid}\n`);
    assert.equal(log('.1'), first);
  });
});

function fieldsOf(pid: string): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}

/** Process group of a live process. */
function groupOf(pid: string): string | undefined {
  const [state, , group] = fieldsOf(pid);
  return state === 'Z' ? undefined : group;
}

function stateOf(pid: number | undefined): string | undefined {
  return fieldsOf(String(pid))[0];
}
