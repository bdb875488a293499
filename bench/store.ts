/**
 * Durable steps per second: SQLite, synchronous=FULL. `runs`: the store alone; a step is its two entries, `step.started` and
 * `step.succeeded`, one after the other, by `writers` transactions at once. `engine`: whole deploys of the saga engine over
 * agents in memory that answer after 2 ms. Prints JSON.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createIds, done, limits, refused, silentLogger, systemClock, systemRandom } from '../src/base/index.ts';
import { createEngine, projectTransaction } from '../src/saga/index.ts';
import { Fleet } from '../src/saga/testing/fleet.ts';
import { deployPlan } from '../src/saga/testing/plans.ts';
import { fileMasterKey, openStore } from '../src/store/index.ts';
import { printFigures } from './measure/figures.ts';

const dir = mkdtempSync(join(process.env.BENCH_DIR ?? tmpdir(), 'ldc-bench-'));
const store = openStore({
  dir,
  clock: systemClock,
  masterKey: fileMasterKey(join(dir, 'master.key'), systemRandom),
  random: systemRandom,
  projectors: [],
  logger: silentLogger,
  defer: (run) => setImmediate(run),
});

const seconds = Number(process.env.BENCH_SECONDS ?? 3);
const output = { kind: 'receipt', objects: 4, digest: `sha256:${'a'.repeat(64)}`, note: 'x'.repeat(120) };

async function run(writers: number) {
  const commitMs: number[] = [];
  const startedMs = performance.now();
  const untilMs = startedMs + seconds * 1_000;
  let steps = 0;
  const append = async (tx: string, type: string, data: object) => {
    const fromMs = performance.now();
    await store.journal.append([{ tx, type, actor: 'hub', data: { ...data } }]);
    commitMs.push(performance.now() - fromMs);
  };
  await Promise.all(
    Array.from({ length: writers }, async (_, writer) => {
      for (let step = 0; performance.now() < untilMs; step++) {
        await append(`tx-${writers}-${writer}`, 'step.started', { step: `apply:f${step}@eu-1`, attempt: 1 });
        await append(`tx-${writers}-${writer}`, 'step.succeeded', { step: `apply:f${step}@eu-1`, output });
        steps++;
      }
    }),
  );
  commitMs.sort((a, b) => a - b);
  const at = (share: number) => Number((commitMs[Math.floor(commitMs.length * share)] ?? 0).toFixed(2));
  return {
    writers,
    stepsPerSecond: Math.round((steps / (performance.now() - startedMs)) * 1_000),
    appendsPerSecond: Math.round((commitMs.length / (performance.now() - startedMs)) * 1_000),
    appendP50Ms: at(0.5),
    appendP99Ms: at(0.99),
  };
}

/** 50 stacks on 8 clusters each: 9 steps a location. */
async function runEngine() {
  const engineDir = join(dir, 'engine');
  const state = openStore({
    dir: engineDir,
    clock: systemClock,
    masterKey: fileMasterKey(join(engineDir, 'master.key'), systemRandom),
    random: systemRandom,
    projectors: [projectTransaction],
    logger: silentLogger,
    defer: (run) => setImmediate(run),
  });
  const clusters = Array.from({ length: 8 }, (_, n) => `c${n}`);
  const engine = createEngine({
    ...state,
    link: new Fleet(systemClock, clusters),
    replan: {
      again: async () => refused({ kind: 'none', message: 'none', hint: 'mend it' }),
      without: async () => refused({ kind: 'none', message: 'none', hint: 'mend it' }),
      reserve: () => done(null),
      release: () => {},
    },
    clock: systemClock,
    random: systemRandom,
    ids: createIds(systemClock, systemRandom),
    logger: silentLogger,
    limits,
  });
  const appendMs: number[] = [];
  const { append } = state.journal;
  state.journal.append = async (entries) => {
    const fromMs = performance.now();
    const written = await append(entries);
    appendMs.push(performance.now() - fromMs);
    return written;
  };
  const startedMs = performance.now();
  const keepAlive = setInterval(() => {}, 1_000);
  const ended = await Promise.all(
    Array.from({ length: 50 }, async (_, n) => {
      const plan = deployPlan(clusters, { stack: `s${n}`, oneWave: true });
      const steps = plan.steps.map((step) =>
        step.work.action === 'soak' ? { ...step, work: { ...step.work, durationMs: 0 } } : step,
      );
      const outcome = await engine.submit({ plan: { ...plan, steps }, actor: 'bench', reason: null, ifBusy: 'wait' });
      if (outcome.kind !== 'done') throw new Error(JSON.stringify(outcome));
      return engine.finished(outcome.value.id);
    }),
  );
  clearInterval(keepAlive);
  const seconds = (performance.now() - startedMs) / 1_000;
  const steps = ended.reduce((sum, view) => sum + view.plan.steps.length, 0);
  appendMs.sort((a, b) => a - b);
  await engine.stop();
  await state.close();
  return {
    transactions: ended.length,
    committed: ended.filter(({ state: at }) => at === 'committed').length,
    steps,
    stepsPerSecond: Math.round(steps / seconds),
    appendP50Ms: Number(appendMs[Math.floor(appendMs.length / 2)]?.toFixed(2)),
    appendP99Ms: Number(appendMs[Math.floor(appendMs.length * 0.99)]?.toFixed(2)),
  };
}

const runs = [];
for (const writers of [1, 16, 128]) runs.push(await run(writers));
await store.close();
const engine = await runEngine();
rmSync(dir, { recursive: true, force: true });
printFigures('store', { target: '>= 2000 steps/s', runs, engine });
