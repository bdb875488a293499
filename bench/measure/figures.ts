/** How every bench says what it measured: one JSON object on stdout, with the machine that it was measured on. */
import { availableParallelism, cpus, loadavg } from 'node:os';

/** Values by rank, rounded: what is typical, and what the slow ones are like. */
export interface Spread {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Nearest rank; with fewer than 100 values p99 is the largest. Rounded to `digits` decimals. */
export function spread(values: readonly number[], digits = 1): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) =>
    rounded(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN, digits);
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}

export function rounded(value: number, digits = 1): number {
  return Number(value.toFixed(digits));
}

/** Units are in the names of the figures (`Ms`, `Seconds`, `MiB`). */
export function printFigures(bench: string, figures: object): void {
  const machine = {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    node: process.versions.node,
    loadBefore: startLoad,
  };
  process.stdout.write(`${JSON.stringify({ bench, ...figures, machine })}\n`);
}

/** What else the machine was doing: the load average of the minute before. */
const startLoad = rounded(loadavg()[0] ?? 0, 2);
