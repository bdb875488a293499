/** Clusters lost in mid-deploy, by each `onLostCluster`, and what is owed on them: settled, proven, or left for a person. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { settlePlan } from './settle-plan.ts';
import {
  applied,
  type Bed,
  type FakeCluster,
  fakeCluster,
  four,
  heldOn,
  openBed,
  options,
  source,
} from './testbed.test.ts';

const web = [{ name: 'web', min: 2, spread: 'region' }];

function clusterOf(bed: Bed, name: string) {
  const cluster = bed.byName.get(name);
  assert.ok(cluster);
  return cluster;
}

async function opened() {
  const bed = openBed(four());
  await bed.start();
  return bed;
}

const wanted = (bed: Bed) =>
  (bed.room.functions({}).find((each) => each.function === 'web')?.locations ?? [])
    .map(({ cluster }) => cluster)
    .sort();

/** Deploys, and cuts the last of its clusters once it has been written to, or before. */
async function cutInMidDeploy(bed: Bed, onLostCluster: 'undo' | 'owe', version = '1', written = true) {
  const rollout = `, deadline: 30m, onLostCluster: ${onLostCluster}`;
  const what = source('shop', [{ name: 'web', min: 1, max: 2, spread: 'region' }], { rollout, version });
  const planned = await bed.room.plan(what);
  assert.ok(planned.kind === 'planned', JSON.stringify(planned));
  const last = planned.plan.steps.findLast(({ work }) => work.action === 'apply')?.work;
  assert.ok(last?.action === 'apply');
  const victim = last.location.cluster;
  const result = await bed.room.apply(what, options);
  assert.ok(result.kind === 'submitted');
  const step = `apply:web@${victim}`;
  const succeeded = () => {
    const status = bed.engine.get(result.transaction)?.plan.steps.find(({ id }) => id === step)?.status;
    if (!written) return bed.engine.get(result.transaction)?.state === 'running' && status === 'pending';
    return status === 'started' || status === 'succeeded';
  };
  for (let tries = 0; !succeeded() && tries < 10_000; tries++) await bed.clock.advance(5);
  assert.ok(succeeded());
  if (written) await bed.clock.advance(12);
  else await bed.engine.operate(result.transaction, { verb: 'pause' }, 'user:test', null);
  clusterOf(bed, victim).cut = true;
  if (!written) {
    await bed.until('it is lost', () => bed.availability.health(victim)?.health === 'lost');
    await bed.engine.operate(result.transaction, { verb: 'resume' }, 'user:test', null);
  }
  return { victim, transaction: await bed.ended(result.transaction) };
}

async function returned(bed: Bed, cluster: string) {
  clusterOf(bed, cluster).cut = false;
  await bed.until('nothing is owed', () => bed.room.owing().length === 0, 30_000);
  await bed.until('it is ready', () => bed.availability.health(cluster)?.health === 'ready', 30_000);
}

