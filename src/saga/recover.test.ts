/** What a start does with what it finds: goes on, sets aside, or refuses; and what a store that cannot write does to it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Digest, done, limits, seededRandom, silentLogger } from '../base/index.ts';
import type { Plan } from '../plan/index.ts';
import { memoryDisk, memoryStore } from '../store/index.ts';
import { bundleOf, deployPlan, locationOf, step } from './testing/plans.ts';
import { World } from './testing/world.ts';
import type { Engine } from './types.ts';

function setUp(clusters: readonly string[] = ['eu']) {
  const world = new World(clusters);
  const disk = memoryDisk();
  const open = () => {
    const { clock, projectors } = world;
    const store = memoryStore({ clock, random: seededRandom(3), projectors, logger: silentLogger, disk });
    return { store, engine: world.open(store) };
  };
  return { world, disk, open };
}

const request = (plan: Plan) => ({ plan, actor: 'a', reason: null, ifBusy: 'wait' }) as const;

const newest = (engine: Engine) => engine.list({}).items[0]?.id ?? '';

describe('engine: start', () => {
  it('refuses when an unfinished transaction has an action that this ldc does not know', async () => {
    const { world, disk, open } = setUp();
    const { engine } = open();
    const outcome = await engine.submit(request(deployPlan(['eu'])));
    assert.equal(outcome.kind, 'done');
    await world.run(() => engine.list({}).items[0]?.state === 'running');
    await engine.stop();
    for (const [digest, text] of disk.blobs)
      disk.blobs.set(digest, text.replaceAll('"action":"prune"', '"action":"shred"'));
    await assert.rejects(open().engine.start(), /does not know the actions shred \(of tx-/);
  });

  it('sets aside a transaction whose chain does not replay, and goes on with the others', async () => {
    const { world, disk, open } = setUp();
    const { engine } = open();
    await engine.submit(request(deployPlan(['eu'])));
    await engine.submit(request(deployPlan(['eu'], { stack: 'blog' })));
    await world.run(() => engine.list({ state: 'running' }).items.length === 2);
    const [blog, shop] = engine.list({}).items.map(({ id }) => id) as [string, string];
    await engine.stop();
    const broken = disk.journal.findIndex(({ tx, text }) => tx === shop && text.includes('tx.running'));
    disk.journal[broken] = { tx: shop, text: (disk.journal[broken]?.text ?? '').replace('tx.running', 'tx.decided') };
    const again = open().engine;
    await again.start();
    assert.ok(await world.run(() => again.get(blog)?.sealed === true));
    assert.match(world.errors.join(), new RegExp(`its chain does not replay .*${shop}`));
  });

  it('makes the plan of a paused one anew that had not begun: what it was made from may have changed', async () => {
    const { world, open } = setUp();
    const { engine } = open();
    await engine.submit(request(deployPlan(['eu'])));
    await engine.submit(request(deployPlan(['eu'])));
    const [second, first] = engine.list({}).items.map(({ id }) => id) as [string, string];
    assert.equal((await engine.operate(second, { verb: 'pause' }, 'a', null)).kind, 'done');
    assert.ok(await world.run(() => engine.get(first)?.sealed === true));
    await engine.stop();
    const again = open().engine;
    await again.start();
    const asked: string[] = [];
    world.replanAgain = ({ id }) => {
      asked.push(id);
      return done(deployPlan(['eu']));
    };
    assert.equal((await again.operate(second, { verb: 'resume' }, 'a', null)).kind, 'done');
    assert.ok(await world.run(() => again.get(second)?.sealed === true));
    assert.deepEqual(asked, [second]);
    assert.equal(again.get(second)?.state, 'committed');
  });

  it('restored from a backup it shows everything and does nothing', async () => {
    const { world, open } = setUp();
    const { engine, store } = open();
    await engine.submit(request(deployPlan(['eu'])));
    await world.run(() => engine.list({}).items[0]?.state === 'running');
    await engine.stop();
    const observing = world.open(store, true);
    await observing.start();
    const arrived = world.fleet.arrivals.length;
    observing.clusterChanged('eu', 'lost');
    const outcomes = [
      await observing.submit(request(deployPlan(['eu'], { stack: 'blog' }))),
      await observing.operate(newest(observing), { verb: 'abort' }, 'a', null),
    ];
    for (const outcome of outcomes) assert.equal(outcome.kind === 'refused' && outcome.refusal.kind, 'observeOnly');
    await world.run(() => false, 60_000);
    assert.equal(world.fleet.arrivals.length, arrived);
    assert.equal(observing.get(newest(observing))?.state, 'running');
  });

  it('a full disk stops it without harm; with room again it goes on by itself', async () => {
    const { world, disk, open } = setUp();
    const { engine } = open();
    await engine.submit(request(deployPlan(['eu'])));
    await world.run(() => engine.list({}).items[0]?.state === 'running');
    disk.full = true;
    const entries = disk.journal.length;
    await world.run(() => false, 20_000);
    assert.equal(disk.journal.length, entries);
    const refused = await engine.submit(request(deployPlan(['eu'], { stack: 'blog' })));
    assert.equal(refused.kind === 'refused' && refused.refusal.kind, 'store.full');
    disk.full = false;
    assert.ok(await world.run(() => engine.list({}).items[0]?.sealed === true));
    assert.equal(engine.list({}).items[0]?.state, 'committed');
    assert.ok(world.errors.every((line) => line.startsWith('journal refused a write')));
  });

  it('a plan made anew that finds no room on the disk waits for it: that undid the transaction as a fault of the hub', async () => {
    const { world, disk, open } = setUp();
    const { engine } = open();
    world.replanAgain = () => {
      disk.full = true;
      return { kind: 'done', value: deployPlan(['eu'], { revision: 2 }) };
    };
    await engine.submit({ ...request(deployPlan(['eu'])), isStale: () => true });
    await world.run(() => false, 20_000);
    assert.deepEqual([disk.full, engine.list({}).items[0]?.state], [true, 'queued']);
    world.replanAgain = () => ({ kind: 'done', value: deployPlan(['eu'], { revision: 2 }) });
    disk.full = false;
    assert.ok(await world.run(() => engine.list({}).items[0]?.sealed === true));
    assert.deepEqual([engine.list({}).items[0]?.state, world.errors], ['committed', []]);
  });
});

describe('engine: plans it does not take', () => {
  const good = deployPlan(['eu']);
  const [first] = good.steps;
  const work = {
    action: 'apply',
    location: locationOf('us'),
    revision: 1,
    bundle: bundleOf('us', 1),
    previous: null,
  } as const;
  const cases: readonly (readonly [string, RegExp, Plan['steps']])[] = [
    ['two steps of one id', /two steps have one id/, [...good.steps, ...(first ? [first] : [])]],
    ['an unknown predecessor', /comes after nothing, which is not in the plan/, [step('a', 'running', 'compensatable', ['nothing'], { action: 'soak', durationMs: 1 })]],
    ['a cycle', /wait for each other: a → b → a/, [step('a', 'running', 'compensatable', ['b'], { action: 'soak', durationMs: 1 }), step('b', 'running', 'compensatable', ['a'], { action: 'soak', durationMs: 1 })]],
    ['a write without a snapshot', /writes without a snapshot before it/, [step('a', 'running', 'compensatable', [], work)]],
    ['an undoable step after the decision', /could be undone, but comes after the decision/, [step('a', 'decided', 'retriable', [], work)]],
    ['an unknown action', /unknown action shred/, [step('a', 'running', 'compensatable', [], { action: 'shred' } as never)]],
    ['a later phase first', /comes after b of the later phase decided/, [step('b', 'decided', 'retriable', [], { action: 'soak', durationMs: 1 }), step('a', 'running', 'compensatable', ['b'], { action: 'soak', durationMs: 1 })]],
  ]; // biome-ignore format: a table
  for (const [name, message, steps] of cases) {
    it(name, async () => {
      const { open, disk } = setUp();
      const outcome = await open().engine.submit(request({ ...good, steps }));
      assert.equal(outcome.kind === 'refused' && outcome.refusal.kind, 'invalidPlan');
      assert.match(outcome.kind === 'refused' ? outcome.refusal.message : '', message);
      assert.equal(disk.journal.length, 0, 'nothing exists of it');
    });
  }
});

describe('engine: large things', () => {
  it('what does not fit into an entry lies in a blob, and the view shows it whole', async () => {
    const { world, open } = setUp();
    const details = { reasons: Array.from({ length: 2_000 }, (_, n) => ({ pod: `web-${n}`, log: 'x'.repeat(50) })) };
    world.fleet.fault = ({ kind }) =>
      kind === 'gate' ? { kind: 'refuse', refusal: { kind: 'notReady', message: 'm'.repeat(9_000), hint: 'mend it', details }, effect: false } : undefined; // biome-ignore format: one line
    const { engine, store } = open();
    await engine.submit(request(deployPlan(['eu'])));
    const id = newest(engine);
    assert.ok(await world.run(() => engine.get(id)?.sealed === true));
    assert.deepEqual(engine.get(id)?.cause?.details, details);
    const failed = engine.events(id).find(({ type }) => type === 'step.failed');
    const held = (failed?.data.refusal as { details: { blob: Digest } } | undefined)?.details.blob;
    assert.deepEqual(store.blobs.get(held as Digest), details);
    for (const entry of engine.events(id)) assert.ok(JSON.stringify(entry).length < limits.journalEntryBytesMax / 4);
    assert.equal(engine.list({}).items[0]?.cause?.details, undefined, 'lists stay small');
  });

  it('a thousand clusters in one transaction', { timeout: 120_000 }, async () => {
    const clusters = Array.from({ length: 1_000 }, (_, n) => `c${String(n).padStart(4, '0')}`);
    const { world, open } = setUp(clusters);
    const { engine } = open();
    await engine.submit(request(deployPlan(clusters, { oneWave: true })));
    const id = newest(engine);
    assert.ok(await world.run(() => engine.get(id)?.sealed === true));
    assert.equal(engine.get(id)?.state, 'committed');
    const committed = engine.events(id).find(({ type }) => type === 'tx.committed');
    assert.equal(committed?.data.locations, undefined);
    assert.match(String(committed?.data.locationsBlob), /^sha256:/);
  });
});

describe('engine: a point of no return', () => {
  const location = locationOf('eu');
  const bundle = bundleOf('eu', 1);
  const base = deployPlan(['eu'], { rollout: { deadlineMs: 5_000 } });
  const pivot = step('pivot', 'running', 'pivot', ['soak:eu'], { action: 'readBack', location, bundle });
  const after = step('after', 'running', 'retriable', ['pivot'], {
    action: 'gate',
    location,
    bundle,
    deadlineMs: 1_000,
  });
  const plan = { ...base, steps: [...base.steps, pivot, after] };

  it('behind it no refusal and no deadline turns back; verbs that would are refused', async () => {
    const { world, open } = setUp();
    let no = 4;
    world.fleet.fault = ({ id }) =>
      /\/after\/do/.test(id) && no-- > 0
        ? { kind: 'refuse', refusal: { kind: 'x', message: 'x', hint: 'mend it' }, effect: false }
        : undefined;
    const { engine } = open();
    await engine.submit(request(plan));
    const id = newest(engine);
    await world.run(() => engine.events(id).some(({ type, data }) => type === 'step.failed' && data.step === 'after'));
    for (const verb of ['abort', 'pause'] as const) {
      const outcome = await engine.operate(id, { verb }, 'a', null);
      assert.match(outcome.kind === 'refused' ? outcome.refusal.message : '', /point of no return has passed/);
    }
    assert.ok(await world.run(() => engine.get(id)?.sealed === true));
    assert.equal(engine.get(id)?.state, 'committed');
  });

  it('refused itself, everything before it is undone', async () => {
    const { world, open } = setUp();
    world.fleet.fault = ({ id }) =>
      /\/pivot\/do/.test(id)
        ? { kind: 'refuse', refusal: { kind: 'x', message: 'x', hint: 'mend it' }, effect: false }
        : undefined;
    const { engine } = open();
    await engine.submit(request(plan));
    const id = newest(engine);
    assert.ok(await world.run(() => engine.get(id)?.sealed === true));
    assert.deepEqual([engine.get(id)?.state, engine.get(id)?.cause?.where], ['rolledBack', 'pivot on eu']);
    assert.deepEqual(world.fleet.contents(), { eu: {} });
  });

  it('stuck behind it, force-close commits, forced, with the rest owed or skipped', async () => {
    const { world, open } = setUp();
    world.fleet.fault = ({ id }) =>
      /\/after\/do/.test(id)
        ? { kind: 'refuse', refusal: { kind: 'x', message: 'x', hint: 'mend it' }, effect: false }
        : undefined;
    const { engine } = open();
    await engine.submit(request(plan));
    const id = newest(engine);
    assert.ok(await world.run(() => engine.get(id)?.state === 'stuck'));
    assert.equal(engine.get(id)?.heldFrom, 'running');
    await engine.operate(id, { verb: 'force-close', reason: 'seen to by hand' }, 'user:ann', null);
    assert.ok(await world.run(() => engine.get(id)?.sealed === true));
    const view = engine.get(id);
    assert.deepEqual([view?.state, view?.forced], ['committed', true]);
    assert.deepEqual(
      view?.owed.map(({ step: owed, kind }) => [owed, kind]),
      [['prune:eu', 'prune']],
    );
  });
});

describe('engine: lists', () => {
  it('newest first, in pages, by stack, state, kind and cluster', async () => {
    const { world, open } = setUp(['eu', 'us']);
    const { engine } = open();
    for (const stack of ['a', 'b', 'c'])
      await engine.submit(request(deployPlan([stack === 'b' ? 'us' : 'eu'], { stack })));
    await world.run(() => engine.list({ unfinished: true }).items.length === 0);
    const names = (filter: Parameters<typeof engine.list>[0]) =>
      engine.list(filter).items.map(({ stack }) => stack.name);
    assert.deepEqual(names({}), ['c', 'b', 'a']);
    const page = engine.list({ limit: 2 });
    assert.equal(page.next, page.items[1]?.id);
    assert.deepEqual(names({ limit: 2, after: page.next ?? '' }), ['a']);
    assert.deepEqual(names({ cluster: 'us' }), ['b']);
    assert.deepEqual(names({ stack: { project: 'default', name: 'a' } }), ['a']);
    assert.deepEqual(names({ state: 'rolledBack' }), []);
    assert.deepEqual(names({ kind: 'deploy', limit: 1 }), ['c']);
    assert.equal(engine.list({}).items[0]?.plan.steps, 9);
  });
});
