/** Moves past transactions that wait for a person, and plans that another transaction has overtaken. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { applied, type Bed, fakeCluster, four, heldOn, openBed, options, source } from './testbed.test.ts';

const web = [{ name: 'web', min: 2, max: 2, spread: 'region' }];

function clusterOf(bed: Bed, name: string) {
  const cluster = bed.byName.get(name);
  assert.ok(cluster);
  return cluster;
}

const wanted = (bed: Bed) =>
  (bed.room.functions({}).find((each) => each.function === 'web')?.locations ?? [])
    .map(({ cluster }) => cluster)
    .sort();

/** Revision 1 is committed, revision 2 waits for a person as `how` says; then a cluster that serves is lost and left. */
async function movedPast(how: (bed: Bed) => Promise<string>) {
  const bed = openBed(four());
  await bed.start();
  await applied(bed, source('shop', web));
  const held = await how(bed);
  const state = bed.engine.get(held)?.state;
  const [lost = ''] = wanted(bed);
  clusterOf(bed, lost).cut = true;
  await bed.until('it has moved', () => !wanted(bed).includes(lost), 30_000);
  assert.equal(bed.engine.get(held)?.state, state, 'it was not waited for');
  const [move] = bed.engine.list({ kind: 'reschedule' }).items;
  assert.deepEqual([move?.state, move?.revision], ['committed', 1], 'the committed revision moves');
  const touched = new Set(bed.engine.plan(held)?.steps.flatMap(({ work }) => ('location' in work ? [work.location.cluster] : []))); // biome-ignore format: one line
  const added = bed.engine.plan(move?.id ?? '')?.steps.flatMap(({ work }) => (work.action === 'apply' ? [work.location.cluster] : [])); // biome-ignore format: one line
  assert.ok(added !== undefined && added.length === 1 && !touched.has(added[0] ?? ''), `${added} of ${[...touched]}`);
  return { bed, held, lost, added };
}

async function submitted(bed: Bed, rollout: string): Promise<string> {
  const result = await bed.room.apply(source('shop', web, { version: '2', rollout }), options);
  assert.ok(result.kind === 'submitted', JSON.stringify(result));
  return result.transaction;
}

async function ends(bed: Bed, id: string, expected: string) {
  const view = await bed.ended(id);
  assert.equal(view.state, expected, JSON.stringify(view.cause));
  await bed.pass(3_000);
  assert.deepEqual(bed.complaints, []);
  return view;
}

/** Served where it is wanted, in one revision, everywhere but on the lost one, which may still hold what it held. */
function consistent(bed: Bed, lost: string, revision: number) {
  const held = heldOn(bed, 'default/shop/web').filter((name) => name !== lost);
  assert.deepEqual(held, wanted(bed).filter((name) => name !== lost)); // biome-ignore format: one line
  const revisions = held.map((name) => clusterOf(bed, name).held.get('default/shop/web')?.revision);
  assert.deepEqual(new Set(revisions), new Set([revision]));
  assert.equal(bed.room.get({ project: 'default', name: 'shop' })?.revision, revision);
}

describe('a move past', () => {
  it('one that awaits approval; approved, it takes what has moved along', async () => {
    const { bed, held, lost } = await movedPast(async (on) => {
      const id = await submitted(on, ', approval: required');
      await on.until('it waits', () => on.engine.get(id)?.state === 'awaitingApproval');
      return id;
    });
    assert.equal((await bed.engine.operate(held, { verb: 'approve' }, 'user:test', null)).kind, 'done');
    const view = await ends(bed, held, 'committed');
    assert.ok(bed.engine.events(held).some(({ type }) => type === 'tx.overtaken'));
    assert.equal(view.revision, 2);
    assert.equal(wanted(bed).includes(lost), false);
    consistent(bed, lost, 2);
    await bed.availability.stop();
  });

  it('a paused one; resumed, it goes on without the lost cluster', async () => {
    const { bed, held, lost } = await movedPast(async (on) => {
      const id = await submitted(on, '');
      for (let tries = 0; on.engine.get(id)?.state !== 'running' && tries < 1_000; tries++) await on.clock.advance(5);
      assert.equal((await on.engine.operate(id, { verb: 'pause' }, 'user:test', null)).kind, 'done');
      return id;
    });
    assert.equal((await bed.engine.operate(held, { verb: 'resume' }, 'user:test', null)).kind, 'done');
    await ends(bed, held, 'committed');
    consistent(bed, lost, 2);
    await bed.availability.stop();
  });

  it('a stuck one; retried, its undo ends, and what has moved stays where it is', async () => {
    const { bed, held, lost, added } = await movedPast(async (on) => {
      for (const name of on.byName.keys()) {
        on.refuse.set(`gate@${name}`, 'never ready');
        on.refuse.set(`undo@${name}`, 'the API server is broken');
      }
      const id = await submitted(on, '');
      assert.equal((await on.ended(id)).state, 'stuck');
      on.refuse.clear();
      return id;
    });
    assert.equal((await bed.engine.operate(held, { verb: 'retry' }, 'user:test', null)).kind, 'done');
    await ends(bed, held, 'rolledBack');
    assert.ok(wanted(bed).includes(added[0] ?? ''));
    consistent(bed, lost, 1);
    clusterOf(bed, lost).cut = false;
    await bed.until('settled', () => bed.room.owing().length === 0, 30_000);
    consistent(bed, 'none', 1);
    assert.deepEqual(bed.store.documents.list('owed'), []);
    await bed.availability.stop();
  });

  it('one that cannot go on while it is under way', async () => {
    const bed = openBed(four());
    await bed.start();
    await applied(bed, source('shop', web));
    const id = await submitted(bed, ', approval: required');
    await bed.until('it waits', () => bed.engine.get(id)?.state === 'awaitingApproval');
    let answer: ReturnType<typeof bed.engine.operate> | undefined;
    bed.engine.onChange((view) => {
      if (view.kind === 'reschedule' && view.state === 'running')
        answer ??= bed.engine.operate(id, { verb: 'approve' }, 'user:test', null);
    });
    const [lost = ''] = wanted(bed);
    clusterOf(bed, lost).cut = true;
    await bed.until('it has moved', () => !wanted(bed).includes(lost), 30_000);
    const outcome = await answer;
    assert.equal(outcome?.kind === 'refused' && outcome.refusal.kind, 'notNow');
    await bed.availability.stop();
  });
});

