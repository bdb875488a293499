/** What one cluster refuses is undone on all: compared object by object, past hub and agents. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { routes } from '../src/api/client/index.ts';
import { isObject, type KubeObject } from '../src/base/index.ts';
import type { TransactionView } from '../src/saga/index.ts';
import { problemOf, startWorld, until, type World } from './world.ts';
import {
  configMap,
  deployment,
  dump,
  EVERYWHERE,
  makeNamespace,
  put,
  read,
  service,
  stackOf,
  write,
} from './world-objects.ts';

const CANARY = { waves: [1, '100%'] };

let world: World;
before(async () => {
  world = await startWorld({ kinds: [{ group: 'example.com', plural: 'widgets' }] });
});
after(() => world?.close());

function dumps() {
  return Promise.all(world.names.map((name) => dump(world.kube(name))));
}

function assertUndone(transaction: TransactionView): void {
  assert.equal(transaction.state, 'rolledBack', JSON.stringify(transaction.cause));
  const verified = transaction.rollback?.verified;
  assert.ok(verified, 'the undo was verified');
  assert.equal(verified.equal, true, JSON.stringify(verified.differences));
  assert.deepEqual(verified.kept, []);
  assert.equal(verified.digestBefore, verified.digestAfter);
  assert.equal(transaction.sealed, true);
}

/** A quota that lets each ConfigMap of the stack pass alone, as a dry run asks, and refuses the second of them. */
async function oneConfigMapOnly(cluster: string, namespace: string, hard: number): Promise<void> {
  await makeNamespace(world.kube(cluster), namespace);
  const path = `/api/v1/namespaces/${namespace}/configmaps/kube-root-ca.crt`;
  await until('the namespace has its CA', 5_000, async () => (await read(world.kube(cluster), path)) !== undefined);
  await put(world.kube(cluster), `/api/v1/namespaces/${namespace}/resourcequotas/few`, {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'few', namespace },
    spec: { hard: { 'count/configmaps': String(hard) } },
  });
}

test('a manifest that one cluster refuses after another has taken it stays nowhere', async () => {
  await oneConfigMapOnly('us-1', 'quota', 2);
  const before_ = await dumps();
  const objects = [configMap('first', { a: '1' }), configMap('second', { b: '2' }), service('web'), deployment('web')];
  const transaction = await world.apply(
    stackOf({ name: 'quota', functions: { web: { objects, locations: EVERYWHERE } }, rollout: CANARY }),
  );
  assertUndone(transaction);
  assert.match(transaction.cause?.message ?? '', /quota/);
  assert.match(transaction.cause?.where ?? '', /us-1|ConfigMap/);
  const applied = transaction.plan.steps.find((step) => step.action === 'apply' && step.cluster === 'eu-1');
  assert.equal(applied?.status, 'undone', 'the canary on eu-1 had been applied');
  assert.deepEqual(await dumps(), before_);
});

test('a second revision that one cluster refuses leaves the first one everywhere, owners of fields included', async () => {
  await oneConfigMapOnly('us-1', 'second', 3);
  const stack = (version: string, extra: readonly KubeObject[]) =>
    stackOf({
      name: 'second',
      functions: {
        web: {
          objects: [configMap('first', { a: version }), deployment('web', { version, replicas: 2 }), ...extra],
          locations: EVERYWHERE,
        },
      },
      rollout: CANARY,
    });
  assert.equal((await world.apply(stack('1', []))).state, 'committed');
  const before_ = await dumps();
  const transaction = await world.apply(stack('2', [configMap('more', { a: '1' }), configMap('most', { a: '1' })]));
  assertUndone(transaction);
  assert.deepEqual(await dumps(), before_);
  const summary = await world.client.call(routes.stacks.get, { params: { project: 'default', name: 'second' } });
  assert.equal(summary.revision, 1);
});

test("another manager's field is refused by default, and nothing was applied", async () => {
  await makeNamespace(world.kube('us-1'), 'taken');
  const path = '/api/v1/namespaces/taken/configmaps/settings';
  await put(world.kube('us-1'), path, configMap('settings', { colour: 'theirs', size: 'theirs' }), 'kustomizer');
  const before_ = await dumps();
  const objects = [configMap('settings', { colour: 'ours' })];
  const transaction = await world.apply(
    stackOf({ name: 'taken', functions: { web: { objects, locations: EVERYWHERE } } }),
  );
  assertUndone(transaction);
  assert.equal(transaction.cause?.kind, 'fieldConflict', JSON.stringify(transaction.cause));
  assert.match(transaction.cause?.message ?? '', /kustomizer/);
  assert.match(transaction.cause?.hint ?? '', /conflicts: take/);
  assert.deepEqual(await dumps(), before_);
});

