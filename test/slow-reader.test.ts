/** A log that pours, and who reads it slowly: from the container to the REST client nothing piles up, and nothing is missing. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, type Server } from 'node:net';
import { test } from 'node:test';
import express from 'express';
import { streamClusters } from '../src/api/http/merge.ts';
import { systemClock as clock, createIds, type KubeObject, limits, systemRandom as random } from '../src/base/index.ts';
import { createStreams } from '../src/hub-agent/agent/streams/streams.ts';
import { createLineStreams } from '../src/hub-agent/hub/streams.ts';
import type { Client } from '../src/kubernetes/index.ts';
import type { StreamItem } from '../src/protocol/index.ts';
import { until } from './hub-agent-rig.ts';

const STACK = { project: 'default', name: 'shop' };
const POD: KubeObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'shop', uid: 'u1' },
  spec: { containers: [{ name: 'c' }] },
  status: { phase: 'Running', containerStatuses: [{ name: 'c', restartCount: 0, state: { running: {} } }] },
} as never;
/** What systems hold of one connection on loopback, both ends together, and some room. */
const SOCKETS_BYTES_MAX = 24 * 1024 * 1024;
const LINE = 'x'.repeat(1_000);

/** Hub and agent, joined by their streams alone; `source.lines` counts what the agent has taken from the API server. */
function rig() {
  const stop = new AbortController();
  const source = { lines: 0 };
  const client = {
    async lines(request: { signal: AbortSignal }, onLine: (line: string) => unknown) {
      while (!request.signal.aborted) {
        await onLine(`2026-11-22T10:00:00.000000000Z ${source.lines} ${LINE}`);
        source.lines++;
        if (source.lines % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      return { kind: 'unreachable', sent: true, reason: 'aborted' };
    },
  } as unknown as Client;
  const line = {
    send(message: object) {
      agent.handle(message as never);
      return true;
    },
  };
  const hub = createLineStreams('eu-1', line, clock, createIds(clock, random));
  const location = { stack: STACK, kind: 'function', name: 'web', cluster: 'eu-1' } as const;
  const agent = createStreams({
    ...{ client, clock, random, signal: stop.signal, live: async () => POD, mask: () => (text: string) => text },
    holding: () => [{ name: 'web', location, objects: [POD], belongs: () => true }],
    send: (message) => hub.received(message as never),
  });
  return { hub, source, stop: () => stop.abort() };
}

test('the source waits for the reader, and goes on where it was', { timeout: 120_000 }, async () => {
  const { hub, source, stop } = rig();
  const app = express();
  app.get('/', (_request, response) => {
    const follow = async function* (signal: AbortSignal) {
      const request = { kind: 'logs', stack: STACK, follow: true, previous: false } as const;
      for await (const items of hub.open(request, signal))
        yield items.map((item: StreamItem) => ({ cluster: 'eu-1', function: item.name, ...item }) as never);
    };
    void streamClusters(response, [{ cluster: 'eu-1', follow }], { clock, stillAllowed: () => true });
  });
  const server = app.listen(0, '127.0.0.1') as Server;
  await once(server, 'listening');
  const reader = connect((server.address() as AddressInfo).port, '127.0.0.1');
  try {
    reader.write('GET / HTTP/1.0\r\n\r\n');
    await once(reader, 'data');
    reader.pause();
    // nobody reads: it comes to rest when all on the way is full
    let before = -1;
    const rests = async () => {
      const waits = source.lines > 0 && source.lines === before;
      before = source.lines;
      await clock.sleep(700);
      return waits;
    };
    await until(rests, 'the source waits', 60_000);
    const waiting = source.lines * LINE.length;
    assert.ok(waiting < SOCKETS_BYTES_MAX + 2 * limits.streamWindowBytes, `${waiting} bytes are on the way`);
    // it is read again: it goes on, and no line is missing
    let rest = '';
    let next: number | undefined;
    reader.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString('utf8')).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (!line.startsWith('{') || !line.endsWith('}')) continue;
        const said = JSON.parse(line) as { kind: string; line: string };
        if (said.kind !== 'line') continue;
        const number = Number(said.line.split(' ')[0]);
        assert.equal(number, next ?? number, 'a line is missing');
        next = number + 1;
      }
    });
    reader.resume();
    await until(() => (next ?? 0) > before + 2_000, 'it goes on', 60_000);
  } finally {
    reader.destroy();
    stop();
    server.close();
  }
});
