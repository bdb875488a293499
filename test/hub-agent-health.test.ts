/** What an agent waits for and reports: ldc's own rules, the user's beside them, and what nothing proves yet. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Json, KubeObject } from '../src/base/index.ts';
import { deploy, LOCATION, output, type Rig, startRig, until } from './hub-agent-rig.ts';

const GROUP = 'queues.example.org';
const KAFKAS = `/apis/${GROUP}/v1/namespaces/shop/kafkas`;
const LABELS = { 'ldc.dev/stack': 'shop', 'ldc.dev/project': 'default', 'ldc.dev/function': 'checkout' };

const crd = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `kafkas.${GROUP}` },
  spec: {
    group: GROUP,
    scope: 'Namespaced',
    names: { plural: 'kafkas', singular: 'kafka', kind: 'Kafka', listKind: 'KafkaList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
      },
    ],
  },
} as unknown as KubeObject;

const healthRules = [
  {
    kind: 'Kafka',
    current: 'object.status.brokers == object.spec.brokers',
    failed: 'has(object.status.broken) && object.status.broken',
    message: "has(object.status) ? string(object.status.brokers) + ' brokers' : ''",
  },
];

describe('the health of objects', () => {
  let rig: Rig;
  let revision = 0;
  before(async () => {
    rig = await startRig();
    await rig.write('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
    await rig.write('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', crd as unknown as Json);
    await until(async () => (await rig.client.request({ method: 'GET', path: KAFKAS })).kind === 'answered', 'served');
  });
  after(() => rig.close());

  const kafka = (name: string): KubeObject => ({
    ...{ apiVersion: `${GROUP}/v1`, kind: 'Kafka', spec: { brokers: 3 } },
    metadata: { name, namespace: 'shop', labels: LABELS },
  });
  const tell = (name: string, status: Json) =>
    rig.write('PATCH', `${KAFKAS}/${name}/status`, { status }, 'application/merge-patch+json');
  /** Applies it and starts a gate. */
  async function gated(object: KubeObject, deadlineMs: number, more = {}) {
    const bundle = await rig.bundle(++revision, [object], more);
    output((await deploy(rig, revision, bundle)).outcome, 'receipt');
    return { bundle, gate: rig.run({ kind: 'gate', location: LOCATION, bundle, deadlineMs }) };
  }

  it('a user’s rule holds the gate back until it is true, whatever conditions say', async () => {
    const { gate } = await gated(kafka('slow'), 30_000, { healthRules });
    await tell('slow', { brokers: 1, conditions: [{ type: 'Ready', status: 'True' }] });
    const waiting = Symbol();
    const early = await Promise.race([gate, new Promise((done) => setTimeout(done, 600, waiting))]);
    assert.equal(early, waiting);
    await tell('slow', { brokers: 3, conditions: [{ type: 'Ready', status: 'False' }] });
    assert.equal(output(await gate, 'gate').ready, 1);
  });

  it('one that says failed ends the gate at once, with its own words', async () => {
    const { gate } = await gated(kafka('broken'), 60_000, { healthRules });
    await tell('broken', { brokers: 1, broken: true });
    const outcome = await gate;
    assert.equal(outcome.kind, 'refused');
    assert.match(JSON.stringify(outcome), /Kafka\/?.*broken.*is not ready: 1 brokers/);
  });

  it('one that cannot be evaluated is never ready, and says why', async () => {
    const { gate } = await gated(kafka('silent'), 700, { healthRules });
    const outcome = await gate;
    assert.equal(outcome.kind, 'refused');
    assert.match(JSON.stringify(outcome), /cannot be evaluated: No such key: status/);
  });

  it('without a rule, what nothing ties to its spec must stay ready for a moment: a controller that is late is seen', async () => {
    const { gate } = await gated(kafka('late'), 30_000);
    setTimeout(() => void tell('late', { conditions: [{ type: 'Ready', status: 'False', reason: 'Starting' }] }), 800);
    const waiting = Symbol();
    const early = await Promise.race([gate, new Promise((done) => setTimeout(done, 3_500, waiting))]);
    assert.equal(early, waiting, 'the first good look was taken for readiness');
    await tell('late', { observedGeneration: 1, conditions: [{ type: 'Ready', status: 'True' }] });
    output(await gate, 'gate');
  });

  it('a location is reported as the user’s rule says', async () => {
    const { gate, bundle } = await gated(kafka('seen'), 30_000, { healthRules });
    await tell('seen', { brokers: 3 });
    output(await gate, 'gate');
    const now = () => rig.hub.registry.observations('eu-1').find((one) => one.bundle === bundle);
    await until(() => now()?.status === 'current', 'it is reported as ready');
    await tell('seen', { brokers: 2 });
    await until(() => /seen: 2 brokers/.test(now()?.message ?? ''), 'the words of the rule at the hub');
    assert.equal(now()?.status, 'inProgress');
  });

  it('a claim whose class waits for the first pod does not hold the gate; a Job that is suspended by its manifest neither', async () => {
    await rig.write('POST', '/apis/storage.k8s.io/v1/storageclasses', {
      ...{ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name: 'later' } },
      ...{ provisioner: 'example.org/none', volumeBindingMode: 'WaitForFirstConsumer' },
    });
    const claim = {
      ...{ apiVersion: 'v1', kind: 'PersistentVolumeClaim' },
      metadata: { name: 'data', namespace: 'shop', labels: LABELS },
      spec: {
        accessModes: ['ReadWriteOnce'],
        storageClassName: 'later',
        resources: { requests: { storage: '1Gi' } },
      },
    };
    output(await (await gated(claim as unknown as KubeObject, 5_000)).gate, 'gate');
    const job = {
      ...{ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'held', namespace: 'shop', labels: LABELS } },
      spec: {
        suspend: true,
        template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } },
      },
    };
    output(await (await gated(job as unknown as KubeObject, 5_000)).gate, 'gate');
  });
});
