/** One program of a control plane as a process: started under a guard, recorded, stopped, continued, killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, renameSync } from 'node:fs';
import type { Clock, Logger } from '../../base/index.ts';
import { forgetProcess, recordProcess, signalGroup } from '../../base/process-record.ts';
import type { ControlPlanePart } from './types.ts';

/**
 * The program takes the shell's place, so that its pid and its exit are its own. Beside it waits a watcher for the end of the
 * pipe that the starter holds: the kernel closes it when the starter dies, in whatever way, and the group is killed, a stopped
 * program too.
 */
const GUARD = `
exec 3<&0
(trap '' HUP INT TERM; read -r _ <&3; kill -KILL 0) &
exec "$@" </dev/null 3<&-
`;

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const READY_TIMEOUT_MS = 120_000;
const READY_POLL_MS = 50;
const LOG_LINES_TOLD = 6;

export interface PartOptions {
  readonly name: ControlPlanePart;
  readonly program: string;
  readonly args: readonly string[];
  /** Working folder and HOME. */
  readonly folder: string;
  readonly logFile: string;
  /** Folder of the records by which a later start finds what this one left. */
  readonly records: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether it answers that it is ready; asked until it does. */
  readonly isReady: () => Promise<boolean>;
}

export class Part {
  readonly #options: PartOptions;
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #paused = false;
  /** Set while its end is wanted: any other is worth a warning. */
  #ending = false;

  constructor(options: PartOptions) {
    this.#options = options;
  }

  get state(): 'running' | 'paused' | 'down' {
    if (this.#child === undefined) return 'down';
    return this.#paused ? 'paused' : 'running';
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts it if it is down, and waits until it is ready. @throws Error with the end of its log when it does not become so */
  async start(): Promise<void> {
    const { name, program, clock, isReady } = this.#options;
    if (this.#child === undefined) this.#spawn();
    const untilMs = clock.monotonic() + READY_TIMEOUT_MS;
    for (;;) {
      if (await isReady()) return;
      if (this.#child === undefined) throw new Error(`${name} ended before it was ready${this.#lastWords()}`);
      if (clock.monotonic() > untilMs) break;
      await clock.sleep(READY_POLL_MS);
    }
    await this.kill();
    throw new Error(`${name} (${program}) was not ready within ${READY_TIMEOUT_MS / 1000} s${this.#lastWords()}`);
  }

  pause(): void {
    if (this.#child === undefined) return;
    this.#paused = true;
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#paused = false;
    this.#child?.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    this.#ending = true;
    this.#child?.kill('SIGKILL');
    await this.#ended;
  }

  /** SIGTERM, and SIGKILL when it has not ended after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#ending = true;
    this.#child?.kill('SIGTERM');
    this.resume();
    const late = new AbortController();
    const timeout = this.#options.clock.sleep(graceMs, late.signal).then(() => this.#child?.kill('SIGKILL'));
    await this.#ended;
    late.abort();
    await timeout;
  }

  #spawn(): void {
    const { name, program, args, folder, logFile, records, logger } = this.#options;
    if (existsSync(logFile)) renameSync(logFile, `${logFile}.1`); // two runs are kept
    const log = openSync(logFile, 'a', 0o600);
    const child = spawn('/bin/sh', ['-c', GUARD, name, program, ...args], {
      cwd: folder,
      // a collection twice as often costs little CPU here and saves a quarter of the memory
      env: { PATH, HOME: folder, GOGC: '50' },
      detached: true,
      stdio: ['pipe', log, log],
    });
    closeSync(log);
    child.stdin?.on('error', () => {}); // nobody reads it: a closed pipe is no news
    this.#child = child;
    this.#paused = false;
    this.#ending = false;
    if (child.pid !== undefined) recordProcess(records, name, child.pid);
    this.#ended = new Promise((resolve) => {
      const finish = (how: string) => {
        if (this.#child !== child) return;
        this.#child = undefined;
        if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL'); // its watcher
        forgetProcess(records, name);
        if (!this.#ending)
          logger.warn({ part: name, how, log: logFile }, 'a part of the control plane ended by itself');
        resolve();
      };
      child.once('exit', (code, signal) => finish(signal ?? `exit code ${code}`));
      child.once('error', (error) => finish(error.message));
    });
  }

  /** The end of its log, and what may be done about it where that is known. */
  #lastWords(): string {
    const { logFile } = this.#options;
    const lines = existsSync(logFile) ? readFileSync(logFile, 'utf8').trimEnd().split('\n') : [];
    const told = lines.slice(-LOG_LINES_TOLD).map((line) => `\n  ${line.slice(0, 400)}`);
    return `; its log is ${logFile} and ends${told.join('')}${hintFor(lines.join('\n'))}`;
  }
}

function hintFor(log: string): string {
  if (/inotify|too many open files/.test(log)) {
    return '\n  next: this machine is out of inotify instances: sysctl -w fs.inotify.max_user_instances=1024 (as root), or run fewer clusters';
  }
  if (/no space left on device/.test(log)) return '\n  next: the disk is full: free some';
  if (/address already in use/.test(log)) return '\n  next: another program has taken its port: start again';
  return '';
}
