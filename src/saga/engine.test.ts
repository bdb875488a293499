/** What a person sees of the engine: deploys, undos, queues, lost clusters, verbs; each over the simulated fleet. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { digestOf, type Outcome, seededRandom, silentLogger } from '../base/index.ts';
import type { Plan, StepWork } from '../plan/index.ts';
import { type MemoryStore, memoryStore } from '../store/index.ts';
import type { Fault } from './testing/fleet.ts';
import { bundleOf, deployPlan, locationOf, step, stepsOf } from './testing/plans.ts';
import { World } from './testing/world.ts';
import type { Engine, NewTransaction, TransactionView } from './types.ts';

const refusal = { kind: 'invalid', message: 'the API server says no', hint: 'mend it' };
const REFUSE: Fault = { kind: 'refuse', refusal, effect: false };

function setUp(...clusters: string[]) {
  const world = new World(clusters);
  const store: MemoryStore = memoryStore({
    clock: world.clock,
    random: seededRandom(3),
    projectors: world.projectors,
    logger: silentLogger,
  });
  const engine = world.open(store);
  return { world, store, engine };
}

async function submit(engine: Engine, plan: Plan, more: Partial<NewTransaction> = {}): Promise<TransactionView> {
  const outcome = await engine.submit({ plan, actor: 'user:ann', reason: null, ifBusy: 'wait', ...more });
  return value(outcome);
}

function value<T>(outcome: Outcome<T>): T {
  if (outcome.kind !== 'done') assert.fail(JSON.stringify(outcome));
  return outcome.value;
}

function refusedWith(outcome: Outcome<unknown>, kind: string, message: RegExp): void {
  assert.equal(outcome.kind, 'refused', JSON.stringify(outcome));
  if (outcome.kind !== 'refused') return;
  assert.equal(outcome.refusal.kind, kind);
  assert.match(outcome.refusal.message, message);
}

async function end(world: World, engine: Engine, id: string): Promise<TransactionView> {
  const ended = () => {
    const view = engine.get(id);
    return view !== undefined && (view.sealed || view.state === 'stuck');
  };
  const reached = await world.run(ended);
  const view = engine.get(id) as TransactionView;
  assert.ok(
    reached,
    `it stands still in ${view.state}: ${world.errors} ${view.plan.steps.map((step) => `${step.id} ${step.status}`)}`,
  );
  assert.deepEqual(world.errors, []);
  return view;
}

const types = (engine: Engine, id: string) => engine.events(id).map(({ type }) => type);
const status = (view: TransactionView, id: string) => view.plan.steps.find((step) => step.id === id)?.status;

describe('engine: the way forward', () => {
  it('deploys wave by wave, intents durable before commands, decided before deletions, sealed', async () => {
    const { world, engine, store } = setUp('eu', 'us');
    world.fleet.clusters.get('eu')?.things.set('default/shop/old', 'stale');
    const { id } = await submit(engine, deployPlan(['eu', 'us'], { removeFrom: 'eu' }));
    const view = await end(world, engine, id);
    assert.equal(view.state, 'committed');
    assert.equal(view.sealed, true);
    assert.deepEqual(view.waves, { done: 2, total: 2 });
    assert.equal(view.cause, null);
    assert.equal(view.rollback, null);
    assert.ok(view.plan.steps.every((step) => step.status === 'succeeded' && step.attempts === 1));
    assert.deepEqual(world.fleet.contents(), {
      eu: { 'default/shop/web': `r1 ${bundleOf('eu', 1)}`, 'needs/shop': 'uid-1' },
      us: { 'default/shop/web': `r1 ${bundleOf('us', 1)}`, 'needs/shop': 'uid-2' },
    });
    const chain = engine.events(id);
    const at = (type: string, step?: string) => chain.findIndex((entry) => entry.type === type && (step === undefined || entry.data.step === step)); // biome-ignore format: one line
    assert.ok(at('step.succeeded', 'soak:eu') < at('step.started', 'apply:us'), 'the second wave follows the first');
    assert.ok(at('tx.decided') < at('step.started', 'remove:old@eu'), 'deletions come last');
    assert.ok(at('tx.running') < at('step.started', 'apply:eu'));
    assert.deepEqual(chain.at(-1)?.data, {
      count: chain.length,
      outcome: 'committed',
      planDigest: view.plan.digest,
      finalDigest: digestOf(engine.plan(id)?.locations),
    });
    assert.deepEqual(world.reserved.size, 0, 'reservations end with the transaction');
    assert.equal(store.documents.get('unfinished', id), undefined);
  });

  it('a plan that was overtaken before it had its place in the queue is made anew before it starts', async () => {
    const { world, engine } = setUp('eu');
    const anew = deployPlan(['eu'], { revision: 3 });
    const asked: string[] = [];
    world.replanAgain = ({ id }) => {
      asked.push(id);
      return { kind: 'done', value: anew };
    };
    const { id } = await submit(engine, deployPlan(['eu'], { revision: 2 }), { isStale: () => true });
    const view = await end(world, engine, id);
    assert.deepEqual(asked, [id]);
    assert.deepEqual([view.state, view.revision, view.plan.digest], ['committed', 3, anew.digest]);
    assert.deepEqual(types(engine, id).slice(0, 3), ['tx.created', 'tx.replanned', 'tx.started']);
    const fresh = await submit(engine, deployPlan(['eu'], { revision: 4 }), { isStale: () => false });
    await end(world, engine, fresh.id);
    assert.deepEqual(asked, [id]);
  });

  it('soaks by the clock, and gives the deadline from the first wave on', async () => {
    const { world, engine } = setUp('eu');
    const { id } = await submit(engine, deployPlan(['eu']));
    const view = await end(world, engine, id);
    const soak = view.plan.steps.find((step) => step.id === 'soak:eu');
    assert.ok(Date.parse(soak?.endedAt ?? '') - Date.parse(soak?.startedAt ?? '') >= 1_000);
    const running = engine.events(id).find(({ type }) => type === 'tx.running');
    assert.equal(Date.parse(String(running?.data.deadlineAt)) - Date.parse(running?.ts ?? ''), 600_000);
  });

  it('asks an unanswered command again under the same id, and does its work once', async () => {
    const { world, engine } = setUp('eu');
    world.fleet.fault = ({ kind }, count) =>
      kind === 'apply' && count <= 3 ? { kind: 'silence', effect: count === 2 } : undefined;
    const { id } = await submit(engine, deployPlan(['eu']));
    assert.equal((await end(world, engine, id)).state, 'committed');
    const applies = world.fleet.arrivals.filter(({ kind }) => kind === 'apply');
    assert.deepEqual(applies.map((arrival) => arrival.id), Array(4).fill(`${id}/apply:eu/do`)); // biome-ignore format: one line
    assert.equal(world.fleet.effects.filter(({ kind }) => kind === 'apply').length, 1);
    assert.equal(types(engine, id).filter((type) => type === 'step.started').length, 9);
  });

  it('waits for an approval, and goes on with it', async () => {
    const { world, engine } = setUp('eu');
    const { id } = await submit(engine, deployPlan(['eu'], { rollout: { approval: 'required' } }));
    assert.ok(await world.run(() => engine.get(id)?.state === 'awaitingApproval'));
    await world.run(() => false, 60_000);
    assert.ok(!world.fleet.arrivals.some(({ kind }) => kind === 'apply'), 'nothing is written before');
    assert.equal(value(await engine.operate(id, { verb: 'approve' }, 'user:bob', 'looks fine')).state, 'running');
    assert.equal((await end(world, engine, id)).state, 'committed');
    const approved = engine.events(id).find(({ type }) => type === 'tx.approved');
    assert.deepEqual([approved?.actor, approved?.data.reason], ['user:bob', 'looks fine']);
  });

  it('after the decision a refusal is tried anew under a new id, and only then is it stuck', async () => {
    const { world, engine } = setUp('eu');
    let no = 3;
    world.fleet.fault = ({ kind }) => (kind === 'prune' && no-- > 0 ? REFUSE : undefined);
    const one = await submit(engine, deployPlan(['eu']));
    assert.equal((await end(world, engine, one.id)).state, 'committed');
    const prunes = world.fleet.arrivals.filter(({ kind }) => kind === 'prune').map((arrival) => arrival.id);
    assert.deepEqual(
      prunes,
      ['', '#2', '#3', '#4'].map((suffix) => `${one.id}/prune:eu/do${suffix}`),
    );
    no = 8;
    const two = await submit(engine, deployPlan(['eu'], { revision: 2 }));
    const view = await end(world, engine, two.id);
    assert.equal(view.state, 'stuck');
    assert.equal(view.heldFrom, 'decided');
    assert.match(view.cause?.message ?? '', /prune:eu: the API server says no/);
    assert.equal(value(await engine.operate(two.id, { verb: 'retry' }, 'user:ann', null)).state, 'decided');
    assert.equal((await end(world, engine, two.id)).state, 'committed');
  });
});

describe('engine: the way back', () => {
  for (const effect of [false, true]) {
    it(`a refused step undoes all in reverse order, the refused one too (${effect ? 'half' : 'not'} done)`, async () => {
      const { world, engine } = setUp('eu', 'us');
      value(await engine.submit({ plan: deployPlan(['eu', 'us']), actor: 'a', reason: null, ifBusy: 'wait' }));
      await world.run(() => engine.list({}).items[0]?.sealed === true);
      const before = world.fleet.contents();
      world.fleet.fault = ({ cluster, kind }) =>
        cluster === 'us' && kind === 'apply' ? { ...REFUSE, effect } : undefined;
      const { id } = await submit(engine, deployPlan(['eu', 'us'], { revision: 2 }));
      const view = await end(world, engine, id);
      assert.equal(view.state, 'rolledBack');
      assert.equal(view.cause?.kind, 'invalid');
      assert.equal(view.cause?.where, 'apply:us on us');
      assert.deepEqual(world.fleet.contents(), before);
      const undone = engine.events(id).filter(({ type }) => type === 'step.undoStarted').map(({ data }) => data.step); // biome-ignore format: one line
      assert.ok(undone.indexOf('apply:us') < undone.indexOf('apply:eu'), undone.join());
      assert.deepEqual(view.rollback?.verified?.clusters, { eu: 'equal', us: 'equal' });
      assert.equal(view.rollback?.verified?.equal, true);
      assert.equal(view.rollback?.verified?.digestBefore, view.rollback?.verified?.digestAfter);
      assert.equal(engine.events(id).at(-1)?.data.outcome, 'rolledBack');
      assert.equal(status(view, 'apply:us'), 'undone');
      assert.equal(status(view, 'prune:eu'), 'pending');
    });
  }

  it('a refusal while preparing leaves nothing, and says why', async () => {
    const { world, engine } = setUp('eu', 'us');
    world.fleet.fault = ({ cluster, kind }) => (cluster === 'us' && kind === 'dryRun' ? REFUSE : undefined);
    const { id } = await submit(engine, deployPlan(['eu', 'us']));
    const view = await end(world, engine, id);
    assert.equal(view.state, 'rolledBack');
    assert.match(view.cause?.message ?? '', /dryRun:us: the API server says no/);
    assert.deepEqual(world.fleet.contents(), { eu: {}, us: {} });
    assert.ok(!world.fleet.arrivals.some(({ kind }) => kind === 'apply'));
    assert.equal(view.rollback?.verified?.equal, true);
  });

  it('what an undo leaves by rule is listed as kept, and is no difference', async () => {
    const { world, engine } = setUp('eu');
    world.fleet.keep.add('needs/shop');
    world.fleet.fault = ({ kind }) => (kind === 'gate' ? REFUSE : undefined);
    const { id } = await submit(engine, deployPlan(['eu']));
    const view = await end(world, engine, id);
    assert.deepEqual([view.state, view.rollback?.verified?.equal], ['rolledBack', true]);
    const ref = { apiVersion: 'v1', kind: 'Namespace', name: 'shop' };
    assert.deepEqual(view.rollback?.verified?.kept, [{ cluster: 'eu', ref, why: 'something foreign is in it' }]);
  });

  it('what an ensure had made is looked for, too, where nothing else was begun', async () => {
    const { world, engine } = setUp('eu');
    world.fleet.fault = ({ kind }) => {
      if (kind === 'verify') world.fleet.clusters.get('eu')?.things.set('needs/shop', 'uid-1');
      return kind === 'dryRun' ? REFUSE : undefined;
    };
    const { id } = await submit(engine, deployPlan(['eu']));
    const stuck = await end(world, engine, id);
    const ref = { apiVersion: 'v1', kind: 'Namespace', name: 'shop' };
    assert.deepEqual([stuck.state, stuck.rollback?.verified?.clusters], ['stuck', { eu: 'different' }]);
    assert.deepEqual(stuck.stuck?.left.flatMap(({ objects }) => objects), [{ ref, why: 'not as before: object' }]); // biome-ignore format: one line
    world.fleet.fault = () => undefined;
    world.fleet.clusters.get('eu')?.things.delete('needs/shop');
    value(await engine.operate(id, { verb: 'retry' }, 'user:ann', null));
    const view = await end(world, engine, id);
    assert.deepEqual([view.state, view.rollback?.verified?.equal], ['rolledBack', true]);
  });

  it('what others changed is counted, and is no difference', async () => {
    const { world, engine } = setUp('eu');
    const ref = { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop', name: 'a' };
    world.fleet.explained = [{ location: 'default/shop/web@eu', ref, field: '.data.a', before: '1', after: '2', explained: 'hand has changed it meanwhile' }]; // biome-ignore format: one line
    world.fleet.fault = ({ kind }) => (kind === 'gate' ? REFUSE : undefined);
    const { id } = await submit(engine, deployPlan(['eu']));
    const view = await end(world, engine, id);
    assert.deepEqual([view.state, view.rollback?.verified?.equal, view.rollback?.verified?.explained], ['rolledBack', true, 1]); // biome-ignore format: one line
    assert.equal(view.rollback?.verified?.differences.length, 1);
    assert.equal(engine.summary(id)?.rollback?.verified?.explained, 1);
  });

  it('no room is a refusal while preparing', async () => {
    const { world, engine } = setUp('eu');
    world.noRoom = new Set(['eu']);
    const { id } = await submit(engine, deployPlan(['eu']));
    const view = await end(world, engine, id);
    assert.deepEqual([view.state, view.cause?.kind], ['rolledBack', 'noRoom']);
    assert.equal(world.reserved.size, 0);
  });

  it('the deadline undoes, calls off what runs, and an undo is not cut short by it', async () => {
    const { world, engine } = setUp('eu');
    world.fleet.fault = ({ kind }, count) => (kind === 'gate' ? { kind: 'hang' } : kind === 'undo' && count < 4 ? { kind: 'silence', effect: false } : undefined); // biome-ignore format: one line
    const { id } = await submit(engine, deployPlan(['eu'], { rollout: { deadlineMs: 20_000 } }));
    const view = await end(world, engine, id);
    assert.deepEqual([view.state, view.cause?.kind], ['rolledBack', 'deadline']);
    assert.deepEqual(world.fleet.contents(), { eu: {} });
    const cancels = world.fleet.arrivals.filter(({ kind }) => kind === 'cancel').map((arrival) => arrival.id);
    assert.deepEqual(cancels, [`${id}/gate:eu/do/cancel`]);
    assert.equal(status(view, 'gate:eu'), 'failed');
  });

  it('an agent that is connected and silent ends the wait at last; silence alone is no refusal of the cluster', async () => {
    const { world, engine } = setUp('eu');
    world.fleet.fault = ({ kind }) => (kind === 'snapshot' ? { kind: 'hang' } : undefined);
    const { id } = await submit(engine, deployPlan(['eu']));
    const view = await end(world, engine, id);
    assert.deepEqual([view.state, view.cause?.kind], ['rolledBack', 'noAnswer']);
  });

  it('an undo that is refused: stuck after its attempts; retry goes on', async () => {
    const { world, engine } = setUp('eu', 'us');
    let no = true;
    const objects = [{ ref: { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop', name: 'a' }, why: 'it is immutable' }]; // biome-ignore format: one line
    const named: Fault = { kind: 'refuse', refusal: { ...refusal, details: { objects } }, effect: false };
    world.fleet.fault = ({ kind, cluster }) => (kind === 'gate' && cluster === 'us' ? REFUSE : kind === 'undo' && cluster === 'eu' && no ? named : undefined); // biome-ignore format: one line
    const { id } = await submit(engine, deployPlan(['eu', 'us']));
    const stuck = await end(world, engine, id);
    assert.deepEqual([stuck.state, stuck.heldFrom, stuck.sealed], ['stuck', 'compensating', false]);
    assert.equal(status(stuck, 'apply:eu'), 'undoFailed');
    assert.equal(status(stuck, 'apply:us'), 'undone', 'the others were undone all the same');
    assert.equal(stuck.cause?.kind, 'invalid');
    const { since, why, left, more, choices } = stuck.stuck ?? assert.fail('no word of what is left');
    assert.ok(Date.parse(since) > Date.parse(stuck.createdAt));
    assert.match(why.message, /the undo of 1 step\(s\) is refused: apply:eu: the API server says no/);
    assert.deepEqual(left, [
      {
        ...{ cluster: 'eu', location: 'default/shop/web@eu', step: 'apply:eu', why: 'the API server says no' },
        objects: [
          { ref: { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop', name: 'a' }, why: 'it is immutable' },
        ],
      },
      { cluster: 'eu', step: 'ensure:eu', why: 'not begun: it comes after apply:eu' },
      { cluster: 'us', step: 'ensure:us', why: 'not begun: it comes after apply:eu' },
    ]);
    assert.deepEqual([more, choices.map(({ verb, needsReason }) => `${verb} ${needsReason}`)], [0, ['retry false', 'skip true', 'force-close true']]); // biome-ignore format: one line
    assert.equal(Object.hasOwn(engine.list({}).items[0] ?? {}, 'stuck'), false, 'lists stay small');
    no = false;
    const repairedMs = world.clock.now();
    value(await engine.operate(id, { verb: 'retry' }, 'user:ann', 'repaired'));
    const view = await end(world, engine, id);
    const again = engine.events(id).findLast(({ type }) => type === 'step.undoStarted');
    assert.ok(Date.parse(again?.ts ?? '') - repairedMs < 50, 'who has repaired it waits for no back-off');
    assert.deepEqual([view.state, view.rollback?.verified?.equal, view.forced], ['rolledBack', true, false]);
    assert.deepEqual(world.fleet.contents(), { eu: {}, us: {} });
  });

  it('an undo that is answered "later" for ever is stuck by and by, its reason shown from the first tries on', async () => {
    const { world, engine } = setUp('eu', 'us');
    let later = true;
    world.fleet.fault = ({ kind, cluster }) => (kind === 'gate' && cluster === 'us' ? REFUSE : kind === 'undo' && cluster === 'eu' && later ? { kind: 'busy', afterMs: 1_000 } : undefined); // biome-ignore format: one line
    const { id } = await submit(engine, deployPlan(['eu', 'us']));
    const reason = () => engine.get(id)?.plan.steps.find((each) => each.id === 'apply:eu')?.refusal;
    assert.ok(await world.run(() => reason() !== undefined));
    assert.equal(engine.get(id)?.state, 'compensating');
    assert.match(reason()?.message ?? '', /^eu answered nothing but "later" for \d+ s: busy$/);
    await world.run(() => status(engine.get(id) as TransactionView, 'apply:eu') === 'undoStarted');
    for (const operation of [{ verb: 'abort' }, { verb: 'force-close', reason: 'r' }] as const) {
      refusedWith(await engine.operate(id, operation, 'a', null), 'notNow', /the undo of apply:eu is tried again: eu answered .*: busy; when its tries are used up it is stuck/); // biome-ignore format: one line
    }
    const stuck = await end(world, engine, id);
    assert.deepEqual([stuck.state, status(stuck, 'apply:eu')], ['stuck', 'undoFailed']);
    const chain = engine.events(id).filter(({ data }) => data.step === 'apply:eu');
    const fails = chain.filter(({ type }) => type === 'step.undoFailed');
    assert.equal(fails.length, 8);
    assert.ok(world.fleet.arrivals.filter(({ kind, cluster }) => kind === 'undo' && cluster === 'eu').every((arrival) => arrival.id === `${id}/apply:eu/undo`), 'always the same command'); // biome-ignore format: one line
    later = false;
    value(await engine.operate(id, { verb: 'retry' }, 'user:ann', 'mended'));
    const view = await end(world, engine, id);
    assert.deepEqual([view.state, view.rollback?.verified?.equal], ['rolledBack', true]);
  });

  it('a cluster that answers "later" for ever while preparing undoes the transaction, with what it said', async () => {
    for (const kind of ['snapshot', 'dryRun'] as const) {
      const { world, engine } = setUp('eu');
      world.fleet.fault = (arrival) => (arrival.kind === kind ? { kind: 'busy', afterMs: 1_000 } : undefined);
      const { id } = await submit(engine, deployPlan(['eu']));
      const view = await end(world, engine, id);
      assert.deepEqual([view.state, view.cause?.kind], ['rolledBack', 'onlyLater']);
      assert.match(view.cause?.message ?? '', /: busy$/);
      assert.deepEqual(world.fleet.contents(), { eu: {} });
    }
  });

  it('where nobody knows what was created the undo asks until it does: what was made is never left behind unsaid', async () => {
    const { world, engine } = setUp('eu');
    let later = true;
    world.fleet.fault = ({ kind }, count) => (kind !== 'ensure' ? undefined : count === 1 ? { kind: 'silence', effect: true } : later ? { kind: 'busy', afterMs: 1_000 } : undefined); // biome-ignore format: one line
    const { id } = await submit(engine, deployPlan(['eu']));
    const stuck = await end(world, engine, id);
    assert.deepEqual([stuck.state, stuck.cause?.kind, status(stuck, 'ensure:eu')], ['stuck', 'onlyLater', 'failed']);
    assert.deepEqual(world.fleet.contents(), { eu: { 'needs/shop': 'uid-1' } });
    later = false;
    value(await engine.operate(id, { verb: 'retry' }, 'user:ann', null));
    const view = await end(world, engine, id);
    assert.deepEqual([view.state, view.rollback?.verified?.equal], ['rolledBack', true]);
    assert.deepEqual(world.fleet.contents(), { eu: {} });
  });

  it('after the decision, too: "later" for ever is stuck, and force-close owes the rest', async () => {
    const { world, engine } = setUp('eu');
    world.fleet.fault = ({ kind }) => (kind === 'prune' ? { kind: 'busy', afterMs: 1_000 } : undefined);
    const { id } = await submit(engine, deployPlan(['eu']));
    const stuck = await end(world, engine, id);
    assert.deepEqual([stuck.state, stuck.heldFrom, stuck.cause?.kind], ['stuck', 'decided', 'onlyLater']);
    value(await engine.operate(id, { verb: 'force-close', reason: 'scrap' }, 'user:ann', null));
    const view = await end(world, engine, id);
    assert.deepEqual([view.state, view.forced, view.owed.map(({ step }) => step)], ['committed', true, ['prune:eu']]);
  });

  for (const verb of ['skip', 'force-close'] as const) {
    it(`${verb} ends a stuck one: forced, not equal, the rest named`, async () => {
      const { world, engine, store } = setUp('eu', 'us');
      world.fleet.fault = ({ kind, cluster }) => ((kind === 'gate' && cluster === 'us') || (kind === 'undo' && cluster === 'eu') ? REFUSE : undefined); // biome-ignore format: one line
      const { id } = await submit(engine, deployPlan(['eu', 'us']));
      await end(world, engine, id);
      value(await engine.operate(id, { verb, reason: 'cluster is scrap' }, 'user:ann', null));
      const view = await end(world, engine, id);
      assert.deepEqual([view.state, view.forced, view.sealed], ['rolledBack', true, true]);
      assert.equal(view.rollback?.verified?.equal, false);
      assert.equal(view.rollback?.verified?.clusters.eu, 'owed');
      // skip goes on with what can be undone; force-close tries nothing more
      const owed = verb === 'skip' ? ['apply:eu'] : ['apply:eu', 'ensure:eu', 'ensure:us'];
      assert.deepEqual(view.owed.map(({ step }) => step).sort(), owed);
      assert.deepEqual(store.documents.list('owed').map(({ body }) => body.step).sort(), owed); // biome-ignore format: one line
      assert.equal(world.fleet.clusters.get('eu')?.things.has('needs/shop'), verb === 'force-close');
      const entry = engine.events(id).find(({ type }) => type === (verb === 'skip' ? 'tx.skipped' : 'tx.forceClosed'));
      assert.deepEqual([entry?.actor, entry?.data.reason], ['user:ann', 'cluster is scrap']);
    });
  }

  it('skip goes on without every step that failed, however many they are', async () => {
    const names = Array.from({ length: 150 }, (_, at) => `c${at}`);
    const { world, engine } = setUp(...names);
    world.fleet.fault = ({ kind, cluster }) => ((kind === 'gate' && cluster === 'c7') || kind === 'undo' ? REFUSE : undefined); // biome-ignore format: one line
    const { id } = await submit(engine, deployPlan(names, { oneWave: true }));
    const stuck = await end(world, engine, id);
    assert.equal(stuck.state, 'stuck');
    value(await engine.operate(id, { verb: 'skip', reason: 'scrap' }, 'user:ann', null));
    const view = await end(world, engine, id);
    assert.deepEqual([view.state, view.forced, view.owed.length], ['rolledBack', true, 150]);
  });

  it('a difference that nothing explains makes it stuck, never quietly rolled back', async () => {
    const { world, engine } = setUp('eu');
    world.fleet.fault = ({ kind }) => {
      if (kind === 'verify') world.fleet.clusters.get('eu')?.things.set('default/shop/web', 'left behind');
      return kind === 'gate' ? REFUSE : undefined;
    };
    const { id } = await submit(engine, deployPlan(['eu']));
    const stuck = await end(world, engine, id);
    assert.equal(stuck.state, 'stuck');
    assert.deepEqual(stuck.rollback?.verified?.clusters, { eu: 'different' });
    const [difference] = stuck.rollback?.verified?.differences ?? [];
    assert.equal((difference as { cluster: string } | undefined)?.cluster, 'eu');
    assert.deepEqual(stuck.stuck?.left, [
      {
        ...{
          cluster: 'eu',
          location: 'default/shop/web@eu',
          why: 'it was undone and read back, and is not as it was before',
        },
        objects: [{ ref: { apiVersion: 'v1', kind: 'Location', name: 'web' }, why: 'not as before: .' }],
      },
    ]);
    assert.match(stuck.stuck?.why.message ?? '', /after the undo eu differ from before in 1 place/);
    assert.match(stuck.stuck?.choices[1]?.does ?? '', /^accepts what differs/);
    world.fleet.fault = () => undefined;
    world.fleet.clusters.get('eu')?.things.delete('default/shop/web');
    value(await engine.operate(id, { verb: 'retry' }, 'user:ann', null));
    // the agent remembers the first look under its id: a second look needs a new one
    const view = await end(world, engine, id);
    assert.deepEqual([view.state, view.rollback?.verified?.equal], ['rolledBack', true]);
  });

  it('onFailure: pause waits for a person: resume tries the failed step anew', async () => {
    const { world, engine } = setUp('eu');
    let no = 1;
    world.fleet.fault = ({ kind }) => (kind === 'gate' && no-- > 0 ? REFUSE : undefined);
    const { id } = await submit(engine, deployPlan(['eu'], { rollout: { onFailure: 'pause' } }));
    assert.ok(await world.run(() => engine.get(id)?.state === 'paused'));
    assert.match(engine.get(id)?.cause?.message ?? '', /gate:eu/);
    assert.equal(engine.get(id)?.deadlineAt, null, 'the deadline stands still');
    await world.run(() => false, 3_000_000);
    assert.equal(engine.get(id)?.state, 'paused');
    value(await engine.operate(id, { verb: 'retry' }, 'user:ann', null));
    const view = await end(world, engine, id);
    assert.equal(view.state, 'committed');
    assert.ok(world.fleet.arrivals.some((arrival) => arrival.id === `${id}/gate:eu/do#2`));
  });
});

describe('engine: a person’s verbs', () => {
  it('pause, resume, abort; and each is refused where it cannot act, with the reason', async () => {
    const { world, engine } = setUp('eu');
    const { id } = await submit(engine, deployPlan(['eu']));
    refusedWith(
      await engine.operate(id, { verb: 'approve' }, 'a', null),
      'notNow',
      /cannot approve .*does not wait for an approval/,
    );
    refusedWith(await engine.operate(id, { verb: 'skip', reason: 'r' }, 'a', null), 'notNow', /only a stuck one/);
    refusedWith(await engine.operate(id, { verb: 'retry' }, 'a', null), 'notNow', /neither stuck nor paused/);
    refusedWith(await engine.operate('tx-none', { verb: 'abort' }, 'a', null), 'notFound', /no transaction tx-none/);
    await world.run(() => engine.get(id)?.state === 'running');
    assert.equal(value(await engine.operate(id, { verb: 'pause' }, 'user:ann', 'lunch')).state, 'paused');
    const started = () => engine.events(id).filter(({ type }) => type === 'step.started').length;
    const before = started();
    await world.run(() => false, 900_000);
    assert.equal(started(), before, 'nothing new starts, and no deadline runs');
    refusedWith(await engine.operate(id, { verb: 'pause' }, 'a', null), 'notNow', /which is paused/);
    assert.equal(value(await engine.operate(id, { verb: 'resume' }, 'user:ann', null)).state, 'running');
    assert.equal(value(await engine.operate(id, { verb: 'abort' }, 'user:ann', 'wrong day')).state, 'compensating');
    refusedWith(await engine.operate(id, { verb: 'abort' }, 'a', null), 'notNow', /being undone already/);
    const view = await end(world, engine, id);
    assert.deepEqual([view.state, view.cause?.message], ['rolledBack', 'aborted by user:ann: wrong day']);
    assert.deepEqual(world.fleet.contents(), { eu: {} });
    refusedWith(await engine.operate(id, { verb: 'abort' }, 'a', null), 'notNow', /has ended: it is rolledBack/);
  });

  it('abort after the decision is refused', async () => {
    const { world, engine } = setUp('eu');
    world.fleet.fault = ({ kind }) => (kind === 'prune' ? { kind: 'hang' } : undefined);
    const { id } = await submit(engine, deployPlan(['eu']));
    await world.run(() => engine.get(id)?.state === 'decided');
    refusedWith(
      await engine.operate(id, { verb: 'abort' }, 'a', null),
      'notNow',
      /it is decided: it will be committed/,
    );
    refusedWith(await engine.operate(id, { verb: 'pause' }, 'a', null), 'notNow', /not decided yet/);
    world.fleet.fault = () => undefined;
    assert.equal((await end(world, engine, id)).state, 'committed');
  });
});

describe('engine: queue and locks', () => {
  for (const kind of ['settle', 'reschedule'] as const) {
    it(`a ${kind} that goes before what is queued is alone, too: both were free to start at one moment`, async () => {
      const { world, engine } = setUp('eu');
      world.replanAgain = () => ({ kind: 'done', value: deployPlan(['eu'], { revision: 3 }) });
      const begun = new Set<string>();
      const together: string[] = [];
      engine.onChange(({ id, state, sealed }) => {
        if (sealed || state === 'queued') begun.delete(id);
        else begun.add(id);
        if (begun.size > 1) together.push([...begun].join(' with '));
      });
      const first = await submit(engine, deployPlan(['eu']));
      await world.run(() => engine.get(first.id)?.state === 'running');
      const queued = await submit(engine, deployPlan(['eu'], { revision: 2 }));
      const { digest: _, ...moving } = deployPlan(['eu'], { kind, revision: 2 });
      const steps = kind === 'settle' ? moving.steps.filter(({ phase }) => phase === 'decided') : moving.steps;
      const plan = { ...moving, steps };
      const before = await submit(engine, { ...plan, digest: digestOf(plan) });
      await end(world, engine, queued.id);
      await end(world, engine, before.id);
      assert.deepEqual(together, []);
      const started = (id: string) => Date.parse(engine.get(id)?.startedAt ?? '');
      assert.ok(started(before.id) < started(queued.id), `the ${kind} goes first`);
    });
  }

  it('two applies to one stack run one after the other; the second is planned anew on the first', async () => {
    const { world, engine } = setUp('eu', 'us');
    const first = await submit(engine, deployPlan(['eu']));
    const second = await submit(engine, deployPlan(['us']));
    const other = await submit(engine, deployPlan(['eu'], { stack: 'blog' }));
    world.replanAgain = () => ({ kind: 'done', value: deployPlan(['us'], { revision: 2 }) });
    await world.run(() => engine.get(first.id)?.state === 'running' && engine.get(other.id)?.state === 'running');
    assert.equal(engine.get(second.id)?.state, 'queued');
    await end(world, engine, first.id);
    const view = await end(world, engine, second.id);
    assert.deepEqual([view.state, view.revision], ['committed', 2]);
    assert.ok(types(engine, second.id).includes('tx.replanned'));
    assert.equal((await end(world, engine, other.id)).state, 'committed');
  });

  for (const [what, clusters] of [
    ['fewer steps', ['us']],
    ['no step at all: another transaction has done it all', []],
  ] as const) {
    it(`a plan that was made anew with ${what} is read from its journal as it was seen live`, async () => {
      const { world, store, engine } = setUp('eu', 'us');
      const anew = deployPlan(clusters, { revision: 2 });
      world.replanAgain = () => ({ kind: 'done', value: anew });
      const first = await submit(engine, deployPlan(['eu']));
      const second = await submit(engine, deployPlan(['eu', 'us']));
      const seen: TransactionView[] = [];
      engine.onChange((view) => void (view.id === second.id && seen.push(view)));
      await end(world, engine, first.id);
      const view = await end(world, engine, second.id);
      assert.deepEqual([view.state, view.revision], ['committed', 2]);
      assert.ok(types(engine, second.id).includes('tx.replanned'));
      assert.deepEqual(
        view.plan.steps.map(({ id }) => id),
        anew.steps.map(({ id }) => id),
      );
      assert.deepEqual(view, seen.at(-1));
      const reopened = world.open(store);
      await reopened.start();
      assert.deepEqual(reopened.get(second.id), view);
    });
  }

  it('a stale plan that cannot be made anew ends without having touched anything', async () => {
    const { world, engine } = setUp('eu');
    const first = await submit(engine, deployPlan(['eu']));
    const second = await submit(engine, deployPlan(['eu']));
    await end(world, engine, first.id);
    const view = await end(world, engine, second.id);
    assert.deepEqual([view.state, view.cause?.kind, view.startedAt], ['rolledBack', 'noPlan', null]);
  });

  it('ifBusy: fail is refused before anything exists; replace aborts what runs, with a full undo first', async () => {
    const { world, engine } = setUp('eu');
    const first = await submit(engine, deployPlan(['eu']));
    const plan = deployPlan(['eu'], { revision: 2 });
    const outcome = await engine.submit({ plan, actor: 'a', reason: null, ifBusy: 'fail' });
    refusedWith(outcome, 'busy', new RegExp(`${first.id} .* is at work on default/shop`));
    assert.equal(engine.list({}).items.length, 1);
    await world.run(() => engine.get(first.id)?.state === 'running');
    const second = await submit(engine, plan, { ifBusy: 'replace' });
    assert.equal((await end(world, engine, second.id)).state, 'committed');
    const replaced = engine.get(first.id);
    assert.equal(replaced?.state, 'rolledBack');
    assert.match(replaced?.cause?.message ?? '', /replaced by/);
    const sealedAt = replaced?.endedAt ?? '';
    assert.ok((engine.get(second.id)?.startedAt ?? '') >= sealedAt, 'the new one starts when the old one is undone');
  });

  it('a reschedule does not wait for a paused deploy, which re-plans when it goes on', async () => {
    const { world, engine } = setUp('eu', 'us', 'ap');
    const deploy = await submit(engine, deployPlan(['eu']));
    await world.run(() => engine.get(deploy.id)?.state === 'running');
    value(await engine.operate(deploy.id, { verb: 'pause' }, 'a', null));
    const waiting = await submit(engine, deployPlan(['ap']));
    const move = await submit(engine, deployPlan(['us'], { kind: 'reschedule' }));
    await world.run(() => engine.get(move.id)?.state === 'running');
    refusedWith(await engine.operate(deploy.id, { verb: 'resume' }, 'a', null), 'notNow', /is moving this stack/);
    assert.equal((await end(world, engine, move.id)).state, 'committed');
    assert.equal(engine.get(waiting.id)?.state, 'queued');
    let asked: readonly string[] | undefined;
    world.without = (_, plan, lost) => {
      asked = lost;
      return { kind: 'done', value: { dropped: [], added: [], locations: plan.locations, locks: plan.locks, owed: [], explanation: 'moved' } }; // biome-ignore format: one value
    };
    value(await engine.operate(deploy.id, { verb: 'resume' }, 'a', null));
    assert.equal((await end(world, engine, deploy.id)).state, 'committed');
    assert.deepEqual(asked, []);
    assert.ok(types(engine, deploy.id).includes('tx.overtaken'));
  });
});

describe('engine: clusters that are lost', () => {
  const cut = (world: World, engine: Engine, cluster: string) => {
    world.fleet.connect(cluster, false);
    engine.clusterChanged(cluster, 'suspect');
  };

  it('a cut line alone decides nothing', async () => {
    const { world, engine } = setUp('eu');
    const { id } = await submit(engine, deployPlan(['eu']));
    await world.run(() => engine.get(id)?.state === 'running');
    cut(world, engine, 'eu');
    await world.run(() => false, 300_000);
    assert.equal(engine.get(id)?.state, 'running');
    world.fleet.connect('eu', true);
    engine.clusterChanged('eu', 'reachable');
    assert.equal((await end(world, engine, id)).state, 'committed');
  });

  it('undo: what was done elsewhere is undone, the lost part is owed with all that a settle needs', async () => {
    const { world, engine, store } = setUp('eu', 'us');
    const { id } = await submit(engine, deployPlan(['eu', 'us'], { rollout: { onLostCluster: 'undo' } }));
    await world.run(() => status(engine.get(id) as TransactionView, 'apply:us') === 'succeeded');
    cut(world, engine, 'us');
    engine.clusterChanged('us', 'lost');
    const view = await end(world, engine, id);
    assert.deepEqual([view.state, view.cause?.kind, view.sealed], ['rolledBack', 'clusterLost', true]);
    assert.deepEqual(view.rollback?.verified?.clusters, { eu: 'equal', us: 'owed' });
    assert.equal(view.rollback?.verified?.equal, false);
    const owed = store.documents.get('owed', `us/${id}/apply:us`)?.body;
    const snapshot = engine
      .events(id)
      .find(({ type, data }) => type === 'step.succeeded' && data.step === 'snapshot:us');
    const output = (snapshot?.data.output as { value: { preImages: string } } | undefined)?.value;
    assert.deepEqual(
      [owed?.cluster, owed?.location, owed?.transaction, owed?.kind, owed?.preImages, owed?.bundle, owed?.previous],
      ['us', 'default/shop/web@us', id, 'undo', output?.preImages, bundleOf('us', 1), null],
    );
    assert.deepEqual(engine.events(id).find(({ type }) => type === 'tx.rolledBack')?.data.owed, view.owed);
  });

  it('replace: the same transaction goes on elsewhere; what ran on the lost cluster is owed, then settled when it returns', async () => {
    const { world, engine, store } = setUp('eu', 'us', 'ap');
    world.without = (_, plan, lost) => {
      assert.deepEqual(lost, ['us']);
      const added = stepsOf(locationOf('ap'), { revision: 1, wave: 1, before: ['soak:eu'] });
      const linked = added.map((step) => (step.id === 'apply:ap' ? { ...step, after: [...step.after, 'dryRun:ap', 'reserve:ap'] } : step)); // biome-ignore format: one line
      const locations = [plan.locations[0] as Plan['locations'][number], { location: locationOf('ap'), revision: 1, bundle: bundleOf('ap', 1) }]; // biome-ignore format: one line
      const locks = ['default/shop/web@ap', 'default/shop/web@eu'];
      return { kind: 'done', value: { dropped: ['apply:us', 'gate:us', 'soak:us', 'readBack:us', 'prune:us'], added: linked, locations, locks, owed: ['us'], explanation: 'ap instead of us' } }; // biome-ignore format: one line
    };
    const { id } = await submit(engine, deployPlan(['eu', 'us'], { rollout: { onLostCluster: 'replace' } }));
    await world.run(() => status(engine.get(id) as TransactionView, 'apply:us') === 'started');
    cut(world, engine, 'us');
    engine.clusterChanged('us', 'lost');
    const view = await end(world, engine, id);
    assert.equal(view.state, 'committed', JSON.stringify(view.cause));
    assert.equal(status(view, 'apply:us'), 'owed');
    assert.equal(status(view, 'gate:us'), 'dropped');
    assert.equal(status(view, 'prune:ap'), 'succeeded');
    assert.deepEqual(view.owed.map(({ step }) => step).sort(), ['apply:us', 'ensure:us']);
    const leftOut = view.leftOut?.map(({ clusters, explanation }) => [clusters, explanation]);
    assert.deepEqual(leftOut, [[['us'], 'ap instead of us']]);
    const [listed] = engine.list({}).items;
    assert.deepEqual(listed?.leftOut, view.leftOut, 'in lists as well');
    const committed = engine.events(id).find(({ type }) => type === 'tx.committed');
    assert.equal((committed?.data.locations as readonly unknown[] | undefined)?.length, 2);
    world.fleet.connect('us', true);
    engine.clusterChanged('us', 'reachable');
    const owed = store.documents.get('owed', `us/${id}/apply:us`)?.body as { preImages: `sha256:${string}`; bundle: `sha256:${string}` }; // biome-ignore format: one line
    const work = { action: 'settleUndo', location: locationOf('us'), transaction: id, step: 'apply:us', preImages: owed.preImages, bundle: owed.bundle, previous: null } as const; // biome-ignore format: one line
    const base = deployPlan([], { kind: 'settle', revision: 2 });
    const steps = [
      { id: 'settle:us', phase: 'running', kind: 'retriable', after: [], timeoutMs: 1_000, work },
    ] as const;
    const settle = await submit(engine, { ...base, steps, locks: ['default/shop/web@us'] });
    assert.equal((await end(world, engine, settle.id)).state, 'committed');
    assert.equal(store.documents.get('owed', `us/${id}/apply:us`), undefined);
    assert.equal(world.fleet.clusters.get('us')?.things.has('default/shop/web'), false);
  });

  it('a cluster that is lost again while it is settled: the undo stays owed, the removal becomes so, and the stack is free', async () => {
    const { world, engine, store } = setUp('eu', 'us');
    const { id } = await submit(engine, deployPlan(['eu', 'us']));
    await world.run(() => status(engine.get(id) as TransactionView, 'apply:us') === 'succeeded');
    engine.clusterChanged('us', 'lost');
    await end(world, engine, id);
    engine.clusterChanged('us', 'reachable');
    const owed = store.documents.get('owed', `us/${id}/apply:us`)?.body;
    assert.ok(owed !== undefined);
    const location = locationOf('us');
    const undo = { action: 'settleUndo', location, transaction: id, step: 'apply:us', preImages: owed.preImages, bundle: owed.bundle, previous: null } as StepWork; // biome-ignore format: one line
    const old = { action: 'remove', location: locationOf('us', 'shop', 'old'), previous: { revision: 0, bundle: bundleOf('old', 0) } } as const; // biome-ignore format: one line
    const base = deployPlan([], { kind: 'settle', revision: 2 });
    const steps = [
      step('settle:us', 'decided', 'retriable', [], undo),
      step('remove:us', 'decided', 'retriable', [], old),
    ];
    world.fleet.fault = () => ({ kind: 'hang' });
    const settle = await submit(engine, { ...base, steps });
    await world.run(() => engine.get(settle.id)?.state === 'decided', 5_000);
    engine.clusterChanged('us', 'lost');
    const view = await end(world, engine, settle.id);
    assert.deepEqual(
      [view.state, status(view, 'settle:us'), status(view, 'remove:us')],
      ['committed', 'skipped', 'owed'],
    );
    const keys = store.documents.list('owed', { prefix: 'us/' }).map(({ key }) => key);
    assert.ok(keys.includes(`us/${id}/apply:us`) && keys.includes(`us/${settle.id}/remove:us`), keys.join());
    world.fleet.fault = () => undefined;
    engine.clusterChanged('us', 'reachable');
    const again = await submit(engine, { ...base, steps });
    assert.equal((await end(world, engine, again.id)).state, 'committed');
    assert.deepEqual(store.documents.list('owed', { prefix: 'us/' }).map(({ body }) => body.step), ['ensure:us']); // biome-ignore format: one line
  });

  it('an amendment does not take what another transaction has locked: it is undone instead', async () => {
    const { world, engine } = setUp('eu', 'us', 'ap');
    const held = await submit(engine, deployPlan(['ap'], { rollout: { approval: 'required' } }));
    assert.ok(await world.run(() => engine.get(held.id)?.state === 'awaitingApproval'));
    world.without = (_, plan) => {
      const locks = [...plan.locks, 'default/shop/web@ap'].sort();
      const added = stepsOf(locationOf('ap'), { revision: 1, wave: 1, before: [] }).map((one) => (one.id === 'apply:ap' ? { ...one, after: ['dryRun:ap'] } : one)); // biome-ignore format: one line
      return { kind: 'done', value: { dropped: [], added, locations: plan.locations, locks, owed: ['us'], explanation: 'ap instead of us' } }; // biome-ignore format: one line
    };
    const plan = deployPlan(['eu', 'us'], { kind: 'reschedule', rollout: { onLostCluster: 'replace' } });
    const { id } = await submit(engine, plan);
    await world.run(() => engine.get(id)?.state === 'running');
    world.fleet.connect('us', false);
    engine.clusterChanged('us', 'lost');
    const view = await end(world, engine, id);
    assert.deepEqual([view.state, view.cause?.kind], ['rolledBack', 'clusterLost']);
    assert.ok(view.cause?.message.includes(`where it would go on ${held.id} is at work`), view.cause?.message);
    assert.ok(!types(engine, id).includes('tx.amended'));
    assert.equal(engine.get(held.id)?.state, 'awaitingApproval');
  });

  it('replace without room elsewhere undoes, and says so', async () => {
    const { world, engine } = setUp('eu', 'us');
    const { id } = await submit(engine, deployPlan(['eu', 'us'], { rollout: { onLostCluster: 'replace' } }));
    await world.run(() => engine.get(id)?.state === 'running');
    cut(world, engine, 'us');
    engine.clusterChanged('us', 'lost');
    const view = await end(world, engine, id);
    assert.deepEqual([view.state, view.cause?.kind], ['rolledBack', 'clusterLost']);
    assert.match(view.cause?.message ?? '', /us lost in mid-deploy, and no other cluster has room/);
  });

  it('lost after the decision: its deletions are owed and the rest is committed', async () => {
    const { world, engine, store } = setUp('eu', 'us');
    world.fleet.fault = ({ kind, cluster }) => (kind === 'prune' && cluster === 'us' ? { kind: 'hang' } : undefined);
    const { id } = await submit(engine, deployPlan(['eu', 'us']));
    await world.run(() => engine.get(id)?.state === 'decided');
    cut(world, engine, 'us');
    engine.clusterChanged('us', 'lost');
    const view = await end(world, engine, id);
    assert.equal(view.state, 'committed');
    assert.deepEqual(view.owed.map(({ step, kind }) => [step, kind]), [['prune:us', 'prune']]); // biome-ignore format: one line
    assert.equal(store.documents.list('owed').length, 1);
  });
});
