import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../base/index.ts';

/**
 * Records of running processes, so that what a killed installation left is found by pid *and* start time and ended,
 * never by name: a pid that meanwhile belongs to someone else has another start time.
 */
export interface ProcessRecord {
  readonly pid: number;
  readonly startTime: string;
}

/** When a process started, in a form that is only good for comparing; undefined when there is none with this pid. */
export function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // fields after the command, which may hold blanks and brackets; the 22nd of all is the start in ticks since boot
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return fields[0] === 'Z' ? undefined : `${boot} ${fields[19]}`;
  } catch {
    return startTimeByPs(pid);
  }
}

/** For systems without /proc. */
function startTimeByPs(pid: number): string | undefined {
  if (process.platform === 'linux') return undefined;
  const { status, stdout } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' });
  return status === 0 && stdout.trim() !== '' ? stdout.trim() : undefined;
}

export function recordProcess(folder: string, key: string, pid: number): void {
  const startTime = startTimeOf(pid);
  if (startTime === undefined) return;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(recordFile(folder, key), JSON.stringify({ pid, startTime } satisfies ProcessRecord));
}

export function forgetProcess(folder: string, key: string): void {
  rmSync(recordFile(folder, key), { force: true });
}

function recordFile(folder: string, key: string): string {
  return join(folder, `${key.replaceAll('/', '_')}.json`);
}

/** Ends every process (with its group) that is recorded and still the same one; answers how many there were. */
export async function endLeftovers(folder: string, clock: Clock): Promise<number> {
  const records = readRecords(folder);
  const alive = records.filter(({ pid, startTime }) => startTimeOf(pid) === startTime);
  for (const { pid } of alive) signalGroup(pid, 'SIGKILL');
  for (let tries = 0; tries < 200; tries++) {
    if (alive.every(({ pid, startTime }) => startTimeOf(pid) !== startTime)) break;
    await clock.sleep(10);
  }
  rmSync(folder, { recursive: true, force: true });
  return alive.length;
}

function readRecords(folder: string): readonly ProcessRecord[] {
  try {
    return readdirSync(folder).flatMap((file) => {
      try {
        return [JSON.parse(readFileSync(join(folder, file), 'utf8')) as ProcessRecord];
      } catch {
        return []; // torn by the kill: that process was guarded by its pipe
      }
    });
  } catch {
    return [];
  }
}

/** Signals the group that a process leads; a group that is gone is fine. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // ESRCH: it ended by itself
  }
}
