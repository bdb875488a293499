/** One stack over two minors at once: what 1.34 serves and 1.33 does not, and a CRD that is v1 here and v1beta1 there. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Json, KubeObject } from '../../src/base/index.ts';
import type { CommandBody } from '../../src/protocol/index.ts';
import { MINORS, type Minor } from '../../src/sim/real/index.ts';
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
} from '../hub-agent-rig.ts';
import { type Real, skip, startReal } from './control-planes.ts';

const FOR_MS = 60_000;
const MERGE = 'application/merge-patch+json';
const CLASSES = '/apis/resource.k8s.io/v1/deviceclasses/fast';
const CRD = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gadgets.example.org';
const MAIN = (version: string) => `/apis/example.org/${version}/namespaces/shop/gadgets/main`;
const BOTH = ['v1', 'v1beta1'];

function versions(served: readonly string[]): Json {
  const properties = { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  const schema = { openAPIV3Schema: { type: 'object', properties } };
  const stored = served.includes('v1beta1') ? 'v1beta1' : 'v1';
  return BOTH.map((name) => ({ name, schema, served: served.includes(name), storage: name === stored }));
}
function gadget(version: string, size: number): KubeObject {
  const metadata = { name: 'main', namespace: 'shop', labels: LABELS };
  return { apiVersion: `example.org/${version}`, kind: 'Gadget', metadata, spec: { size } } as KubeObject;
}
const skewed = (size: number) => [gadget('v1', size), gadget('v1beta1', size)];

describe('one stack over two minors', { skip, timeout: 240_000 }, () => {
  const reals = new Map<Minor, Real>();
  const rigs = new Map<Minor, Rig>();
  const rigOf = (minor: Minor) => rigs.get(minor) ?? assert.fail(`no ${minor}`);
  before(async () => {
    for (const minor of MINORS) {
      reals.set(minor, await startReal(minor, { extent: 'api' }));
      const rig = await startRig({ cluster: (reals.get(minor) as Real).client });
      rigs.set(minor, rig);
      await rig.write('POST', '/api/v1/namespaces', {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: 'shop' },
      });
    }
  });
  after(async () => {
    for (const rig of rigs.values()) await rig.close();
    for (const real of reals.values()) await real.close();
  });

  const apisOf = (minor: Minor) => rigOf(minor).hub.registry.cluster('eu-1')?.apis ?? [];
  const serve = (rig: Rig, served: readonly string[]) =>
    rig.write('PATCH', CRD, { spec: { versions: versions(served) } }, MERGE);
  async function isServed(minor: Minor, served: readonly string[]): Promise<void> {
    for (const version of BOTH) {
      const wanted = served.includes(version);
      const known = () => apisOf(minor).includes(`example.org/${version}/Gadget`) === wanted;
      await until(known, `the hub knows that ${minor} serves ${served.join(' and ')}`, FOR_MS);
    }
  }
  async function committed(
    minor: Minor,
    revision: number,
    objects: readonly KubeObject[],
    previous?: `sha256:${string}`,
  ) {
    const rig = rigOf(minor);
    const tx = await deploy(rig, revision, await rig.bundle(revision, objects), previous ?? null);
    output(tx.outcome, 'receipt');
    const seen = () =>
      rig.hub.registry.observations('eu-1').some((one) => one.bundle === tx.bundle && one.status === 'current');
    await until(seen, 'it is observed', FOR_MS);
    return tx;
  }

  it('the hub knows what each serves: placement and the plan go by it', () => {
    const ofDevices = (minor: Minor) => apisOf(minor).filter((name) => name.endsWith('/DeviceClass'));
    assert.deepEqual(ofDevices('1.34'), ['resource.k8s.io/v1/DeviceClass']);
    assert.deepEqual(ofDevices('1.33'), []);
  });

  it('what only one of them serves is applied there, and refused by name on the other', async () => {
    const device = {
      ...{ apiVersion: 'resource.k8s.io/v1', kind: 'DeviceClass', metadata: { name: 'fast', labels: LABELS } },
      spec: { selectors: [{ cel: { expression: 'true' } }] },
    } as unknown as KubeObject;
    const { bundle } = await committed('1.34', 1, [device]);
    assert.notEqual(await rigOf('1.34').get(CLASSES), undefined);
    const previous = { revision: 1, bundle };
    output(await rigOf('1.34').run({ kind: 'remove', location: LOCATION, previous }), 'receipt');
    const old = rigOf('1.33');
    const asked: CommandBody = {
      kind: 'dryRun',
      location: LOCATION,
      bundle: await old.bundle(1, [device]),
      pending: [],
    };
    const refused = await old.run(asked);
    assert.equal(refusalKind(refused), 'notServed');
    assert.match(JSON.stringify(refused), /serves no resource\.k8s\.io\/v1 DeviceClass/);
  });

  it('a CRD that is v1 here and v1beta1 there: each gets the version that it serves', async () => {
    for (const [minor, served] of [
      ['1.34', ['v1']],
      ['1.33', ['v1beta1']],
    ] as const) {
      const names = { plural: 'gadgets', singular: 'gadget', kind: 'Gadget', listKind: 'GadgetList' };
      const spec = { group: 'example.org', scope: 'Namespaced', names, versions: versions(served) };
      await rigOf(minor).write('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', {
        ...{
          apiVersion: 'apiextensions.k8s.io/v1',
          kind: 'CustomResourceDefinition',
          metadata: { name: 'gadgets.example.org' },
        },
        spec,
      });
      await isServed(minor, served);
      await committed(minor, 2, skewed(1));
      const live = await rigOf(minor).get(MAIN(served[0]));
      assert.equal(live?.apiVersion, `example.org/${served[0]}`);
    }
  });

  it('the older one is upgraded while it holds it: no drift, the same object; repaired and undone in the new version', async () => {
    const rig = rigOf('1.33');
    const uid = (await rig.get(MAIN('v1beta1')))?.metadata.uid;
    const first = await committed('1.33', 3, skewed(3));
    await serve(rig, BOTH);
    await isServed('1.33', BOTH);
    await serve(rig, ['v1']);
    await isServed('1.33', ['v1']);
    const edited = () =>
      rig.client.request({
        method: 'PATCH',
        path: `${MAIN('v1')}?fieldManager=hand`,
        contentType: MERGE,
        body: { spec: { size: 9 } },
      });
    // a real server answers 429 for a moment while it makes the storage of a CRD anew
    await until(async () => ((await edited()) as { status?: number }).status === 200, 'it is edited', FOR_MS);
    await until(async () => part(await rig.get(MAIN('v1')), 'spec', 'size') === 3, 'it is repaired', FOR_MS);
    assert.equal((await rig.get(MAIN('v1')))?.metadata.uid, uid);
    const second = await committed('1.33', 4, skewed(4), first.bundle);
    const { verified } = await undo(rig, second, { revision: 3, bundle: first.bundle });
    assert.deepEqual(verified.differences, []);
    assert.ok(verified.equal);
    const chain = rig.store.journal.chain('cluster/eu-1').filter((entry) => entry.type === 'cluster.drift');
    assert.ok(chain.length >= 1);
    for (const entry of chain) assert.match(String(entry.data.message), /was changed by hand: \.spec\.size 3 → 9$/);
  });
});
