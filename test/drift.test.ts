/** Drift, from the hand of a person to the hub's journal: who, what, once. On an embedded API server. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type Entry, isObject, type Json, type JsonObject, type KubeObject } from '../src/base/index.ts';
import { driftsOf } from '../src/hub-agent/index.ts';
import {
  configMap,
  deploy,
  deployment,
  LABELS,
  output,
  part,
  type Rig,
  STACK,
  secretOf,
  startRig,
  until,
} from './hub-agent-rig.ts';

const MERGE = 'application/merge-patch+json';
const CONFIG = '/api/v1/namespaces/shop/configmaps/settings';
const DEPLOYMENT = '/apis/apps/v1/namespaces/shop/deployments/checkout';
const FOR_MS = 30_000;

let rig: Rig;
beforeEach(async () => {
  rig = await startRig();
  await rig.write('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
});
afterEach(() => rig.close());

const drifts = () => rig.store.journal.chain('cluster/eu-1').filter((entry) => entry.type === 'cluster.drift');
const changesOf = (entry: Entry | undefined) =>
  Array.isArray(entry?.data.changes) ? entry.data.changes.filter(isObject) : [];
const write = (path: string, by: string, body: Json, type = MERGE) =>
  rig.write('PATCH', `${path}?fieldManager=${by}`, body, type);
const modeIs = (mode: string) => async () => part(await rig.get(CONFIG), 'data', 'mode') === mode;

async function hold(more: object = {}, others: readonly KubeObject[] = []) {
  const objects = [
    ...others,
    configMap('settings', { mode: 'good', size: '1' }),
    secretOf('login', 'hunter2hunter2'),
    deployment('checkout', 'a:1'),
  ];
  const bundle = await rig.bundle(1, objects, more);
  output((await deploy(rig, 1, bundle)).outcome, 'receipt');
  await until(() => rig.hub.registry.observations('eu-1').length > 0, 'it is observed', FOR_MS);
  return bundle;
}
async function journaled(count: number): Promise<readonly Entry[]> {
  await until(() => drifts().length >= count, `${count} drifts are journaled`, FOR_MS);
  return drifts();
}

describe('the journal says of a drift', () => {
  it('whose hand it was, when, and what stood where', async () => {
    await hold();
    await write(CONFIG, 'kubectl-edit', { data: { mode: 'bad' } });
    const [entry] = await journaled(1);
    assert.equal(entry?.data.message, 'ConfigMap shop/settings was changed by kubectl-edit: .data.mode "good" → "bad"');
    assert.equal(entry?.data.repaired, true);
    const [change, ...others] = changesOf(entry);
    assert.deepEqual(others, []);
    const { at, ...by } = (change?.by ?? {}) as JsonObject;
    assert.deepEqual(by, { manager: 'kubectl-edit', operation: 'Update' });
    assert.match(String(at), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.deepEqual([change?.field, change?.wanted, change?.found], ['.data.mode', 'good', 'bad']);
    assert.deepEqual(change?.ref, { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'shop', name: 'settings' });
    await until(modeIs('good'), 'it is repaired', FOR_MS);
    const [last] = driftsOf(rig.store.documents, STACK);
    assert.equal(last?.message, entry?.data.message);
    assert.equal(last?.cluster, 'eu-1');
  });

  it('which subresource it came by', async () => {
    await hold();
    const scale = { apiVersion: 'autoscaling/v1', kind: 'Scale', spec: { replicas: 5 } };
    await write(`${DEPLOYMENT}/scale`, 'kubectl-scale', scale);
    const [entry] = await journaled(1);
    const [change] = changesOf(entry);
    assert.equal(change?.field, '.spec.replicas');
    const by = (change?.by ?? {}) as JsonObject;
    assert.equal(by.manager, 'kubectl-scale');
    assert.equal(by.subresource, 'scale');
  });

  it('nobody for what was taken away or deleted', async () => {
    await hold();
    await write(CONFIG, 'hand', { data: { mode: null } });
    const [removed] = await journaled(1);
    assert.equal(removed?.data.message, 'ConfigMap shop/settings was changed: .data.mode "good" → absent');
    assert.deepEqual(Object.keys(changesOf(removed)[0] ?? {}).sort(), ['field', 'ref', 'wanted']);
    await until(modeIs('good'), 'it is repaired', FOR_MS);
    await rig.write('DELETE', CONFIG);
    const [, deleted] = await journaled(2);
    assert.equal(deleted?.data.message, 'ConfigMap shop/settings was deleted');
    await until(modeIs('good'), 'it is back', FOR_MS);
  });

  it('no value of a Secret, and none that looks like one', async () => {
    await hold();
    const value = Buffer.from('stolen-password').toString('base64');
    await write('/api/v1/namespaces/shop/secrets/login', 'hand', { data: { password: value } });
    await journaled(1);
    const env = [{ name: 'DB_PASSWORD', value: 'plainly-written' }];
    const patch = { spec: { template: { spec: { containers: [{ name: 'c', image: 'evil:1', env }] } } } };
    await write(DEPLOYMENT, 'hand', patch, 'application/strategic-merge-patch+json');
    await journaled(2);
    const text = JSON.stringify(drifts());
    for (const secret of ['stolen-password', value, 'hunter2', 'plainly-written']) {
      assert.ok(!text.includes(secret), `${secret} is in the journal`);
    }
  });

  it('that it was only reported, once, whatever else happens to the object', async () => {
    await hold({ drift: { mode: 'report', ignore: [] } });
    await write(CONFIG, 'hand', { data: { mode: 'bad' } });
    const [entry] = await journaled(1);
    assert.equal(entry?.data.repaired, false);
    await rig.agent.stop();
    rig.agent = await rig.startAgent();
    await until(() => (rig.hub.registry.observations('eu-1')[0]?.drift ?? []).length === 1, 'it still stands', FOR_MS);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    assert.equal(drifts().length, 1, 'an agent that starts anew tells nothing new');
    assert.equal(part(await rig.get(CONFIG), 'data', 'mode'), 'bad');
  });
});

describe('what a person may do to what is held', () => {
  it('deletes the namespace with all that is in it: it is made anew, whole', async () => {
    await hold();
    await rig.write('DELETE', '/api/v1/namespaces/shop');
    const whole = async () => {
      const found = await Promise.all([CONFIG, DEPLOYMENT, '/api/v1/namespaces/shop/secrets/login'].map(rig.get));
      return found.every((one) => one !== undefined && one.metadata.deletionTimestamp === undefined);
    };
    await until(async () => (await journaled(3)).length >= 3 && (await whole()), 'all is back', FOR_MS);
    assert.equal((await rig.get('/api/v1/namespaces/shop'))?.metadata.labels?.['ldc.dev/stack'], 'shop');
    const messages = drifts().map((entry) => String(entry.data.message));
    assert.equal(messages.filter((message) => message.endsWith('was deleted')).length, 3, messages.join('; '));
  });

  it('sets a finalizer and deletes: it is said what the deletion waits for; then it is made anew', async () => {
    await hold();
    await write(CONFIG, 'hand', { metadata: { finalizers: ['example.org/stay'] } });
    await rig.write('DELETE', CONFIG);
    const [hangs] = await journaled(1);
    assert.match(String(hangs?.data.message), /is being deleted \(waits for example\.org\/stay\); it is made anew/);
    assert.equal(hangs?.data.repaired, false);
    assert.equal(rig.hub.registry.observations('eu-1')[0]?.drift?.length, 1);
    const before = (await rig.get(CONFIG))?.metadata.uid;
    await write(CONFIG, 'hand', { metadata: { finalizers: null } });
    const isNew = async () => ![undefined, before].includes((await rig.get(CONFIG))?.metadata.uid);
    await until(isNew, 'it is made anew', FOR_MS);
    assert.match(String((await journaled(2))[1]?.data.message), /was deleted$/);
  });

  it('takes the labels off by which it is watched', async () => {
    await hold();
    await write(CONFIG, 'hand', { metadata: { labels: null } });
    const [entry] = await journaled(1);
    assert.match(String(entry?.data.message), /\.metadata\.labels/);
    await until(async () => (await rig.get(CONFIG))?.metadata.labels?.['ldc.dev/stack'] === 'shop', 'repaired', FOR_MS);
  });

  it('owns it by something else: what nobody asked for is left, what was asked for stays', async () => {
    await hold();
    const uid = (await rig.get('/api/v1/namespaces/shop/secrets/login'))?.metadata.uid as string;
    const owner = { apiVersion: 'v1', kind: 'Secret', name: 'login', uid };
    await write(CONFIG, 'hand', { metadata: { ownerReferences: [owner] }, data: { mode: 'bad' } });
    const [entry] = await journaled(1);
    assert.deepEqual(
      changesOf(entry).map((change) => change.field),
      ['.data.mode'],
    );
    assert.ok((await rig.get(CONFIG))?.metadata.ownerReferences !== undefined);
  });

  it('fights: repairs slow down, and the journal says how many there were', async () => {
    await hold();
    for (let round = 1; round <= 7; round++) {
      await write(CONFIG, 'rival', { data: { mode: `bad-${round}` } });
      if (round <= 5) await until(modeIs('good'), `repair ${round}`, FOR_MS);
    }
    await until(() => rig.hub.registry.observations('eu-1')[0]?.drift?.length === 1, 'it waits', FOR_MS);
    const told = await journaled(6);
    assert.equal(told.at(-1)?.data.repairs, 6);
    assert.ok(told.every((entry) => String(entry.data.message).includes('by rival')));
    assert.equal(new Set(told.map((entry) => entry.data.id)).size, told.length);
  });
});

describe('what others may change', () => {
  it('replicas that an autoscaler of the same function sets, without a word of it in the stack', async () => {
    const hpa = {
      ...{ apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler' },
      metadata: { name: 'checkout', namespace: 'shop', labels: LABELS },
      spec: {
        minReplicas: 1,
        maxReplicas: 9,
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'checkout' },
      },
    } as unknown as KubeObject;
    await hold({}, [hpa]);
    await write(`${DEPLOYMENT}/scale`, 'kube-controller-manager', { spec: { replicas: 5 } });
    await write(CONFIG, 'hand', { data: { mode: 'bad' } });
    await until(modeIs('good'), 'something else is repaired', FOR_MS);
    await journaled(1);
    assert.equal(part(await rig.get(DEPLOYMENT), 'spec', 'replicas'), 5);
    assert.equal(drifts().length, 1);
  });

  it('one item of a list, named by its key', async () => {
    await hold({ drift: { mode: 'repair', ignore: ['/spec/template/spec/containers/[name=c]/image'] } });
    const containers = [{ name: 'c', image: 'injected:1' }];
    const strategic = 'application/strategic-merge-patch+json';
    await write(DEPLOYMENT, 'injector', { spec: { replicas: 7, template: { spec: { containers } } } }, strategic);
    const [entry] = await journaled(1);
    assert.deepEqual(
      changesOf(entry).map((change) => change.field),
      ['.spec.replicas'],
    );
    assert.ok(JSON.stringify(await rig.get(DEPLOYMENT)).includes('"image":"injected:1"'));
  });
});

describe('an agent that holds something and has nothing to do', () => {
  it('asks its API server for nothing: it watches, and renews its lease', async () => {
    const asked: string[] = [];
    await rig.close();
    rig = await startRig({
      client: (inner) => ({
        ...inner,
        request: (request) => {
          asked.push(`${request.method} ${request.path}`);
          return inner.request(request);
        },
      }),
    });
    await rig.write('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
    await hold({}, [configMap('other', {})]);
    await rig.write('PUT', `${DEPLOYMENT}/status`, readyDeployment(await rig.get(DEPLOYMENT)));
    await until(() => rig.hub.registry.observations('eu-1')[0]?.status === 'current', 'all is well', FOR_MS);
    const quiet = async () => {
      const before = asked.length;
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      return asked.slice(before).every((one) => one.includes('/leases/'));
    };
    await until(quiet, 'what was begun has ended', FOR_MS);
    asked.length = 0;
    const isRenewal = (one: string): boolean => one.startsWith('PUT ') && one.endsWith('/leases/ldc-agent');
    await until(() => asked.filter(isRenewal).length >= 2, 'the lease is renewed twice', FOR_MS);
    assert.deepEqual(
      asked.filter((one) => !isRenewal(one)),
      [],
    );
  });
});

function readyDeployment(object: KubeObject | undefined): Json {
  const replicas = 2;
  const conditions = [
    { type: 'Available', status: 'True' },
    { type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable' },
  ];
  const counts = { replicas, updatedReplicas: replicas, readyReplicas: replicas, availableReplicas: replicas };
  return {
    ...object,
    status: { ...counts, conditions, observedGeneration: object?.metadata.generation },
  } as unknown as Json;
}

describe('exactly once', () => {
  it('drifts that were repaired while no hub was there, told by an agent that was started anew meanwhile', async () => {
    await hold();
    await rig.hub.stop();
    await until(() => !rig.agent.connected(), 'the line has ended', FOR_MS);
    await write(CONFIG, 'alice', { data: { mode: 'bad' } });
    await until(modeIs('good'), 'repaired without a hub', FOR_MS);
    await rig.write('DELETE', CONFIG);
    await until(modeIs('good'), 'made anew without a hub', FOR_MS);
    const remembered = async () => {
      const state = part(await rig.get('/api/v1/namespaces/ldc-system/configmaps/ldc-agent-state'), 'data', 'state');
      return (JSON.parse(String(state)) as { drifts?: unknown[] }).drifts?.length;
    };
    await until(async () => (await remembered()) === 2, 'both are remembered', FOR_MS);
    await rig.agent.stop();
    await rig.hub.start();
    rig.agent = await rig.startAgent({ hub: { url: rig.hub.url } });
    const told = await journaled(2);
    assert.match(String(told[0]?.data.message), /changed by alice/);
    assert.match(String(told[1]?.data.message), /was deleted/);
    await until(async () => (await remembered()) === undefined, 'nothing is left to tell', FOR_MS);
    assert.equal(drifts().length, 2);
  });
});
