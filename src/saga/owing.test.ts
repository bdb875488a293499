/** "Settle first": where work of a stack is owed nothing of that stack is begun but its settle; who waits there does not wait for ever. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { digestOf, seededRandom, silentLogger } from '../base/index.ts';
import type { Plan } from '../plan/index.ts';
import { memoryStore } from '../store/index.ts';
import type { OwedDocument } from './project.ts';
import { deployPlan, locationOf, step } from './testing/plans.ts';
import { World } from './testing/world.ts';
import type { Engine, TransactionView } from './types.ts';

async function submit(engine: Engine, plan: Plan): Promise<string> {
  const outcome = await engine.submit({ plan, actor: 'hub', reason: null, ifBusy: 'wait' });
  return outcome.kind === 'done' ? outcome.value.id : assert.fail(JSON.stringify(outcome));
}

/** A deploy was undone without `us`, which has returned: its undo is owed there. */
async function owing() {
  const world = new World(['eu', 'us']);
  const store = memoryStore({ clock: world.clock, random: seededRandom(3), projectors: world.projectors, logger: silentLogger }); // biome-ignore format: one line
  const engine = world.open(store);
  const view = (id: string) => engine.get(id) as TransactionView;
  const sealed = (id: string) => world.run(() => view(id).sealed);
  const first = await submit(engine, deployPlan(['eu', 'us'], { oneWave: true }));
  const applied = () => view(first).plan.steps.find(({ id }) => id === 'apply:us')?.status === 'succeeded';
  assert.ok(await world.run(applied));
  world.fleet.connect('us', false);
  engine.clusterChanged('us', 'lost');
  assert.ok(await sealed(first));
  world.fleet.connect('us', true);
  engine.clusterChanged('us', 'reachable');
  const owed = () => store.documents.list('owed').map(({ body }) => body as unknown as OwedDocument);
  const works = owed().map((one) => step(`settle:${first}/${one.step}`, 'decided', 'retriable', [], one.preImages === null ? { action: 'settleEnsure', cluster: 'us', stack: { project: 'default', name: 'shop' }, transaction: first, step: one.step, created: { kind: 'known', objects: [] } } : { action: 'settleUndo', location: locationOf('us'), transaction: first, step: one.step, preImages: one.preImages, bundle: one.bundle as never, previous: null })); // biome-ignore format: one table
  const { digest: _, ...plan } = {
    ...deployPlan([], { kind: 'settle' }),
    steps: works,
    locks: ['default/shop/web@us'] as const,
  };
  const settle: Plan = { ...plan, digest: digestOf(plan) };
  const atUs = (id: string) => world.fleet.arrivals.findIndex((arrival) => arrival.cluster === 'us' && arrival.id.startsWith(`${id}/`)); // biome-ignore format: one line
  return { world, store, engine, view, sealed, owed, settle, atUs };
}

describe('work that is owed on a cluster', () => {
  it('is settled before anything else of its stack is begun there, though that one runs already', async () => {
    const { world, engine, view, sealed, owed, settle, atUs } = await owing();
    const deploy = await submit(engine, deployPlan(['eu', 'us'], { revision: 2 }));
    assert.equal(await world.run(() => atUs(deploy) >= 0, 60_000), false, 'nothing is sent there');
    assert.equal(view(deploy).plan.steps.find(({ id }) => id === 'snapshot:eu')?.status, 'succeeded', 'elsewhere it goes on'); // biome-ignore format: one line
    const settling = await submit(engine, settle);
    assert.ok(await sealed(settling));
    assert.equal(view(deploy).sealed, false, 'it did not wait for the one that waits for it');
    assert.ok(await sealed(deploy));
    assert.deepEqual([view(settling).state, view(deploy).state, owed()], ['committed', 'committed', []]);
    const last = world.fleet.arrivals.findLastIndex(({ id }) => id.startsWith(`${settling}/`));
    assert.ok(last < atUs(deploy), 'all of the settle, then the first of the deploy');
    assert.deepEqual(world.errors, []);
  });

  it('is settled once its own transaction has ended: only then is said what is wanted there', async () => {
    const { world, engine, view, sealed, settle } = await owing();
    await sealed(await submit(engine, settle));
    world.fleet.fault = ({ kind, cluster }) => (kind === 'prune' && cluster === 'eu' ? { kind: 'hang' } : undefined);
    const deploy = await submit(engine, deployPlan(['eu'], { revision: 2, removeFrom: 'us' }));
    assert.ok(await world.run(() => view(deploy).state === 'running'));
    world.fleet.connect('us', false);
    engine.clusterChanged('us', 'lost');
    assert.ok(await world.run(() => view(deploy).owed.some(({ step: one }) => one === 'remove:old@us')));
    world.fleet.connect('us', true);
    engine.clusterChanged('us', 'reachable');
    world.replanAgain = () => ({ kind: 'done', value: settle });
    const settling = await submit(engine, settle);
    await world.run(() => false, 20_000);
    assert.deepEqual([view(deploy).state, view(settling).state], ['decided', 'queued']);
    world.fleet.fault = () => undefined;
    assert.ok(await sealed(settling));
    assert.deepEqual([view(deploy).state, view(settling).state], ['committed', 'committed']);
  });

  it('holds up no other stack', async () => {
    const { engine, view, sealed } = await owing();
    const other = await submit(engine, deployPlan(['eu', 'us'], { stack: 'blog' }));
    assert.ok(await sealed(other));
    assert.equal(view(other).state, 'committed');
  });

  it('is waited for so long and no longer: then the transaction is undone, and says where and why', async () => {
    const { engine, view, sealed, atUs } = await owing();
    const deploy = await submit(engine, deployPlan(['eu', 'us'], { revision: 2 }));
    assert.ok(await sealed(deploy));
    const { state, cause } = view(deploy);
    assert.deepEqual([state, cause?.kind, cause?.where], ['rolledBack', 'stillOwed', 'us']);
    assert.match(cause?.message ?? '', /^us owes work of default\/shop that was not settled within 300 s$/);
    assert.equal(atUs(deploy), -1);
  });

  it('holds nobody up who has begun there, nor once it is forgotten with its cluster', async () => {
    const { engine, store, sealed, view, atUs } = await owing();
    const deploy = await submit(engine, deployPlan(['eu', 'us'], { revision: 2 }));
    const data = { name: 'us', reason: 'burnt' };
    await store.journal.append([{ tx: 'cluster/us', type: 'cluster.removed', actor: 'user:ann', data }]);
    assert.ok(await sealed(deploy));
    assert.equal(view(deploy).state, 'committed');
    assert.ok(atUs(deploy) >= 0);
  });
});
