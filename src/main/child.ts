/**
 * A part of the installation in a process of its own. The channel to its parent is its death guard: when the parent ends,
 * however it ends, the child sees the disconnect and ends too.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { openSync } from 'node:fs';
import { extname, join } from 'node:path';
import { type Clock, errorText, isObject } from '../base/index.ts';
import { forgetProcess, recordProcess } from '../base/process-record.ts';
import { createRpc, type Handlers, type Rpc } from './rpc.ts';

/** The program's entry, as it runs: TypeScript in a checkout, JavaScript in the package. */
export const programEntry = join(import.meta.dirname, `ldc${extname(import.meta.filename)}`);

export interface Part {
  readonly pid: number;
  readonly rpc: Rpc;
  /** Resolves when the process has ended. */
  readonly ended: Promise<{ code: number | null; signal: string | null }>;
  kill(): void;
  /** SIGTERM, then SIGKILL after `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

/** A part that could not start, with what it said of why. */
export class PartFailed extends Error {}

/**
 * Starts `ldc <args>` and waits for its `ready` call, whose parameters are the answer. Its output goes to `logFile`.
 * @throws PartFailed when it ends or says why it cannot, or is not ready in time
 */
export async function startPart<T>(options: {
  readonly name: string;
  readonly args: readonly string[];
  readonly logFile: string;
  readonly pidDir: string;
  readonly clock: Clock;
  readonly handlers?: Handlers;
  readonly timeoutMs: number;
  readonly environment?: { readonly [name: string]: string };
  readonly nodeOptions?: readonly string[];
  /** Called as soon as there is a process, for who may have to end it before it is ready. */
  readonly onSpawned?: (part: Part) => void;
}): Promise<{ part: Part; ready: T }> {
  const log = openSync(options.logFile, 'a', 0o600);
  const child = fork(programEntry, options.args, {
    stdio: ['ignore', log, log, 'ipc'],
    execArgv: ['--disable-warning=ExperimentalWarning', ...(options.nodeOptions ?? [])],
    env: { ...process.env, ...options.environment, LDC_PARENT: String(process.pid) },
    // a group of its own: a Ctrl-C at a terminal goes to its parent alone, which then ends it; both at once was a race
    detached: true,
  });
  if (child.pid === undefined) throw new Error(`${options.name} did not start`);
  recordProcess(options.pidDir, options.name, child.pid);
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once('exit', (code, signal) => {
      forgetProcess(options.pidDir, options.name);
      resolve({ code, signal });
    });
  });
  let becameReady: (value: T) => void = () => {};
  const ready = new Promise<T>((resolve) => {
    becameReady = resolve;
  });
  const rpc = createRpc(child, { ...options.handlers, ready: (value: T) => becameReady(value) });
  const lineEnded = new Promise<void>((resolve) => child.once('disconnect', resolve));
  let complaint: string | undefined;
  child.on('message', (message) => {
    if (isObject(message) && typeof message.failedToStart === 'string') complaint = message.failedToStart;
  });
  const part = partOf(child, rpc, ended, options.clock);
  options.onSpawned?.(part);
  const first = await Promise.race([
    ready.then((value) => ({ kind: 'ready' as const, value })),
    ended.then(() => ({ kind: 'ended' as const })),
    options.clock.sleep(options.timeoutMs).then(() => ({ kind: 'late' as const })),
  ]);
  if (first.kind === 'ready') return { part, ready: first.value };
  part.kill();
  await lineEnded; // what it said last is read by then
  const what =
    first.kind === 'late' ? `was not ready within ${options.timeoutMs / 1000} s` : 'ended before it was ready';
  throw new PartFailed(complaint ?? `the ${options.name} ${what}; its output is in ${options.logFile}`);
}

/** In the child: tells who started it why it cannot start. Resolves when that is said, or nobody listens. */
export function sayWhyNotStarted(error: unknown): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined) resolve();
    else process.send({ failedToStart: errorText(error) }, undefined, undefined, () => resolve());
  });
}

function partOf(child: ChildProcess, rpc: Rpc, ended: Part['ended'], clock: Clock): Part {
  return {
    pid: child.pid as number,
    rpc,
    ended,
    kill: () => void child.kill('SIGKILL'),
    async stop(graceMs) {
      child.kill('SIGTERM');
      const late = await Promise.race([ended.then(() => false), clock.sleep(graceMs).then(() => true)]);
      if (late) child.kill('SIGKILL');
      await ended;
    },
  };
}

/** In the child: the line to the parent, and the death guard. Undefined when the program was not started by startPart. */
export function parentLine(handlers: Handlers = {}): Rpc | undefined {
  if (process.env.LDC_PARENT === undefined || process.send === undefined) return undefined;
  process.on('disconnect', () => process.exit(1));
  return createRpc(process as unknown as Parameters<typeof createRpc>[0], handlers);
}
