/** What an agent remembers in its cluster: little, where it is found again, and in nobody else's way. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { type Digest, isObject, type Json, type KubeObject, silentLogger } from '../src/base/index.ts';
import type { ApiRequest, Client } from '../src/kubernetes/index.ts';
import type { CommandBody } from '../src/protocol/index.ts';
import {
  configMap,
  deploy,
  LABELS,
  LOCATION,
  output,
  part,
  type Rig,
  STACK,
  startRig,
  undo,
  until,
} from './hub-agent-rig.ts';

const SYSTEM = '/api/v1/namespaces/ldc-system';
const STATE = `${SYSTEM}/configmaps/ldc-agent-state`;
const SPACE: KubeObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', labels: LABELS } };
const SETTINGS = '/api/v1/namespaces/shop/configmaps/settings';
const RECORD = 'ldc.dev/held';

/** Objects whose bundle takes two Secrets. */
function large(): readonly KubeObject[] {
  const one = configMap('large', { a: randomBytes(520 * 1024).toString('base64') });
  const data = { a: randomBytes(520 * 1024).toString('base64') };
  return [one, { ...one, metadata: { ...one.metadata, name: 'larger' }, data }];
}

async function begin(client?: (inner: Client) => Client): Promise<Rig> {
  const rig = await startRig(client === undefined ? {} : { client });
  await rig.write('POST', '/api/v1/namespaces', SPACE as never);
  return rig;
}

async function restart(rig: Rig): Promise<void> {
  await rig.agent.stop();
  rig.agent = await rig.startAgent();
  await until(() => rig.hub.link.connected('eu-1'), 'the next one is connected');
}

/** The Secrets of what is held. */
async function bundles(rig: Rig): Promise<readonly KubeObject[]> {
  const list = await rig.write('GET', `${SYSTEM}/secrets`);
  const items = isObject(list) && Array.isArray(list.items) ? (list.items as unknown as KubeObject[]) : [];
  return items.filter(({ metadata }) => metadata.name.startsWith('ldc-bundle-'));
}

async function stateOf(rig: Rig): Promise<{ readonly held?: readonly Json[]; readonly commands: object }> {
  return JSON.parse(String(part(await rig.get(STATE), 'data', 'state')));
}

/** What the agent says that it holds, as it says it to its hub when it asks. */
async function recalled(rig: Rig): Promise<Json> {
  return output(await rig.run({ kind: 'recallBundle', location: LOCATION }), 'recallBundle').bundle;
}

const apply = (revision: number, bundle: Digest, preImages: Digest) =>
  ({ kind: 'apply', location: LOCATION, revision, bundle, preImages }) as const;