describe('a plan that another transaction has overtaken', () => {
  it('in the queue is made anew from what is committed by then', async () => {
    const bed = openBed(four());
    await bed.start();
    const first = await bed.room.apply(source('shop', web), options);
    const second = await bed.room.apply(source('shop', web, { version: '2' }), options);
    assert.ok(first.kind === 'submitted' && second.kind === 'submitted');
    assert.equal(bed.engine.get(second.transaction)?.baseRevision, 0);
    assert.equal((await bed.ended(first.transaction)).state, 'committed');
    const view = await bed.ended(second.transaction);
    assert.deepEqual([view.state, view.baseRevision, view.revision], ['committed', 1, 2]);
    assert.ok(bed.engine.events(second.transaction).some(({ type }) => type === 'tx.replanned'));
    const updates = bed.engine.plan(second.transaction)?.changes.map(({ change }) => change);
    assert.deepEqual(updates, ['update', 'update']);
    consistent(bed, 'none', 2);
    await bed.availability.stop();
  });

  it('between its making and the queue is made anew as well', async () => {
    const bed = openBed(four());
    await bed.start();
    const first = await bed.room.apply(source('shop', web), options);
    assert.ok(first.kind === 'submitted');
    const { secrets } = bed.store;
    const put = secrets.put.bind(secrets);
    let letGo = () => {};
    const slow = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    Object.assign(secrets, { put: (values: Parameters<typeof put>[0]) => slow.then(() => put(values)) });
    const applying = bed.room.apply(source('shop', web, { version: '2', password: 'other' }), options);
    assert.equal((await bed.ended(first.transaction)).state, 'committed', 'while the second is still being written');
    letGo();
    const second = await applying;
    assert.ok(second.kind === 'submitted', JSON.stringify(second));
    const view = await bed.ended(second.transaction);
    assert.deepEqual([view.state, view.baseRevision], ['committed', 1]);
    assert.ok(bed.engine.events(second.transaction).some(({ type }) => type === 'tx.replanned'));
    consistent(bed, 'none', 2);
    await bed.availability.stop();
  });
});