describe('a cluster lost in mid-deploy', () => {
  it('undo: all is undone; what is owed there, the namespace included, is settled and proven on its return', async () => {
    const bed = await opened();
    const { victim, transaction } = await cutInMidDeploy(bed, 'undo');
    assert.deepEqual([transaction.state, transaction.cause?.kind], ['rolledBack', 'clusterLost']);
    assert.equal(transaction.rollback?.verified?.clusters[victim], 'owed');
    assert.equal(transaction.rollback?.verified?.equal, false);
    assert.deepEqual(transaction.owed.map(({ step }) => step).sort(), [`apply:web@${victim}`, `ensure:${victim}`]);
    assert.equal(clusterOf(bed, victim).held.size, 1);
    await returned(bed, victim);
    const [settle, ...more] = bed.engine.list({ kind: 'settle' }).items;
    assert.deepEqual([settle?.state, more.length], ['committed', 0]);
    const steps = bed.engine.get(settle?.id ?? '')?.plan.steps.map(({ action, status }) => `${action} ${status}`);
    assert.deepEqual(steps, ['settleUndo succeeded', 'settleVerify succeeded', 'settleEnsure succeeded']);
    assert.deepEqual([clusterOf(bed, victim).held.size, clusterOf(bed, victim).namespaces.size], [0, 0]);
    assert.deepEqual(bed.store.documents.list('owed'), []);
    assert.deepEqual(bed.complaints, []);
    await bed.availability.stop();
  });

  it('undo of an update: on its return the revision before is there again, and the namespace stays', async () => {
    const bed = await opened();
    const plain = [{ name: 'web', min: 1, max: 2, spread: 'region' }];
    await applied(bed, source('shop', plain));
    const { victim, transaction } = await cutInMidDeploy(bed, 'undo', '2');
    assert.equal(transaction.state, 'rolledBack');
    assert.deepEqual(transaction.owed.map(({ step }) => step), [`apply:web@${victim}`]); // biome-ignore format: one line
    await returned(bed, victim);
    const held = clusterOf(bed, victim).held.get('default/shop/web');
    if (held !== undefined) assert.equal(held.revision, 1); // unless it was moved away meanwhile
    assert.equal(held !== undefined, wanted(bed).includes(victim));
    assert.deepEqual(bed.store.documents.list('owed'), []);
    await bed.availability.stop();
  });

  it('owe: the rest is committed; on its return nothing is brought back, for the new revision is wanted there', async () => {
    const bed = await opened();
    const { victim, transaction } = await cutInMidDeploy(bed, 'owe');
    assert.equal(transaction.state, 'committed', JSON.stringify(transaction.cause));
    assert.ok(transaction.owed.some(({ step }) => step === `apply:web@${victim}`));
    assert.ok(wanted(bed).includes(victim));
    await returned(bed, victim);
    for (const { id, state } of bed.engine.list({ kind: 'settle' }).items) {
      assert.equal(state, 'committed');
      assert.ok(!bed.engine.get(id)?.plan.steps.some(({ action }) => action === 'settleUndo'));
    }
    assert.deepEqual(heldOn(bed, 'default/shop/web'), wanted(bed));
    assert.deepEqual(bed.store.documents.list('owed'), []);
    await bed.availability.stop();
  });
});

describe('a cluster lost before its wave', () => {
  it('owe: what it was to get is owed as such, and brought when it returns', async () => {
    const bed = await opened();
    const { victim, transaction } = await cutInMidDeploy(bed, 'owe', '1', false);
    assert.equal(transaction.state, 'committed', JSON.stringify(transaction.cause));
    const owed = transaction.owed.filter(({ step }) => step.startsWith('apply:'));
    assert.deepEqual(owed.map(({ kind, cluster }) => [kind, cluster]), [['apply', victim]]); // biome-ignore format: one line
    assert.equal(clusterOf(bed, victim).held.size, 0);
    await returned(bed, victim);
    const [settle] = bed.engine.list({ kind: 'settle' }).items;
    const steps = bed.engine.get(settle?.id ?? '')?.plan.steps.map(({ action, status }) => `${action} ${status}`);
    assert.deepEqual(steps?.slice(0, 2), ['snapshot succeeded', 'settleApply succeeded']);
    assert.deepEqual(heldOn(bed, 'default/shop/web'), wanted(bed));
    assert.equal(clusterOf(bed, victim).held.get('default/shop/web')?.revision, 1);
    assert.deepEqual(bed.store.documents.list('owed'), []);
    await bed.availability.stop();
  });
});

