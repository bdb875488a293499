/** Runs of commands, timed. */
import { spawnSync } from 'node:child_process';

export interface Run {
  readonly ms: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. @throws Error with its output when it exits other than 0. */
export function timed(
  file: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv },
): Run {
  const startedMs = performance.now();
  const { status, stdout, stderr, error } = spawnSync(file, args, { ...options, encoding: 'utf8' });
  const ms = performance.now() - startedMs;
  if (status !== 0)
    throw (
      error ?? new Error(`${file} ${args.join(' ')} exited ${status}:\n${stdout.slice(-2_000)}${stderr.slice(-2_000)}`)
    );
  return { ms, stdout, stderr };
}
