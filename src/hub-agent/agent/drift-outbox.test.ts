import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { limits, SimulatedClock, silentLogger } from '../../base/index.ts';
import { createDriftOutbox, type Drift } from './drift-outbox.ts';
import type { AgentState, Memory } from './memory.ts';

const drift = (id: string, message = id): Drift => ({
  ...{ kind: 'drift', id, objects: [], repaired: true, message },
  location: { stack: { project: 'default', name: 'shop' }, kind: 'function', name: 'checkout', cluster: 'eu-1' },
});

function rig(remembered?: readonly Drift[]) {
  const clock = new SimulatedClock();
  let state: AgentState = { v: 1, epoch: 0, commands: {}, ...(remembered ? { drifts: remembered } : {}) };
  let writes = 0;
  const memory = {
    get state() {
      return state;
    },
    async update(change: (before: AgentState) => AgentState) {
      state = change(state);
      writes++;
    },
  } as Memory;
  const sent: Drift[] = [];
  const line = { up: true };
  const send = (one: Drift) => line.up && sent.push(one) > 0;
  const outbox = createDriftOutbox({ memory, clock, logger: silentLogger, send });
  return { clock, sent, line, outbox, drifts: () => state.drifts, writes: () => writes };
}

describe('drifts on their way to the hub', () => {
  it('cost the cluster no write while the hub answers', async () => {
    const { outbox, clock, sent, writes } = rig();
    outbox.add(drift('a'));
    outbox.journaled('a');
    await clock.advance(5_000);
    assert.deepEqual(
      sent.map((one) => one.id),
      ['a'],
    );
    assert.equal(writes(), 0);
  });
  it('are remembered while no hub is there, sent again when one is, and forgotten when they are journaled', async () => {
    const { outbox, clock, sent, line, drifts } = rig();
    line.up = false;
    outbox.add(drift('a'));
    outbox.add(drift('b'));
    await clock.advance(1);
    assert.deepEqual(
      drifts()?.map((one) => one.id),
      ['a', 'b'],
    );
    line.up = true;
    outbox.resend();
    assert.deepEqual(
      sent.map((one) => one.id),
      ['a', 'b'],
    );
    outbox.journaled('a');
    outbox.journaled('b');
    outbox.journaled('b');
    await clock.advance(2_000);
    assert.equal(drifts(), undefined);
    outbox.resend();
    assert.equal(sent.length, 2);
  });
  it('of an earlier life of the agent are told', () => {
    const { outbox, sent } = rig([drift('old')]);
    outbox.resend();
    assert.deepEqual(sent, [drift('old')]);
  });
  it('that are the same are one', () => {
    const { outbox, sent } = rig();
    outbox.add(drift('a'));
    outbox.add(drift('a'));
    assert.equal(sent.length, 1);
  });
  it('beyond what is kept are counted in the next one, by number and by size', () => {
    const { outbox, line, sent } = rig();
    line.up = false;
    for (let at = 0; at < limits.agentDriftsKeptMax + 3; at++) outbox.add(drift(`d${at}`));
    line.up = true;
    outbox.resend();
    assert.equal(sent.length, limits.agentDriftsKeptMax);
    assert.deepEqual([sent[0]?.id, sent[0]?.leftOut], ['d3', 3]);
    assert.ok(sent.slice(1).every((one) => one.leftOut === undefined));
    const large = rig();
    large.line.up = false;
    for (let at = 0; at < 4; at++) large.outbox.add(drift(`l${at}`, 'x'.repeat(limits.agentDriftsKeptBytesMax / 2)));
    large.line.up = true;
    large.outbox.resend();
    assert.equal(
      large.sent.reduce((total, one) => total + 1 + (one.leftOut ?? 0), 0),
      4,
      'each is either told or counted',
    );
  });
});
