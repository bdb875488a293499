import type { Command } from 'commander';
import { usage } from '../failure.ts';
import type { HealthTimings } from '../launchers.ts';

/** Where a hub keeps its state unless told. */
export const STATE = '.ldc';

/** @throws Failure when it is no port with room for the agents' port beside it. */
export function portOf(text: string): number {
  return wholeNumber(text, 'port', 1, 65_534);
}

/** @throws Failure when the text is no whole number in [min, max]. */
export function wholeNumber(text: string, what: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw usage(`${text} is no ${what}`, `a whole number from ${min} to ${max}`);
}

/** How many clusters when neither `--clusters` nor `--real` says so, and how many the demo has. */
export const CLUSTERS = 4;
const REAL_MAX = 50;

/** Flags of how many clusters there are, and how many of them are real. */
export interface CountFlags {
  readonly clusters?: string;
  readonly real?: string;
}

export function withReal(command: Command): Command {
  return command.option(
    '--real <n>',
    'how many of them are real control planes, 1.34 and 1.33 in turn; built with Go the first time (minutes, 6 GB of disk while it builds)',
  );
}

/** @throws Failure when more are to be real than there are. */
export function countsOf({ clusters, real }: CountFlags): { clusters: number; real: number } {
  const realOnes = real === undefined ? 0 : wholeNumber(real, 'number of real control planes', 0, REAL_MAX);
  const all = clusters === undefined ? realOnes || CLUSTERS : wholeNumber(clusters, 'number of clusters', 1, 1_000);
  if (realOnes > all)
    throw usage(
      `of ${all} clusters ${realOnes} cannot be real`,
      '--clusters says how many there are, --real how many of them are real',
    );
  return { clusters: all, real: realOnes };
}

const UNIT_MS: { readonly [unit: string]: number } = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Milliseconds of `250ms`, `30s`, `10m`, `1h`. @throws Failure for anything else, or more than `maxMs`. */
export function durationMs(text: string, what: string, maxMs: number): number {
  const match = /^([1-9]\d{0,8})(ms|s|m|h)$/.exec(text);
  const ms = match === null ? Number.NaN : Number(match[1]) * (UNIT_MS[match[2] as string] ?? Number.NaN);
  if (ms <= maxMs) return ms;
  throw usage(`${text} is no ${what}`, `such as 90s, 15m or 1h, at most ${maxMs / 3_600_000}h`);
}

/** Flags of the health timers; every one can be set. */
export interface TimerFlags {
  readonly heartbeat?: string;
  readonly suspectAfter?: string;
  readonly lostAfter?: string;
  readonly backAfter?: string;
}

export function withTimers(command: Command): Command {
  return command
    .option('--heartbeat <duration>', 'how often agents report (default: 5s)')
    .option('--suspect-after <duration>', 'silence after which a cluster is suspect (default: 15s)')
    .option('--lost-after <duration>', 'silence after which it is lost (default: 30s)')
    .option('--back-after <duration>', 'how long a returned one must be steady (default: 60s)');
}

const TIMER_MS_MAX = 24 * 3_600_000;

/** @throws Failure when a timer is no duration, or the order of silence is broken. */
export function timingsOf(flags: TimerFlags): HealthTimings {
  const read = (text: string | undefined) =>
    text === undefined ? undefined : durationMs(text, 'duration of a timer', TIMER_MS_MAX);
  const heartbeatMs = read(flags.heartbeat);
  const suspectAfterMs = read(flags.suspectAfter);
  const lostAfterMs = read(flags.lostAfter);
  const backAfterMs = read(flags.backAfter);
  if ((suspectAfterMs ?? 15_000) >= (lostAfterMs ?? 30_000) || (heartbeatMs ?? 5_000) >= (suspectAfterMs ?? 15_000))
    throw usage(
      'a heartbeat must be shorter than --suspect-after, and that than --lost-after',
      'such as 1s, 3s and 6s',
    );
  return {
    ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
    ...(suspectAfterMs === undefined ? {} : { suspectAfterMs }),
    ...(lostAfterMs === undefined ? {} : { lostAfterMs }),
    ...(backAfterMs === undefined ? {} : { backAfterMs }),
  };
}
