/** Slow and cut links, lost clusters: silence is never a refusal, and what is owed is settled on return. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { routes } from '../src/api/client/index.ts';
import { problemOf, QUICK, startWorld, until, type World } from './world.ts';
import { configMap, deployment, dump, read, stackOf } from './world-objects.ts';

let world: World;
before(async () => {
  world = await startWorld({ clusters: 4, timers: QUICK });
});
after(() => world?.close());

function stack(name: string, version: string, locations: object, rollout: object = {}) {
  const objects = [configMap('settings', { version }), deployment('web', { version })];
  return stackOf({ name, functions: { web: { objects, locations: { ...locations } } }, rollout: { ...rollout } });
}

function settings(cluster: string, name: string) {
  return read(world.kube(cluster), `/api/v1/namespaces/${name}/configmaps/settings`);
}

function health(cluster: string, wanted: string, forMs = 15_000): Promise<void> {
  return until(`${cluster} is ${wanted}`, forMs, async () => {
    const { health: now } = await world.client.call(routes.clusters.get, { params: { name: cluster } });
    return now === wanted;
  });
}

async function where(name: string): Promise<readonly string[]> {
  const { items } = await world.client.call(routes.functions.list, { query: { stack: name } });
  return items.flatMap((item) => item.locations.map(({ cluster }) => cluster)).toSorted();
}

test('a slow link delays a deploy and fails nothing', async () => {
  world.cluster('us-1').slow(100);
  const transaction = await world.apply(stack('slow', '1', { min: 4, max: 4 }));
  await world.cluster('us-1').heal();
  assert.equal(transaction.state, 'committed', JSON.stringify(transaction.cause));
  assert.deepEqual((await settings('us-1', 'slow'))?.data, { version: '1' });
});

test('a link that is cut for a moment in mid-deploy: asked again under the same command, one outcome', async () => {
  const id = await world.submit(stack('blink', '1', { min: 4, max: 4 }, { waves: [1, '100%'], soak: '300ms' }));
  await until('the canary soaks', 5_000, async () =>
    (await world.get(id)).plan.steps.some((step) => step.id === 'soak:0' && step.status !== 'pending'),
  );
  world.cluster('us-2').cut();
  await new Promise((resolve) => setTimeout(resolve, 700));
  await world.cluster('us-2').heal();
  const transaction = await world.finished(id);
  assert.equal(transaction.state, 'committed', JSON.stringify(transaction.cause));
  const entries = await world.client.all(routes.transactions.events, { params: { id } });
  const outcomes = entries.filter(({ type }) => type === 'step.succeeded').map(({ data }) => data.step);
  assert.equal(new Set(outcomes).size, outcomes.length);
  assert.deepEqual((await settings('us-2', 'blink'))?.data, { version: '1' });
  for (const name of world.names) await health(name, 'ready');
});

test('a cluster lost while its part is being undone: that part is owed, and settled when it returns', async () => {
  assert.equal((await world.apply(stack('owes', '1', { min: 4, max: 4 }))).state, 'committed');
  const kept = await dump(world.kube('us-2'));
  const id = await world.submit(stack('owes', '2', { min: 4, max: 4 }, { soak: '20s', onLostCluster: 'undo' }));
  await until('all is applied', 10_000, async () =>
    (await world.get(id)).plan.steps.some((step) => step.id === 'soak:0' && step.status === 'started'),
  );
  assert.deepEqual((await settings('us-2', 'owes'))?.data, { version: '2' });
  world.cluster('us-2').cut();
  const transaction = await world.finished(id);
  assert.equal(transaction.state, 'rolledBack', JSON.stringify(transaction.cause));
  assert.equal(transaction.cause?.kind, 'clusterLost');
  const verified = transaction.rollback?.verified;
  assert.equal(verified?.equal, false);
  assert.deepEqual(verified?.clusters, { 'eu-1': 'equal', 'eu-2': 'equal', 'us-1': 'equal', 'us-2': 'owed' });
  for (const name of ['eu-1', 'eu-2', 'us-1']) assert.deepEqual((await settings(name, 'owes'))?.data, { version: '1' });
  await world.cluster('us-2').heal();
  await until('us-2 has what it had', 20_000, async () => {
    const data = (await settings('us-2', 'owes'))?.data as { version?: string } | undefined;
    return data?.version === '1';
  });
  await health('us-2', 'ready', 20_000);
  const { items } = await world.client.call(routes.transactions.list, {
    query: { stack: 'default/owes', kind: 'settle' },
  });
  assert.ok(items.length > 0 && items.every(({ state }) => state === 'committed'), JSON.stringify(items));
  assert.deepEqual(await dump(world.kube('us-2')), kept);
});

test('a lost cluster: what it served is served elsewhere, and its stale copy goes when it returns', async () => {
  assert.equal((await world.apply(stack('moves', '1', { min: 2, max: 2 }))).state, 'committed');
  const [lost = ''] = await where('moves');
  world.cluster(lost).cut();
  await health(lost, 'lost');
  await until('it is served elsewhere', 15_000, async () => {
    const now = await where('moves');
    return now.length === 2 && !now.includes(lost);
  });
  assert.ok((await settings(lost, 'moves')) !== undefined, 'the cut cluster still holds its copy');
  await world.cluster(lost).heal();
  await until('the stale copy is gone', 20_000, async () => (await settings(lost, 'moves')) === undefined);
  await health(lost, 'ready', 20_000);
  assert.ok(!(await where('moves')).includes(lost), 'it does not move back by itself');
});

test('a cluster that never returns: what is owed there is given up by a person with a reason, and only so', async () => {
  assert.equal((await world.apply(stack('burnt', '1', { min: 4, max: 4 }))).state, 'committed');
  const id = await world.submit(stack('burnt', '2', { min: 4, max: 4 }, { soak: '20s', onLostCluster: 'undo' }));
  await until('all is applied', 10_000, async () =>
    (await world.get(id)).plan.steps.some((step) => step.id === 'soak:0' && step.status === 'started'),
  );
  world.cluster('us-2').cut();
  const transaction = await world.finished(id);
  assert.deepEqual([transaction.state, transaction.owed.map(({ cluster }) => cluster)], ['rolledBack', ['us-2']]);
  const params = { name: 'us-2' };
  const forced = { force: 'true', reason: 'burnt down' } as const;
  const problem = await problemOf(world.client.call(routes.clusters.remove, { params, query: forced }));
  assert.deepEqual([problem.status, problem.kind], [409, 'stillOwed'], problem.detail);
  await world.client.call(routes.clusters.remove, { params, query: { ...forced, forgetOwed: 'true' } });
  assert.deepEqual((await world.client.call(routes.fleet.availability)).owed, []);
  const entries = (await world.client.all(routes.journal.read, {})).map(({ entry }) => entry);
  // moves away from it may be refused, and told, to the end and beyond
  const told = entries.filter(({ tx, type }) => tx === 'cluster/us-2' && /owedForgotten|removed/.test(type));
  assert.deepEqual(told.map(({ type }) => type), ['cluster.owedForgotten', 'cluster.removed']); // biome-ignore format: one line
  assert.deepEqual([told[0]?.data.reason, told[0]?.data.count], ['burnt down', 1]);
});
