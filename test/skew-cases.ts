/** One stack through one hub over clusters that serve different versions of its kinds, from the plan to the undo. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { routes } from '../src/api/client/index.ts';
import type { Json, KubeObject } from '../src/base/index.ts';
import { startWorld, until, type World, type WorldOptions } from './world.ts';
import { configMap, dump, makeNamespace, read, stackOf, write } from './world-objects.ts';

const FOR_MS = 60_000;
const MERGE = 'application/merge-patch+json';
const CRD = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/gadgets.example.org';
const VERSIONS = ['v1', 'v1beta1'];
const MAIN = (version: string) => `/apis/example.org/${version}/namespaces/skew/gadgets/main`;
const ALL = { min: 1, max: 'all' } as const;

/** What is in `v1beta1` alone is lost where an object is read or stored as `v1`: nothing converts it. */
function versions(served: readonly string[]): Json {
  const size = { size: { type: 'integer' } };
  const schema = (properties: Json) => ({
    openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties } } },
  });
  const stored = served.includes('v1') ? 'v1' : 'v1beta1';
  return VERSIONS.map((name) => ({
    ...{ name, served: served.includes(name), storage: name === stored },
    schema: schema(name === 'v1' ? size : { ...size, legacy: { type: 'string' } }),
  }));
}

function gadget(version: string, spec: { readonly [key: string]: string | number }): KubeObject {
  return { apiVersion: `example.org/${version}`, kind: 'Gadget', metadata: { name: 'main' }, spec };
}

