/** Drift of what is not in a namespace, of kinds that go away, and while a transaction is at the location. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Digest, Json, KubeObject } from '../src/base/index.ts';
import {
  configMap,
  deploy,
  deployment,
  LABELS,
  LOCATION,
  output,
  part,
  type Rig,
  startRig,
  undo,
  until,
} from './hub-agent-rig.ts';

const MERGE = 'application/merge-patch+json';
const FOR_MS = 30_000;
const CONFIG = '/api/v1/namespaces/shop/configmaps/settings';
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const CRD = `${CRDS}/gadgets.example.org`;
const MAIN = '/apis/example.org/v1/namespaces/shop/gadgets/main';
const ROLE = '/apis/rbac.authorization.k8s.io/v1/clusterroles/shop-reader';
const CLASS = '/apis/scheduling.k8s.io/v1/priorityclasses/shop-high';

let rig: Rig;
beforeEach(async () => {
  rig = await startRig();
  await rig.write('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
});
afterEach(() => rig.close());

const drifts = () => rig.store.journal.chain('cluster/eu-1').filter((entry) => entry.type === 'cluster.drift');
const messages = () => drifts().map((entry) => entry.data.message);
const edit = (path: string, body: Json) => rig.write('PATCH', `${path}?fieldManager=hand`, body, MERGE);
const says = () => rig.hub.registry.observations('eu-1')[0];

async function hold(revision: number, objects: readonly KubeObject[], previous: Digest | null = null) {
  const tx = await deploy(rig, revision, await rig.bundle(revision, objects), previous);
  output(tx.outcome, 'receipt');
  await until(() => says()?.bundle === tx.bundle, 'it is observed', FOR_MS);
  return tx;
}

const gadgets = {
  ...{ apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition' },
  metadata: { name: 'gadgets.example.org', labels: LABELS },
  spec: {
    ...{ group: 'example.org', scope: 'Namespaced' },
    names: { plural: 'gadgets', singular: 'gadget', kind: 'Gadget', listKind: 'GadgetList' },
    versions: [
      {
        ...{ name: 'v1', served: true, storage: true },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        },
      },
    ],
  },
} as unknown as KubeObject;
const gadget = {
  ...{ apiVersion: 'example.org/v1', kind: 'Gadget', spec: { size: 1 } },
  metadata: { name: 'main', namespace: 'shop', labels: LABELS },
} as unknown as KubeObject;

describe('the definition of a held kind is deleted', () => {
  it('which no manifest states: neither it nor its resources are made anew, and that is said', async () => {
    await rig.write('POST', CRDS, gadgets as unknown as Json);
    await until(async () => (await rig.get('/apis/example.org/v1')) !== undefined, 'it is served', FOR_MS);
    const isKnown = () => rig.hub.registry.cluster('eu-1')?.apis.includes('example.org/v1/Gadget') === true;
    await until(isKnown, 'the hub knows it', FOR_MS);
    await hold(1, [gadget, configMap('settings', { mode: 'good' })]);
    await until(() => says()?.status === 'current', 'it is ready', FOR_MS);
    await rig.write('DELETE', CRD);
    await until(async () => (await rig.get(CRD)) === undefined, 'it is gone', FOR_MS);
    await until(() => /serves no example\.org\/v1 Gadget/.test(says()?.message ?? ''), 'it is said', FOR_MS);
    assert.equal(says()?.status, 'notFound');
    assert.deepEqual(messages(), [], 'nothing is told of it as a drift that could be repaired');
    await edit(CONFIG, { data: { mode: 'bad' } });
    await until(async () => part(await rig.get(CONFIG), 'data', 'mode') === 'good', 'the rest is repaired', FOR_MS);
    assert.equal(await rig.get(CRD), undefined);
    assert.equal(await rig.get(MAIN), undefined);
    await rig.write('POST', CRDS, gadgets as unknown as Json);
    const isBack = async () => part(await rig.get(MAIN), 'spec', 'size') === 1;
    await until(isBack, 'with its definition the resource is made anew', FOR_MS);
    await until(() => says()?.status === 'current', 'it is ready again', FOR_MS);
  });

  it('which a manifest states: it is made anew, and its resources with it', async () => {
    await hold(1, [gadgets]);
    await until(() => says()?.status === 'current', 'it is established', FOR_MS);
    await until(async () => (await rig.get('/apis/example.org/v1')) !== undefined, 'it is served', FOR_MS);
    await hold(2, [gadgets, gadget]);
    await until(() => says()?.status === 'current', 'it is ready', FOR_MS);
    const before = (await rig.get(MAIN))?.metadata.uid;
    await rig.write('DELETE', CRD);
    const isNew = async () => ![undefined, before].includes((await rig.get(MAIN))?.metadata.uid);
    await until(isNew, 'the resource is made anew', FOR_MS);
    await until(() => says()?.status === 'current', 'it is ready again', FOR_MS);
    await until(
      () => messages().includes('apiextensions.k8s.io/CustomResourceDefinition gadgets.example.org was deleted'),
      'told',
      FOR_MS,
    );
  });
});

describe('what is not in a namespace', () => {
  const role = {
    ...{ apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole' },
    metadata: { name: 'shop-reader', labels: LABELS },
    rules: [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }],
  } as unknown as KubeObject;
  const priority = {
    ...{ apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', value: 1_000, description: 'of the shop' },
    metadata: { name: 'shop-high', labels: LABELS },
  } as unknown as KubeObject;

  it('is repaired when it is edited, and made anew when it is deleted', async () => {
    await hold(1, [role, priority]);
    await edit(ROLE, { rules: [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }] });
    await edit(CLASS, { description: 'of somebody' });
    await until(() => drifts().length >= 2, 'both are told', FOR_MS);
    await until(
      async () =>
        JSON.stringify(part(await rig.get(ROLE), 'rules')).includes('pods') &&
        part(await rig.get(CLASS), 'description') === 'of the shop',
      'both are repaired',
      FOR_MS,
    );
    const uid = (await rig.get(CLASS))?.metadata.uid;
    await rig.write('DELETE', CLASS);
    const isNew = async () => ![undefined, uid].includes((await rig.get(CLASS))?.metadata.uid);
    await until(isNew, 'it is made anew', FOR_MS);
    await until(() => drifts().length >= 3, 'that is told', FOR_MS);
    assert.match(
      String(messages().find((one) => /ClusterRole/.test(String(one)))),
      /shop-reader was changed by hand: \.rules/,
    );
    assert.equal(messages().at(-1), 'scheduling.k8s.io/PriorityClass shop-high was deleted');
  });
});

describe('while a transaction is at the location', () => {
  const objects = (mode: string) => [configMap('settings', { mode }), deployment('checkout', 'a:1')];
  const modeIs = (mode: string) => async () => part(await rig.get(CONFIG), 'data', 'mode') === mode;

  it('a change during the gate is repaired to the new revision, once; an undo still ends equal', async () => {
    const first = await hold(1, objects('one'));
    const second = await hold(2, objects('two'), first.bundle);
    // nothing makes its pods here: it waits
    const gate = rig.run({ kind: 'gate', location: LOCATION, bundle: second.bundle, deadlineMs: 3_000 });
    await edit(CONFIG, { data: { mode: 'hand' } });
    await until(modeIs('two'), 'it is repaired to what is being rolled out', FOR_MS);
    assert.equal((await gate).kind, 'refused');
    const { verified } = await undo(rig, second, { revision: 1, bundle: first.bundle });
    assert.deepEqual(verified.differences, []);
    assert.ok(verified.equal);
    assert.ok(await modeIs('one')());
    await until(() => drifts().length > 0, 'it is told', FOR_MS);
    await until(() => says()?.bundle === first.bundle, 'the first revision is held again', FOR_MS);
    assert.deepEqual(messages(), ['ConfigMap shop/settings was changed by hand: .data.mode "two" → "hand"']);
  });

  it('a change between its pre-images and its apply is never taken for its own: repaired first, or refused as stale', async () => {
    const first = await hold(1, objects('one'));
    const bundle = await rig.bundle(2, objects('two'));
    const taken = await rig.run({ kind: 'snapshot', location: LOCATION, bundle, previous: first.bundle });
    const preImages = output(taken, 'snapshot').preImages as Digest;
    await edit(CONFIG, { data: { mode: 'hand' } });
    const applied = await rig.run({ kind: 'apply', location: LOCATION, revision: 2, bundle, preImages });
    if (applied.kind === 'refused') assert.equal(applied.refusal.kind, 'stale');
    else output(applied, 'receipt');
    const { verified } = await undo(rig, { preImages, bundle }, { revision: 1, bundle: first.bundle });
    await until(modeIs('one'), 'what is held stands', FOR_MS);
    assert.ok(verified.equal || JSON.stringify(verified.differences).includes('hand'), JSON.stringify(verified));
  });
});
