/** Webhooks of a stack that its own undo meets (DESIGN §5): they can refuse whatever is written while they stand. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, it } from 'node:test';
import type { KubeObject } from '../src/base/index.ts';
import { configMap, deploy, LABELS, output, part, type Rig, startRig, undo, until } from './hub-agent-rig.ts';

const MAPS = '/api/v1/namespaces/shop/configmaps';
const HOOKS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';

let rig: Rig;
beforeEach(async () => {
  rig = await startRig();
  await rig.write('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
});
afterEach(() => rig.close());

/** Its service does not exist: with `Fail` it refuses every write of these to ConfigMaps of the namespace. */
function hook(operations: readonly string[]): KubeObject {
  const rules = [{ apiGroups: [''], apiVersions: ['v1'], operations, resources: ['configmaps'] }];
  const clientConfig = { service: { name: 'none', namespace: 'shop', path: '/' } };
  const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': 'shop' } };
  const common = { sideEffects: 'None', admissionReviewVersions: ['v1'], failurePolicy: 'Fail', timeoutSeconds: 1 };
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'judge', labels: LABELS },
    webhooks: [{ name: 'judge.example.com', clientConfig, rules, namespaceSelector, ...common }],
  } as unknown as KubeObject;
}

/** Its service is not there: until the API server has noticed that it is a judge, writes pass. */
async function untilJudged(): Promise<void> {
  const probe = configMap('probe', { n: '1' });
  await until(async () => {
    try {
      await rig.write('POST', `${MAPS}?dryRun=All`, probe as never);
      return false;
    } catch (error) {
      return /failed calling webhook/.test(String(error));
    }
  }, 'the webhook refuses');
}

it('one that the transaction made, and that refuses everything, goes before anything else is brought back', async () => {
  const first = await rig.bundle(1, [configMap('settings', { a: '1' })]);
  output((await deploy(rig, 1, first)).outcome, 'receipt');
  const all = ['CREATE', 'UPDATE', 'DELETE'];
  const second = await rig.bundle(2, [configMap('settings', { a: '2' }), configMap('more', { b: '1' }), hook(all)]);
  const made = await deploy(rig, 2, second, first);
  output(made.outcome, 'receipt');
  await untilJudged();
  const { receipt, verified } = await undo(rig, made, { revision: 1, bundle: first });
  assert.equal(receipt.objects[0]?.ref.kind, 'ValidatingWebhookConfiguration');
  assert.deepEqual(verified.differences, []);
  assert.equal(await rig.get(`${HOOKS}/judge`), undefined);
  assert.equal(await rig.get(`${MAPS}/more`), undefined);
  assert.equal(part(await rig.get(`${MAPS}/settings`), 'data', 'a'), '1');
});

it('one that the transaction made stricter is what it was before anything else is brought back', async () => {
  const first = await rig.bundle(1, [configMap('settings', { a: '1' }), hook(['DELETE'])]);
  output((await deploy(rig, 1, first)).outcome, 'receipt');
  const second = await rig.bundle(2, [configMap('settings', { a: '2' }), hook(['CREATE', 'UPDATE', 'DELETE'])]);
  const made = await deploy(rig, 2, second, first);
  output(made.outcome, 'receipt');
  await untilJudged();
  const { verified } = await undo(rig, made, { revision: 1, bundle: first });
  assert.deepEqual(verified.differences, []);
  assert.equal(part(await rig.get(`${MAPS}/settings`), 'data', 'a'), '1');
});