describe('what an agent holds', () => {
  it('is let go of by an undo, too, where the answer to its writing was lost', async () => {
    let losing = true;
    const rig = await begin((inner) => ({
      ...inner,
      async request(request) {
        const answer = await inner.request(request);
        const isBundle = request.method === 'POST' && JSON.stringify(request.body ?? {}).includes('"ldc-bundle-');
        if (!losing || !isBundle) return answer;
        losing = false;
        return { kind: 'unreachable', sent: true, reason: 'the answer was lost' };
      },
    }));
    const bundle = await rig.bundle(1, [configMap('settings', { a: '1' })]);
    const { outcome, ...made } = await deploy(rig, 1, bundle);
    assert.notEqual(outcome.kind, 'done');
    assert.equal((await bundles(rig)).length, 1, 'it was written all the same');
    await undo(rig, made, null);
    assert.deepEqual(await bundles(rig), []);
    await restart(rig);
    assert.equal(await recalled(rig), null, 'the next agent keeps nothing of it');
  });

  it('is remembered with its bundle, and goes with it; the state lists none of it', async () => {
    const rig = await begin();
    const first = await rig.bundle(1, [configMap('settings', { a: '1' })]);
    output((await deploy(rig, 1, first)).outcome, 'receipt');
    const [secret] = await bundles(rig);
    const record = JSON.parse(String(secret?.metadata.annotations?.[RECORD]));
    assert.deepEqual(record.held, { location: LOCATION, revision: 1, bundle: first });
    const second = await rig.bundle(2, [configMap('settings', { a: '2' })]);
    output((await deploy(rig, 2, second, first)).outcome, 'receipt');
    assert.equal((await bundles(rig)).length, 1);
    assert.equal((await stateOf(rig)).held, undefined);
    await restart(rig);
    assert.equal(await recalled(rig), second);
    const old = await rig.run(apply(1, first, first));
    assert.equal(old.kind === 'refused' && old.refusal.kind, 'staleRevision', 'it knows its revision again');
    output(await rig.run({ kind: 'remove', location: LOCATION, previous: { revision: 2, bundle: second } }), 'receipt');
    assert.deepEqual(await bundles(rig), []);
    await rig.close();
  });

  it('of an older agent is found in its state, and moves to the bundle with its next revision', async () => {
    const rig = await begin();
    const first = await rig.bundle(1, [configMap('settings', { a: '1' })]);
    output((await deploy(rig, 1, first)).outcome, 'receipt');
    await rig.agent.stop();
    const name = (await bundles(rig))[0]?.metadata.name ?? '';
    const merge = 'application/merge-patch+json';
    await rig.write('PATCH', `${SYSTEM}/secrets/${name}`, { metadata: { annotations: { [RECORD]: null } } }, merge);
    const held = [{ location: LOCATION, revision: 1, bundle: first }];
    const state = JSON.stringify({ v: 1, epoch: rig.store.epoch, held, commands: {} });
    await rig.write('PATCH', STATE, { data: { state } }, merge);
    rig.agent = await rig.startAgent();
    await until(() => rig.hub.link.connected('eu-1'), 'the newer one is connected');
    assert.equal(await recalled(rig), first);
    const second = await rig.bundle(2, [configMap('settings', { a: '2' })]);
    output((await deploy(rig, 2, second, first)).outcome, 'receipt');
    assert.equal((await stateOf(rig)).held, undefined);
    await restart(rig);
    assert.equal(await recalled(rig), second);
    await rig.close();
  });

  it('by an agent whose Role does not let it list Secrets is listed in its state', async () => {
    const forbidden: Json = { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 403, message: 'no' };
    const rig = await begin((inner) => ({
      ...inner,
      request: async (request) =>
        request.method === 'GET' && request.path === `${SYSTEM}/secrets`
          ? { kind: 'answered', status: 403, body: forbidden, warnings: [] }
          : inner.request(request),
    }));
    const first = await rig.bundle(1, [configMap('settings', { a: '1' })]);
    output((await deploy(rig, 1, first)).outcome, 'receipt');
    assert.equal((await stateOf(rig)).held?.length, 1);
    await restart(rig);
    assert.equal(await recalled(rig), first);
    const second = await rig.bundle(2, [configMap('settings', { a: '2' })]);
    output((await deploy(rig, 2, second, first)).outcome, 'receipt');
    output(await rig.run({ kind: 'remove', location: LOCATION, previous: { revision: 2, bundle: second } }), 'receipt');
    assert.equal((await stateOf(rig)).held, undefined);
    await rig.close();
  });

  it('is written anew where somebody has deleted it, and so is the state', async () => {
    const rig = await begin();
    const first = await rig.bundle(1, [configMap('settings', { a: '1' })]);
    output((await deploy(rig, 1, first)).outcome, 'receipt');
    for (const { metadata } of await bundles(rig)) await rig.write('DELETE', `${SYSTEM}/secrets/${metadata.name}`);
    await rig.write('DELETE', STATE);
    const second = await rig.bundle(2, [configMap('settings', { a: '2' })]);
    output((await deploy(rig, 2, second, first)).outcome, 'receipt');
    assert.equal((await bundles(rig)).length, 1);
    const space = { ...SPACE, metadata: { ...SPACE.metadata, name: 'more' } };
    output(await rig.run({ kind: 'ensure', stack: STACK, objects: [space] }), 'ensure');
    assert.equal(Object.keys((await stateOf(rig)).commands).length, 1);
    await rig.close();
  });

  it('is read anew when the cluster was put back to an older state, whatever its versions are by then', async () => {
    const rig = await begin();
    const first = await rig.bundle(1, [configMap('settings', { a: '1' })]);
    const { preImages, outcome: made } = await deploy(rig, 1, first);
    output(made, 'receipt');
    const [older] = await bundles(rig);
    const second = await rig.bundle(2, [configMap('settings', { a: '2' })]);
    output((await deploy(rig, 2, second, first)).outcome, 'receipt');
    const { resourceVersion: _version, ...metadata } = older?.metadata ?? assert.fail('nothing is held');
    await rig.write('PUT', `${SYSTEM}/secrets/${metadata.name}`, { ...older, metadata } as never);
    const lease = '/apis/coordination.k8s.io/v1/namespaces/ldc-system/leases/ldc-agent';
    await rig.write('PATCH', lease, { metadata: { annotations: { put: 'back' } } }, 'application/merge-patch+json');
    const forgot = async () => {
      const outcome = await rig.run(apply(1, first, preImages));
      return outcome.kind === 'refused' && outcome.refusal.kind === 'stale';
    };
    await until(forgot, 'what it holds is the older revision', 30_000);
    await rig.close();
  });

  it('is looked at again by the next agent, also when it cannot read it at once', async () => {
    let failures = 0;
    const rig = await begin((inner) => ({
      ...inner,
      request: async (request) => {
        const fails = failures > 0 && request.method === 'GET' && request.path.includes('/secrets/ldc-bundle-');
        if (fails && failures-- > 0) return { kind: 'answered', status: 503, body: 'busy', warnings: [] };
        return inner.request(request);
      },
    }));
    output((await deploy(rig, 1, await rig.bundle(1, [configMap('settings', { a: '1' })]))).outcome, 'receipt');
    failures = 2;
    await restart(rig);
    await until(() => failures === 0, 'it was tried again');
    await rig.write('PATCH', SETTINGS, { data: { a: 'edited' } }, 'application/merge-patch+json');
    await until(async () => part(await rig.get(SETTINGS), 'data', 'a') === '1', 'it is repaired');
    await rig.close();
  });

  it('is what a command has brought, however late the next agent reads what was before', async () => {
    let waitMs = 0;
    const rig = await begin((inner) => ({
      ...inner,
      request: async (request) => {
        const answer = await inner.request(request);
        if (waitMs > 0 && request.method === 'GET' && request.path.includes('/secrets/ldc-bundle-'))
          await new Promise((resolve) => setTimeout(resolve, waitMs));
        return answer;
      },
    }));
    const first = await rig.bundle(1, [configMap('settings', { a: '1' })]);
    output((await deploy(rig, 1, first)).outcome, 'receipt');
    waitMs = 1_000;
    await restart(rig);
    const second = await rig.bundle(2, [configMap('settings', { a: '2' })]);
    output((await deploy(rig, 2, second, first)).outcome, 'receipt');
    await new Promise((resolve) => setTimeout(resolve, waitMs));
    await rig.write('PATCH', SETTINGS, { data: { a: 'edited' } }, 'application/merge-patch+json');
    await until(async () => part(await rig.get(SETTINGS), 'data', 'a') !== 'edited', 'it is repaired');
    assert.equal(part(await rig.get(SETTINGS), 'data', 'a'), '2');
    await rig.close();
  });

  it('is put together again by an undo, after an agent that died between two parts of a large one', async () => {
    const large = () => configMap('large', { a: randomBytes(520 * 1024).toString('base64') });
    const both = () => [large(), { ...large(), metadata: { ...large().metadata, name: 'larger' } }];
    const armed = { on: false, died: false };
    const rig = await begin((inner) => ({
      ...inner,
      async request(request) {
        armed.died ||= armed.on && request.method === 'PUT' && /ldc-bundle-.*-0$/.test(request.path);
        return armed.died ? new Promise(() => {}) : inner.request(request);
      },
    }));
    const first = await rig.bundle(1, both());
    output((await deploy(rig, 1, first)).outcome, 'receipt');
    assert.equal((await bundles(rig)).length, 2);
    const second = await rig.bundle(2, both());
    const taken = await rig.run({ kind: 'snapshot', location: LOCATION, bundle: second, previous: first });
    const preImages = output(taken, 'snapshot').preImages as Digest;
    armed.on = true;
    const applied = rig.run(apply(2, second, preImages));
    await until(() => armed.died, 'it died');
    void rig.agent.stop();
    assert.equal((await applied).kind, 'unknown');
    rig.agent = await rig.startAgent({ client: rig.client });
    await until(() => rig.hub.link.connected('eu-1'), 'the next one is connected');
    assert.equal(await recalled(rig), null, 'half of each');
    const previous = { revision: 1, bundle: first };
    output(await rig.run({ kind: 'undo', location: LOCATION, bundle: second, preImages, previous }), 'receipt');
    assert.equal(await recalled(rig), first);
    output(await rig.run({ kind: 'remove', location: LOCATION, previous }), 'receipt');
    assert.deepEqual(await bundles(rig), []);
    await rig.close();
  });

  it('leaves no part of a larger bundle behind, nor when the agent dies before it has deleted it', async () => {
    const armed = { on: false, died: false };
    const rig = await begin((inner) => ({
      ...inner,
      async request(request) {
        armed.died ||= armed.on && request.method === 'DELETE' && /ldc-bundle-.*-1$/.test(request.path);
        return armed.died ? new Promise(() => {}) : inner.request(request);
      },
    }));
    const first = await rig.bundle(1, large());
    output((await deploy(rig, 1, first)).outcome, 'receipt');
    assert.equal((await bundles(rig)).length, 2);
    const small = await rig.bundle(2, [configMap('settings', { a: '1' })]);
    output((await deploy(rig, 2, small, first)).outcome, 'receipt');
    assert.equal((await bundles(rig)).length, 1);

    const again = await rig.bundle(3, large());
    output((await deploy(rig, 3, again, small)).outcome, 'receipt');
    const last = await rig.bundle(4, [configMap('settings', { a: '2' })]);
    armed.on = true;
    const applied = deploy(rig, 4, last, again);
    await until(() => armed.died, 'it died');
    void rig.agent.stop();
    assert.equal((await applied).outcome.kind, 'unknown');
    assert.equal((await bundles(rig)).length, 2);
    rig.agent = await rig.startAgent({ client: rig.client });
    await until(() => rig.hub.link.connected('eu-1'), 'the next one is connected');
    assert.equal((await bundles(rig)).length, 1);
    assert.equal(await recalled(rig), last);
    await rig.close();
  });

  it('leaves a part that it may not delete until it may: neither a command nor a start fails by it', async () => {
    const refusal = { status: 0, times: 0 };
    const rig = await begin((inner) => ({
      ...inner,
      async request(request) {
        if (refusal.status === 0 || request.method !== 'DELETE' || !/ldc-bundle-.*-1$/.test(request.path))
          return inner.request(request);
        refusal.times++;
        return { kind: 'answered', status: refusal.status, body: 'no', warnings: [] };
      },
    }));
    const settings = (a: string) => [configMap('settings', { a })];
    const first = await rig.bundle(1, large());
    output((await deploy(rig, 1, first)).outcome, 'receipt');
    refusal.status = 503;
    const second = await rig.bundle(2, settings('2'));
    output((await deploy(rig, 2, second, first)).outcome, 'receipt');
    assert.deepEqual([refusal.times, (await bundles(rig)).length], [1, 2]);
    refusal.status = 0;
    const third = await rig.bundle(3, settings('3'));
    output((await deploy(rig, 3, third, second)).outcome, 'receipt');
    assert.equal((await bundles(rig)).length, 1, 'the next command deletes it');

    const fourth = await rig.bundle(4, large());
    output((await deploy(rig, 4, fourth, third)).outcome, 'receipt');
    refusal.status = 403;
    const fifth = await rig.bundle(5, settings('5'));
    output((await deploy(rig, 5, fifth, fourth)).outcome, 'receipt');
    const warned: string[] = [];
    const logger = { ...silentLogger, warn: (fields: object) => warned.push(JSON.stringify(fields)) };
    await rig.agent.stop();
    rig.agent = await rig.startAgent({ logger });
    await until(() => rig.hub.link.connected('eu-1'), 'the next one is connected');
    assert.ok(warned.some((fields) => /ldc-bundle-.*-1/.test(fields)));
    assert.equal(await recalled(rig), fifth);
    const sixth = await rig.bundle(6, large());
    output((await deploy(rig, 6, sixth, fifth)).outcome, 'receipt');
    refusal.status = 0;
    output((await deploy(rig, 6, sixth, sixth)).outcome, 'receipt');
    assert.equal((await bundles(rig)).length, 2, 'what has become a part again is none of it');
    await restart(rig);
    assert.equal(await recalled(rig), sixth);
    const seventh = await rig.bundle(7, settings('7'));
    output((await deploy(rig, 7, seventh, sixth)).outcome, 'receipt');
    assert.equal((await bundles(rig)).length, 1);
    await rig.close();
  });

  it('is nothing to stumble over where a person has edited it', async () => {
    const rig = await begin();
    const first = await rig.bundle(1, [configMap('settings', { a: '1' })]);
    output((await deploy(rig, 1, first)).outcome, 'receipt');
    const name = (await bundles(rig))[0]?.metadata.name ?? '';
    for (const edited of ['{', '{"held":{},"begun":[]}', 'null']) {
      const patch = { metadata: { annotations: { [RECORD]: edited } } };
      await rig.write('PATCH', `${SYSTEM}/secrets/${name}`, patch, 'application/merge-patch+json');
      await restart(rig);
      output((await deploy(rig, 1, first, first)).outcome, 'receipt');
    }
    await rig.close();
  });

  it('that another agent has written meanwhile is not written over, and nothing is done', async () => {
    const rig = await begin();
    const first = await rig.bundle(1, [configMap('settings', { a: '1' })]);
    output((await deploy(rig, 1, first)).outcome, 'receipt');
    const name = (await bundles(rig))[0]?.metadata.name ?? '';
    const theirs = { metadata: { annotations: { [RECORD]: '{"held":{},"begun":["theirs"]}' } } };
    await rig.write('PATCH', `${SYSTEM}/secrets/${name}`, theirs, 'application/merge-patch+json');
    const second = await rig.bundle(2, [configMap('settings', { a: '2' })]);
    const { outcome } = await deploy(rig, 2, second, first);
    assert.equal(outcome.kind, 'unknown');
    assert.equal(part(await rig.get('/api/v1/namespaces/shop/configmaps/settings'), 'data', 'a'), '1');
    await rig.close();
  });
});

