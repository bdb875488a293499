/** What an agent asks of its API server for one location: counted, so that what was spared stays spared. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Digest, KubeObject } from '../src/base/index.ts';
import type { ApiRequest, Client } from '../src/kubernetes/index.ts';
import {
  configMap,
  deploy,
  deployment,
  type Living,
  LOCATION,
  output,
  part,
  type Rig,
  refusalKind,
  startLiving,
  startRig,
} from './hub-agent-rig.ts';

const SPACE = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } };
const CONFIG = '/api/v1/namespaces/shop/configmaps/settings';

function service(name: string): KubeObject {
  const spec = { selector: { app: name }, ports: [{ port: 80 }] };
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec };
}

/** Tells of each request before it is sent. */
function watched(told: (request: ApiRequest, inner: Client) => void | Promise<void>) {
  return (inner: Client): Client => ({
    ...inner,
    async request(request) {
      await told(request, inner);
      return inner.request(request);
    },
  });
}

describe('one location of three objects costs its API server', () => {
  const log: string[] = [];
  let living: Living;
  let rig: Rig;
  before(async () => {
    living = await startLiving();
    const client = watched(({ method, path, query }) => {
      // rights that are there are believed for ten seconds, which a loaded machine may take
      if (!path.includes('/leases/') && !path.includes('/selfsubject'))
        log.push(`${method} ${path}${query?.dryRun === undefined ? '' : '?dryRun'}`);
    });
    rig = await startRig({ cluster: living.cluster, client });
    await transaction('warm', 1, 'a:1', null); // kinds are known, and watched
  });
  after(async () => {
    await rig.close();
    await living.close();
  });

  /** The commands of a deploy, as the hub gives them; answers its bundle. */
  async function transaction(name: string, revision: number, image: string, previous: Digest | null): Promise<Digest> {
    const stack = { project: 'default', name };
    const location = { stack, kind: 'function', name: 'web', cluster: 'eu-1' } as const;
    const labels = { 'ldc.dev/stack': name, 'ldc.dev/project': 'default' };
    const objects = [configMap('web', { image }), service('web'), deployment('web', image, 1)].map((object) => ({
      ...object,
      metadata: { ...object.metadata, namespace: name, labels },
    }));
    const bundle = await rig.bundle(revision, objects, { location, fieldManager: `ldc.default.${name}` });
    const space = { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
    const needed = [{ apiVersion: 'v1', kind: 'Namespace', name }];
    log.length = 0;
    output(await rig.run({ kind: 'access', objects, needed, gone: [] }), 'access');
    const taken = output(await rig.run({ kind: 'snapshot', location, bundle, previous }), 'snapshot');
    output(await rig.run({ kind: 'ensure', stack, objects: [space] }), 'ensure');
    output(await rig.run({ kind: 'dryRun', location, bundle, pending: [] }), 'dryRun');
    const preImages = taken.preImages as Digest;
    output(await rig.run({ kind: 'apply', location, revision, bundle, preImages }), 'receipt');
    const before = log.length;
    const { tookMs } = output(await rig.run({ kind: 'gate', location, bundle, deadlineMs: 30_000 }), 'gate');
    if (tookMs >= 5_000) log.length = before; // what takes long is read now and then, watch or not
    output(await rig.run({ kind: 'readBack', location, bundle }), 'readBack');
    return bundle;
  }
  /** How often each: the verb, and the last part of the path (an object's name, or what is made). */
  function counted(): { readonly [request: string]: number } {
    const kinds = log.map((line) => line.replace(/ .*\//, ' '));
    return Object.fromEntries([...Map.groupBy(kinds, (kind) => kind)].map(([kind, all]) => [kind, all.length]).sort());
  }

  it('sixteen requests when all of it is new, its namespace too, beside one for its rights', async () => {
    await transaction('fresh', 1, 'a:1', null);
    assert.deepEqual(counted(), {
      'GET fresh': 1,
      'GET web': 6, // pre-images, and what is read back
      'PUT ldc-agent-state': 1, // that ensure is begun
      'PATCH fresh': 1,
      'PATCH web?dryRun': 3,
      'POST secrets': 1, // the bundle, and that apply is begun
      'PATCH web': 3,
    });
  });

  it('fourteen when it is changed', async () => {
    const first = await transaction('changed', 1, 'a:1', null);
    await transaction('changed', 2, 'a:2', first);
    const [secret = ''] = Object.keys(counted()).filter((request) => request.startsWith('PUT ldc-bundle-'));
    assert.deepEqual(counted(), {
      'GET changed': 1,
      'GET web': 6,
      'PATCH web?dryRun': 3,
      [secret]: 1,
      'PATCH web': 3,
    });
  });
});

it('pre-images that the agent has just made do not come back from the hub', async () => {
  const rig = await startRig();
  await rig.write('POST', '/api/v1/namespaces', SPACE);
  const asked: string[] = [];
  const { blobs } = rig.store;
  const get = blobs.get.bind(blobs);
  Object.assign(blobs, {
    get(digest: Digest) {
      asked.push(digest);
      return get(digest);
    },
  });
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'login', namespace: 'shop' } };
  const first = await rig.bundle(1, [{ ...secret, data: { password: Buffer.from('one').toString('base64') } }]);
  output((await deploy(rig, 1, first)).outcome, 'receipt');
  const second = await rig.bundle(2, [{ ...secret, data: { password: Buffer.from('two').toString('base64') } }]);
  const { preImages, outcome } = await deploy(rig, 2, second, first);
  output(outcome, 'receipt');
  assert.ok(asked.includes(second) && !asked.includes(preImages));
  const previous = { revision: 1, bundle: first };
  output(await rig.run({ kind: 'undo', location: LOCATION, bundle: second, preImages, previous }), 'receipt');
  const live = await rig.get('/api/v1/namespaces/shop/secrets/login');
  assert.equal(part(live, 'data', 'password'), Buffer.from('one').toString('base64'));
  await rig.close();
});

describe('an object that moves in the moment of its apply', () => {
  const theirs = { ...configMap('settings', { theirs: 'yes' }), metadata: { name: 'settings' } };
  /** Once `write` is set, it happens right before the agent's own. */
  function meddler() {
    const armed: { write?: ApiRequest } = {};
    const client = watched(async ({ method, path, query }, inner) => {
      const { write } = armed;
      if (write === undefined || method !== 'PATCH' || path !== CONFIG || query?.dryRun !== undefined) return;
      delete armed.write;
      await inner.request(write);
    });
    return { armed, client };
  }

  it('is not touched when it has come into being: the plan is stale', async () => {
    const collection = CONFIG.slice(0, CONFIG.lastIndexOf('/'));
    const { armed, client } = meddler();
    const rig = await startRig({ client });
    armed.write = { method: 'POST', path: collection, body: theirs };
    await rig.write('POST', '/api/v1/namespaces', SPACE);
    const { outcome } = await deploy(rig, 1, await rig.bundle(1, [configMap('settings', { ours: 'yes' })]));
    assert.equal(refusalKind(outcome), 'stale');
    assert.deepEqual(part(await rig.get(CONFIG), 'data'), { theirs: 'yes' });
    await rig.close();
  });

  it('is not touched when another has changed it', async () => {
    const body = { data: { theirs: 'yes' } };
    const { armed, client } = meddler();
    const rig = await startRig({ client });
    await rig.write('POST', '/api/v1/namespaces', SPACE);
    const first = await rig.bundle(1, [configMap('settings', { ours: 'one' })]);
    output((await deploy(rig, 1, first)).outcome, 'receipt');
    const second = await rig.bundle(2, [configMap('settings', { ours: 'two' })]);
    armed.write = { method: 'PATCH', path: CONFIG, body, contentType: 'application/merge-patch+json' };
    const { outcome } = await deploy(rig, 2, second, first);
    assert.equal(refusalKind(outcome), 'stale');
    assert.equal(part(await rig.get(CONFIG), 'data', 'ours'), 'one');
    await rig.close();
  });
});
