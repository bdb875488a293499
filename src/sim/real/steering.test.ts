import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import type { Json, JsonObject } from '../../base/index.ts';
import { systemClock, systemRandom } from '../../base/index.ts';
import { openPki } from '../api/pki.ts';
import { jsonPatch } from '../patch/index.ts';
import { keptPorts } from './ports.ts';
import { KUBELET_NODE, review, steer, webhookConfiguration } from './steering.ts';
import { REVIEW_BYTES_MAX, startWebhook, type Webhook } from './webhook.ts';

const toleration = { key: KUBELET_NODE, operator: 'Exists', effect: 'NoSchedule' };
const steered = (spec: JsonObject) => {
  const pod = { metadata: { name: 'p' }, spec };
  const outcome = jsonPatch(pod, steer(pod) as unknown as Json);
  assert.equal(outcome.kind, 'patched', JSON.stringify(outcome));
  return outcome.kind === 'patched' ? (outcome.value as unknown as { spec: JsonObject }).spec : assert.fail();
};

it('sends a pod to the nodes of our kubelet, and keeps what it asks for besides', () => {
  assert.deepEqual(steered({ containers: [] }), {
    containers: [],
    nodeSelector: { [KUBELET_NODE]: 'true' },
    tolerations: [toleration],
  });
  const own = { key: 'gpu', operator: 'Exists' };
  assert.deepEqual(steered({ nodeSelector: { zone: 'a' }, tolerations: [own] }), {
    nodeSelector: { zone: 'a', [KUBELET_NODE]: 'true' },
    tolerations: [own, toleration],
  });
});

describe('the webhook', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ldc-webhook-'));
  let webhook: Webhook;
  let ask: (body: string | Buffer, length?: number) => Promise<{ readonly status: number; readonly body: string }>;
  before(async () => {
    const { webhook: port } = await keptPorts(folder, ['webhook'], systemClock);
    const pki = await openPki('c', undefined, systemClock, systemRandom);
    webhook = await startWebhook(port, pki.server);
    ask = (body, length) =>
      new Promise((resolve, reject) => {
        const headers = length === undefined ? {} : { 'content-length': length };
        const call = request({ host: '127.0.0.1', port, method: 'POST', ca: pki.caPem, agent: false, headers });
        call.once('response', (answer) => {
          text(answer).then((said) => resolve({ status: answer.statusCode ?? 0, body: said }), reject);
        });
        call.once('error', reject);
        call.write(body);
        if (length === undefined) call.end();
      });
  });
  after(async () => {
    await webhook.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('answers over HTTPS with the review that an API server expects', async () => {
    const asked = { request: { uid: 'u-1', object: { spec: {} } } };
    const { body } = await ask(JSON.stringify(asked));
    assert.deepEqual(JSON.parse(body), review(asked));
    const { response } = JSON.parse(body) as { response: { uid: string; allowed: boolean; patch: string } };
    assert.deepEqual([response.uid, response.allowed], ['u-1', true]);
    assert.deepEqual(JSON.parse(Buffer.from(response.patch, 'base64').toString()), steer({ spec: {} }));
  });

  it('reads no more than a review can be, however long the body says it is', async () => {
    assert.equal((await ask(Buffer.alloc(REVIEW_BYTES_MAX + 1, ' '), 10 ** 12)).status, 413);
    assert.equal((await ask('[')).status, 400);
    const large = { request: { uid: 'u-2', object: { spec: {}, note: 'x'.repeat(3 * 1024 * 1024) } } };
    assert.equal((await ask(JSON.stringify(large))).status, 200);
  });
});

it('is asked for pods of the catalogue only, and never lets one through unsteered', () => {
  const [webhook] = webhookConfiguration(1234, 'pem').webhooks as unknown as [
    { failurePolicy: string; rules: JsonObject[]; matchConditions: { name: string; expression: string }[] },
  ];
  assert.equal(webhook.failurePolicy, 'Fail');
  assert.deepEqual(
    webhook.rules.map(({ resources, operations }) => [resources, operations]),
    [[['pods'], ['CREATE']]],
  );
  assert.match(webhook.matchConditions[0]?.expression ?? '', /startsWith\('ldc\.dev\/'\)/);
});
