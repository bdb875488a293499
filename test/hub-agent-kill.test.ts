/** An agent killed at the worst moments, and one that is alone in acting. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock as clock, createIds, systemRandom as random, silentLogger } from '../src/base/index.ts';
import { createAgent } from '../src/hub-agent/index.ts';
import type { ApiRequest, Client } from '../src/kubernetes/index.ts';
import { configMap, deploy, deployment, LOCATION, output, part, type Rig, startRig, until } from './hub-agent-rig.ts';

/** A client that, once armed, sends a matching request and never hears the answer: the process died right after. */
function deadly(armed: { matches?: (request: ApiRequest) => boolean; died: boolean }) {
  return (inner: Client): Client => ({
    ...inner,
    async request(request) {
      if (armed.died) return new Promise(() => {});
      if (armed.matches?.(request) !== true) return inner.request(request);
      armed.died = true;
      await inner.request(request);
      return new Promise(() => {});
    },
  });
}

const MOMENTS: readonly [string, (request: ApiRequest) => boolean][] = [
  ['after the first object', ({ method, path }) => method === 'PATCH' && path.endsWith('/configmaps/settings')],
  ['after the last object', ({ method, path }) => method === 'PATCH' && path.endsWith('/deployments/checkout')],
  [
    'after the intent was written',
    ({ method, path, body }) =>
      method === 'POST' && path.endsWith('/ldc-system/secrets') && JSON.stringify(body).includes('tx/kill/do'),
  ],
];

describe('an agent that is killed', () => {
  for (const [when, matches] of MOMENTS) {
    it(`${when} finishes the command when it is asked again, with the receipts of a first time`, async () => {
      const armed: Parameters<typeof deadly>[0] = { died: false };
      const rig: Rig = await startRig({ client: deadly(armed) });
      const space = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } };
      await rig.write('POST', '/api/v1/namespaces', space);
      const bundle = await rig.bundle(1, [configMap('settings', { a: 'b' }), deployment('checkout', 'a:1')]);
      const taken = await rig.run({ kind: 'snapshot', location: LOCATION, bundle, previous: null });
      const preImages = output(taken, 'snapshot').preImages as `sha256:${string}`;
      const body = { kind: 'apply', location: LOCATION, revision: 1, bundle, preImages } as const;
      armed.matches = matches;
      const first = rig.run(body, 'tx/kill/do');
      await until(() => armed.died, 'it died');
      void rig.agent.stop(); // its process is gone: the line ends, and nothing more reaches the API server
      assert.equal((await first).kind, 'unknown', 'what was under way is unknown');
      rig.agent = await rig.startAgent({ client: rig.client });
      await until(() => rig.hub.link.connected('eu-1'), 'the next one is connected');
      const receipt = output(await rig.run(body, 'tx/kill/do'), 'receipt');
      assert.deepEqual(
        receipt.objects.map(({ change, before }) => ({ change, before })),
        [
          { change: 'created', before: null },
          { change: 'created', before: null },
        ],
      );
      await rig.close();
    });
  }

  it('repairs nothing once its lease has run out by its own clock, until it has it again', async () => {
    const rig = await startRig();
    await rig.agent.stop();
    let stoodStillMs = 0;
    let isDown = false;
    const client: Client = {
      ...rig.client,
      request: async (request) =>
        isDown && request.path.includes('/leases')
          ? { kind: 'unreachable', sent: false, reason: 'not now' }
          : rig.client.request(request),
    };
    const own = { ...clock, monotonic: () => clock.monotonic() + stoodStillMs };
    rig.agent = await rig.startAgent({ client, clock: own });
    await until(() => rig.hub.link.connected('eu-1'), 'it is connected');
    await rig.write('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
    output((await deploy(rig, 1, await rig.bundle(1, [configMap('settings', { a: '1' })]))).outcome, 'receipt');
    const path = '/api/v1/namespaces/shop/configmaps/settings';
    const edit = (a: string) => rig.write('PATCH', path, { data: { a } }, 'application/merge-patch+json');
    const reads = async (a: string) => part(await rig.get(path), 'data', 'a') === a;
    await edit('edited');
    await until(() => reads('1'), 'it is repaired');
    isDown = true;
    stoodStillMs = 20_000;
    await edit('edited');
    await clock.sleep(1_500);
    assert.ok(await reads('edited'), 'another agent may act by now');
    isDown = false;
    await until(() => reads('1'), 'it is repaired by whoever has the lease', 15_000);
    await rig.close();
  });

  it('a second agent waits while the first holds the lease', async () => {
    const rig = await startRig();
    const second = createAgent({
      ...{ client: rig.client, clock, random, ids: createIds(clock, random), logger: silentLogger, version: 'test' },
      hub: { url: rig.hub.url },
      holder: 'another',
    });
    let started = false;
    const starting = second.start().then(() => {
      started = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 1_300));
    assert.ok(!started && rig.agent.connected());
    await rig.agent.stop();
    await starting;
    await until(() => second.connected(), 'the second has taken over');
    await second.stop();
    await rig.close();
  });
});
