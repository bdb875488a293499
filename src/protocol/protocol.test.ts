import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { WebSocket, WebSocketServer } from 'ws';
import { type Json, limits, SimulatedClock, seededRandom } from '../base/index.ts';
import { memoryLine } from './channel-memory.ts';
import { SOCKET_OPTIONS, socketChannel } from './channel-socket.ts';
import { createAssembler, FRAME_BYTES_MAX, splitMessage } from './frames.ts';
import { createSealKey, seal, sealJson } from './seal.ts';

describe('seal', () => {
  it('opens for its receiver only, and only unchanged', () => {
    const receiver = createSealKey();
    const sealed = sealJson(receiver.publicKey, { a: 'secret' }, seededRandom(1));
    assert.ok(!JSON.stringify(sealed).includes('secret'));
    assert.deepEqual(JSON.parse(Buffer.from(receiver.open(sealed)).toString()), { a: 'secret' });
    assert.throws(() => createSealKey().open(sealed));
    const data = Buffer.from(sealed.data, 'base64');
    data[0] = (data[0] as number) ^ 1;
    assert.throws(() => receiver.open({ ...sealed, data: data.toString('base64') }));
  });
  it('two sealings of one value differ', () => {
    const receiver = createSealKey();
    const one = seal(receiver.publicKey, Buffer.from('x'), seededRandom(1));
    assert.notEqual(one.data, seal(receiver.publicKey, Buffer.from('x'), seededRandom(1)).data);
  });
});

describe('frames', () => {
  it('what is split comes together again, in any interleaving of two messages', () => {
    fc.assert(
      fc.property(fc.nat(3 * FRAME_BYTES_MAX), fc.nat(1000), fc.infiniteStream(fc.boolean()), (long, short, picks) => {
        const one = 'ü'.repeat(long / 2);
        const two = 'b'.repeat(short);
        const queues = [[...splitMessage(1, one)], [...splitMessage(2, two)]];
        const assembler = createAssembler();
        const got: string[] = [];
        while (queues.some((queue) => queue.length > 0)) {
          const pick = picks.next().value ? 0 : 1;
          const frame = queues[pick]?.shift() ?? queues[1 - pick]?.shift();
          const result = assembler.add(frame as Uint8Array);
          assert.notEqual(result.kind, 'broken');
          if (result.kind === 'message') got.push(result.text);
        }
        assert.deepEqual(got.sort(), [one, two].sort());
      }),
      { numRuns: 40 },
    );
  });
  it('refuses a message above the limit and rubbish', () => {
    const assembler = createAssembler(1000);
    assert.equal(assembler.add(splitMessage(1, 'x'.repeat(1001))[0] as Uint8Array).kind, 'broken');
    assert.equal(createAssembler().add(Uint8Array.of(9, 0, 0, 0, 0)).kind, 'broken');
    assert.equal(createAssembler().add(Uint8Array.of(1)).kind, 'broken');
  });
});

describe('channel over WebSocket', () => {
  let server: Server;
  let sockets: WebSocketServer;
  before(async () => {
    server = createServer();
    sockets = new WebSocketServer({ server, ...SOCKET_OPTIONS });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  after(() => {
    for (const client of sockets.clients) client.terminate();
    sockets.close();
    server.closeAllConnections();
    server.close();
  });
  async function pair() {
    const accepted = new Promise<WebSocket>((resolve) => sockets.once('connection', resolve));
    const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, SOCKET_OPTIONS);
    await new Promise((resolve) => client.once('open', resolve));
    return { agent: socketChannel(client), hub: socketChannel(await accepted) };
  }

  it('carries large messages whole, and urgent ones before them', async () => {
    const { agent, hub } = await pair();
    const big = randomBytes(5 * 1024 * 1024).toString('base64');
    const order: string[] = [];
    const all = new Promise<void>((resolve) => {
      hub.onMessage((message) => {
        const kind = (message as { kind: string }).kind;
        order.push(kind);
        if (kind === 'big') assert.equal((message as { data: string }).data, big);
        if (order.length === 4) resolve();
      });
    });
    for (let count = 0; count < 3; count++) agent.send({ kind: 'big', data: big });
    agent.send({ kind: 'heartbeat' }, 'urgent');
    await all;
    assert.ok(order.indexOf('heartbeat') < 3, order.join(' '));
    assert.equal(order.filter((kind) => kind === 'big').length, 3);
    agent.close('done');
  });
  it('refuses a message above the limit and goes on; after a close nothing is sent', async () => {
    const { agent, hub } = await pair();
    const heard = new Promise<Json>((resolve) => hub.onMessage(resolve));
    const closed = new Promise<string>((resolve) => hub.onClose(resolve));
    assert.equal(agent.send({ data: 'x'.repeat(limits.protocolMessageBytesMax) }), 'tooLarge');
    assert.equal(agent.send({ small: true }), 'queued');
    assert.deepEqual(await heard, { small: true });
    agent.close('done');
    assert.ok((await closed).length > 0);
    assert.equal(agent.send({}), 'closed');
  });
});

describe('channel in memory', () => {
  it('holds what is sent while it is cut', async () => {
    const clock = new SimulatedClock();
    const line = memoryLine(clock, 5);
    const got: Json[] = [];
    line.hub.onMessage((message) => got.push(message));
    line.agent.send(1);
    await clock.advance(5);
    line.cut();
    line.agent.send(2);
    await clock.advance(100);
    assert.deepEqual(got, [1]);
    line.heal();
    assert.deepEqual(got, [1, 2]);
  });
});
