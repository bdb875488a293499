/** Many hand in at one moment: they share the disk's time, and each sees the locks of those before it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { done, seededRandom, silentLogger } from '../base/index.ts';
import { memoryStore } from '../store/index.ts';
import { deployPlan } from './testing/plans.ts';
import { World } from './testing/world.ts';
import type { NewTransaction } from './types.ts';

function setUp(sync: 'turn' | 'manual' = 'turn') {
  const world = new World(['eu']);
  const { clock, projectors } = world;
  const store = memoryStore({ clock, random: seededRandom(3), projectors, logger: silentLogger, sync });
  return { world, store, engine: world.open(store) };
}

function request(name: string, ifBusy: NewTransaction['ifBusy'] = 'wait'): NewTransaction {
  const plan = deployPlan(['eu']);
  const stack = { ...plan.stack, name };
  return { plan: { ...plan, stack, locks: [`default/${name}/web@eu`] }, actor: 'user:ann', reason: null, ifBusy };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('engine: handed in at once', () => {
  it('a hundred transactions are durable after three commits: plans, locks, journal', async () => {
    const { store, engine } = setUp('manual');
    let answered = 0;
    const answers = Array.from({ length: 100 }, (_, n) => engine.submit(request(`stack-${n}`)).then(() => answered++));
    for (let commits = 0; commits < 3; commits++) {
      await turn();
      assert.ok(store.sync());
      assert.ok(commits === 2 || answered === 0, 'nothing is answered before it is in the journal');
    }
    await Promise.all(answers);
    assert.equal(engine.list({ limit: 200 }).items.length, 100);
  });

  it('whoever would not wait is refused by one that is not in the journal yet', async () => {
    const { engine } = setUp();
    const [first, second] = await Promise.all([engine.submit(request('shop')), engine.submit(request('shop', 'fail'))]);
    assert.equal(first.kind, 'done');
    assert.equal(second.kind, 'refused');
    if (first.kind !== 'done' || second.kind !== 'refused') return;
    assert.equal(second.refusal.kind, 'busy');
    assert.ok(second.refusal.message.startsWith(first.value.id), second.refusal.message);
  });

  it('one that never reached the journal holds nobody back', async () => {
    const { world, store, engine } = setUp();
    const { append } = store.journal;
    let failures = 1;
    store.journal.append = (entries) =>
      failures-- > 0 ? Promise.reject(new Error('the disk is gone')) : append.call(store.journal, entries);
    const [lost, next] = await Promise.allSettled([engine.submit(request('shop')), engine.submit(request('shop'))]);
    assert.equal(lost.status, 'rejected');
    assert.equal(next.status, 'fulfilled');
    const id = next.status === 'fulfilled' && next.value.kind === 'done' ? next.value.value.id : '';
    assert.ok(await world.run(() => engine.get(id)?.sealed === true), `it stands in ${engine.get(id)?.state}`);
    assert.equal(engine.get(id)?.state, 'committed');
  });

  it('whoever replaces undoes one that is not in the journal yet, too', async () => {
    const { world, engine } = setUp();
    world.replanAgain = () => done(request('shop').plan);
    const [first, second] = await Promise.all([
      engine.submit(request('shop')),
      engine.submit(request('shop', 'replace')),
    ]);
    assert.ok(first.kind === 'done' && second.kind === 'done');
    assert.ok(await world.run(() => engine.get(second.value.id)?.sealed === true));
    assert.equal(engine.get(first.value.id)?.state, 'rolledBack');
    assert.equal(engine.get(second.value.id)?.state, 'committed');
  });

  it('who asks something of one that met a bug is answered, and does not wait for ever', async () => {
    const { world, store, engine } = setUp();
    const first = await engine.submit(request('shop'));
    assert.ok(first.kind === 'done');
    const { append } = store.journal;
    store.journal.append = () => Promise.reject(new Error('a bug'));
    const asked = engine.operate(first.value.id, { verb: 'abort' }, 'user:ann', null);
    assert.ok(await world.run(() => world.errors.length > 0));
    store.journal.append = append;
    assert.notEqual((await asked).kind, 'done');
    for (const answer of [
      await engine.operate(first.value.id, { verb: 'abort' }, 'user:ann', null),
      await engine.submit(request('shop', 'replace')),
    ]) {
      assert.ok(answer.kind === 'refused');
      assert.equal(answer.refusal.kind, 'setAside');
    }
  });

  for (const kind of ['settle', 'reschedule', 'failover'] as const) {
    it(`who replaces does not undo a ${kind} of the hub: it waits for it, and says so`, async () => {
      const { world, engine } = setUp();
      const move = await engine.submit({ ...request('shop'), plan: deployPlan(['eu'], { kind }) });
      assert.ok(move.kind === 'done');
      await world.run(() => engine.get(move.value.id)?.state === 'running');
      const next = await engine.submit(request('shop', 'replace'));
      assert.ok(next.kind === 'done', JSON.stringify(next));
      const [before, ...rest] = engine.get(next.value.id)?.waitsFor ?? [];
      assert.deepEqual([before?.id, before?.kind, before?.state, rest], [move.value.id, kind, 'running', []]);
      assert.ok(await world.run(() => engine.get(next.value.id)?.sealed === true));
      assert.equal(engine.get(move.value.id)?.state, 'committed');
      assert.equal(engine.get(next.value.id)?.waitsFor, undefined);
    });
  }

  it('who replaces one that is being undone, or is decided, waits for its end and undoes nothing anew', async () => {
    for (const state of ['compensating', 'decided'] as const) {
      const { world, engine } = setUp();
      const plan = deployPlan(['eu']);
      const first = await engine.submit({ ...request('shop'), plan });
      assert.ok(first.kind === 'done');
      const { id } = first.value;
      if (state === 'compensating') {
        await world.run(() => engine.get(id)?.state === 'running');
        await engine.operate(id, { verb: 'abort' }, 'user:ann', 'enough');
      }
      await world.run(() => engine.get(id)?.state === state);
      const next = await engine.submit(request('shop', 'replace'));
      assert.ok(next.kind === 'done', JSON.stringify(next));
      assert.equal(engine.get(next.value.id)?.waitsFor?.[0]?.state, state);
      assert.ok(await world.run(() => engine.get(next.value.id)?.sealed === true));
      const aborts = engine.events(id).filter(({ type }) => type === 'tx.compensating');
      assert.equal(aborts.length, state === 'compensating' ? 1 : 0);
      assert.equal(engine.get(id)?.state, state === 'compensating' ? 'rolledBack' : 'committed');
    }
  });
});