describe('what an agent remembers of commands', () => {
  it('says after a kill that a namespace is its own making, so that its undo takes it away', async () => {
    const armed: { matches?: (request: ApiRequest) => boolean; died: boolean } = { died: false };
    const rig = await startRig({
      client: (inner) => ({
        ...inner,
        async request(request) {
          if (armed.died) return new Promise(() => {});
          const answer = await inner.request(request);
          armed.died ||= armed.matches?.(request) === true;
          return armed.died ? new Promise(() => {}) : answer;
        },
      }),
    });
    armed.matches = ({ method, path }) => method === 'PATCH' && path === '/api/v1/namespaces/shop';
    const body = { kind: 'ensure', stack: STACK, objects: [SPACE] } satisfies CommandBody;
    const first = rig.run(body, 'tx/ensure/do');
    await until(() => armed.died, 'it died');
    void rig.agent.stop();
    assert.equal((await first).kind, 'unknown');
    rig.agent = await rig.startAgent({ client: rig.client });
    await until(() => rig.hub.link.connected('eu-1'), 'the next one is connected');
    const { created, existed } = output(await rig.run(body, 'tx/ensure/do'), 'ensure');
    assert.deepEqual([created.length, existed.length], [1, 0]);
    const again = output(await rig.run(body, 'another/ensure/do'), 'ensure');
    assert.deepEqual([again.created.length, again.existed.length], [0, 1]);
    assert.ok(
      !JSON.stringify((await stateOf(rig)).commands).includes('another/'),
      'what makes nothing is not remembered',
    );
    await rig.close();
  });

  it('does not grow with what was done: the state is as large after sixty revisions as after ten', async () => {
    const rig = await begin();
    let previous: Digest | null = null;
    const sizes: number[] = [];
    for (let revision = 1; revision <= 60; revision++) {
      const bundle: Digest = await rig.bundle(revision, [configMap('settings', { a: 'same' })]);
      const taken = await rig.run({ kind: 'snapshot', location: LOCATION, bundle, previous });
      output(await rig.run(apply(revision, bundle, output(taken, 'snapshot').preImages as Digest)), 'receipt');
      previous = bundle;
      if (revision === 10 || revision === 60) sizes.push(JSON.stringify(await rig.get(STATE)).length);
    }
    assert.equal(sizes[1], sizes[0]);
    const [secret] = await bundles(rig);
    assert.ok(String(secret?.metadata.annotations?.[RECORD]).length < 1_000);
    await rig.close();
  });
});
