/** What is owed on clusters that were lost, on the whole system: real agents settle it when they return. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { routes } from '../src/api/client/index.ts';
import type { KubeObject } from '../src/base/index.ts';
import { outcomeText } from '../src/cli/render/transaction.ts';
import { QUICK, startWorld, until, type World } from './world.ts';
import { configMap, deployment, dump, read, stackOf } from './world-objects.ts';

let world: World;
before(async () => {
  world = await startWorld({ clusters: 4, timers: QUICK });
});
after(() => world?.close());

function health(cluster: string, wanted: string): Promise<void> {
  return until(`${cluster} is ${wanted}`, 20_000, async () => {
    const { health: now } = await world.client.call(routes.clusters.get, { params: { name: cluster } });
    return now === wanted;
  });
}

/** The steps of the stack's only settle transaction, which has to be committed. */
async function settled(name: string): Promise<readonly string[]> {
  const query = { stack: `default/${name}`, kind: 'settle' } as const;
  const { items } = await world.client.call(routes.transactions.list, { query });
  assert.deepEqual(
    items.map(({ state }) => state),
    ['committed'],
  );
  const { plan } = await world.get(items[0]?.id ?? '');
  return plan.steps.map(({ action, status }) => `${action} ${status}`);
}

const plain = [configMap('settings', { version: '1' }), deployment('web', { version: '1' })];
const settings = (cluster: string, name: string) =>
  read(world.kube(cluster), `/api/v1/namespaces/${name}/configmaps/settings`);

test('a first deploy that is undone: the namespace on the lost cluster goes as well, and all is as before', async () => {
  const earlier = await dump(world.kube('us-2'));
  const functions = { web: { objects: plain, locations: { min: 4, max: 4 } } };
  const id = await world.submit(stackOf({ name: 'first', functions, rollout: { soak: '20s', onLostCluster: 'undo' } }));
  await until('all is applied', 10_000, async () =>
    (await world.get(id)).plan.steps.some((step) => step.id === 'soak:0' && step.status === 'started'),
  );
  assert.ok((await settings('us-2', 'first')) !== undefined);
  world.cluster('us-2').cut();
  const transaction = await world.finished(id);
  assert.deepEqual([transaction.state, transaction.cause?.kind], ['rolledBack', 'clusterLost']);
  assert.deepEqual(transaction.owed.map(({ step }) => step).sort(), ['apply:web@us-2', 'ensure:us-2']); // biome-ignore format: one line
  await world.cluster('us-2').heal();
  await health('us-2', 'ready');
  assert.deepEqual(await settled('first'), ['settleUndo succeeded', 'settleVerify succeeded', 'settleEnsure succeeded']); // biome-ignore format: one line
  assert.equal(await read(world.kube('us-2'), '/api/v1/namespaces/first'), undefined);
  assert.deepEqual(await dump(world.kube('us-2')), earlier);
});

test('onLostCluster owe: a cluster that was away when its wave came gets its part when it returns', async () => {
  const functions = { web: { objects: plain, locations: { min: 2, max: 4 } } };
  const rollout = { approval: 'required', onLostCluster: 'owe' };
  const id = await world.submit(stackOf({ name: 'owe', functions, rollout }));
  await until('it waits', 10_000, async () => (await world.get(id)).state === 'awaitingApproval');
  world.cluster('eu-2').cut();
  await health('eu-2', 'lost');
  await world.client.call(routes.transactions.approve, { params: { id }, body: { reason: 'a test' } });
  const transaction = await world.finished(id);
  assert.equal(transaction.state, 'committed', JSON.stringify(transaction.cause));
  assert.ok(transaction.owed.some(({ kind, cluster }) => kind === 'apply' && cluster === 'eu-2'));
  const told = 'eu-2 was lost on the way; the rest went on, and its part follows';
  assert.deepEqual(
    transaction.leftOut?.map(({ explanation }) => explanation),
    [told],
  );
  const described = outcomeText(transaction);
  assert.match(described, /^deploy of default\/owe revision 1: committed without eu-2 in /);
  assert.ok(described.includes(`left out: ${told}`), described);
  await world.cluster('eu-2').heal();
  await until('it has its part', 20_000, async () => (await settings('eu-2', 'owe')) !== undefined);
  await health('eu-2', 'ready');
  assert.ok((await settled('owe')).includes('settleApply succeeded'));
  assert.deepEqual((await settings('eu-2', 'owe'))?.data, { version: '1' });
});

test('a stale copy with a volume claim: the claim is left for a person, shown, and holds nothing up', async () => {
  const claim: KubeObject = {
    ...{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'data' } },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  };
  const functions = { web: { objects: [...plain, claim], locations: { min: 1, max: 1 } } };
  const first = await world.apply(stackOf({ name: 'data', functions }));
  assert.equal(first.state, 'committed', JSON.stringify(first.cause));
  const lost = first.plan.steps.find(({ action }) => action === 'apply')?.cluster ?? '';
  world.cluster(lost).cut();
  await health(lost, 'lost');
  const moved = { stack: 'default/data', kind: 'reschedule', state: 'committed' } as const;
  await until('it has moved', 20_000, async () => {
    const { items } = await world.client.call(routes.transactions.list, { query: moved });
    return items.length === 1;
  });
  await world.cluster(lost).heal();
  await health(lost, 'ready');
  assert.deepEqual(await settled('data'), ['remove succeeded']);
  assert.equal(await settings(lost, 'data'), undefined);
  assert.ok((await read(world.kube(lost), '/api/v1/namespaces/data/persistentvolumeclaims/data')) !== undefined);
  const { kept } = await world.client.call(routes.clusters.get, { params: { name: lost } });
  assert.deepEqual(kept, [
    {
      ...{ location: `default/data/web@${lost}`, object: 'PersistentVolumeClaim data/data' },
      why: 'it holds data: a person deletes it',
    },
  ]);
});
