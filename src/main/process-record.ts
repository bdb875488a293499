/**
 * Which processes belong to an installation: one file a process, `{pid, startedAt}`, where startedAt is what the system says
 * of that pid. A killed installation's leftovers are found by both together: a pid alone may be somebody else's by now.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, invariant } from '../base/index.ts';

interface ProcessRecord {
  readonly pid: number;
  readonly startedAt: string;
}

/** When the process with this pid started, in the system's own words; undefined when there is none (or it is a zombie). */
export function processStart(pid: number): string | undefined {
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' '); // the name before may hold spaces: fields start at `state`
      return fields[0] === 'Z' ? undefined : fields[19];
    }
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined;
  } catch {
    return undefined; // no such process
  }
}

/** Records a live process; a process that is gone already is not recorded. */
export function recordProcess(dir: string, name: string, pid: number): void {
  const startedAt = processStart(pid);
  if (startedAt === undefined) return;
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const file = join(dir, `${name}.json`);
  writeFileSync(`${file}.new`, JSON.stringify({ pid, startedAt } satisfies ProcessRecord), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

export function forgetProcess(dir: string, name: string): void {
  rmSync(join(dir, `${name}.json`), { force: true });
}

/** The recorded process of that name if it still runs. */
export function runningProcess(dir: string, name: string): number | undefined {
  const record = readRecord(join(dir, `${name}.json`));
  return record !== undefined && processStart(record.pid) === record.startedAt ? record.pid : undefined;
}

/** Ends every recorded process that still runs, and waits until all are gone (at most 5 s). Answers how many there were. */
export async function endLeftovers(dir: string, clock: Clock): Promise<number> {
  const left: ProcessRecord[] = [];
  for (const file of listRecords(dir)) {
    const record = readRecord(join(dir, file));
    if (record !== undefined && record.pid !== process.pid && processStart(record.pid) === record.startedAt) {
      kill(record.pid);
      left.push(record);
    }
    rmSync(join(dir, file), { force: true });
  }
  const until = clock.monotonic() + 5_000;
  while (left.some((record) => processStart(record.pid) === record.startedAt)) {
    invariant(clock.monotonic() < until, `process ${left.map((record) => record.pid).join(', ')} survived SIGKILL`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return left.length;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it ended by itself in between
  }
}

function listRecords(dir: string): string[] {
  try {
    return readdirSync(dir).filter((file) => file.endsWith('.json'));
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
