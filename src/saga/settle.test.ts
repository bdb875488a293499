/** What an undone transaction still owes on a cluster that was lost, settled when it returns: undo, proof, and what they stood on. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { digestOf, seededRandom, silentLogger } from '../base/index.ts';
import type { Plan, Step, StepWork } from '../plan/index.ts';
import { memoryStore } from '../store/index.ts';
import type { OwedDocument } from './project.ts';
import { bundleOf, deployPlan, locationOf, step } from './testing/plans.ts';
import { World } from './testing/world.ts';
import type { Engine, TransactionView } from './types.ts';

function setUp() {
  const world = new World(['eu', 'us']);
  const store = memoryStore({
    clock: world.clock,
    random: seededRandom(3),
    projectors: world.projectors,
    logger: silentLogger,
  });
  const engine = world.open(store);
  const owed = () => store.documents.list('owed').map(({ body }) => body as unknown as OwedDocument);
  return { world, store, engine, owed };
}

async function submit(engine: Engine, plan: Plan): Promise<string> {
  const outcome = await engine.submit({ plan, actor: 'hub', reason: null, ifBusy: 'wait' });
  if (outcome.kind !== 'done') assert.fail(JSON.stringify(outcome));
  return outcome.value.id;
}

async function end(world: World, engine: Engine, id: string): Promise<TransactionView> {
  const view = () => engine.get(id) as TransactionView;
  assert.ok(await world.run(() => view().sealed || view().state === 'stuck'), `${view().state} ${world.errors}`);
  return view();
}

function settlePlan(steps: readonly Step[]): Plan {
  const { digest: _, ...plan } = deployPlan([], { kind: 'settle', revision: 1 });
  const settle = { ...plan, revision: 0, steps, locks: ['default/shop/web@us'] };
  return { ...settle, digest: digestOf(settle) };
}

/** A deploy that is undone because `us` was lost, once `until` holds; then `us` is there again. */
async function undone(made: ReturnType<typeof setUp>, until: (view: TransactionView) => boolean): Promise<string> {
  const { world, engine } = made;
  const id = await submit(engine, deployPlan(['eu', 'us'], { oneWave: true }));
  assert.ok(await world.run(() => until(engine.get(id) as TransactionView)));
  world.fleet.connect('us', false);
  engine.clusterChanged('us', 'lost');
  const view = await end(world, engine, id);
  assert.equal(view.state, 'rolledBack');
  world.fleet.fault = () => undefined;
  world.fleet.connect('us', true);
  engine.clusterChanged('us', 'reachable');
  return id;
}

const status = (view: TransactionView, id: string) => view.plan.steps.find((one) => one.id === id)?.status;
const shop = { project: 'default', name: 'shop' };

function undoWork(id: string, owed: OwedDocument | undefined): { undo: StepWork; look: StepWork } {
  assert.ok(owed?.preImages && owed.bundle);
  const shared = { location: locationOf('us'), transaction: id, step: 'apply:us', preImages: owed.preImages, bundle: owed.bundle }; // biome-ignore format: one line
  return { undo: { action: 'settleUndo', ...shared, previous: null }, look: { action: 'settleVerify', ...shared } };
}

