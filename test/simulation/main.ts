/**
 * `npm run simulate -- --seed N --minutes M`: one seed after the other, until the time is up or a seed fails. The last line says
 * seeds, events, seconds. A failure is printed with the command that repeats it; `--found NAME` keeps it as a test.
 */
import { execFileSync, fork } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { FAULTS, type FaultKind } from './faults.ts';
import { type RunResult, simulate } from './run.ts';

const USAGE = `npm run simulate -- [--seed N] [--minutes M] [--seeds K] [--processes P]
                    [--replay] [--trace FILE] [--without KIND,…] [--found NAME]
  --seed N        the first seed (1)
  --minutes M     stop after so long (1)
  --seeds K       stop after so many
  --processes P   so many at once (2)
  --replay        this seed alone, twice: its history must be the same; its last events are printed
  --trace FILE    with --replay: all events, into FILE
  --without KIND  leaves out kinds of faults: ${FAULTS.join(' ')}
  --found NAME    with --replay: keeps the seed in test/simulation/found/NAME.json`;
/** Fewer say nothing about what never came about. */
const SEEDS_FOR_COUNTS = 300;

interface Told {
  readonly seed: number;
  readonly events: number;
  readonly failed: { readonly checker: string; readonly message: string; readonly lines: readonly string[] } | null;
  readonly counts: RunResult['counts'];
}

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string', default: '1' },
    seeds: { type: 'string' },
    processes: { type: 'string', default: '2' },
    replay: { type: 'boolean', default: false },
    trace: { type: 'string' },
    without: { type: 'string', default: '' },
    found: { type: 'string' },
    worker: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
const first = Number(values.seed);
const without = values.without.split(',').filter((kind): kind is FaultKind => FAULTS.includes(kind as FaultKind));

if (values.help) console.log(USAGE);
else if (values.worker !== undefined) await work(Number(values.worker), Number(values.processes));
else if (values.replay) await replay();
else await batch();

/** Every `of`th seed, told to the parent as it ends. */
async function work(index: number, of: number): Promise<void> {
  process.on('disconnect', () => process.exit());
  const untilMs = Date.now() + Number(values.minutes) * 60_000;
  const beyond = values.seeds === undefined ? Number.POSITIVE_INFINITY : first + Number(values.seeds);
  for (let seed = first + index; seed < beyond && Date.now() < untilMs; seed += of) {
    process.send?.(toldOf(await simulate(seed, { without })));
  }
  process.disconnect?.();
}

function toldOf({ seed, events, violation, lines, counts }: RunResult): Told {
  const failed = violation === undefined ? null : { checker: violation.checker, message: violation.message, lines };
  return { seed, events, failed, counts };
}

async function batch(): Promise<void> {
  const startedMs = Date.now();
  const sums: { [what: string]: number } = {};
  let [seeds, events, last] = [0, 0, first];
  let failed: Told | undefined;
  const workers = Array.from({ length: Number(values.processes) }, (_, index) =>
    fork(import.meta.filename, [...process.argv.slice(2), '--worker', String(index), '--processes', values.processes]),
  );
  const ended = workers.map((worker) => {
    worker.on('message', (message) => {
      const told = message as Told;
      seeds++;
      events += told.events;
      last = Math.max(last, told.seed);
      for (const [what, count] of Object.entries(told.counts)) sums[what] = (sums[what] ?? 0) + count;
      if (told.failed === null || failed !== undefined) return;
      failed = told;
      for (const one of workers) if (one.connected) one.disconnect();
    });
    return new Promise<number>((resolve) => worker.on('exit', (code) => resolve(code ?? 1)));
  });
  const codes = await Promise.all(ended);
  const seconds = (Date.now() - startedMs) / 1_000;
  if (failed !== undefined) await showFailure(failed);
  const never = Object.keys(sums).filter((what) => sums[what] === 0);
  const isVacuous = seeds >= SEEDS_FOR_COUNTS && never.length > 0 && without.length === 0;
  if (isVacuous) console.error(`never came about: ${never.join(', ')}`);
  console.log(`seen: ${Object.entries(sums).map(([what, count]) => `${what} ${count}`).join(', ')}`); // biome-ignore format: one line
  const rate = Math.round((seeds * 60) / seconds);
  console.log(`simulate: seeds ${first}–${last}: ${seeds} seeds, ${events} events, ${seconds.toFixed(1)} s (${rate} seeds/min)`); // biome-ignore format: one line
  process.exitCode = failed !== undefined || isVacuous || codes.some((code) => code !== 0) ? 1 : 0;
}

async function showFailure({ seed, failed }: Told): Promise<void> {
  if (failed === null) return;
  console.error(failed.lines.join('\n'));
  console.error(`\nseed ${seed} at ${commit()}: ${failed.message}`);
  const kinds = await smallest(seed, failed.checker);
  const flag = kinds.length === 0 ? '' : ` --without ${kinds.join(',')}`;
  console.error(`repeat it: npm run simulate -- --seed ${seed} --replay${flag} --trace trace.txt`);
}

/** Leaves out one kind of fault after the other, as long as the same checker finds something. */
async function smallest(seed: number, checker: string): Promise<readonly FaultKind[]> {
  const out = [...without];
  for (const kind of FAULTS.filter((one) => !out.includes(one))) {
    const { violation } = await simulate(seed, { without: [...out, kind] });
    if (violation?.checker === checker) out.push(kind);
  }
  return out;
}

async function replay(): Promise<void> {
  const run = await simulate(first, { without, trace: true });
  const again = await simulate(first, { without });
  if (values.trace === undefined) console.log(run.lines.slice(-60).join('\n'));
  else writeFileSync(values.trace, `${run.lines.join('\n')}\n`);
  console.log(run.violation === undefined ? `seed ${first} ends well` : `seed ${first}: ${run.violation.message}`);
  const repeats = run.digest === again.digest;
  console.log(
    `${run.events} events; twice ${repeats ? 'the same history' : 'another history: what differs is no seed'}`,
  );
  if (values.found !== undefined) keep(values.found, run);
  process.exitCode = repeats && run.violation === undefined ? 0 : 1;
}

function keep(name: string, { seed, violation }: RunResult): void {
  const folder = join(import.meta.dirname, 'found');
  mkdirSync(folder, { recursive: true });
  const found = { seed, without, commit: commit(), was: violation?.message ?? 'nothing' };
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(found, null, 2)}\n`);
}

function commit(): string {
  return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
}
