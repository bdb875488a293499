import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, type Server } from 'node:net';
import { it } from 'node:test';
import express from 'express';
import { systemClock as clock } from '../../base/index.ts';
import { createLive, type LiveEvent } from './live.ts';

const LAST = 2_000;
const TEXT = 'x'.repeat(20_000);

it('a reader that stops holds nothing but what is on its way, and gets each event once when it goes on', async () => {
  const asked: number[] = [];
  const source = {
    read(cursor: number): readonly LiveEvent[] {
      asked.push(cursor);
      const ids = Array.from({ length: Math.min(200, LAST - cursor) }, (_, at) => cursor + 1 + at);
      return ids.map((id) => ({ id, event: 'step', data: { TEXT } }));
    },
    subscribe: () => () => {},
    finished: () => true,
  };
  const live = createLive(clock);
  const app = express();
  app.get('/', (request, response) => {
    void live(request, response, source, { after: 0, stillAllowed: () => true });
  });
  const server = app.listen(0, '127.0.0.1') as Server;
  await once(server, 'listening');
  const reader = connect((server.address() as AddressInfo).port, '127.0.0.1');
  try {
    reader.write('GET / HTTP/1.0\r\n\r\n');
    await once(reader, 'readable');
    let before = -1;
    for (let tries = 0; tries < 100 && before !== asked.length; tries++) {
      before = asked.length;
      await clock.sleep(200);
    }
    assert.ok((asked.at(-1) as number) < LAST, 'it came to rest, as nobody reads');
    assert.ok(
      asked.some((cursor) => cursor % 200 !== 0),
      'of a page that did not fit the rest was let go of, and read again',
    );
    let told = '';
    reader.on('data', (chunk: Buffer) => {
      told += chunk.toString('latin1');
    });
    await once(reader, 'close');
    const ids = [...told.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]));
    assert.deepEqual(
      ids,
      Array.from({ length: LAST }, (_, at) => at + 1),
    );
    assert.match(told, /event: end\ndata: \{\}\n\n$/);
  } finally {
    reader.destroy();
    server.close();
  }
});
