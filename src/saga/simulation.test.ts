/** Random faults, deaths and lost clusters from one seed; then a calm phase after which everything must have ended well. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { digestOf, randomInt, seededRandom, silentLogger } from '../base/index.ts';
import { memoryDisk, memoryStore } from '../store/index.ts';
import { replay } from './state.ts';
import { deployPlan } from './testing/plans.ts';
import { World } from './testing/world.ts';
import type { Engine } from './types.ts';
import { viewOf } from './views.ts';

const CLUSTERS = ['eu', 'us', 'ap'] as const;

interface Seen {
  deaths: number;
  refusals: number;
  silences: number;
  cuts: number;
  committed: number;
  rolledBack: number;
}

async function simulate(seed: number, seen: Seen): Promise<void> {
  const random = seededRandom(seed);
  const chance = (share: number) => random.next() < share;
  const world = new World(CLUSTERS);
  const disk = memoryDisk();
  const lost = new Set<string>();
  let calm = false;
  world.replanAgain = (transaction) => {
    const { kind } = transaction;
    return { kind: 'done', value: deployPlan(CLUSTERS, { kind, revision: transaction.revision, oneWave: true }) };
  };
  world.fleet.fault = ({ kind }) => {
    if (calm || kind === 'cancel') return undefined;
    if (chance(0.1)) {
      seen.silences++;
      return { kind: 'silence', effect: chance(0.5) };
    }
    if (chance(0.04)) return { kind: 'busy', afterMs: 50 };
    const mayRefuse = kind === 'apply' || kind === 'gate' || kind === 'dryRun' || kind === 'prune' || kind === 'undo';
    if (!mayRefuse || !chance(0.04)) return undefined;
    seen.refusals++;
    return { kind: 'refuse', refusal: { kind: 'injected', message: 'no', hint: 'mend it' }, effect: chance(0.5) };
  };
  const open = () => {
    const { clock, projectors } = world;
    const store = memoryStore({ clock, random, projectors, logger: silentLogger, disk, sync: 'manual' });
    return { store, engine: world.open(store) };
  };
  let hub = open();
  await hub.engine.start();
  const submit = (engine: Engine, revision: number) =>
    void engine
      .submit({
        plan: deployPlan(CLUSTERS, { revision, oneWave: chance(0.5) }),
        actor: 'a',
        reason: null,
        ifBusy: 'wait',
      })
      .catch(() => {});
  for (let revision = 1; revision <= 3; revision++) submit(hub.engine, revision);

  for (let turn = 0; turn < 250; turn++) {
    await world.clock.advance(0);
    if (chance(0.01)) {
      seen.deaths++;
      hub.store.crash({ keep: chance(0.5) });
      await hub.engine.stop();
      world.reserved.clear(); // they lived in the process that died
      hub = open();
      await hub.engine.start();
      for (const cluster of lost) hub.engine.clusterChanged(cluster, 'lost');
    }
    if (chance(0.01)) {
      const cluster = CLUSTERS[randomInt(random, CLUSTERS.length)] as string;
      seen.cuts++;
      if (lost.delete(cluster)) {
        world.fleet.connect(cluster, true);
        hub.engine.clusterChanged(cluster, 'reachable');
      } else {
        world.fleet.connect(cluster, false);
        lost.add(cluster);
        hub.engine.clusterChanged(cluster, 'lost');
      }
    }
    const active = hub.engine.list({ unfinished: true }).items.filter(({ state }) => state !== 'queued');
    assert.ok(active.length <= 1, `two transactions of one stack are at work: ${active.map(({ id }) => id)}`);
    if (!hub.store.sync()) await world.clock.advance(Math.max(1, (world.clock.nextTimer() ?? 0) - world.clock.now()));
  }

  calm = true;
  for (const cluster of lost) {
    world.fleet.connect(cluster, true);
    hub.engine.clusterChanged(cluster, 'reachable');
  }
  for (let turn = 0; turn < 5_000; turn++) {
    await world.clock.advance(0);
    for (const { id, state } of hub.engine.list({ unfinished: true }).items) {
      if (state === 'stuck') void hub.engine.operate(id, { verb: 'retry' }, 'a', null);
    }
    if (hub.store.sync()) continue;
    if (hub.engine.list({ unfinished: true }).items.length === 0) break;
    const next = world.clock.nextTimer();
    if (next === undefined) break;
    await world.clock.advance(Math.max(0, next - world.clock.now()));
  }
  check(hub.engine, hub.store, world, seen);
}

function check(engine: Engine, store: ReturnType<typeof memoryStore>, world: World, seen: Seen): void {
  assert.deepEqual(world.errors.filter((line) => !line.startsWith('journal refused')), []); // biome-ignore format: one line
  const { items } = engine.list({});
  for (const item of items) {
    assert.ok(item.sealed, `${item.id} has not ended: ${item.state}`);
    const chain = engine.events(item.id);
    const view = viewOf(replay(chain, (digest) => store.blobs.get(digest)));
    assert.deepEqual(engine.get(item.id), view);
    assert.equal(chain.at(-1)?.data.count, chain.length);
    for (const [index, { prev }] of chain.entries()) assert.equal(prev, index === 0 ? '' : digestOf(chain[index - 1]));
    if (view.state === 'committed') seen.committed++;
    else seen.rolledBack++;
    if (view.state === 'rolledBack' && view.rollback?.verified?.equal === false) {
      assert.ok(view.owed.length > 0 || Object.values(view.rollback.verified.clusters).includes('owed'), 'not equal only where it is owed'); // biome-ignore format: one line
    }
  }
  assert.equal(world.reserved.size, 0, 'nothing stays reserved');
  const owing = new Set(store.documents.list('owed').map(({ body }) => `${body.cluster}`));
  const last = items.find(({ state }) => state === 'committed');
  for (const [cluster, { things }] of world.fleet.clusters) {
    if (owing.has(cluster) || last === undefined) continue;
    assert.match(things.get('default/shop/web') ?? '', new RegExp(`^r${last.revision} `), `${cluster} serves what was committed last`); // biome-ignore format: one line
  }
}

describe('engine: simulation', () => {
  it('whatever happens, every transaction ends, replays, and leaves what it says', { timeout: 60_000 }, async () => {
    const seen: Seen = { deaths: 0, refusals: 0, silences: 0, cuts: 0, committed: 0, rolledBack: 0 };
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 1_000_000 }), (seed) => simulate(seed, seen)),
      { numRuns: 60, seed: 20261122 },
    );
    for (const [what, count] of Object.entries(seen)) assert.ok(count > 20, `the simulation saw only ${count} ${what}`);
  });
});
