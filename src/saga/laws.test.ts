/**
 * The laws that hold for every registered action: run twice, fail at each step, undo twice, and die between any two journal
 * writes. A new action is covered by standing in testing/plans.ts, which a test here demands.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Json, jsonEqual, seededRandom, silentLogger } from '../base/index.ts';
import type { Plan } from '../plan/index.ts';
import { type MemoryStore, memoryDisk, memoryStore } from '../store/index.ts';
import { actionNames, actionOf } from './actions/index.ts';
import { replay } from './state.ts';
import type { Arrival, Fault } from './testing/fleet.ts';
import { deployPlan } from './testing/plans.ts';
import { World } from './testing/world.ts';
import type { Engine, TransactionView } from './types.ts';
import { viewOf } from './views.ts';

const CLUSTERS = ['eu', 'us'] as const;
const REFUSAL = { kind: 'injected', message: 'refused here', hint: 'mend it' };

interface Case {
  readonly world: World;
  readonly disk: ReturnType<typeof memoryDisk>;
  readonly plan: Plan;
  /** What is on the clusters before the transaction. */
  readonly before: Json;
}

/** A fleet on which revision 1 was committed, and a plan for revision 2 that also removes a location. */
async function begin(): Promise<Case> {
  const world = new World(CLUSTERS);
  const disk = memoryDisk();
  for (const cluster of CLUSTERS) world.fleet.clusters.get(cluster)?.things.set('default/shop/old', 'r0');
  const { store, engine } = open({ world, disk });
  await engine.submit({ plan: deployPlan(CLUSTERS), actor: 'a', reason: null, ifBusy: 'wait' });
  await world.run(() => engine.list({ unfinished: true }).items.length === 0);
  await engine.stop();
  await store.close();
  // needs/shop exists by now: let the next one create it again, so that the undo of ensure has work
  for (const { things } of world.fleet.clusters.values()) things.delete('needs/shop');
  world.fleet.arrivals.length = 0;
  world.fleet.effects.length = 0;
  const plan = deployPlan(CLUSTERS, { revision: 2, removeFrom: 'eu' });
  return { world, disk, plan, before: world.fleet.contents() };
}

function open({ world, disk }: Pick<Case, 'world' | 'disk'>, sync: 'turn' | 'manual' = 'turn') {
  const { clock, projectors } = world;
  const store = memoryStore({ clock, random: seededRandom(3), projectors, logger: silentLogger, disk, sync });
  return { store, engine: world.open(store) };
}

async function submit(engine: Engine, plan: Plan): Promise<string> {
  const outcome = await engine.submit({ plan, actor: 'a', reason: null, ifBusy: 'wait' });
  if (outcome.kind !== 'done') assert.fail(JSON.stringify(outcome));
  return outcome.value.id;
}

async function finish(world: World, engine: Engine, id: string): Promise<TransactionView> {
  const over = () => {
    const view = engine.get(id);
    return view === undefined || view.sealed || view.state === 'stuck';
  };
  assert.ok(await world.run(over), `${id} stands still in ${engine.get(id)?.state}: ${world.errors}`);
  assert.deepEqual(world.errors, []);
  return engine.get(id) as TransactionView;
}

/** What must hold of every transaction that has ended, however it got there. */
function check(engine: Engine, store: MemoryStore, view: TransactionView, { world, before }: Case): void {
  const chain = engine.events(view.id);
  const replayed = viewOf(replay(chain, (digest) => store.blobs.get(digest)));
  assert.deepEqual(replayed, view, 'the chain replays to what the engine shows');
  assert.equal(chain.at(-1)?.type, 'tx.sealed');
  assert.equal(chain.at(-1)?.data.count, chain.length);
  assert.equal(chain.filter(({ type }) => type === 'tx.committed' || type === 'tx.rolledBack').length, 1);
  for (const step of view.plan.steps) {
    const of = (type: string) => chain.filter((entry) => entry.type === type && entry.data.step === step.id).length;
    assert.ok(of('step.succeeded') <= 1 && of('step.undone') <= 1, `${step.id} has one outcome`);
  }
  assert.equal(world.reserved.size, 0);
  if (view.state === 'rolledBack') {
    assert.deepEqual(world.fleet.contents(), before, 'the undo is exact');
    assert.equal(view.rollback?.verified?.equal, true);
  } else {
    const after = world.fleet.contents() as { eu: Record<string, string> };
    assert.match(after.eu['default/shop/web'] ?? '', /^r2 /);
    assert.equal(after.eu['default/shop/old'], undefined);
  }
}

