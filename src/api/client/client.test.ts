import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { seededRandom, systemClock } from '../../base/index.ts';
import { type FakeHub, startFakeHub } from '../fake-hub.test.ts';
import { unreachableHub } from './error.ts';
import { createClient, HubProblem, HubUnreachable, routes } from './index.ts';
import { parseEvents } from './sse.ts';

const ports = { clock: systemClock, random: seededRandom(5) };
let hub: FakeHub;
before(async () => {
  hub = await startFakeHub();
});
after(() => hub.close());

const clientOf = (connection: { hub?: string; token?: string } = {}) =>
  createClient({ hub: hub.url, token: hub.admin, ...connection }, ports);

describe('client', () => {
  it('calls by the route table, with parameters, query and body', async () => {
    const client = clientOf();
    hub.stacks.put('shop', 2);
    const { kind } = await client.call(routes.stacks.plan, { body: { stack: 'kind: Stack' } });
    assert.equal(kind, 'planned');
    const stack = await client.call(routes.stacks.get, { params: { project: 'default', name: 'shop' } });
    assert.equal(stack.revision, 2);
    const page = await client.call(routes.stacks.list, { query: { limit: 1 } });
    assert.equal(page.items.length, 1);
    await client.close();
  });

  it('walks over all pages', async () => {
    const client = clientOf();
    for (const name of ['a', 'b', 'c', 'd', 'e']) hub.stacks.put(name);
    const names: string[] = [];
    for await (const { name } of client.pages(routes.stacks.list, { query: { limit: 2 } })) names.push(name);
    assert.deepEqual(names, ['a', 'b', 'c', 'd', 'e', 'shop']);
    await client.close();
  });

  it('throws the problem of the hub as data', async () => {
    const client = clientOf({ token: 'wrong' });
    await assert.rejects(client.call(routes.stacks.list), (error) => {
      assert.ok(error instanceof HubProblem);
      assert.equal(error.problem.status, 401);
      return true;
    });
    await client.close();
  });

  it('says why a hub is not reached', async () => {
    const server = createServer((_, response) => response.end('<html>'));
    const closed = createServer();
    const nobody = clientOf({ hub: await listen(closed) });
    await new Promise((resolve) => closed.close(resolve));
    await assert.rejects(nobody.call(routes.stacks.list), (error) => {
      assert.ok(error instanceof HubUnreachable);
      assert.equal(error.kind, 'refused');
      return true;
    });
    await nobody.close();
    const other = clientOf({ hub: await listen(server) });
    await assert.rejects(other.call(routes.stacks.list), (error) => {
      assert.ok(error instanceof HubProblem);
      assert.equal(error.problem.kind, 'notAHub');
      return true;
    });
    await other.close();
    server.close();
  });

  it('follows a transaction over broken lines without losing or repeating an event', async () => {
    const client = clientOf();
    const answer = await client.call(routes.stacks.apply, { body: { stack: 'kind: Stack' } });
    assert.ok(answer.kind === 'submitted');
    const { id } = answer.transaction;
    const seen: number[] = [];
    let breaks = 0;
    for await (const entry of client.follow(routes.transactions.events, { id }, { onBreak: () => void breaks++ })) {
      seen.push(entry.seq);
      if (entry.seq === 1) {
        hub.cutAll();
        await hub.engine.run(id, 'committed');
      }
    }
    assert.deepEqual(seen, [1, 2, 3, 4]);
    assert.ok(breaks >= 1, 'the line was broken');
    await client.close();
  });

  it('asks again over a cut line only what may be repeated', async () => {
    let calls = 0;
    const server = createServer((request, response) => {
      calls++;
      if (calls < 3) request.socket.destroy();
      else response.setHeader('content-type', 'application/json').end('{"items":[],"next":null}');
    });
    const client = clientOf({ hub: await listen(server) });
    assert.deepEqual(await client.call(routes.stacks.list), { items: [], next: null });
    assert.equal(calls, 3);
    calls = 0;
    await assert.rejects(client.call(routes.stacks.apply, { body: { stack: 'x' } }), HubUnreachable);
    assert.equal(calls, 1);
    calls = 0;
    await client.call(routes.stacks.apply, { body: { stack: 'x' }, idempotencyKey: 'k' });
    assert.equal(calls, 3);
    await client.close();
    server.close();
  });

  it('asks again whatever never left: a handshake that came to nothing, of a hub that is very busy', async () => {
    let dialled = 0;
    const busy = createTcpServer((socket) => {
      dialled++;
      socket.destroy();
    });
    await new Promise<void>((resolve) => busy.listen(0, '127.0.0.1', resolve));
    const client = clientOf({ hub: `https://127.0.0.1:${(busy.address() as AddressInfo).port}` });
    await assert.rejects(client.call(routes.stacks.apply, { body: { stack: 'x' } }), HubUnreachable);
    assert.equal(dialled, 3);
    await client.close();
    busy.close();
    const late = Object.assign(new Error('Connect Timeout Error'), { code: 'UND_ERR_CONNECT_TIMEOUT' });
    assert.equal(unreachableHub('https://hub', new TypeError('fetch failed', { cause: late })).unsent, true);
    const silent = Object.assign(new Error('Headers Timeout Error'), { code: 'UND_ERR_HEADERS_TIMEOUT' });
    assert.equal(unreachableHub('https://hub', new TypeError('fetch failed', { cause: silent })).unsent, false);
  });

  it('makes a bounded number of connections for a burst of calls, and answers them all', async () => {
    let connections = 0;
    const server = createServer((_, response) =>
      response.setHeader('content-type', 'application/json').end('{"items":[],"next":null}'),
    );
    server.on('connection', () => connections++);
    const client = clientOf({ hub: await listen(server) });
    await Promise.all(Array.from({ length: 400 }, () => client.call(routes.stacks.list)));
    assert.ok(connections <= 64, `${connections} connections`);
    await client.close();
    server.close();
  });

  it('stops following at the signal, and at a refusal', async () => {
    const client = clientOf();
    const answer = await client.call(routes.stacks.apply, { body: { stack: 'kind: Stack' } });
    assert.ok(answer.kind === 'submitted');
    const stop = new AbortController();
    for await (const _ of client.follow(
      routes.transactions.events,
      { id: answer.transaction.id },
      { signal: stop.signal },
    ))
      stop.abort();
    await assert.rejects(async () => {
      for await (const _ of client.follow(routes.transactions.events, { id: 'tx-doesnotexist' })) assert.fail();
    }, HubProblem);
    await client.close();
  });
});

describe('parseEvents', () => {
  it('reads the same events however the bytes are cut', async () => {
    const text =
      ': hello\n\nid: 1\nevent: a\ndata: {"x":"ä€😀"}\n\ndata: one\r\ndata:two\r\n\r\nid: 2\nretry: 5\n\ndata: last\n\n';
    const bytes = new TextEncoder().encode(text);
    const whole = await collect([bytes]);
    assert.deepEqual(whole, [
      { id: '1', event: 'a', data: '{"x":"ä€😀"}' },
      { id: undefined, event: 'message', data: 'one\ntwo' },
      { id: undefined, event: 'message', data: 'last' },
    ]);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 8 }), async (cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const parts = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
        assert.deepEqual(await collect(parts), whole);
      }),
      { numRuns: 200 },
    );
  });

  it('bounds the size of one event', async () => {
    await assert.rejects(collect([new Uint8Array(2_000_000).fill(97)]), /too long/);
  });
});

async function collect(parts: readonly Uint8Array[]) {
  const events = [];
  async function* chunks() {
    yield* parts;
  }
  for await (const event of parseEvents(chunks())) events.push(event);
  return events;
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
