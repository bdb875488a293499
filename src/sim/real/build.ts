/** The cache of built programs: one folder a target, built once, published by a rename. */
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Clock } from '../../base/index.ts';
import { processStart } from '../../base/process-record.ts';
import { CannotBuild, type Environment, goBuild, goVersion, requireGo } from './go.ts';
import { KUBE_SOURCES, type Target } from './targets.ts';
import { requireTrusted, requireTrustedPrograms } from './trusted.ts';

export interface BuildOptions {
  /** Folder of the cache; made when it is missing. */
  readonly cache: string;
  /** The process's variables: Go's own settings and PATH. */
  readonly environment: Environment;
  readonly clock: Clock;
  /** Lines of progress. */
  readonly say: (line: string) => void;
  /** The Go module; default the one of this program. */
  readonly sources?: string;
}

export interface Built {
  readonly folder: string;
  /** Undefined when it was there already. */
  readonly seconds?: number;
}

const SAY_EVERY_MS = 15_000;
const LOCK_POLL_MS = 500;
/** What the programs of one target take, with some room. */
const FREE_BYTES_MIN = 400 * 1024 ** 2;

/**
 * The folder with a target's programs, built if it is not there. Several processes may ask at once: one builds, the others wait.
 * @throws CannotBuild with what is missing, or who else may write there
 */
export async function build(target: Target, options: BuildOptions): Promise<Built> {
  const folder = join(options.cache, target.key);
  mkdirSync(options.cache, { recursive: true, mode: 0o755 });
  requireTrusted(options.cache);
  const lock = await takeLock(folder, target, options);
  if (lock === undefined) {
    requireTrustedPrograms(folder);
    return { folder };
  }
  const begunMs = options.clock.monotonic();
  const unfinished = mkdtempSync(`${folder}.building-`);
  try {
    await buildPrograms(target, unfinished, options);
    publish(unfinished, folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
    lock.release();
  }
  const seconds = Math.round((options.clock.monotonic() - begunMs) / 1000);
  options.say(`${target.name}: built in ${seconds} s`);
  return { folder, seconds };
}

function publish(unfinished: string, folder: string): void {
  try {
    renameSync(unfinished, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error; // else another process has built the same
  }
}

async function buildPrograms(target: Target, output: string, options: BuildOptions): Promise<void> {
  const { environment, clock, say, sources = KUBE_SOURCES } = options;
  requireGo(await goVersion(environment), target);
  requireSpace(dirname(output));
  say(`${target.name}: building with Go; this takes minutes the first time, and is kept in ${dirname(output)}`);
  let compiled = 0;
  let saidMs = clock.monotonic();
  for (const program of target.programs) {
    const onPackage = () => {
      compiled++;
      if (clock.monotonic() - saidMs < SAY_EVERY_MS) return;
      saidMs = clock.monotonic();
      say(`${target.name}: ${compiled} packages compiled`);
    };
    await goBuild(target, program, { sources, output, environment, onPackage });
    chmodSync(join(output, program.file), 0o755); // whatever the umask
  }
  for (const link of target.links) symlinkSync('kube', join(output, link));
}

function requireSpace(folder: string): void {
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize >= FREE_BYTES_MIN) return;
  throw new CannotBuild(
    `${folder} has ${Math.round((bavail * bsize) / 1024 ** 2)} MiB left, and built control planes need ${FREE_BYTES_MIN / 1024 ** 2}\n  next: free some, or set LDC_KUBE_CACHE to another folder`,
  );
}

/** The right to build; undefined when the folder is there, or has come while waiting for who built it. */
async function takeLock(
  folder: string,
  { name }: Target,
  { clock, say }: BuildOptions,
): Promise<{ release(): void } | undefined> {
  const file = `${folder}.lock`;
  const own = `${process.pid} ${processStart(process.pid)}`;
  let said = false;
  for (;;) {
    if (existsSync(folder)) return undefined;
    if (createLock(file, own)) {
      if (!existsSync(folder)) return { release: () => rmSync(file, { force: true }) };
      rmSync(file, { force: true }); // it was finished between the look and the lock
      return undefined;
    }
    const holder = readLock(file);
    if (holder !== undefined && !isRunning(holder)) {
      rmSync(file, { force: true }); // should two find it stale at once, both build: the first to finish is taken
      continue;
    }
    if (!said) say(`${name}: process ${holder?.split(' ')[0]} is building it; waiting`);
    said = true;
    await clock.sleep(LOCK_POLL_MS);
  }
}

/** Makes the file with its content in one step, so that nobody reads an empty one; false when there is one. */
function createLock(file: string, content: string): boolean {
  const written = `${file}.${process.pid}`;
  writeFileSync(written, content);
  try {
    linkSync(written, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(written, { force: true });
  }
}

function readLock(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined; // released in between
  }
}

function isRunning(holder: string): boolean {
  const [pid = '', ...start] = holder.split(' ');
  return processStart(Number(pid)) === start.join(' ');
}
