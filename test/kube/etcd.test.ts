/**
 * A control plane whose etcd is gone: its API server still takes connections and reads from its caches, but nothing can be
 * written. The agent cannot renew its lease then, lets go of its line, and what the cluster served is moved.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { routes } from '../../src/api/client/index.ts';
import type { RealCluster } from '../../src/sim/real/index.ts';
import { QUICK, startWorld, until, type World } from '../world.ts';
import { configMap, deployment, read, stackOf } from '../world-objects.ts';
import { skip } from './control-planes.ts';

const FOR_MS = 90_000;

describe('etcd of a real control plane', { skip, timeout: 240_000 }, () => {
  let world: World;
  let reals: readonly RealCluster[];
  before(async () => {
    // both real ones silent are half of all, and no domain has three: no brake is on
    world = await startWorld({ clusters: 4, real: 2, timers: QUICK });
    reals = world.names.map((name) => world.cluster(name)).filter((one) => 'controlPlane' in one) as RealCluster[];
  });
  after(() => world?.close());

  const health = async (name: string) => (await world.client.call(routes.clusters.get, { params: { name } })).health;
  const becomes = (name: string, wanted: string) =>
    until(`${name} is ${wanted}`, FOR_MS, async () => (await health(name)) === wanted);
  const settings = (cluster: string, stack: string) =>
    read(world.kube(cluster), `/api/v1/namespaces/${stack}/configmaps/settings`);

  /** A stack on that cluster, which others could have. */
  async function serve(stack: string, on: string): Promise<void> {
    const others = world.names.filter((name) => name !== on);
    for (const name of others) await world.client.call(routes.clusters.cordon, { params: { name }, body: {} });
    const objects = [configMap('settings', { for: stack }), deployment('web')];
    const done = await world.apply(stackOf({ name: stack, functions: { web: { objects } } }));
    assert.equal(done.state, 'committed', JSON.stringify(done.cause));
    for (const name of others) await world.client.call(routes.clusters.uncordon, { params: { name }, body: {} });
    assert.ok((await settings(on, stack)) !== undefined);
  }
  /** Where the stack serves now: not on that cluster. */
  async function movedFrom(stack: string, cluster: string): Promise<string> {
    let place = '';
    await until(`${stack} serves elsewhere`, FOR_MS, async () => {
      const params = { project: 'default', name: stack };
      const { functions } = await world.client.call(routes.stacks.get, { params });
      const well = functions.flatMap(({ locations }) => locations.filter(({ status }) => status === 'current'));
      place = well.find((one) => one.cluster !== cluster)?.cluster ?? '';
      return place !== '';
    });
    return place;
  }

  const faults = [
    {
      name: 'killed',
      strike: ({ controlPlane }: RealCluster) => controlPlane.kill('etcd'),
      heal: ({ controlPlane }: RealCluster) => controlPlane.start('etcd'),
    },
    {
      name: 'stopped',
      strike: async ({ controlPlane }: RealCluster) => controlPlane.pause('etcd'),
      heal: async ({ controlPlane }: RealCluster) => controlPlane.resume('etcd'),
    },
  ] as const;

  it('killed or stopped: its cluster is lost, what it served moves, and it is cleaned when it comes back', async (test) => {
    for (const [index, { name }] of faults.entries()) await serve(name, (reals[index] as RealCluster).name);
    const results = faults.map(async ({ name, strike, heal }, index) => {
      const real = reals[index] as RealCluster;
      const atMs = performance.now();
      const seconds = () => `${((performance.now() - atMs) / 1_000).toFixed(1)} s`;
      await strike(real);
      await becomes(real.name, 'lost');
      test.diagnostic(`etcd ${name}: lost after ${seconds()}`);
      const place = await movedFrom(name, real.name);
      test.diagnostic(`etcd ${name}: served elsewhere after ${seconds()}`);
      assert.deepEqual((await settings(place, name))?.data, { for: name });
      await heal(real);
      await becomes(real.name, 'ready');
      test.diagnostic(`etcd ${name}: ready again ${seconds()} after the fault`);
      await until('the stale copy is gone', FOR_MS, async () => (await settings(real.name, name)) === undefined);
    });
    await Promise.all(results);
  });
});