export function skewCases(where: string, options: WorldOptions, skip: string | false = false): void {
  describe(`one stack over clusters of different APIs, ${where}`, { skip, timeout: 240_000 }, () => {
    let world: World;
    let [one, two] = ['', ''];
    before(async () => {
      world = await startWorld({ ...options, clusters: 2, kinds: [{ group: 'example.org', plural: 'gadgets' }] });
      [one = '', two = ''] = world.names;
      for (const name of world.names) await makeNamespace(world.kube(name), 'skew');
    });
    after(() => world?.close());

    const serve = (cluster: string, served: readonly string[]) =>
      write(world.kube(cluster), { method: 'PATCH', path: CRD, body: { spec: { versions: versions(served) } }, contentType: MERGE }); // biome-ignore format: one request
    async function define(cluster: string, served: readonly string[]): Promise<void> {
      const names = { plural: 'gadgets', singular: 'gadget', kind: 'Gadget', listKind: 'GadgetList' };
      const spec = { group: 'example.org', scope: 'Namespaced', names, versions: versions(served) };
      const metadata = { name: 'gadgets.example.org' };
      const body = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata, spec };
      const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
      await write(world.kube(cluster), { method: 'POST', path, body: body as Json });
      await isKnown(cluster, served);
    }
    const isKnown = (cluster: string, served: readonly string[]) =>
      until(`the hub knows that ${cluster} serves ${served.join(' and ')}`, FOR_MS, async () => {
        const { apis } = await world.client.call(routes.clusters.get, { params: { name: cluster } });
        return VERSIONS.every((version) => apis.includes(`example.org/${version}/Gadget`) === served.includes(version));
      });
    const skewed = (size: number, legacy: string) => [
      gadget('v1', { size }),
      gadget('v1beta1', { size, legacy }),
      configMap('settings', { size: String(size) }),
    ];
    const stack = (objects: readonly KubeObject[], rollout = {}) =>
      stackOf({ name: 'skew', functions: { web: { objects, locations: ALL } }, rollout });
    const spec = async (cluster: string, version: string) => (await read(world.kube(cluster), MAIN(version)))?.spec;
    const dumps = () => Promise.all(world.names.map((name) => dump(world.kube(name))));

    it('a cluster that serves no version of an object is left out, and the plan says of which', async () => {
      await define(one, ['v1']);
      const planned = await world.client.call(routes.stacks.plan, { body: stack(skewed(1, 'a')) });
      const says = new RegExp(
        `Left out, for want of an API:\\n {2}! web@${two} +does not serve example\\.org/v1/Gadget or example\\.org/v1beta1/Gadget`,
      );
      assert.match(planned.text, says);
      const done = await world.apply(stack(skewed(1, 'a')));
      assert.equal(done.state, 'committed', JSON.stringify(done.cause));
      assert.deepEqual(await spec(one, 'v1'), { size: 1 });
    });

    it('each gets the version that it serves, in one transaction, and the plan says which', async () => {
      await define(two, ['v1beta1']);
      const planned = await world.client.call(routes.stacks.plan, { body: stack(skewed(2, 'a')) });
      assert.match(planned.text, new RegExp(`example\\.org/Gadget skew/main +example\\.org/v1beta1 on ${two}`));
      assert.doesNotMatch(planned.text, /Left out/);
      const done = await world.apply(stack(skewed(2, 'a')));
      assert.equal(done.state, 'committed', JSON.stringify(done.cause));
      assert.deepEqual(await spec(one, 'v1'), { size: 2 });
      assert.deepEqual(await spec(two, 'v1beta1'), { size: 2, legacy: 'a' });
    });

    it('a version that is withdrawn between the plan and the apply is refused by name, and all is undone', async () => {
      const before_ = await dumps();
      const change = stack([gadget('v1beta1', { size: 3 }), configMap('settings', { size: '3' })], {
        approval: 'required',
      });
      await serve(one, VERSIONS);
      await isKnown(one, VERSIONS);
      const id = await world.submit(change);
      await until('it is prepared', FOR_MS, async () => (await world.get(id)).state === 'awaitingApproval');
      await serve(one, ['v1']);
      await isKnown(one, ['v1']);
      await world.client.call(routes.transactions.approve, { params: { id }, body: { reason: 'a test' } });
      const ended = await world.finished(id);
      assert.equal(ended.state, 'rolledBack', JSON.stringify(ended.cause));
      assert.equal(ended.cause?.kind, 'notServed', JSON.stringify(ended.cause));
      assert.match(ended.cause?.message ?? '', /serves no example\.org\/v1beta1 Gadget/);
      assert.match(ended.cause?.hint ?? '', /give a version that the cluster serves/);
      assert.equal(ended.rollback?.verified?.equal, true, JSON.stringify(ended.rollback));
      assert.deepEqual(withoutDefinitions(await dumps()), withoutDefinitions(before_));
    });

    it('an upgrade that loses a field is no drift; what the next revision does is undone as far as the version can say it', async () => {
      await serve(two, VERSIONS);
      await isKnown(two, VERSIONS);
      await serve(two, ['v1']);
      await isKnown(two, ['v1']);
      const before_ = await spec(two, 'v1');
      assert.deepEqual(before_, { size: 2 }, 'legacy is not in this version');
      const broken = [...skewed(4, 'c'), deploymentThatWaits()];
      const ended = await world.apply(stack(broken, { deadline: '3s' }));
      assert.equal(ended.state, 'rolledBack', JSON.stringify(ended.cause));
      assert.equal(ended.rollback?.verified?.equal, true, JSON.stringify(ended.rollback));
      assert.deepEqual(await spec(two, 'v1'), before_);
      const params = { project: 'default', name: 'skew' };
      const { items } = await world.client.call(routes.insight.drift, { params, query: {} });
      assert.deepEqual(
        items.map(({ message }) => message),
        [],
      );
    });
  });
}

/** No node is that large. */
function deploymentThatWaits(): KubeObject {
  const labels = { app: 'waits' };
  const container = { name: 'c', image: 'sample:1', resources: { requests: { cpu: '1m' } } };
  const nodeSelector = { 'example.org/none': 'such' };
  const template = { metadata: { labels }, spec: { nodeSelector, containers: [container] } };
  const spec = { replicas: 1, selector: { matchLabels: labels }, template };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'waits' }, spec } as unknown as KubeObject;
}

/** The test itself changes what they serve. */
function withoutDefinitions(dumped: readonly { readonly [object: string]: Json }[]) {
  return dumped.map((objects) =>
    Object.fromEntries(Object.entries(objects).filter(([name]) => !/CustomResourceDefinition|v1beta1/.test(name))),
  );
}