it('a removal that was due where the location is wanted again is closed: it was owed for ever, and its cluster with it', () => {
  const stack = { project: 'default', name: 'shop' };
  const location = { stack, kind: 'function', name: 'web', cluster: 'us-1' } as const;
  const bundle = 'sha256:b' as const;
  const owed = { cluster: 'us-1', location: 'default/shop/web@us-1', transaction: 'tx-1', step: 'remove:web@us-1', kind: 'prune', since: '', stack, preImages: null, bundle: null, previous: null } as const; // biome-ignore format: one record
  const plan = settlePlan({
    ...{ stack, baseRevision: 2, wanted: [{ location, revision: 2, bundle }], owed: [owed], stale: [], reason: null },
    stepOf: () => ({ action: 'remove', location, previous: { revision: 1, bundle } }),
    load: () => undefined,
  });
  const [closing, ...more] = plan.steps.map(({ work }) => work);
  assert.deepEqual(more, []);
  assert.ok(closing?.action === 'settleEnsure');
  assert.deepEqual([closing.transaction, closing.step, closing.created], ['tx-1', 'remove:web@us-1', { kind: 'known', objects: [] }]); // biome-ignore format: one line
});

describe('a transaction of the stack that is stuck elsewhere', () => {
  it('keeps no cluster that has returned from the others: what is owed there is settled past it', async () => {
    const bed = await opened();
    const { victim } = await cutInMidDeploy(bed, 'undo');
    const others = [...bed.byName.keys()].filter((name) => name !== victim);
    for (const name of others) for (const kind of ['gate', 'undo']) bed.refuse.set(`${kind}@${name}`, 'no');
    const stuck = await applied(bed, source('shop', web, { version: '2' }));
    assert.equal(stuck.state, 'stuck');
    await returned(bed, victim);
    assert.deepEqual(bed.engine.list({ kind: 'settle' }).items.map(({ state }) => state), ['committed']); // biome-ignore format: one line
    bed.refuse.clear();
    const other = await applied(bed, source('other', [{ name: 'web', min: 4 }]));
    assert.equal(other.state, 'committed');
    // and it goes on as if nothing had been
    await bed.engine.operate(stuck.id, { verb: 'retry' }, 'user:test', null);
    const ended = await bed.ended(stuck.id);
    assert.deepEqual([ended.state, ended.rollback?.verified?.equal], ['rolledBack', true]);
    assert.equal(bed.engine.events(stuck.id).some(({ type }) => type === 'tx.overtaken'), false); // biome-ignore format: one line
    await bed.availability.stop();
  });

  it('keeps the one that it has not left: there it is waited for', async () => {
    const bed = await opened();
    const { victim } = await cutInMidDeploy(bed, 'undo');
    await returned(bed, victim);
    for (const name of bed.byName.keys()) for (const kind of ['gate', 'undo']) bed.refuse.set(`${kind}@${name}`, 'no');
    const stuck = await applied(bed, source('shop', [{ name: 'web', min: 4 }], { version: '3' }));
    assert.equal(stuck.state, 'stuck');
    const [touched = ''] = [...bed.byName].filter(([, { held }]) => held.size > 0).map(([name]) => name);
    const preImages = [...clusterOf(bed, touched).preImages.keys()][0] as never;
    const data = { step: `apply:web@${touched}`, cluster: touched, location: `default/shop/web@${touched}`, kind: 'undo', preImages, bundle: preImages, previous: null } as const; // biome-ignore format: one line
    const first = bed.engine.list({ state: 'rolledBack' }).items[0]?.id ?? '';
    assert.ok(first !== '');
    await bed.store.documents.write([{ collection: 'owed', key: `${touched}/${first}/${data.step}`, body: { ...data, transaction: first, since: '2026-01-01T00:00:00.000Z', stack: { project: 'default', name: 'shop' } } }]); // biome-ignore format: one line
    await bed.until('its settle is in the queue', () => bed.engine.list({ kind: 'settle', state: 'queued' }).items.length > 0); // biome-ignore format: one line
    await bed.pass(60_000);
    assert.equal(bed.engine.list({ kind: 'settle', state: 'queued' }).items.length, 1);
    await bed.availability.stop();
  });
});

