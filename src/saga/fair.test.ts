import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { seededRandom, silentLogger } from '../base/index.ts';
import { memoryStore } from '../store/index.ts';
import { FairTurns, tenantOf } from './fair.ts';
import { deployPlan } from './testing/plans.ts';
import { World } from './testing/world.ts';

/** Keeps as many of each tenant waiting as it has; answers whose turn it was, one after another. */
async function granted(has: readonly number[], turns: number, atOnce: number): Promise<readonly string[]> {
  const fair = new FairTurns(atOnce);
  const order: string[] = [];
  const ask = (tenant: string, id: string) => void fair.begin(tenant, id).then(() => order.push(`${tenant} ${id}`));
  has.forEach((many, tenant) => {
    for (let n = 0; n < many; n++) ask(`t${tenant}`, String(n).padStart(4, '0'));
  });
  for (let done = 0; done < turns; done++) {
    await Promise.resolve();
    const [tenant, id] = (order[done] as string).split(' ') as [string, string];
    fair.end();
    ask(tenant, id); // its transaction goes on
    await Promise.resolve();
  }
  return order.slice(0, turns);
}

describe('turns', () => {
  it('property: of T tenants that all have work each has at least 1/(2T) of the turns in any window', async () => {
    const tenants = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(tenants, fc.integer({ min: 1, max: 4 }), async (has, atOnce) => {
        // whoever has no more transactions than places cannot always have one waiting
        const busy = has.map((many) => many + atOnce);
        const order = (await granted(busy, 200, atOnce)).slice(busy.length + atOnce);
        const window = 2 * has.length;
        for (let from = 0; from + window <= order.length; from++) {
          const seen = order.slice(from, from + window);
          for (const tenant of has.keys()) {
            const own = seen.filter((turn) => turn.startsWith(`t${tenant} `)).length;
            assert.ok(own >= 1, `t${tenant} of ${has.length} has none of ${seen}`);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('property: never more at once than places, every one that waits has its turn, and none is lost when it ends', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 0, max: 99 })), { maxLength: 40 }),
        fc.integer({ min: 1, max: 5 }),
        async (asks, atOnce) => {
          const fair = new FairTurns(atOnce);
          let [now, most, ended] = [0, 0, 0];
          await Promise.all(
            asks.map(async ([tenant, id]) => {
              await fair.begin(tenant, String(id));
              most = Math.max(most, ++now);
              await Promise.resolve();
              now--;
              ended++;
              fair.end();
            }),
          );
          assert.equal(ended, asks.length);
          assert.ok(most <= atOnce);
        },
      ),
    );
  });

  it('of one tenant the oldest goes first, whenever it came', async () => {
    const fair = new FairTurns(1);
    const order: string[] = [];
    await fair.begin('a', 'tx_0');
    for (const id of ['tx_3', 'tx_1', 'tx_2']) void fair.begin('a', id).then(() => order.push(id));
    for (let n = 0; n < 3; n++) {
      fair.end();
      await Promise.resolve();
    }
    assert.deepEqual(order, ['tx_1', 'tx_2', 'tx_3']);
  });

  it('a tenant is what the label says, else the project', () => {
    const stack = { project: 'pay', name: 'shop' };
    assert.equal(tenantOf({ stack }), 'pay');
    assert.equal(tenantOf({ stack, tenant: 'gold' }), 'gold');
  });
});

/** Commits until the transaction of tenant `small` has ended, beside so many of tenant `big` that began before. */
async function commitsOfSmall(beside: number): Promise<{ readonly commits: number; readonly bigEnded: number }> {
  const world = new World(['eu']);
  const { clock, projectors } = world;
  const store = memoryStore({ clock, random: seededRandom(3), projectors, logger: silentLogger, sync: 'manual' });
  const engine = world.open(store);
  const go = async (name: string, tenant: string) => {
    const outcome = await engine.submit({
      ...{ plan: { ...deployPlan(['eu'], { stack: name }), tenant }, actor: 'user:ann', reason: null, ifBusy: 'wait' },
    });
    return outcome.kind === 'done' ? outcome.value.id : assert.fail(JSON.stringify(outcome));
  };
  const commit = async () => {
    await new Promise((resolve) => setImmediate(resolve));
    store.sync();
    await clock.advance(50);
  };
  const bigs = Promise.all(Array.from({ length: beside }, (_, n) => go(`big${n}`, 'big')));
  for (let n = 0; n < 8; n++) await commit();
  const others = await bigs;
  const arriving = go('small', 'small');
  for (let commits = 1; commits < 10_000; commits++) {
    await commit();
    const id = await Promise.race([arriving, Promise.resolve(undefined)]);
    if (id === undefined || engine.get(id)?.sealed !== true) continue;
    assert.equal(engine.get(id)?.state, 'committed');
    return { commits, bigEnded: others.filter((other) => engine.get(other)?.sealed === true).length };
  }
  return assert.fail('it never ended');
}

it('a tenant with one stack, beside one with two hundred at work, ends within twice the commits that it takes alone', async () => {
  const { commits: alone } = await commitsOfSmall(0);
  const { commits, bigEnded } = await commitsOfSmall(200);
  assert.ok(commits <= 2 * alone, `${commits} commits beside 200, ${alone} alone`);
  assert.ok(bigEnded < 100, 'the others were still at work');
});
