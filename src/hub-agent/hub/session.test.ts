import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Json, SimulatedClock, silentLogger } from '../../base/index.ts';
import { type Command, memoryLine } from '../../protocol/index.ts';
import { readHello, type SessionOptions, startSession, type Welcome } from './session.ts';

const WELCOME = { kind: 'welcome', v: 1, desired: [] } as unknown as Welcome;
const COMMAND: Command = {
  id: 'tx/1',
  epoch: 1,
  body: {
    kind: 'recallBundle',
    location: { stack: { project: 'default', name: 'shop' }, kind: 'function', name: 'web', cluster: 'eu-1' },
  },
};

function start() {
  const clock = new SimulatedClock();
  const line = memoryLine(clock);
  const heard: Json[] = [];
  line.agent.onMessage((message) => void heard.push(message));
  const session = startSession(
    {
      ...{ cluster: 'eu-1', sealKey: '', channel: line.hub, clock, logger: silentLogger },
      exchange: { outgoing: () => undefined, incoming: async () => {} },
      ids: { next: () => 'id' },
      onHeartbeat() {},
      onObserved() {},
      onDrift() {},
      onEnd() {},
    } as unknown as SessionOptions,
    WELCOME,
  );
  return { clock, line, heard, session };
}

describe('hub and agent of two releases', () => {
  it('another protocol is refused by its number, whatever else the hello says', () => {
    const read = readHello({ kind: 'hello', v: 2, greeting: 'from the future' });
    assert.deepEqual(read, { problem: 'the agent speaks protocol 2, this hub 1: bring both to one release' });
    assert.deepEqual(readHello({ kind: 'heartbeat', seq: 1, sentAtMs: 0 }), {
      problem: 'the first message was no hello',
    });
  });

  it('a result that the hub does not understand is waited for no longer, and proves nothing', async () => {
    const { clock, line, heard, session } = start();
    const outcome = session.execute(COMMAND);
    await clock.advance(1);
    line.agent.send({ kind: 'result', id: 'another', outcome: { kind: 'maybe' } });
    line.agent.send({ kind: 'result', id: 'tx/1', outcome: { kind: 'maybe' } });
    await clock.advance(1);
    const settled = await outcome;
    assert.equal(settled.kind, 'unknown');
    assert.match(settled.kind === 'unknown' ? settled.reason : '', /eu-1 answered what this hub does not understand/);
    assert.ok(heard.some((message) => (message as { kind: string }).kind === 'refuse'));
    line.agent.send({ kind: 'result', id: 'tx/1', outcome: { kind: 'unknown', reason: 'late' }, blobs: [] });
    await clock.advance(1);
  });
});
