/** One object in several versions of its API, while a cluster comes to serve other ones: held, repaired, undone, deleted. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Json, KubeObject } from '../src/base/index.ts';
import {
  deploy,
  LABELS,
  LOCATION,
  output,
  part,
  type Rig,
  refusalKind,
  startRig,
  undo,
  until,
} from './hub-agent-rig.ts';

const FOR_MS = 30_000;
const CRD = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gadgets.example.org';
const MAIN = (version: string) => `/apis/example.org/${version}/namespaces/shop/gadgets/main`;
const BOTH = ['v1', 'v1beta1'];

let rig: Rig;
beforeEach(async () => {
  rig = await startRig();
  await rig.write('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
});
afterEach(() => rig.close());

/** `served`: of v1 and v1beta1; what is stored stays v1beta1 until v1 is served alone. */
function versions(served: readonly string[]): Json {
  const schema = {
    openAPIV3Schema: {
      type: 'object',
      properties: { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
    },
  };
  const stored = served.includes('v1beta1') ? 'v1beta1' : 'v1';
  return BOTH.map((name) => ({ name, schema, served: served.includes(name), storage: name === stored }));
}
function gadget(version: string, spec: Json): KubeObject {
  const metadata = { name: 'main', namespace: 'shop', labels: LABELS };
  return { apiVersion: `example.org/${version}`, kind: 'Gadget', metadata, spec } as KubeObject;
}
async function define(served: readonly string[]): Promise<void> {
  const names = { plural: 'gadgets', singular: 'gadget', kind: 'Gadget', listKind: 'GadgetList' };
  await rig.write('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
    ...{
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'gadgets.example.org' },
    },
    spec: { group: 'example.org', scope: 'Namespaced', names, versions: versions(served) },
  });
  await isServed(served);
}
async function serve(served: readonly string[]): Promise<void> {
  await rig.write('PATCH', CRD, { spec: { versions: versions(served) } }, 'application/merge-patch+json');
  await isServed(served);
}
/** By the API server, and as the hub knows it. */
async function isServed(served: readonly string[]): Promise<void> {
  for (const version of BOTH) {
    const wanted = served.includes(version);
    const answers = async () => ((await rig.get(`/apis/example.org/${version}`)) !== undefined) === wanted;
    await until(answers, `${version} is ${wanted ? '' : 'not '}served`, FOR_MS);
    const known = () => rig.hub.registry.cluster('eu-1')?.apis.includes(`example.org/${version}/Gadget`) === wanted;
    await until(known, `the hub knows that ${version} is ${wanted ? '' : 'not '}served`, FOR_MS);
  }
}
async function committed(revision: number, objects: readonly KubeObject[], previous: `sha256:${string}` | null = null) {
  const tx = await deploy(rig, revision, await rig.bundle(revision, objects), previous);
  output(tx.outcome, 'receipt');
  const isCurrent = () =>
    rig.hub.registry.observations('eu-1').some((one) => one.bundle === tx.bundle && one.status === 'current');
  await until(isCurrent, 'it is observed', FOR_MS);
  return tx;
}
const drifts = () => rig.store.journal.chain('cluster/eu-1').filter((entry) => entry.type === 'cluster.drift');
const edit = (version: string, spec: Json) =>
  rig.write('PATCH', `${MAIN(version)}?fieldManager=hand`, { spec }, 'application/merge-patch+json');

describe('an object given in two versions', () => {
  const skewed = [gadget('v1', { size: 1 }), gadget('v1beta1', { size: 1 })];

  it('is held on while its cluster is upgraded from the one to the other: the same object, no drift, and repaired', async () => {
    await define(['v1beta1']);
    await committed(1, skewed);
    const uid = (await rig.get(MAIN('v1beta1')))?.metadata.uid;
    await serve(BOTH);
    await serve(['v1']);
    await edit('v1', { size: 9 });
    await until(async () => part(await rig.get(MAIN('v1')), 'spec', 'size') === 1, 'repaired as v1', FOR_MS);
    assert.equal((await rig.get(MAIN('v1')))?.metadata.uid, uid, 'never deleted');
    await until(() => drifts().length > 0, 'journaled', FOR_MS);
    assert.deepEqual(
      drifts().map((entry) => entry.data.message),
      ['example.org/Gadget shop/main was changed by hand: .spec.size 1 → 9'],
    );
    const current = () => rig.hub.registry.observations('eu-1')[0]?.status === 'current';
    await until(current, 'it counts as ready in the new version', FOR_MS);
  });

  it('is undone to what it was in the older version, its owner included', async () => {
    await define(['v1beta1']);
    const first = await committed(1, [gadget('v1beta1', { size: 1, old: true })]);
    await serve(BOTH);
    const second = await committed(2, [gadget('v1', { size: 2 }), gadget('v1beta1', { size: 2 })], first.bundle);
    assert.deepEqual(part(await rig.get(MAIN('v1')), 'spec'), { size: 2 });
    const { verified } = await undo(rig, second, { revision: 1, bundle: first.bundle });
    assert.deepEqual(verified.differences, []);
    assert.ok(verified.equal);
    assert.deepEqual(part(await rig.get(MAIN('v1beta1')), 'spec'), { size: 1, old: true });
  });

  it('is deleted whatever version the plan names', async () => {
    await define(['v1beta1']);
    const first = await committed(1, skewed);
    const keep = await rig.bundle(2, []);
    const objects = [{ apiVersion: 'example.org/v1', kind: 'Gadget', namespace: 'shop', name: 'main' }];
    const pruned = output(await rig.run({ kind: 'prune', location: LOCATION, objects, keep }), 'receipt');
    assert.deepEqual(
      pruned.objects.map((one) => one.change),
      ['deleted'],
    );
    assert.equal(await rig.get(MAIN('v1beta1')), undefined);
    assert.ok(first.bundle !== keep);
  });
});