describe('law: every action of the registry is in the plans that these laws run', () => {
  it('all but those of settles, which settle.test.ts runs', () => {
    const used = new Set(deployPlan(CLUSTERS, { removeFrom: 'eu' }).steps.map(({ work }) => work.action));
    assert.deepEqual(actionNames.filter((name) => !used.has(name)), ['settleUndo', 'settleVerify', 'settleApply', 'recallEnsure', 'settleEnsure']); // biome-ignore format: one line
  });
});

describe('law: run twice', () => {
  it('each command done, its answer lost, and done once more by an agent that has forgotten', async () => {
    const made = await begin();
    made.world.fleet.fault = ({ cluster, id }, count) => {
      if (count === 1) return { kind: 'silence', effect: true };
      made.world.fleet.clusters.get(cluster)?.outcomes.delete(id);
      return undefined;
    };
    const { store, engine } = open(made);
    const view = await finish(made.world, engine, await submit(engine, made.plan));
    assert.equal(view.state, 'committed');
    check(engine, store, view, made);
    const done = made.world.fleet.effects.map(({ id }) => id);
    for (const id of new Set(done))
      assert.equal(done.filter((other) => other === id).length, 2, `${id} was done twice`);
  });
});

/** Commands of the way forward that may be refused before the decision. */
const refusable = deployPlan(CLUSTERS, { revision: 2 }).steps.filter(
  ({ phase, work }) => phase !== 'decided' && work.action !== 'soak' && work.action !== 'reserve',
);

describe('law: fail at each step', () => {
  for (const { id: step, work } of refusable) {
    for (const how of ['refused', 'refused half-way', 'refused, every undo twice'] as const) {
      it(`${step}: ${how}`, async () => {
        const made = await begin();
        const { world } = made;
        const isDo = ({ id }: Arrival) => id.endsWith(`/${step}/do`);
        const isUndo = ({ kind }: Arrival) => kind === 'undo' || kind === 'undoEnsure';
        let hit = 0;
        world.fleet.fault = (arrival, count): Fault | undefined => {
          if (isDo(arrival)) {
            hit++;
            return { kind: 'refuse', refusal: REFUSAL, effect: how === 'refused half-way' && work.action !== 'ensure' };
          }
          if (how !== 'refused, every undo twice' || !isUndo(arrival)) return undefined;
          if (count === 1) return { kind: 'silence', effect: true };
          world.fleet.clusters.get(arrival.cluster)?.outcomes.delete(arrival.id);
          return undefined;
        };
        const { store, engine } = open(made);
        const view = await finish(world, engine, await submit(engine, made.plan));
        assert.equal(hit, 1, 'it failed at the injected step');
        assert.equal(view.state, 'rolledBack');
        assert.equal(view.cause?.kind, 'injected');
        assert.match(view.cause?.where ?? '', new RegExp(`^${step} on `));
        check(engine, store, view, made);
        const undone = engine.events(view.id).filter(({ type }) => type === 'step.undone').map(({ data }) => data.step); // biome-ignore format: one line
        const begun = view.plan.steps.filter(({ attempts, action }) => attempts > 0 && hasUndo(made.plan, action)).map(({ id }) => id); // biome-ignore format: one line
        assert.deepEqual([...undone].sort(), [...begun].sort(), 'all that has begun is undone, once');
      });
    }
  }

  it('a refused ensure names what it had created, and that is deleted', async () => {
    const made = await begin();
    const { world } = made;
    world.fleet.fault = ({ id, cluster }) => {
      if (!id.endsWith('/ensure:us/do')) return undefined;
      const uid = 'uid-half';
      world.fleet.clusters.get(cluster)?.things.set('needs/shop', uid);
      const created = [{ apiVersion: 'v1', kind: 'Namespace', name: 'shop', uid }];
      return { kind: 'refuse', refusal: { ...REFUSAL, details: { created } }, effect: false };
    };
    const { store, engine } = open(made);
    const view = await finish(world, engine, await submit(engine, made.plan));
    assert.equal(view.state, 'rolledBack');
    check(engine, store, view, made);
  });
});

function hasUndo(plan: Plan, action: string): boolean {
  const step = plan.steps.find(({ work }) => work.action === action);
  return step !== undefined && actionOf(step.work).undo !== null;
}

/** Runs with every commit made by hand; dies at commit number `dieAt`. Answers how many commits there were, or null when it died. */
async function runUntilDeath(made: Case, dieAt: number, keep: boolean): Promise<number | null> {
  const { store, engine } = open(made, 'manual');
  let commits = 0;
  let id: string | undefined;
  await engine.start();
  void engine.submit({ plan: made.plan, actor: 'a', reason: null, ifBusy: 'wait' }).then((outcome) => {
    if (outcome.kind === 'done') id = outcome.value.id;
  });
  for (;;) {
    await made.world.clock.advance(0);
    if (commits === dieAt) {
      store.crash({ keep });
      await engine.stop();
      made.world.reserved.clear(); // they lived in the process that died
      return null;
    }
    if (store.sync()) {
      commits++;
      continue;
    }
    if (id !== undefined && engine.get(id)?.sealed === true) return commits;
    const next = made.world.clock.nextTimer();
    assert.ok(next !== undefined, `nothing is left to happen: ${made.world.errors}`);
    await made.world.clock.advance(next - made.world.clock.now());
  }
}

