import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { limits, SimulatedClock, seededRandom, silentLogger } from '../../base/index.ts';
import { memoryStore } from '../../store/index.ts';
import { driftsOf } from './drift-views.ts';
import { createDrifts, type DriftMessage } from './drifts.ts';
import { clusterProjector } from './entries.ts';

const STACK = { project: 'default', name: 'shop' };
const drift = (id: string | undefined): DriftMessage => ({
  ...{ kind: 'drift', objects: [], repaired: true, message: `drift ${id}` },
  location: { stack: STACK, kind: 'function', name: 'checkout', cluster: 'eu-1' },
  ...(id === undefined ? {} : { id }),
});

function rig() {
  const clock = new SimulatedClock();
  const store = memoryStore({ clock, random: seededRandom(1), logger: silentLogger, projectors: [clusterProjector] });
  const drifts = createDrifts({ store, clock, logger: silentLogger });
  const acknowledged: string[] = [];
  return {
    clock,
    store,
    drifts,
    acknowledged,
    tell: (id?: string, cluster = 'eu-1') => drifts.received(cluster, drift(id), (one) => acknowledged.push(one)),
    settle: () => new Promise((resolve) => setImmediate(() => setImmediate(resolve))),
    chain: (cluster = 'eu-1') => store.journal.chain(`cluster/${cluster}`),
  };
}

describe('drifts on their way into the journal', () => {
  it('are journaled once, however often they are told, and acknowledged each time', async () => {
    const { tell, settle, chain, acknowledged } = rig();
    tell('a');
    tell('a'); // before the first is durable
    await settle();
    tell('a');
    await settle();
    assert.deepEqual(
      chain().map((entry) => entry.data.id),
      ['a'],
    );
    assert.deepEqual(acknowledged, ['a', 'a', 'a']);
  });
  it('are known by cluster: ids of two agents may be the same', async () => {
    const { tell, settle, chain } = rig();
    tell('a', 'eu-1');
    tell('a', 'us-1');
    await settle();
    assert.deepEqual([chain('eu-1').length, chain('us-1').length], [1, 1]);
  });
  it('of an older agent have no id and no answer', async () => {
    const { tell, settle, chain, acknowledged } = rig();
    tell();
    tell();
    await settle();
    assert.equal(chain().length, 2);
    assert.deepEqual(acknowledged, []);
  });
  it('beyond what a minute may bring are counted, and the count is journaled', async () => {
    const { tell, settle, chain, clock, acknowledged } = rig();
    for (let at = 0; at < limits.clusterDriftsPerMinuteMax + 7; at++) tell(`d${at}`);
    await settle();
    assert.equal(chain().length, limits.clusterDriftsPerMinuteMax);
    assert.equal(acknowledged.length, limits.clusterDriftsPerMinuteMax + 7, 'none is told for ever');
    clock.advance(60_000);
    await settle();
    const last = chain().at(-1);
    assert.deepEqual([last?.type, last?.data], ['cluster.driftsLeftOut', { name: 'eu-1', leftOut: 7 }]);
    tell('later');
    await settle();
    assert.equal(chain().at(-1)?.data.id, 'later');
  });
  it('are shown by stack, the last ones first', async () => {
    const { tell, settle, store, clock } = rig();
    for (let at = 0; at < 15; at++) {
      tell(`d${at}`);
      clock.advance(1_000);
      await settle();
    }
    const shown = driftsOf(store.documents, STACK);
    assert.equal(shown.length, 10);
    assert.equal(shown[0]?.message, 'drift d14');
    assert.deepEqual(driftsOf(store.documents, { project: 'default', name: 'sho' }), []);
  });
});