test('`conflicts: take` takes the fields by force, and an undo gives them back to who had them', async () => {
  for (const name of world.names) await makeNamespace(world.kube(name), 'take');
  const path = '/api/v1/namespaces/take/configmaps/settings';
  await put(world.kube('us-1'), path, configMap('settings', { colour: 'theirs', size: 'theirs' }), 'kustomizer');
  const before_ = await dumps();
  const stack = (broken: boolean) => {
    const objects = [
      configMap('settings', { colour: 'ours' }),
      deployment('web', broken ? { outcome: 'neverReady' } : {}),
    ];
    return stackOf({
      name: 'take',
      functions: { web: { objects, locations: EVERYWHERE, more: { conflicts: 'take' } } },
      rollout: broken ? { deadline: '3s' } : {},
    });
  };
  assertUndone(await world.apply(stack(true)));
  assert.deepEqual(await dumps(), before_);
  const taken = await world.apply(stack(false));
  assert.equal(taken.state, 'committed', JSON.stringify(taken.cause));
  const live = await read(world.kube('us-1'), path);
  assert.deepEqual(live?.data, { colour: 'ours', size: 'theirs' });
});

test('a container without a probe that dies half a second after it was ready is never committed, whatever the soak', async () => {
  const before_ = await dumps();
  const web = deployment('web', { outcome: 'crash' });
  const stack = stackOf({
    name: 'dies',
    functions: { web: { objects: [web], locations: EVERYWHERE } },
    rollout: { soak: '0s', minReady: '2s', deadline: '5s' },
  });
  const ended = await world.apply(stack);
  assertUndone(ended);
  assert.equal(ended.cause?.kind, 'notReady', JSON.stringify(ended.cause));
  assert.match(JSON.stringify(ended.cause), /exit code 1/);
  assert.deepEqual(await dumps(), before_);
});

test('an immutable field is refused with a hint; `ldc.dev/replace: recreate` is named as irreversible and works', async () => {
  const stack = (label: string, recreate: boolean) => {
    const web = deployment('web');
    const labels = { app: 'web', tier: label };
    const spec = web.spec as { template: { metadata: object } };
    const template = { ...spec.template, metadata: { labels } };
    const changed = {
      ...web,
      metadata: recreate ? { name: 'web', annotations: { 'ldc.dev/replace': 'recreate' } } : web.metadata,
      spec: { ...spec, selector: { matchLabels: labels }, template },
    } as unknown as KubeObject;
    return stackOf({ name: 'fixed', functions: { web: { objects: [changed], locations: EVERYWHERE } } });
  };
  assert.equal((await world.apply(stack('a', false))).state, 'committed');
  const path = '/apis/apps/v1/namespaces/fixed/deployments/web';
  const first = await read(world.kube('eu-1'), path);
  const before_ = await dumps();
  const problem = await problemOf(world.submit(stack('b', false)));
  assert.equal(problem.kind, 'immutable');
  assert.match(problem.detail, /selector/);
  assert.match(problem.hint ?? '', /ldc\.dev\/replace: recreate/);
  assert.deepEqual(await dumps(), before_);
  const planned = await world.client.call(routes.stacks.plan, { body: stack('b', true) });
  assert.match(planned.text, /No undo brings back:\n\s+! recreate apps\/Deployment fixed\/web on eu-1/);
  const transaction = await world.apply(stack('b', true));
  assert.equal(transaction.state, 'committed', JSON.stringify(transaction.cause));
  const second = await read(world.kube('eu-1'), path);
  assert.notEqual(second?.metadata.uid, first?.metadata.uid);
});

test('an object of someone else that cannot become ours is refused by the dry run, before anything is applied', async () => {
  await makeNamespace(world.kube('us-1'), 'foreign');
  const theirs = deployment('web');
  const labels = { app: 'web', own: 'x' };
  const spec = theirs.spec as { template: object };
  const labelled = { ...spec, selector: { matchLabels: labels }, template: { ...spec.template, metadata: { labels } } };
  await put(world.kube('us-1'), '/apis/apps/v1/namespaces/foreign/deployments/web', {
    ...theirs,
    spec: labelled,
  } as unknown as KubeObject);
  const before_ = await dumps();
  const transaction = await world.apply(
    stackOf({
      name: 'foreign',
      functions: { web: { objects: [deployment('web')], locations: EVERYWHERE, more: { conflicts: 'take' } } },
    }),
  );
  assertUndone(transaction);
  assert.equal(transaction.cause?.kind, 'immutable', JSON.stringify(transaction.cause));
  assert.ok(transaction.plan.steps.every((step) => step.action !== 'apply' || step.startedAt === undefined));
  assert.deepEqual(await dumps(), before_);
});

