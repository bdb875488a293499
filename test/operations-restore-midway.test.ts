/** A backup taken, and a hub lost, in the middle of a deploy: after the restore nothing goes on from the plan of then. */
import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { routes } from '../src/api/client/index.ts';
import { systemClock as clock, systemRandom as random } from '../src/base/index.ts';
import { type RunningHub, startHub } from '../src/main/hub.ts';
import { rearm } from '../src/main/rearm.ts';
import { backupStore, restoreStore } from '../src/store/index.ts';
import { recorder, startWorld, until, type World } from './world.ts';
import { configMap, deployment, dump, EVERYWHERE, read, stackOf } from './world-objects.ts';

let world: World;
let hub: RunningHub | undefined;
before(async () => {
  world = await startWorld();
});
after(async () => {
  await hub?.stop();
  await world.close();
});

function versioned(version: string, rollout: object = {}) {
  const objects = [configMap('settings', { version }), deployment('web', { version })];
  return stackOf({ name: 'shop', functions: { web: { objects, locations: EVERYWHERE } }, rollout: { ...rollout } });
}

function versions() {
  return Promise.all(
    world.names.map(async (cluster) => {
      const found = await read(world.kube(cluster), '/api/v1/namespaces/shop/configmaps/settings');
      return found === undefined ? undefined : (found.data as { version?: string }).version;
    }),
  );
}

test('half of the clusters have the new revision: the transaction is closed, the next apply brings all to one', async () => {
  assert.equal((await world.apply(versioned('1'))).state, 'committed');
  const id = await world.submit(versioned('2', { waves: [1, '100%'], soak: '30s' }));
  await until('the canary serves', 10_000, async () =>
    (await world.get(id)).plan.steps.some(({ action, status }) => action === 'gate' && status === 'succeeded'),
  );
  const file = join(world.dir, 'hub.bak');
  await backupStore({ dir: world.hubOptions.dir, file });
  await world.stopHub();
  const half = await versions();
  assert.deepEqual([...half].sort(), ['1', '2']);

  const dir = join(world.dir, 'restored');
  const masterKey = { kind: 'file', path: join(dir, 'master.key') } as const;
  restoreStore({ dir, file });
  copyFileSync(join(world.hubOptions.dir, 'master.key'), masterKey.path);
  const start = async () => {
    const ports = { clock, random, logger: recorder(world.logs as string[]) };
    hub = await startHub({ ...world.hubOptions, dir, masterKey }, ports);
    await world.useHub(hub);
    await until('both agents are connected', 20_000, async () =>
      (await world.client.all(routes.clusters.list)).every(({ connected }) => connected),
    );
  };
  await start();
  const reports = () => world.logs.filter((line) => line.includes('is kept for rearm')).length;
  await until('both have reported', 10_000, () => reports() === 2);
  assert.equal((await world.get(id)).state, 'running', 'it is shown as the backup has it');
  await hub?.stop();
  const said: string[] = [];
  await rearm({ dir, reason: 'lost in mid-deploy', masterKey, say: (text) => said.push(text) });
  assert.match(said.join('\n'), new RegExp(`${id} was unfinished in the backup and is closed`));
  assert.match(said.join('\n'), /adopted at revision 2: web@/);
  assert.doesNotMatch(said.join('\n'), /definition/, 'this backup has the definition of revision 2');

  const before_ = await Promise.all(world.names.map((name) => dump(world.kube(name))));
  await start();
  await clock.sleep(1_500);
  assert.deepEqual(await Promise.all(world.names.map((name) => dump(world.kube(name)))), before_);
  const closed = await world.get(id);
  assert.equal(closed.state, 'rolledBack');
  assert.equal(closed.forced, true);
  assert.equal(closed.rollback?.verified?.equal, false);
  assert.equal(closed.cause?.kind, 'restored');
  assert.deepEqual(closed.owed, []);

  const again = await world.apply(versioned('2'));
  assert.equal(again.state, 'committed', JSON.stringify(again.cause));
  assert.equal(again.revision, 3);
  assert.deepEqual(await versions(), ['2', '2']);
  const back = await world.client.call(routes.stacks.rollback, {
    params: { project: 'default', name: 'shop' },
    body: { to: 1 },
  });
  assert.equal(back.kind, 'submitted');
  if (back.kind === 'submitted') assert.equal((await world.finished(back.transaction.id)).state, 'committed');
  assert.deepEqual(await versions(), ['1', '1']);
});
