/** The simulation itself: it works, it repeats, and its kills need no help of the killed. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sourceOf } from './people.ts';
import { openWorld, type World } from './world.ts';

async function deployed(world: World, version: string): Promise<string> {
  const rooms = world.hub?.rooms;
  assert.ok(rooms !== undefined);
  let transaction: string | undefined;
  const options = { actor: 'test', reason: null, ifBusy: 'wait' } as const;
  void rooms.stacks.apply(sourceOf('web', version), options).then((answer) => {
    transaction = answer.kind === 'submitted' ? answer.transaction : JSON.stringify(answer);
  });
  assert.ok(await world.until(() => transaction !== undefined, 60_000));
  return transaction as string;
}

const sealed = (world: World, id: string) => () => world.hub?.rooms?.engine.get(id)?.sealed === true;

describe('simulated world', () => {
  it('deploys, and one seed is one history', async () => {
    const run = async (seed: number) => {
      const world = await openWorld(seed);
      const id = await deployed(world, '1');
      assert.ok(await world.until(sealed(world, id), 600_000), world.lines().join('\n'));
      assert.equal(world.hub?.rooms?.engine.get(id)?.state, 'committed');
      await world.pass(30_000);
      return {
        digest: world.digest(),
        errors: world.errors,
        strange: [...world.clusters.values()].flatMap(({ api }) => api.strange),
      };
    };
    const [first, again, other] = [await run(5), await run(5), await run(6)];
    assert.deepEqual(first.errors, []);
    assert.deepEqual(first.strange, []);
    assert.equal(first.digest, again.digest);
    assert.notEqual(first.digest, other.digest);
  });

  it('a killed hub is silent; the next life goes on with what was durable', async () => {
    const world = await openWorld(7);
    const id = await deployed(world, '1');
    await world.pass(5);
    world.killHub(false);
    const before = world.disk.journal.length;
    await world.pass(5_000);
    assert.equal(world.disk.journal.length, before);
    world.startHub();
    assert.ok(await world.until(sealed(world, id), 600_000), world.lines().join('\n'));
    assert.equal(world.hub?.rooms?.engine.get(id)?.state, 'committed');
  });

  it('a killed agent writes no more; the next one goes on with its commands', async () => {
    const world = await openWorld(8);
    const id = await deployed(world, '1');
    const started = () => world.last.some(({ kind }) => kind === 'command');
    assert.ok(await world.until(started, 60_000));
    for (const name of world.clusters.keys()) world.killAgent(name);
    await world.pass(10);
    const revisions = () => [...world.clusters.values()].map(({ api }) => api.store.revision);
    const before = revisions();
    await world.pass(3_000);
    assert.deepEqual(revisions(), before);
    for (const name of world.clusters.keys()) world.startAgent(name);
    assert.ok(await world.until(sealed(world, id), 600_000), world.lines().join('\n'));
    assert.equal(world.hub?.rooms?.engine.get(id)?.state, 'committed');
  });
});
