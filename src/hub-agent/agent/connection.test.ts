import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { done, type Json, type Outcome, SimulatedClock, seededRandom, silentLogger } from '../../base/index.ts';
import { type AgentMessage, type Channel, type Command, memoryLine } from '../../protocol/index.ts';
import type { HubDoor, StoredIdentity } from '../types.ts';
import { connectToHub } from './connection.ts';

const SEALED = { v: 1, key: '', iv: '', data: '' } as const;
const welcome = (heartbeatMs: number): Json => ({
  ...{ kind: 'welcome', v: 1, hub: 'test', epoch: 1, cluster: 'eu-1', heartbeatMs, sealKey: '', cutKey: SEALED },
  desired: [],
});

interface Attempt {
  readonly atMs: number;
  readonly signal: AbortSignal;
  readonly answer: (outcome: Outcome<Channel>) => void;
}

function start() {
  const clock = new SimulatedClock();
  const stopping = new AbortController();
  const attempts: Attempt[] = [];
  const good: number[] = [];
  const commands: Command[] = [];
  const door: HubDoor = {
    enrol: () => assert.fail('no enrolment here'),
    renew: () => assert.fail('no renewal here'),
    open: (_identity, signal) =>
      new Promise((answer) => {
        attempts.push({ atMs: clock.monotonic(), signal, answer });
        signal.addEventListener('abort', () => answer({ kind: 'retry', afterMs: 0, reason: 'aborted' }));
      }),
  };
  const connection = connectToHub({
    ...{ door, clock, random: seededRandom(7), logger: silentLogger, signal: stopping.signal },
    identity: () => ({}) as StoredIdentity,
    hello: async () => ({ kind: 'hello' }) as unknown as AgentMessage,
    accept: async () => undefined,
    onGood: () => good.push(clock.monotonic()),
    onCommand: (command) => commands.push(command),
    onBlob: () => {},
    onBlobMissing: () => {},
    onStream: () => {},
    onDriftJournaled: () => {},
    onRefused: async () => false,
    onEnd: () => {},
  });
  const last = () => attempts[attempts.length - 1] as Attempt;
  const refuse = () => last().answer({ kind: 'retry', afterMs: 0, reason: 'refused' });
  /** Answers the dial under way with a line whose hub says welcome. */
  async function accept(heartbeatMs: number) {
    const line = memoryLine(clock);
    line.hub.onMessage((message) => {
      const { kind, seq } = message as { kind: string; seq: number };
      if (kind === 'hello') line.hub.send(welcome(heartbeatMs));
      if (kind === 'heartbeat') line.hub.send({ kind: 'heartbeatAck', seq });
    });
    last().answer(done(line.agent));
    await clock.advance(1);
    return line;
  }
  return { clock, attempts, good, commands, connection, last, refuse, accept, stop: () => stopping.abort() };
}

/** The longest wait from a refused dial to the next one, once the back-off has grown as far as it does. */
async function longestWait(rig: ReturnType<typeof start>, rounds: number): Promise<number> {
  let longest = 0;
  for (let round = 0; round < rounds; round++) {
    const known = rig.attempts.length;
    const fromMs = rig.clock.monotonic();
    rig.refuse();
    while (rig.attempts.length === known) await rig.clock.advance(50);
    longest = Math.max(longest, rig.last().atMs - fromMs);
  }
  return longest;
}

