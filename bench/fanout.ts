/**
 * One stack to many clusters at once: the real engine, the durable store and the hub's lines over TLS, with simulated agents
 * that fetch the bundle and answer every command at once. All locations are in one wave, so that the hub is what is
 * measured. `node bench/fanout.ts [AGENTS]`; JSON on stdout.
 */
import {
  systemClock as clock,
  createIds,
  done,
  limits,
  systemRandom as random,
  refused,
  silentLogger,
} from '../src/base/index.ts';
import type { Plan, Step } from '../src/plan/index.ts';
import { createEngine, projectTransaction } from '../src/saga/index.ts';
import { deployPlan } from '../src/saga/testing/plans.ts';
import { printFigures, rounded, spread } from './measure/figures.ts';
import { type ManyAgents, withAgents } from './measure/many-agents.ts';

const agents = Number(process.argv[2] ?? 1_000);
printFigures('fanout', await withAgents(agents, [projectTransaction], fanOut));

async function fanOut({ store, hub, names }: ManyAgents) {
  const engine = createEngine({
    ...store,
    link: hub.link,
    replan: {
      again: async () => refused({ kind: 'none', message: 'nothing is planned anew here', hint: 'mend it' }),
      without: async () => refused({ kind: 'none', message: 'nothing is planned anew here', hint: 'mend it' }),
      reserve: () => done(null),
      release: () => {},
    },
    ...{ clock, random, limits, logger: silentLogger },
    ids: createIds(clock, random),
  });
  const plan = await planFor(names, store);
  const startedMs = new Map<string, number>();
  const ackedMs = new Map<string, number>();
  const phaseMs = new Map<string, number>();
  let entries = 0;
  store.journal.onAppend((written) => {
    const nowMs = clock.monotonic();
    for (const { type, data } of written) {
      entries++;
      const step = String(data.step ?? '');
      if (type.startsWith('tx.')) phaseMs.set(type, nowMs);
      if (type === 'step.started' && step.startsWith('apply:')) startedMs.set(step, nowMs);
      if (type === 'step.succeeded' && step.startsWith('apply:')) ackedMs.set(step, nowMs);
    }
  });
  const cpu = process.cpuUsage();
  const submitted = await engine.submit({ plan, actor: 'bench', reason: null, ifBusy: 'wait' });
  if (submitted.kind !== 'done') throw new Error(JSON.stringify(submitted));
  const { state } = await engine.finished(submitted.value.id);
  const { user, system } = process.cpuUsage(cpu);
  await engine.stop();
  const from = (type: string) => phaseMs.get(type) ?? Number.NaN;
  const seconds = (from('tx.committed') - from('tx.created')) / 1_000;
  return {
    agents,
    state,
    steps: plan.steps.length,
    entries,
    /** From the start of the wave, and from each location's own start, until its receipt was durable. */
    ackedAfterWaveMs: spread([...ackedMs.values()].map((at) => at - from('tx.running'))),
    ackedAfterDispatchMs: spread([...ackedMs].map(([step, at]) => at - (startedMs.get(step) ?? Number.NaN))),
    phasesMs: {
      preparing: rounded(from('tx.running') - from('tx.started')),
      running: rounded(from('tx.verifying') - from('tx.running')),
      verifying: rounded(from('tx.decided') - from('tx.verifying')),
      decided: rounded(from('tx.committed') - from('tx.decided')),
    },
    seconds: rounded(seconds, 2),
    stepsPerSecond: Math.round(plan.steps.length / seconds),
    hubCpuSeconds: rounded((user + system) / 1e6, 2),
    target: { ackedAfterDispatchP99Ms: 2_000 },
  };
}

/** A deploy of one bundle of three objects to all of them. */
async function planFor(names: readonly string[], { blobs }: ManyAgents['store']): Promise<Plan> {
  const objects = ['Deployment', 'Service', 'ConfigMap'].map((kind) => ({
    ...{ apiVersion: 'v1', kind, metadata: { name: kind.toLowerCase(), namespace: 'shop' } },
    spec: { text: 'x'.repeat(1_000) },
  }));
  const bundle = await blobs.put({ objects });
  const plan = deployPlan(names, { oneWave: true });
  const steps = plan.steps.map((step): Step => {
    const { work } = step;
    if (work.action === 'soak') return { ...step, work: { ...work, durationMs: 0 } };
    return 'bundle' in work ? { ...step, work: { ...work, bundle } as Step['work'] } : step;
  });
  return { ...plan, steps };
}
