import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Clock } from '../../base/index.ts';
import { forgetProcess, recordProcess, signalGroup } from '../../base/process-record.ts';
import { programFile } from '../catalogue/index.ts';
import type { Account } from './account.ts';
import type { LogFile } from './log-file.ts';
import type { ContainerSpec, Exit, RunningContainer } from './types.ts';

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const OUTPUT_BYTES_MAX = 10_240;

/**
 * Runs a command line and ends its whole group when the pipe on stdin closes, which the kernel does when the kubelet
 * dies in whatever way. The watcher ignores TERM, so that it does not outrun the container's own end.
 */
const GUARD = `
exec 3<&0
"$@" </dev/null 3<&- & child=$!
(trap '' TERM; cat <&3 >/dev/null 2>&1; kill -KILL 0) & watcher=$!
trap : TERM
wait $child; status=$?
while kill -0 $child 2>/dev/null; do wait $child; status=$?; done
kill -KILL $watcher 2>/dev/null
exit $status
`;

export interface ProcessesOptions {
  readonly programsDir: string;
  readonly recordsDir: string;
  readonly account: Account | undefined;
  readonly clock: Clock;
}

/** Starts containers as local processes; each leads a process group of its own. */
export class Processes {
  readonly #options: ProcessesOptions;
  /** Containers that run now. */
  count = 0;

  constructor(options: ProcessesOptions) {
    this.#options = options;
  }

  start(spec: ContainerSpec, log: LogFile): RunningContainer {
    const [file, ...args] = this.#commandLine(spec);
    const child = spawn(file as string, args, {
      ...this.#options.account,
      cwd: spec.cwd,
      env: { PATH, HOME: spec.cwd, ...spec.env },
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.count++;
    if (child.pid !== undefined) recordProcess(this.#options.recordsDir, spec.key, child.pid);
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream]?.setEncoding('utf8').on('data', (text: string) => log.write(stream, text));
    }
    child.stdin?.on('error', () => {}); // it never reads: a closed pipe is no news
    const exited = this.#exitOf(child, spec, log);
    return {
      id: `process://${child.pid ?? 'none'}`,
      exited,
      stop: (graceMs) => this.#stop(child, exited, graceMs),
      exec: (command, timeoutMs) => this.#exec(spec, command, timeoutMs),
    };
  }

  #commandLine({ program, command }: ContainerSpec): readonly string[] {
    if (program.kind === 'catalogue') {
      // the program watches its stdin by itself: no guard process is needed beside it
      const flags = ['--max-old-space-size=32', '--max-semi-space-size=1'];
      return [process.execPath, ...flags, programFile(this.#options.programsDir, program.name), ...command];
    }
    return ['/bin/sh', '-c', GUARD, 'container', ...command];
  }

  #exitOf(child: ChildProcess, { key }: ContainerSpec, log: LogFile): Promise<Exit> {
    return new Promise((resolve) => {
      const finish = (exit: Exit) => {
        this.count--;
        forgetProcess(this.#options.recordsDir, key);
        if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL'); // what it left behind in its group
        log.close();
        resolve(exit);
      };
      child.once('error', (error) => {
        log.write('stderr', `cannot start: ${error.message}\n`);
        if (child.pid === undefined) finish({ exitCode: 128 });
      });
      child.once('close', (code, signal) => finish(exitOf(code, signal)));
    });
  }

  async #stop(child: ChildProcess, exited: Promise<Exit>, graceMs: number): Promise<Exit> {
    if (child.pid === undefined) return exited;
    if (graceMs > 0) signalGroup(child.pid, 'SIGTERM');
    const waiting = new AbortController();
    const late = this.#options.clock.sleep(graceMs, waiting.signal).then(() => 'late' as const);
    const first = await Promise.race([exited, late]);
    waiting.abort();
    if (first === 'late') signalGroup(child.pid, 'SIGKILL');
    return exited;
  }

  #exec(spec: ContainerSpec, command: readonly string[], timeoutMs: number) {
    return new Promise<{ exitCode: number; output: string }>((resolve) => {
      const [file = 'true', ...args] = command;
      const child = spawn(file, args, {
        ...this.#options.account,
        cwd: spec.cwd,
        env: { PATH, HOME: spec.cwd, ...spec.env },
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let output = '';
      const take = (text: Buffer) => {
        output = (output + text.toString()).slice(0, OUTPUT_BYTES_MAX);
      };
      child.stdout.on('data', take);
      child.stderr.on('data', take);
      const cancel = this.#options.clock.after(timeoutMs, () => {
        if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
        output = `command timed out: "${command.join(' ')}" timed out after ${timeoutMs / 1000}s`;
      });
      const finish = (exitCode: number) => {
        cancel();
        resolve({ exitCode, output });
      };
      child.once('error', (error) => {
        output = error.message;
        finish(126);
      });
      child.once('close', (code, signal) => finish(exitOf(code, signal).exitCode));
    });
  }
}

/** As container runtimes report it: a signal n is exit code 128 + n. */
function exitOf(code: number | null, signal: NodeJS.Signals | null): Exit {
  if (signal === null) return { exitCode: code ?? 0 };
  const number = constants.signals[signal];
  return { exitCode: 128 + number, signal: number };
}
