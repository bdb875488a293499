/** What a person does to transactions and clusters, on the whole system. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { routes } from '../src/api/client/index.ts';
import type { TransactionState } from '../src/saga/index.ts';
import { problemOf, startWorld, until, type World } from './world.ts';
import { configMap, deployment, dump, read, service, stackOf, write } from './world-objects.ts';

let world: World;
before(async () => {
  world = await startWorld({ clusters: 3 });
});
after(() => world?.close());

const everywhere = { min: 3, max: 3 };

function versioned(name: string, version: string, rollout: object = {}) {
  const objects = [configMap('settings', { version }), deployment('web', { version }), service('web')];
  return stackOf({ name, functions: { web: { objects, locations: everywhere } }, rollout: { ...rollout } });
}

function dumps() {
  return Promise.all(world.names.map((name) => dump(world.kube(name))));
}

function operate(verb: 'approve' | 'pause' | 'resume' | 'abort', id: string) {
  return world.client.call(routes.transactions[verb], { params: { id }, body: { reason: 'a test' } });
}

function reached(id: string, ...states: readonly TransactionState[]): Promise<void> {
  return until(`${id} is ${states.join(' or ')}`, 10_000, async () => states.includes((await world.get(id)).state));
}

test('an approval is waited for, and nothing is applied before it', async () => {
  const before_ = await dumps();
  const id = await world.submit(versioned('approved', '1', { approval: 'required' }));
  await reached(id, 'awaitingApproval');
  const steps = (await world.get(id)).plan.steps;
  assert.ok(steps.every(({ action, status }) => action !== 'apply' || status === 'pending'));
  const settings = '/api/v1/namespaces/approved/configmaps/settings';
  assert.equal(await read(world.kube('eu-1'), settings), undefined);
  await operate('approve', id);
  const transaction = await world.finished(id);
  assert.equal(transaction.state, 'committed', JSON.stringify(transaction.cause));
  const refused = await world.submit(versioned('unapproved', '1', { approval: 'required' }));
  await reached(refused, 'awaitingApproval');
  await operate('abort', refused);
  const aborted = await world.finished(refused);
  assert.equal(aborted.state, 'rolledBack');
  assert.equal(aborted.cause?.kind, 'aborted');
  const now = await dumps();
  for (const [index, cluster] of now.entries()) {
    const more = Object.keys(cluster).filter((name) => !(name in (before_[index] ?? {})));
    assert.ok(
      more.length > 0 && more.every((name) => name.includes('approved') && !name.includes('unapproved')),
      `${more}`,
    );
  }
});

test('paused it does nothing more; resumed it goes on to the end', async () => {
  const id = await world.submit(versioned('paused', '1', { waves: [1, '100%'], soak: '1s' }));
  await until('the canary serves', 10_000, async () =>
    (await world.get(id)).plan.steps.some(({ action, status }) => action === 'gate' && status === 'succeeded'),
  );
  const paused = await operate('pause', id);
  assert.equal(paused.state, 'paused');
  assert.equal(paused.heldFrom, 'running');
  await new Promise((resolve) => setTimeout(resolve, 1_300));
  const later = await world.get(id);
  assert.equal(later.state, 'paused');
  assert.equal(later.plan.steps.filter(({ action, status }) => action === 'apply' && status === 'pending').length, 2);
  await operate('resume', id);
  assert.equal((await world.finished(id)).state, 'committed');
  const problem = await problemOf(operate('pause', id));
  assert.equal(problem.kind, 'notNow');
});

test('aborted in mid-deploy it is undone, equal to before on every cluster', async () => {
  assert.equal((await world.apply(versioned('aborted', '1'))).state, 'committed');
  const before_ = await dumps();
  const id = await world.submit(versioned('aborted', '2', { waves: [1, '100%'], soak: '10s' }));
  await until('the canary soaks', 10_000, async () =>
    (await world.get(id)).plan.steps.some(({ id: step, status }) => step === 'soak:0' && status === 'started'),
  );
  await operate('abort', id);
  const transaction = await world.finished(id);
  assert.equal(transaction.state, 'rolledBack');
  assert.equal(transaction.rollback?.verified?.equal, true, JSON.stringify(transaction.rollback));
  assert.match(transaction.cause?.message ?? '', /a test/);
  assert.deepEqual(await dumps(), before_);
});

test('two applies to one stack run one after the other, and the later one wins', async () => {
  const first = await world.submit(versioned('queued', '1', { soak: '1s' }));
  const second = await world.submit(versioned('queued', '2'));
  assert.equal((await world.get(second)).state, 'queued');
  const busy = await problemOf(world.submit(versioned('queued', '3'), { ifBusy: 'fail' }));
  assert.equal(busy.status, 409);
  assert.match(busy.detail, new RegExp(`${first}|${second}`));
  const [one, two] = [await world.finished(first), await world.finished(second)];
  assert.deepEqual([one.state, two.state], ['committed', 'committed'], JSON.stringify([one.cause, two.cause]));
  assert.ok(String(two.startedAt) >= String(one.endedAt), `${two.startedAt} is not before ${one.endedAt}`);
  for (const name of world.names) {
    const live = await read(world.kube(name), '/api/v1/namespaces/queued/configmaps/settings');
    assert.deepEqual(live?.data, { version: '2' });
  }
});

test('an apply that says `replace` undoes the one that runs and takes its place', async () => {
  const first = await world.submit(versioned('replaced', '1', { soak: '20s' }));
  await reached(first, 'running');
  const second = await world.apply(versioned('replaced', '2'), { ifBusy: 'replace' });
  assert.equal(second.state, 'committed', JSON.stringify(second.cause));
  assert.equal((await world.get(first)).state, 'rolledBack');
});

test('a rollback brings an earlier revision back: what it had, and no more', async () => {
  const two = stackOf({
    name: 'back',
    functions: {
      web: {
        objects: [configMap('settings', { version: '2' }), configMap('added', { a: '1' })],
        locations: everywhere,
      },
    },
  });
  const one = stackOf({
    name: 'back',
    functions: { web: { objects: [configMap('settings', { version: '1' })], locations: everywhere } },
  });
  assert.equal((await world.apply(one)).state, 'committed');
  assert.equal((await world.apply(two)).state, 'committed');
  const answer = await world.client.call(routes.stacks.rollback, {
    params: { project: 'default', name: 'back' },
    body: { to: 1 },
  });
  assert.equal(answer.kind, 'submitted');
  const transaction = await world.finished(answer.kind === 'submitted' ? answer.transaction.id : '');
  assert.deepEqual([transaction.kind, transaction.state, transaction.revision], ['rollback', 'committed', 3]);
  const maps = '/api/v1/namespaces/back/configmaps';
  for (const name of world.names) {
    assert.deepEqual((await read(world.kube(name), `${maps}/settings`))?.data, { version: '1' });
    assert.equal(await read(world.kube(name), `${maps}/added`), undefined);
  }
  const revisions = await world.client.all(routes.stacks.revisions, { params: { project: 'default', name: 'back' } });
  assert.deepEqual(
    revisions.map(({ revision, state }) => [revision, state]),
    [
      [3, 'committed'],
      [2, 'superseded'],
      [1, 'superseded'],
    ],
  );
});

test('drift is repaired in moments, journaled, and a deleted object comes back', async () => {
  assert.equal((await world.apply(versioned('drift', '1'))).state, 'committed');
  const path = '/api/v1/namespaces/drift/configmaps/settings';
  await write(world.kube('us-1'), {
    method: 'PATCH',
    path,
    body: { data: { version: 'by hand', other: 'mine' } },
    contentType: 'application/merge-patch+json',
  });
  await until('the drift is repaired', 30_000, async () => {
    const live = (await read(world.kube('us-1'), path))?.data as { version?: string } | undefined;
    return live?.version === '1';
  });
  const repaired = (await read(world.kube('us-1'), path))?.data as { other?: string } | undefined;
  assert.equal(repaired?.other, 'mine', 'what nobody here declared is left alone');
  await write(world.kube('us-1'), { method: 'DELETE', path: '/api/v1/namespaces/drift/services/web' });
  await until(
    'the Service is back',
    30_000,
    async () => (await read(world.kube('us-1'), '/api/v1/namespaces/drift/services/web')) !== undefined,
  );
  await until('both drifts are journaled', 30_000, async () => {
    const items = await world.client.all(routes.journal.read);
    return items.filter(({ entry }) => entry.tx === 'cluster/us-1' && entry.type === 'cluster.drift').length >= 2;
  });
  const stack = { project: 'default', name: 'drift' };
  const { items } = await world.client.call(routes.insight.drift, { params: stack });
  const [gone, changed] = items;
  assert.equal(items.length, 2);
  assert.deepEqual([gone?.message, gone?.cluster, gone?.repaired], ['Service drift/web was deleted', 'us-1', true]);
  assert.match(
    changed?.message ?? '',
    /^ConfigMap drift\/settings was changed by .+: \.data\.version "1" → "by hand"$/,
  );
  assert.deepEqual([changed?.changes?.[0]?.wanted, changed?.changes?.[0]?.found], ['1', 'by hand']);
  assert.ok(changed?.changes?.[0]?.by !== undefined);
  const elsewhere = await world.client.call(routes.insight.drift, { params: stack, query: { cluster: 'eu-1' } });
  assert.deepEqual(elsewhere.items, []);
});

test('retire leaves nothing of the stack on any cluster but the namespace it made', async () => {
  const before_ = await dumps();
  assert.equal((await world.apply(versioned('retired', '1'))).state, 'committed');
  const answer = await world.client.call(routes.stacks.retire, {
    params: { project: 'default', name: 'retired' },
    body: { reason: 'no longer needed' },
  });
  const transaction = await world.finished(answer.kind === 'submitted' ? answer.transaction.id : '');
  assert.deepEqual([transaction.kind, transaction.state], ['retire', 'committed'], JSON.stringify(transaction.cause));
  for (const [index, cluster] of (await dumps()).entries()) {
    const left = Object.keys(cluster).filter((name) => !(name in (before_[index] ?? {})));
    assert.deepEqual(
      left.filter((name) => !/(Namespace \/retired|kube-root-ca\.crt|ServiceAccount retired\/default)$/.test(name)),
      [],
    );
  }
  const summary = await world.client.call(routes.stacks.get, { params: { project: 'default', name: 'retired' } });
  assert.equal(summary.state, 'retired');
});

test('a cordoned cluster keeps what it serves and takes nothing new; a drained one gives it up, made elsewhere first', async () => {
  const one = (name: string, min: number) =>
    stackOf({ name, functions: { web: { objects: [deployment('web')], locations: { min, max: min } } } });
  const where = async (name: string) => {
    const { items } = await world.client.call(routes.functions.list, { query: { stack: name } });
    return items.flatMap((item) => item.locations.map(({ cluster }) => cluster)).toSorted();
  };
  assert.equal((await world.apply(one('stays', 3))).state, 'committed');
  await world.client.call(routes.clusters.cordon, { params: { name: 'eu-1' }, body: { reason: 'a test' } });
  assert.equal((await world.apply(one('comes', 2))).state, 'committed');
  assert.deepEqual(await where('comes'), ['eu-2', 'us-1']);
  assert.deepEqual(await where('stays'), ['eu-1', 'eu-2', 'us-1']);
  await world.client.call(routes.clusters.uncordon, { params: { name: 'eu-1' }, body: {} });
  await world.client.call(routes.clusters.drain, { params: { name: 'us-1' }, body: { reason: 'a test' } });
  await until('us-1 serves nothing of it', 15_000, async () => !(await where('comes')).includes('us-1'));
  assert.deepEqual(await where('comes'), ['eu-1', 'eu-2']);
  const path = '/apis/apps/v1/namespaces/comes/deployments/web';
  await until('the copy on us-1 is gone', 10_000, async () => (await read(world.kube('us-1'), path)) === undefined);
  assert.ok((await where('stays')).includes('us-1'), 'what has nowhere else to go stays: never the last copies');
  await world.client.call(routes.clusters.uncordon, { params: { name: 'us-1' }, body: {} });
});
