/** What an agent asks of its API server for one location: counted, so that what was spared stays spared. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ApiRequest, Client } from '../src/kubernetes/index.ts';
import { configMap, deploy, output, part, refusalKind, startRig } from './hub-agent-rig.ts';

const SPACE = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } };
const CONFIG = '/api/v1/namespaces/shop/configmaps/settings';

/** Calls `before` ahead of each request. */
function watched(before: (request: ApiRequest, inner: Client) => void | Promise<void>) {
  return (inner: Client): Client => ({
    ...inner,
    async request(request) {
      await before(request, inner);
      return inner.request(request);
    },
  });
}

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