describe('an object given in one version that its cluster serves no more', () => {
  it('is neither deleted nor made anew; who looks is told; the next revision goes on with it, and can be undone', async () => {
    await define(['v1beta1']);
    const first = await committed(1, [gadget('v1beta1', { size: 1 })]);
    const uid = (await rig.get(MAIN('v1beta1')))?.metadata.uid;
    await serve(BOTH);
    await serve(['v1']);
    const says = () => rig.hub.registry.observations('eu-1')[0];
    await until(() => /serves no example\.org\/v1beta1 Gadget/.test(says()?.message ?? ''), 'the hub is told', FOR_MS);
    assert.notEqual(says()?.status, 'current');
    assert.deepEqual(drifts(), []);
    const second = await committed(2, [gadget('v1', { size: 2 })], first.bundle);
    assert.equal((await rig.get(MAIN('v1')))?.metadata.uid, uid);
    const { verified } = await undo(rig, second, { revision: 1, bundle: first.bundle });
    assert.deepEqual(verified.differences, []);
    assert.deepEqual(part(await rig.get(MAIN('v1')), 'spec'), { size: 1 });
  });

  it('cannot be undone after a change until it is served again: refused by name, then equal', async () => {
    await define(BOTH);
    const first = await committed(1, [gadget('v1beta1', { size: 1 })]);
    const second = await committed(2, [gadget('v1beta1', { size: 2 })], first.bundle);
    await serve(['v1']);
    const { preImages, bundle } = second;
    const previous = { revision: 1, bundle: first.bundle };
    const asked = { kind: 'undo', location: LOCATION, bundle, preImages, previous } as const;
    const refused = await rig.run(asked);
    assert.equal(refusalKind(refused), 'notServed', JSON.stringify(refused));
    assert.deepEqual(part(await rig.get(MAIN('v1')), 'spec'), { size: 2 }, 'nothing is written in another version');
    await serve(BOTH);
    const { verified } = await undo(rig, second, previous);
    assert.deepEqual(verified.differences, []);
    assert.deepEqual(part(await rig.get(MAIN('v1beta1')), 'spec'), { size: 1 });
  });

  it('that was never touched counts as undone', async () => {
    await define(BOTH);
    const first = await committed(1, [gadget('v1beta1', { size: 1 })]);
    const bundle = await rig.bundle(2, [gadget('v1beta1', { size: 2 })]);
    const taken = await rig.run({ kind: 'snapshot', location: LOCATION, bundle, previous: first.bundle });
    const preImages = output(taken, 'snapshot').preImages as `sha256:${string}`;
    await serve(['v1']);
    const applied = await rig.run({ kind: 'apply', location: LOCATION, revision: 2, bundle, preImages });
    assert.equal(refusalKind(applied), 'notServed', JSON.stringify(applied));
    const { receipt, verified } = await undo(rig, { preImages, bundle }, { revision: 1, bundle: first.bundle });
    assert.deepEqual(
      receipt.objects.map(({ change }) => change),
      ['unchanged'],
    );
    assert.deepEqual(verified.differences, []);
    assert.ok(verified.equal);
  });

  it('goes with its location', async () => {
    await define(['v1beta1']);
    const { bundle } = await committed(1, [gadget('v1beta1', { size: 1 })]);
    await serve(BOTH);
    await serve(['v1']);
    const asked = { kind: 'remove', location: LOCATION, previous: { revision: 1, bundle } } as const;
    const removed = output(await rig.run(asked), 'receipt');
    assert.deepEqual(
      removed.objects.map((one) => one.change),
      ['deleted'],
    );
    assert.equal(await rig.get(MAIN('v1')), undefined);
  });
});