test('a namespace that is stuck terminating on one cluster refuses the deploy; when it is gone the same deploy commits', async () => {
  const kube = world.kube('us-1');
  await makeNamespace(kube, 'ending');
  const path = '/api/v1/namespaces/ending/configmaps/held';
  const held = configMap('held', {});
  await put(kube, path, { ...held, metadata: { name: 'held', finalizers: ['example.com/hold'] } });
  await write(kube, { method: 'DELETE', path: '/api/v1/namespaces/ending' });
  const before_ = await dumps();
  const stack = stackOf({
    name: 'ending',
    functions: { web: { objects: [configMap('c', { a: '1' })], locations: EVERYWHERE } },
  });
  const transaction = await world.apply(stack);
  assertUndone(transaction);
  assert.equal(transaction.cause?.kind, 'terminating', JSON.stringify(transaction.cause));
  assert.deepEqual(await dumps(), before_);
  await write(kube, {
    method: 'PATCH',
    path,
    body: { metadata: { finalizers: null } },
    contentType: 'application/merge-patch+json',
  });
  await until('it is gone', 5_000, async () => (await read(kube, '/api/v1/namespaces/ending')) === undefined);
  const again = await world.apply(stack);
  assert.equal(again.state, 'committed', JSON.stringify(again.cause));
});

const WIDGET = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.example.com' },
  spec: {
    group: 'example.com',
    names: { kind: 'Widget', plural: 'widgets', singular: 'widget', listKind: 'WidgetList' },
    scope: 'Namespaced',
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
} as unknown as KubeObject;

test('a CRD that one cluster lacks: placement avoids it, and says so when it cannot', async () => {
  const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  await put(world.kube('us-1'), `${crds}/widgets.example.com`, WIDGET);
  await until('the hub knows that us-1 serves Widgets', 40_000, async () => {
    const { apis } = await world.client.call(routes.clusters.get, { params: { name: 'us-1' } });
    return apis.includes('example.com/v1/Widget');
  });
  const widget = { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'w' }, spec: {} } as KubeObject;
  const stack = (locations: { min: number; max: number }) =>
    stackOf({ name: 'widgets', functions: { web: { objects: [widget], locations } } });
  const problem = await problemOf(world.submit(stack({ min: 2, max: 2 })));
  assert.equal(problem.kind, 'noPlacement');
  assert.match(problem.detail, /eu-1.*Widget|Widget.*eu-1/);
  const transaction = await world.apply(stack({ min: 1, max: 1 }));
  assert.equal(transaction.state, 'committed', JSON.stringify(transaction.cause));
  assert.deepEqual(new Set(transaction.plan.steps.map((step) => step.cluster).filter(Boolean)), new Set(['us-1']));
});

test('clusters too full: refused before anything is applied, with what is missing', async () => {
  const before_ = await dumps();
  const objects = [deployment('big', { replicas: 40, cpu: '500m' })];
  const problem = await problemOf(
    world.submit(stackOf({ name: 'big', functions: { web: { objects, locations: EVERYWHERE } } })),
  );
  assert.equal(problem.kind, 'noPlacement');
  assert.match(problem.detail, /needs 20 CPU/);
  assert.match(problem.detail, /too full/);
  assert.deepEqual(await dumps(), before_);
  const { items } = await world.client.call(routes.transactions.list, { query: { stack: 'default/big' } });
  assert.deepEqual(items, []);
});

test('a cluster that fills up behind the hub is undone at the gate, with the reason a person would dig for', async () => {
  const before_ = await dumps();
  // a pod quota is no capacity: placement cannot see it
  await makeNamespace(world.kube('us-1'), 'tight');
  await put(world.kube('us-1'), '/api/v1/namespaces/tight/resourcequotas/none', {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'none', namespace: 'tight' },
    spec: { hard: { pods: '0' } },
  });
  const transaction = await world.apply(
    stackOf({
      name: 'tight',
      functions: { web: { objects: [deployment('web')], locations: EVERYWHERE } },
      rollout: { deadline: '3s' },
    }),
  );
  assertUndone(transaction);
  assert.match(JSON.stringify(transaction.cause), /quota|pods/);
  const now = await dumps();
  assert.deepEqual(now[0], before_[0]);
  assert.ok(isObject(now[1]) && !Object.keys(now[1] ?? {}).some((name) => name.includes('tight/web')));
});