describe('what is committed, wanted again while another revision is on its way', () => {
  for (const ifBusy of ['wait', 'replace'] as const) {
    it(`is what is there in the end (ifBusy: ${ifBusy})`, async () => {
      const bed = openBed(four());
      await bed.start();
      await applied(bed, source('shop', web));
      const next = await submitted(bed, '');
      await bed.pass(0);
      const back = await bed.room.apply(source('shop', web), { ...options, ifBusy });
      assert.ok(back.kind === 'submitted', JSON.stringify(back));
      await ends(bed, back.transaction, 'committed');
      assert.equal(bed.engine.get(next)?.state, ifBusy === 'wait' ? 'committed' : 'rolledBack');
      assert.equal(bed.room.get({ project: 'default', name: 'shop' })?.revision, 3);
      for (const name of wanted(bed)) {
        const held = clusterOf(bed, name).held.get('default/shop/web');
        assert.deepEqual(bed.room.desired(name).map(({ revision, bundle }) => ({ revision, bundle })), [held]); // biome-ignore format: one line
        assert.match(JSON.stringify(bed.store.blobs.get(held?.bundle ?? 'sha256:')), /ldc\.dev\/http:1"/);
      }
      const again = await bed.room.apply(source('shop', web), options);
      assert.equal(again.kind, 'nothing', 'it says so once nothing is under way');
      await bed.availability.stop();
    });
  }
});

describe('a move past a paused one that a restart has planned anew', () => {
  it('goes to a cluster that the paused one has not touched, as before', async () => {
    const clusters = ['eu-1', 'eu-2', 'eu-3', 'us-1'].map((name) => fakeCluster(name, name === 'eu-3' ? 300 : 4_000));
    const bed = openBed(clusters);
    await bed.start();
    for (const name of ['eu-2', 'eu-3']) await bed.availability.setIntent(name, 'cordoned', 'user:test', null);
    await applied(bed, source('shop', web));
    await bed.availability.setIntent('eu-2', 'open', 'user:test', null);
    const wider = await bed.room.apply(source('shop', [{ ...web[0], name: 'web', min: 3, max: 3 }]), options);
    assert.ok(wider.kind === 'submitted', JSON.stringify(wider));
    for (let tries = 0; bed.engine.get(wider.transaction)?.state !== 'running' && tries < 1_000; tries++) await bed.clock.advance(5); // biome-ignore format: one line
    assert.equal((await bed.engine.operate(wider.transaction, { verb: 'pause' }, 'user:test', null)).kind, 'done');
    await bed.availability.setIntent('eu-3', 'open', 'user:test', null);
    let move = '';
    bed.store.journal.onAppend((entries) => {
      move = entries.find(({ type, data }) => type === 'tx.created' && data.kind === 'reschedule')?.tx ?? '';
      if (move !== '') bed.store.crash();
    });
    clusterOf(bed, 'eu-1').cut = true;
    await bed.until('a move is begun', () => move !== '', 30_000);
    const next = openBed(clusters, bed.store.disk, bed.clock);
    next.availability.recall();
    await next.engine.start();
    await next.availability.start();
    const ended = await next.ended(move);
    assert.equal(ended.state, 'committed', JSON.stringify(ended.cause));
    assert.deepEqual(wanted(next), ['eu-3', 'us-1']);
    await next.availability.stop();
  });
});

describe('a hub that starts while a cluster is lost', () => {
  it('knows it for its transactions too: one that is aborted then owes its part there and ends', async () => {
    const clusters = four();
    const bed = openBed(clusters);
    await bed.start();
    const id = await submitted(bed, '');
    for (let tries = 0; tries < 2_000; tries++) {
      if (bed.engine.get(id)?.plan.steps.some((step) => step.action === 'apply' && step.status === 'succeeded')) break;
      await bed.clock.advance(5);
    }
    assert.equal((await bed.engine.operate(id, { verb: 'pause' }, 'user:test', null)).kind, 'done');
    const written = bed.engine.get(id)?.plan.steps.find((step) => step.action === 'apply' && step.status === 'succeeded')?.cluster ?? ''; // biome-ignore format: one line
    clusterOf(bed, written).cut = true;
    await bed.until('it is lost', () => bed.availability.health(written)?.health === 'lost');
    bed.store.crash();
    const next = openBed(clusters, bed.store.disk, bed.clock);
    await next.engine.start();
    await next.availability.start();
    assert.equal((await next.engine.operate(id, { verb: 'abort' }, 'user:test', null)).kind, 'done');
    const view = await next.ended(id);
    assert.equal(view.state, 'rolledBack');
    assert.deepEqual(view.owed.map(({ cluster }) => cluster), view.owed.map(() => written)); // biome-ignore format: one line
    assert.ok(view.owed.length > 0);
    await next.availability.stop();
  });
});

describe('a cluster that is removed by force while it serves', () => {
  const remove = async (bed: Bed, name: string, clusters: ReturnType<typeof four>) => {
    const at = clusters.findIndex(({ record }) => record.name === name);
    clusterOf(bed, name).cut = true;
    clusters.splice(at, 1);
    await bed.store.journal.append([{ tx: `cluster/${name}`, type: 'cluster.removed', actor: 'user:test', data: { name, reason: '' } }]); // biome-ignore format: one line
  };

  it('is left: what it served moves, and a transaction that was at work there ends', async () => {
    const clusters = four();
    const bed = openBed(clusters);
    await bed.start();
    await applied(bed, source('shop', web));
    const [gone = ''] = wanted(bed);
    await remove(bed, gone, clusters);
    await bed.until('it has moved', () => !wanted(bed).includes(gone), 30_000);
    assert.equal(wanted(bed).length, 2);
    const [move] = bed.engine.list({ kind: 'reschedule' }).items;
    assert.equal(move?.state, 'committed');
    const next = await bed.room.apply(source('shop', web, { version: '2' }), options);
    assert.ok(next.kind === 'submitted');
    await ends(bed, next.transaction, 'committed');
    consistent(bed, gone, 2);
    await bed.availability.stop();
  });

  it('is left by a hub that was away when it went', async () => {
    const clusters = four();
    const bed = openBed(clusters);
    await bed.start();
    await applied(bed, source('shop', web));
    const [gone = ''] = wanted(bed);
    await bed.availability.stop();
    await remove(bed, gone, clusters);
    bed.store.crash();
    const next = openBed(clusters, bed.store.disk, bed.clock);
    await next.engine.start();
    await next.availability.start();
    await next.until('it has moved', () => !wanted(next).includes(gone), 60_000);
    assert.equal(wanted(next).length, 2);
    await next.availability.stop();
  });
});
