/**
 * Many transactions at once: the real engine on SQLite (`synchronous=FULL`), agents in memory that answer after 2 ms. Prints JSON.
 * `deploy`, `undo`: 100 stacks on 4 clusters at once (36 steps each), and the same where one gate is refused and all is undone.
 * `beside`: a stack of another tenant alone, and beside 500 of one. `recovery`: a hub's engine with FINISHED (default 2,000; 10,000 for
 * the published figure) finished and 500 running ones is opened and started.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createIds, done, limits, refused, silentLogger, systemClock, systemRandom } from '../src/base/index.ts';
import { createEngine, projectTransaction } from '../src/saga/index.ts';
import { Fleet } from '../src/saga/testing/fleet.ts';
import { deployPlan } from '../src/saga/testing/plans.ts';
import { fileMasterKey, openStore } from '../src/store/index.ts';
import { printFigures, rounded, spread } from './measure/figures.ts';

const root = mkdtempSync(join(process.env.BENCH_DIR ?? tmpdir(), 'ldc-bench-'));
const ids = createIds(systemClock, systemRandom);
const keepAlive = setInterval(() => {}, 1_000);

function open(name: string, clusters: readonly string[]) {
  const dir = join(root, name);
  const state = openStore({
    ...{ dir, clock: systemClock, random: systemRandom, projectors: [projectTransaction], logger: silentLogger },
    masterKey: fileMasterKey(join(dir, 'master.key'), systemRandom),
    defer: (run) => setImmediate(run),
  });
  const written = { bytes: 0, entries: 0 };
  const { append } = state.journal;
  state.journal.append = async (entries) => {
    const stored = await append(entries);
    written.entries += stored.length;
    for (const entry of stored) written.bytes += JSON.stringify(entry).length;
    return stored;
  };
  const none = async () => refused({ kind: 'none', message: 'none', hint: 'mend it' });
  const fleet = new Fleet(systemClock, clusters);
  const engine = createEngine({
    ...{ ...state, link: fleet, clock: systemClock, random: systemRandom, ids, logger: silentLogger, limits },
    replan: { again: none, without: none, reserve: () => done(null), release: () => {} },
  });
  const begin = async (stack: string, tenant: string) => {
    const plan = deployPlan(clusters, { stack, oneWave: true });
    const steps = plan.steps.map((step) =>
      step.work.action === 'soak' ? { ...step, work: { ...step.work, durationMs: 0 } } : step,
    );
    const handedIn = { ...plan, steps, tenant };
    const outcome = await engine.submit({ plan: handedIn, actor: 'bench', reason: null, ifBusy: 'wait' });
    if (outcome.kind !== 'done') throw new Error(JSON.stringify(outcome));
    return outcome.value.id;
  };
  const close = async () => {
    await engine.stop();
    await state.close();
  };
  return { fleet, engine, written, begin, close, run: async (stack: string, tenant = 'one') => engine.finished(await begin(stack, tenant)) }; // biome-ignore format: one shape
}

const FOUR = ['c0', 'c1', 'c2', 'c3'];
const many = (count: number) => Array.from({ length: count }, (_, n) => `s${n}`);

async function hundred(name: string, undone: boolean) {
  const hub = open(name, FOUR);
  const refusal = { kind: 'notReady', message: 'not ready', hint: 'mend it' };
  if (undone) {
    hub.fleet.fault = ({ kind, cluster }) =>
      kind === 'gate' && cluster === 'c3' ? { kind: 'refuse', refusal, effect: false } : undefined;
  }
  const startedMs = performance.now();
  const endMs: number[] = [];
  const views = await Promise.all(
    many(100).map(async (stack) => {
      const view = await hub.run(stack);
      endMs.push(performance.now() - startedMs);
      return view;
    }),
  );
  const seconds = (performance.now() - startedMs) / 1_000;
  const steps = views.reduce((sum, { plan }) => sum + plan.steps.length, 0);
  await hub.close();
  return {
    ends: [...new Set(views.map(({ state }) => state))],
    ...{ seconds: rounded(seconds, 2), transactionsPerSecond: Math.round(views.length / seconds) },
    ...{ stepsPerSecond: Math.round(steps / seconds), firstEndMs: Math.round(endMs[0] ?? 0), endMs: spread(endMs, 0) },
    journalBytesPerStep: Math.round(hub.written.bytes / steps),
    entriesPerStep: rounded(hub.written.entries / steps, 2),
  };
}

async function smallBeside(name: string, others: number) {
  const hub = open(name, FOUR);
  const all = Promise.all(many(others).map((stack) => hub.run(stack, 'many')));
  if (others > 0) await new Promise((resolve) => setTimeout(resolve, 400));
  const startedMs = performance.now();
  await hub.run('small', 'small');
  const tookMs = Math.round(performance.now() - startedMs);
  await all;
  await hub.close();
  return tookMs;
}

async function recovery(finished: number, running: number) {
  const first = open('recovery', ['c0']);
  for (let from = 0; from < finished; from += 500) {
    await Promise.all(many(Math.min(500, finished - from)).map((stack) => first.run(`${from}-${stack}`)));
  }
  first.fleet.fault = ({ kind }) => (kind === 'gate' ? { kind: 'silence', effect: false } : undefined);
  const begun = await Promise.all(many(running).map((stack) => first.begin(`running-${stack}`, 'one')));
  const isAtGate = (id: string) => first.engine.summary(id)?.state === 'running';
  while (!begun.every(isAtGate)) await new Promise((resolve) => setTimeout(resolve, 50));
  await first.close();
  const startedMs = performance.now();
  const second = open('recovery', ['c0']);
  const openMs = Math.round(performance.now() - startedMs);
  await second.engine.start();
  const totalMs = Math.round(performance.now() - startedMs);
  await second.close();
  return { finished, running, openMs, totalMs };
}

const deploy = await hundred('deploy', false);
const undo = await hundred('undo', true);
await smallBeside('warm', 0);
const beside = { aloneMs: await smallBeside('alone', 0), besideMs: await smallBeside('beside', 500), others: 500 };
const recovered = await recovery(Number(process.env.FINISHED ?? 2_000), 500);
clearInterval(keepAlive);
rmSync(root, { recursive: true, force: true });
const undoTimeOverDeployTime = rounded(undo.seconds / deploy.seconds, 2);
const targets = { beside: 'besideMs <= 2 * aloneMs', recovery: '< 5,000 ms with 10,000 finished' };
printFigures('transactions', { targets, deploy, undo, undoTimeOverDeployTime, beside, recovery: recovered });