describe('law: die between any two journal writes', () => {
  const refuseGate = ({ id }: Arrival): Fault | undefined =>
    /\/gate:us\/do$/.test(id) ? { kind: 'refuse', refusal: REFUSAL, effect: false } : undefined;
  const scenarios = [
    { name: 'a deploy that commits', fault: () => undefined, ends: 'committed' },
    { name: 'a deploy that is undone', fault: refuseGate, ends: 'rolledBack' },
  ] as const;
  for (const { name, fault, ends } of scenarios) {
    for (const keep of [false, true]) {
      it(`${name}; the last write ${keep ? 'durable, nobody told' : 'lost'}`, { timeout: 60_000 }, async () => {
        const whole = await begin();
        whole.world.fleet.fault = fault;
        const commits = await runUntilDeath(whole, Number.POSITIVE_INFINITY, keep);
        assert.ok(commits !== null && commits > 20, `${commits} commits`);
        const expected = whole.world.fleet.contents();
        let recovered = 0;
        for (let dieAt = 0; dieAt <= commits; dieAt++) {
          const made = await begin();
          made.world.fleet.fault = fault;
          await runUntilDeath(made, dieAt, keep);
          made.world.replanAgain = () => ({ kind: 'done', value: made.plan });
          const direction = openDirection(made);
          const { store, engine } = open(made);
          await engine.start();
          const [unfinished] = engine.list({}).items.filter(({ revision }) => revision === 2);
          if (unfinished === undefined) continue; // it died before the transaction was durable
          recovered++;
          const view = await finish(made.world, engine, unfinished.id);
          assert.equal(view.state, ends, `died at commit ${dieAt}`);
          if (direction === 'back') assert.equal(view.state, 'rolledBack');
          check(engine, store, view, made);
          if (ends === 'committed') {
            assert.ok(
              jsonEqual(withoutUids(made.world.fleet.contents()), withoutUids(expected)),
              `died at commit ${dieAt}`,
            );
          }
          const epochs = new Set(engine.events(view.id).map(({ epoch }) => epoch));
          assert.ok(epochs.size <= 2);
          await engine.stop();
        }
        assert.ok(recovered >= commits - 3, `${recovered} of ${commits} deaths were recovered from`);
      });
    }
  }
});

/** In which direction the chain points at the moment of death. */
function openDirection(made: Case): 'back' | 'forward' {
  return made.disk.journal.some(({ text }) => text.includes('"type":"tx.compensating"')) ? 'back' : 'forward';
}

function withoutUids(contents: Json): Json {
  return JSON.parse(JSON.stringify(contents).replaceAll(/uid-\d+/g, 'uid')) as Json;
}

describe('law: an old holder can do no harm', () => {
  it('a hub that was replaced takes the refusal for no failure: it turns nothing back', async () => {
    const made = await begin();
    const { world } = made;
    for (const cluster of world.fleet.clusters.values()) cluster.highestEpoch = 99;
    const { engine } = open(made);
    const id = await submit(engine, made.plan);
    await world.run(() => false, 600_000);
    assert.equal(engine.get(id)?.state, 'preparing');
    assert.deepEqual(world.fleet.contents(), made.before);
    assert.ok(world.errors.length > 0 && world.errors.every((line) => line.startsWith('another hub acts')));
    await engine.stop();
  });

  it('a hub that was replaced and wakes up again is refused by every agent', async () => {
    const made = await begin();
    const { world } = made;
    const zombie = open(made, 'manual');
    const [held] = [zombie.store.epoch];
    const fresh = open(made);
    await fresh.engine.start();
    const view = await finish(world, fresh.engine, await submit(fresh.engine, made.plan));
    assert.equal(view.state, 'committed');
    const after = world.fleet.contents();
    const answer = await Promise.all(
      CLUSTERS.map(async (cluster) => {
        const body = { kind: 'undoEnsure', stack: made.plan.stack, created: [] } as const;
        const pending = world.fleet.execute(cluster, { id: 'late', epoch: held, body: { ...body, created: [] } }, { timeoutMs: 1 }); // biome-ignore format: one line
        await world.clock.advance(5);
        return pending;
      }),
    );
    for (const outcome of answer) assert.equal(outcome.kind === 'refused' && outcome.refusal.kind, 'staleEpoch');
    assert.deepEqual(world.fleet.contents(), after);
  });
});