describe('the owed undo of an ensure', () => {
  it('is settled by uid with what it had created', async () => {
    const made = setUp();
    const id = await undone(made, (view) => status(view, 'apply:us') === 'succeeded');
    const { world, engine, owed } = made;
    const ensure = owed().find((each) => each.step === 'ensure:us');
    assert.deepEqual(ensure?.ensured, {
      created: { value: [{ apiVersion: 'v1', kind: 'Namespace', name: 'shop', uid: 'uid-2' }] },
    });
    const objects = [{ apiVersion: 'v1', kind: 'Namespace', name: 'shop', uid: 'uid-2' }];
    const work = { action: 'settleEnsure', cluster: 'us', stack: shop, transaction: id, step: 'ensure:us', created: { kind: 'known', objects } } as const; // biome-ignore format: one line
    const settle = await submit(engine, settlePlan([step('settle', 'decided', 'retriable', [], work)]));
    assert.equal((await end(world, engine, settle)).state, 'committed');
    assert.equal(world.fleet.clusters.get('us')?.things.has('needs/shop'), false);
    assert.ok(!owed().some((each) => each.step === 'ensure:us'));
  });

  it('that was never answered is asked once more under its own id first', async () => {
    const made = setUp();
    made.world.fleet.fault = ({ kind, cluster }) =>
      kind === 'ensure' && cluster === 'us' ? { kind: 'silence', effect: true } : undefined;
    const id = await undone(made, (view) => {
      const done = made.world.fleet.effects.some(({ kind, cluster }) => kind === 'ensure' && cluster === 'us');
      return done && status(view, 'ensure:us') === 'started';
    });
    const { world, engine, owed } = made;
    const [ensure] = owed();
    const command = `${id}/ensure:us/do`;
    assert.deepEqual([ensure?.step, ensure?.ensured], ['ensure:us', { command }]);
    const objects = [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } }];
    const recall = { action: 'recallEnsure', cluster: 'us', stack: shop, command, objects } as const;
    const work = { action: 'settleEnsure', cluster: 'us', stack: shop, transaction: id, step: 'ensure:us', created: { kind: 'recalled', by: 'recall' } } as const; // biome-ignore format: one line
    const steps = [
      step('recall', 'decided', 'retriable', [], recall),
      step('settle', 'decided', 'retriable', ['recall'], work),
    ];
    const settle = await submit(engine, settlePlan(steps));
    assert.equal((await end(world, engine, settle)).state, 'committed');
    assert.equal(world.fleet.effects.filter(({ kind, cluster }) => kind === 'ensure' && cluster === 'us').length, 1);
    assert.equal(world.fleet.clusters.get('us')?.things.has('needs/shop'), false);
    assert.deepEqual(owed(), []);
  });

  it('that found everything there is none at all', async () => {
    const made = setUp();
    made.world.fleet.clusters.get('us')?.things.set('needs/shop', 'somebody’s');
    const id = await undone(made, (view) => status(view, 'ensure:us') === 'succeeded');
    const { engine, owed, world } = made;
    assert.deepEqual(owed(), []);
    const view = engine.get(id) as TransactionView;
    assert.equal(status(view, 'ensure:us'), 'undone');
    assert.equal(view.rollback?.verified?.clusters.us, 'equal');
    assert.equal(world.fleet.clusters.get('us')?.things.get('needs/shop'), 'somebody’s');
  });

  it('remembers what a refused ensure had created although its undo was refused as well', async () => {
    const { world, engine } = setUp();
    const created = [{ apiVersion: 'v1', kind: 'Namespace', name: 'shop', uid: 'uid-1' }];
    let no = 2;
    world.fleet.fault = ({ kind }) => {
      const refusal = { kind: 'refused', message: 'no', hint: 'mend it', details: { created } };
      if (kind === 'ensure') return { kind: 'refuse', refusal, effect: true };
      return kind === 'undoEnsure' && no-- > 0
        ? { kind: 'refuse', refusal: { kind: 'busy', message: 'not now', hint: 'mend it' }, effect: false }
        : undefined;
    };
    const view = await end(world, engine, await submit(engine, deployPlan(['eu'])));
    assert.equal(view.state, 'rolledBack');
    assert.equal(world.fleet.clusters.get('eu')?.things.has('needs/shop'), false);
  });
});