describe('a cluster that was removed while work was owed there', () => {
  const removed = async (bed: Bed, clusters: FakeCluster[], name: string) => {
    clusters.splice(clusters.findIndex(({ record }) => record.name === name), 1); // biome-ignore format: one line
    const data = { name, reason: 'burnt' };
    await bed.store.journal.append([{ tx: `cluster/${name}`, type: 'cluster.removed', actor: 'user:test', data }]);
  };
  /** Another cluster joins under the name. */
  const followed = async (bed: Bed, clusters: FakeCluster[], name: string) => {
    const fresh = fakeCluster(name);
    await bed.store.journal.append([{ tx: `cluster/${name}`, type: 'cluster.joined', actor: 'user:test', data: { name } }]); // biome-ignore format: one line
    clusters.push(fresh);
    bed.byName.set(name, fresh);
    const before = bed.told.length;
    await bed.until('it is ready', () => bed.availability.health(name)?.health === 'ready', 30_000);
    await bed.pass(10_000);
    return { fresh, told: bed.told.slice(before).filter((told) => told.endsWith(`@${name}`)) };
  };

  it('takes what is owed with it: another of its name is told nothing, an undo least of all', async () => {
    const clusters = four();
    const bed = openBed(clusters);
    await bed.start();
    const { victim } = await cutInMidDeploy(bed, 'undo');
    assert.deepEqual(bed.room.dueOn(victim).map(({ kind, location }) => `${kind} ${location}`).sort(), [`undo default/shop/web@${victim}`, `undo default/shop@${victim}`].sort()); // biome-ignore format: one line
    await removed(bed, clusters, victim);
    assert.deepEqual(bed.store.documents.list('owed'), []);
    assert.deepEqual([bed.room.dueOn(victim), bed.room.owing()], [[], []]);
    const { told } = await followed(bed, clusters, victim);
    assert.deepEqual(told, []);
    await bed.availability.stop();
  });

  it('is owed nothing by what was under way, and leaves no stale copy behind when its stack has moved', async () => {
    const clusters = four();
    const bed = openBed(clusters);
    await bed.start();
    await applied(bed, source('shop', web));
    const [victim = ''] = wanted(bed);
    clusterOf(bed, victim).cut = true;
    await removed(bed, clusters, victim);
    await bed.until('moved', () => !wanted(bed).includes(victim), 30_000);
    assert.deepEqual([bed.store.documents.list('stale'), bed.store.documents.list('owed')], [[], []]);
    const { told } = await followed(bed, clusters, victim);
    assert.deepEqual(told, []);
    await bed.availability.stop();
  });
});

describe('a stale copy that holds data', () => {
  it('is left for a person and shown; its settle ends, is not repeated, and the cluster is ready', async () => {
    const bed = await opened();
    await applied(bed, source('shop', web));
    const [first = ''] = wanted(bed);
    clusterOf(bed, first).stateful.add('default/shop/web');
    clusterOf(bed, first).cut = true;
    await bed.until('moved', () => !wanted(bed).includes(first), 20_000);
    await returned(bed, first);
    await bed.pass(30_000);
    assert.deepEqual(bed.engine.list({ kind: 'settle' }).items.map(({ state }) => state), ['committed']); // biome-ignore format: one line
    const [shown, ...more] = bed.room.onCluster(first);
    assert.deepEqual([shown?.location, shown?.wanted, shown?.owed, more.length], [`default/shop/web@${first}`, false, false, 0]); // biome-ignore format: one line
    assert.deepEqual(
      shown?.kept?.map(({ ref, why }) => `${ref.kind} ${ref.name}: ${why}`),
      ['PersistentVolumeClaim data-web-0: it holds data: a person deletes it'],
    );
    assert.deepEqual(bed.availability.drained(first), { ...bed.availability.drained(first), wanted: [], owed: [] });

    // the stack comes back to that cluster: what it left there is its own again
    const [kept = ''] = wanted(bed).filter((name) => name.slice(0, 2) === first.slice(0, 2));
    await bed.availability.setIntent(kept, 'draining', 'user:test', null);
    await bed.until('it has moved back', () => wanted(bed).includes(first), 40_000);
    assert.deepEqual(bed.room.onCluster(first).map(({ wanted: is, kept: left }) => [is, left]), [[true, undefined]]); // biome-ignore format: one line
    await bed.availability.stop();
  });
});
