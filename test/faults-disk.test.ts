/** A full disk under the hub: said with what to do, nothing half-written, and with room again everything goes on. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { HubProblem, routes } from '../src/api/client/index.ts';
import { startWorld, type World } from './world.ts';
import { configMap, EVERYWHERE, read, stackOf } from './world-objects.ts';

const ROOM_BYTES = 3 * 1024 * 1024;

let world: World;
before(async () => {
  world = await startWorld({ hub: { storeBytesMax: ROOM_BYTES } });
});
after(() => world?.close());

function stack(name: string, bytes: number) {
  const objects = [configMap('filler', { text: randomBytes(bytes / 2).toString('hex') })];
  return stackOf({ name, functions: { web: { objects, locations: EVERYWHERE } } });
}

test('a full disk refuses what is new, loses nothing that was promised, and needs no repair', async () => {
  const promised: string[] = [];
  const problems: HubProblem['problem'][] = [];
  for (let index = 0; index < 12 && problems.length < 2; index++) {
    try {
      promised.push(await world.submit(stack(`filler-${index}`, 300_000)));
    } catch (error) {
      assert.ok(error instanceof HubProblem, String(error));
      problems.push(error.problem);
    }
  }
  assert.ok(promised.length > 0, 'some found room');
  assert.ok(problems.length > 0, 'the disk was full');
  for (const { status, kind, detail } of problems) {
    assert.deepEqual([status, kind], [507, 'store.full'], detail);
    assert.match(detail, /disk is full.*nothing was written/);
  }
  assert.equal((await world.client.call(routes.clusters.list)).items.length, 2, 'reading goes on');
  // room again: the same folder without the limit
  await world.stopHub();
  const { storeBytesMax: _, ...roomy } = world.hubOptions;
  await world.startHub(roomy);
  await world.allReady();
  for (const id of promised) {
    const transaction = await world.finished(id);
    assert.equal(transaction.state, 'committed', JSON.stringify(transaction.cause));
  }
  const { items } = await world.client.call(routes.transactions.list, { query: { limit: '100' } });
  assert.deepEqual(items.map(({ id }) => id).toSorted(), promised.toSorted(), 'nothing half-written');
  const last = await world.apply(stack('last', 1_000));
  assert.equal(last.state, 'committed');
  for (const name of world.names)
    assert.ok((await read(world.kube(name), '/api/v1/namespaces/filler-0/configmaps/filler')) !== undefined);
});
