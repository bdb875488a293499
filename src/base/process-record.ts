/**
 * Which processes belong to an installation: one file a process, `{pid, startedAt}`. A killed installation's leftovers are
 * found by both together, never by name: a pid alone may be somebody else's by now.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from './clock.ts';

interface ProcessRecord {
  readonly pid: number;
  readonly startedAt: string;
}

/** Whom a record speaks of: the process alone, or all of the group that it leads. */
export type Extent = 'process' | 'group';

const END_MS_MAX = 5_000;
const END_POLL_MS = 10;

/**
 * When the process with this pid started, only good for comparing: the boot of the system and the ticks since then, for
 * ticks alone come again after the next boot. Undefined when there is none (or it is a zombie).
 */
export function processStart(pid: number): string | undefined {
  if (process.platform !== 'linux') return startByPs(pid);
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // the name before may hold spaces: fields start at `state`
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return fields[0] === 'Z' ? undefined : `${boot} ${fields[19]}`;
  } catch {
    return undefined; // no such process
  }
}

/** Date and time, to the second. */
function startByPs(pid: number): string | undefined {
  const { status, stdout } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() || undefined : undefined;
}

/** Records a live process; a process that is gone already is not recorded. */
export function recordProcess(folder: string, name: string, pid: number): void {
  const startedAt = processStart(pid);
  if (startedAt === undefined) return;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = fileOf(folder, name);
  writeFileSync(`${file}.new`, JSON.stringify({ pid, startedAt } satisfies ProcessRecord), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

export function forgetProcess(folder: string, name: string): void {
  rmSync(fileOf(folder, name), { force: true });
}

/** The recorded process of that name if it still runs. */
export function runningProcess(folder: string, name: string): number | undefined {
  const record = readRecord(fileOf(folder, name));
  return record !== undefined && isRunning(record) ? record.pid : undefined;
}

/**
 * Ends every recorded process that still runs, but never this one, and waits until all are gone. Answers how many there were.
 * @throws Error when one is there 5 s after SIGKILL
 */
export async function endLeftovers(folder: string, clock: Clock, extent: Extent): Promise<number> {
  const left: ProcessRecord[] = [];
  for (const file of listRecords(folder)) {
    const record = readRecord(join(folder, file));
    if (record !== undefined && record.pid !== process.pid && isRunning(record)) {
      kill(extent === 'group' ? -record.pid : record.pid, 'SIGKILL');
      left.push(record);
    }
    rmSync(join(folder, file), { force: true });
  }
  const untilMs = clock.monotonic() + END_MS_MAX;
  while (left.some(isRunning)) {
    if (clock.monotonic() > untilMs) {
      const pids = left.filter(isRunning).map(({ pid }) => pid);
      throw new Error(`process ${pids.join(', ')} goes on after SIGKILL: it waits for a disk or a device`);
    }
    await clock.sleep(END_POLL_MS);
  }
  return left.length;
}

/** Signals the group that a process leads; a group that is gone is fine. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  kill(-pid, signal);
}

function kill(target: number, signal: NodeJS.Signals): void {
  try {
    process.kill(target, signal);
  } catch {
    // ESRCH: it ended by itself
  }
}

function isRunning({ pid, startedAt }: ProcessRecord): boolean {
  return processStart(pid) === startedAt;
}

function fileOf(folder: string, name: string): string {
  return join(folder, `${name.replaceAll('/', '_')}.json`);
}

function listRecords(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter((file) => file.endsWith('.json'));
  } catch {
    return []; // a first start
  }
}

function readRecord(file: string): ProcessRecord | undefined {
  try {
    const value = JSON.parse(readFileSync(file, 'utf8')) as Partial<ProcessRecord>;
    return typeof value.pid === 'number' && typeof value.startedAt === 'string' ? (value as ProcessRecord) : undefined;
  } catch {
    return undefined; // torn by a kill, or gone
  }
}
