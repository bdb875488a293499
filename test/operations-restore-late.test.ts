/** Rearmed without one of its clusters: what that one holds is adopted when it returns, and nothing of it is rolled back. */
import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { routes } from '../src/api/client/index.ts';
import { systemClock as clock, systemRandom as random } from '../src/base/index.ts';
import { type RunningHub, startHub } from '../src/main/hub.ts';
import { rearm } from '../src/main/rearm.ts';
import { backupStore, restoreStore } from '../src/store/index.ts';
import { QUICK, recorder, startWorld, until, type World } from './world.ts';
import { configMap, deployment, EVERYWHERE, read, stackOf } from './world-objects.ts';

let world: World;
let hub: RunningHub | undefined;
before(async () => {
  world = await startWorld({ timers: QUICK });
});
after(async () => {
  await hub?.stop();
  await world.close();
});

function versioned(version: string, more: readonly string[] = []) {
  const objects = [
    configMap('settings', { version }),
    ...more.map((extra) => configMap(extra, { version })),
    deployment('web', { version }),
  ];
  return stackOf({ name: 'shop', functions: { web: { objects, locations: EVERYWHERE } } });
}

async function version(cluster: string, name = 'settings'): Promise<unknown> {
  const found = await read(world.kube(cluster), `/api/v1/namespaces/shop/configmaps/${name}`);
  return found === undefined ? undefined : (found.data as { version?: string }).version;
}

async function connected(cluster: string, wanted: boolean): Promise<void> {
  await until(`${cluster} is ${wanted ? '' : 'not '}connected`, 20_000, async () => {
    const found = await world.client.call(routes.clusters.get, { params: { name: cluster } });
    return found.connected === wanted;
  });
}

test('a cluster that was away while the hub watched is adopted when it returns', async () => {
  assert.equal((await world.apply(versioned('1'))).state, 'committed');
  const file = join(world.dir, 'hub.bak');
  await backupStore({ dir: world.hubOptions.dir, file });
  assert.equal((await world.apply(versioned('2', ['extra']))).state, 'committed');
  await world.stopHub();
  world.cluster('us-1').cut();

  const dir = join(world.dir, 'restored');
  const masterKey = { kind: 'file', path: join(dir, 'master.key') } as const;
  restoreStore({ dir, file });
  copyFileSync(join(world.hubOptions.dir, 'master.key'), masterKey.path);
  const start = async () => {
    hub = await startHub(
      { ...world.hubOptions, dir, masterKey },
      { clock, random, logger: recorder(world.logs as string[]) },
    );
    await world.useHub(hub);
  };
  await start();
  await connected('eu-1', true);
  await until('it has reported', 10_000, () => world.logs.some((line) => line.includes('is kept for rearm')));
  await hub?.stop();
  const said: string[] = [];
  await rearm({ dir, reason: 'a test', masterKey, say: (text) => said.push(text) });
  assert.match(said.join('\n'), /adopted at revision 2: web@eu-1\n/);
  assert.match(said.join('\n'), /not heard: us-1/);
  await start();
  await connected('eu-1', true);
  await world.cluster('us-1').heal();
  await connected('us-1', true);
  const adopted = async () => {
    const { items } = await world.client.call(routes.functions.list, { query: { project: 'default', stack: 'shop' } });
    return items[0]?.locations.map(({ cluster, revision }) => `${cluster} ${revision}`).join();
  };
  await until('us-1 is adopted', 10_000, async () => (await adopted()) === 'eu-1 2,us-1 2');
  assert.equal(await version('us-1'), '2', 'nothing was rolled back');
  await until('us-1 is ready again', 20_000, async () => {
    const { items } = await world.client.call(routes.clusters.list, { query: {} });
    return items.every(({ health }) => health === 'ready');
  });
  const third = await world.apply(versioned('3'));
  assert.equal(third.state, 'committed', JSON.stringify(third.cause));
  for (const cluster of world.names) {
    assert.equal(await version(cluster), '3');
    assert.equal(await version(cluster, 'extra'), undefined, `${cluster}: what only revision 2 had was pruned`);
  }
});