describe('the owed undo of an apply', () => {
  async function settling(spoil: boolean) {
    const made = setUp();
    const id = await undone(made, (view) => status(view, 'apply:us') === 'succeeded');
    const { world, engine, owed } = made;
    const { undo, look } = undoWork(id, owed().find((each) => each.step === 'apply:us')); // biome-ignore format: one line
    const things = world.fleet.clusters.get('us')?.things;
    if (spoil) {
      world.fleet.fault = ({ kind }) => {
        if (kind === 'verify') things?.set('default/shop/web', 'somebody was here');
        return undefined;
      };
    }
    const steps = [
      step('settle', 'decided', 'retriable', [], undo),
      step('verify', 'decided', 'retriable', ['settle'], look),
    ];
    const settle = await submit(engine, settlePlan(steps));
    return { ...made, settle, things, view: await end(world, engine, settle), due: () => owed().some(({ step: one }) => one === 'apply:us') }; // biome-ignore format: one line
  }

  it('is proven: read back and compared, and only then settled', async () => {
    const { view, engine, settle, things, due } = await settling(false);
    assert.equal(view.state, 'committed');
    assert.equal(things?.has('default/shop/web'), false);
    assert.equal(due(), false);
    const succeeded = engine.events(settle).filter(({ type }) => type === 'step.succeeded');
    assert.deepEqual(
      succeeded.map(({ data }) => [data.step, data.settles !== undefined]),
      [
        ['settle', false],
        ['verify', true],
      ],
    );
    assert.match(JSON.stringify(succeeded[1]?.data.output), /"equal":true/);
  });

  it('that left a difference is stuck with it, and goes on when a person has repaired it', async () => {
    const { view, world, engine, settle, things, due } = await settling(true);
    assert.deepEqual([view.state, view.cause?.kind], ['stuck', 'notEqual']);
    assert.match(view.cause?.message ?? '', /differs from before in 1 place/);
    assert.equal(due(), true, 'it is still owed');
    world.fleet.fault = () => undefined;
    things?.delete('default/shop/web');
    await engine.operate(settle, { verb: 'retry' }, 'user:ann', null);
    assert.equal((await end(world, engine, settle)).state, 'committed');
    assert.equal(due(), false);
  });

  for (const verb of ['skip', 'force-close'] as const) {
    it(`that is refused for good: ${verb} ${verb === 'skip' ? 'gives it up, and with it the look that follows' : 'leaves it on record'}`, async () => {
      const made = setUp();
      const id = await undone(made, (view) => status(view, 'apply:us') === 'succeeded');
      const { world, engine, owed } = made;
      const { undo, look } = undoWork(id, owed().find((each) => each.step === 'apply:us')); // biome-ignore format: one line
      const refusal = { kind: 'immutable', message: 'field is immutable', hint: 'mend it' };
      world.fleet.fault = ({ kind }) => (kind === 'undo' ? { kind: 'refuse', refusal, effect: false } : undefined);
      const pruned = [{ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop', name: 'former' }];
      const prune = {
        action: 'prune',
        location: locationOf('us'),
        objects: pruned,
        bundle: bundleOf('us', 1),
      } as const;
      const steps = [
        step(`settle:${id}/apply:us`, 'decided', 'retriable', [], undo),
        step(`verify:${id}/apply:us`, 'decided', 'retriable', [`settle:${id}/apply:us`], look),
        step(`prune:${id}/other`, 'decided', 'retriable', [`verify:${id}/apply:us`], prune),
      ];
      const settle = await submit(engine, settlePlan(steps));
      assert.equal((await end(world, engine, settle)).state, 'stuck');
      await engine.operate(settle, { verb, reason: 'seen to by hand' }, 'user:ann', null);
      const view = await end(world, engine, settle);
      assert.deepEqual([view.state, view.forced, view.owed], ['committed', true, []]);
      const went = verb === 'skip' ? 'succeeded' : 'skipped';
      assert.deepEqual(view.plan.steps.map((one) => one.status), ['skipped', 'skipped', went]); // biome-ignore format: one line
      assert.equal(owed().some((each) => each.step === 'apply:us'), verb === 'force-close'); // biome-ignore format: one line
      assert.equal(owed().some((each) => each.transaction === settle), false, 'nothing is owed twice'); // biome-ignore format: one line
    });
  }

  it('that left a difference which a person accepts is owed no more', async () => {
    const { world, engine, settle, due } = await settling(true);
    await engine.operate(settle, { verb: 'skip', reason: 'it is fine' }, 'user:ann', null);
    const view = await end(world, engine, settle);
    assert.deepEqual([view.state, view.forced, due()], ['committed', true, false]);
  });
});

describe('what a removal leaves for a person', () => {
  it('is on record until a removal finds it gone; the transaction ends all the same', async () => {
    const { world, engine, store } = setUp();
    world.fleet.clusters.get('us')?.things.set('default/shop/web', 'data');
    world.fleet.keep.add('default/shop/web');
    const previous = { revision: 1, bundle: bundleOf('us', 1) };
    const remove = step('remove', 'decided', 'retriable', [], { action: 'remove', location: locationOf('us'), previous }); // biome-ignore format: one line
    const first = await submit(engine, settlePlan([remove]));
    assert.equal((await end(world, engine, first)).state, 'committed');
    const [kept] = store.documents.list('kept', { prefix: 'us/' });
    assert.deepEqual(
      [kept?.body.location, kept?.body.why, kept?.body.transaction],
      ['default/shop/web@us', 'it holds data: a person deletes it', first],
    );
    world.fleet.keep.clear();
    assert.equal((await end(world, engine, await submit(engine, settlePlan([remove])))).state, 'committed');
    assert.deepEqual(store.documents.list('kept'), []);
  });
});