describe('the way back to a hub', () => {
  it('waits at most two heartbeats between two dials: 10 s until a welcome has named its own', async () => {
    const rig = start();
    await rig.clock.advance(1);
    const before = await longestWait(rig, 14);
    assert.ok(before > 5_000 && before <= 10_000, `${before} ms`);
    const line = await rig.accept(800);
    assert.ok(rig.connection.connected());
    assert.equal(rig.good.length, 1);
    line.hub.close('the hub ends');
    while (rig.connection.connected()) await rig.clock.advance(10);
    const known = rig.attempts.length;
    while (rig.attempts.length === known) await rig.clock.advance(50);
    const after = await longestWait(rig, 14);
    assert.ok(after > 800 && after <= 1_600, `${after} ms`);
    rig.stop();
  });

  it('gives a dial up after two heartbeats, and never before two seconds', async () => {
    const rig = start();
    await rig.clock.advance(9_900);
    assert.equal(rig.attempts.length, 1);
    assert.ok(!rig.last().signal.aborted);
    await rig.clock.advance(200);
    assert.ok((rig.attempts[0] as Attempt).signal.aborted, 'a line that stays silent for 10 s');
    await rig.clock.advance(1_000);
    const line = await rig.accept(300);
    line.hub.close('the hub ends');
    await rig.clock.advance(700);
    const dialled = rig.last();
    assert.equal(rig.attempts.length, 3);
    await rig.clock.advance(dialled.atMs + 1_950 - rig.clock.monotonic());
    assert.ok(!dialled.signal.aborted);
    await rig.clock.advance(100);
    assert.ok(dialled.signal.aborted, 'two seconds are the least');
    rig.stop();
  });

  it('a hub that takes the line and says nothing is left after the same time', async () => {
    const rig = start();
    await rig.clock.advance(1);
    const line = memoryLine(rig.clock);
    let closed = '';
    line.hub.onMessage(() => {});
    line.hub.onClose((reason) => {
      closed = reason;
    });
    rig.last().answer(done(line.agent));
    await rig.clock.advance(9_900);
    assert.equal(closed, '');
    await rig.clock.advance(200);
    assert.equal(closed, 'no welcome');
    assert.equal(rig.connection.send({ kind: 'heartbeat', seq: 0, sentAtMs: 0 }), 'closed');
    rig.stop();
  });

  it('leaves a hub that speaks another protocol, and says so', async () => {
    const rig = start();
    await rig.clock.advance(1);
    const line = memoryLine(rig.clock);
    const closed: string[] = [];
    line.hub.onClose((reason) => void closed.push(reason));
    line.hub.onMessage(() => line.hub.send({ ...(welcome(1_000) as object), v: 2 }));
    rig.last().answer(done(line.agent));
    await rig.clock.advance(100);
    assert.deepEqual(closed, ['the hub speaks protocol 2, this agent 1: bring both to one release']);
    assert.ok(!rig.connection.connected());
    assert.deepEqual(rig.good, []);
    rig.stop();
  });

  it('a command of a later release is refused at once, by its name', async () => {
    const rig = start();
    await rig.clock.advance(1);
    const line = await rig.accept(1_000);
    const answers: Json[] = [];
    line.hub.onMessage((message) => void answers.push(message));
    line.hub.send({ kind: 'command', command: { id: 'tx/1', epoch: 1, body: { kind: 'teleport', to: 'mars' } } });
    line.hub.send({ kind: 'weather' });
    await rig.clock.advance(100);
    const [answer] = answers as [{ id: string; outcome: { kind: string; refusal: { kind: string; message: string } } }];
    assert.deepEqual(
      [answer.id, answer.outcome.kind, answer.outcome.refusal.kind],
      ['tx/1', 'refused', 'notUnderstood'],
    );
    assert.match(answer.outcome.refusal.message, /does not understand teleport/);
    assert.deepEqual(rig.commands, []);
    assert.ok(rig.connection.connected(), 'the line goes on');
    rig.stop();
  });

  it('ends a line whose hub was silent for three heartbeats', async () => {
    const rig = start();
    await rig.clock.advance(1);
    const line = await rig.accept(1_000);
    await rig.clock.advance(10_000);
    assert.ok(rig.connection.connected(), 'acknowledged heartbeats keep it');
    line.cut();
    await rig.clock.advance(3_000);
    assert.ok(rig.connection.connected());
    await rig.clock.advance(2_100);
    assert.ok(!rig.connection.connected());
    rig.stop();
  });
});
