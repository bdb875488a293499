import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { after, before, it } from 'node:test';
import { type LogServer, startLogServer } from './log-server.ts';

let server: LogServer;
before(async () => {
  server = await startLogServer({ find: () => undefined, logsDir: tmpdir() });
});
after(() => server.close());

/** The status line of an answer to a request target as it is, which a client library would have put right. */
async function statusOf(target: string): Promise<string> {
  const socket = connect(server.port, '127.0.0.1');
  socket.write(`GET ${target} HTTP/1.1\r\nhost: kubelet\r\nconnection: close\r\n\r\n`);
  const [first] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return first.toString('utf8').split('\r\n')[0] as string;
}

it('a request target that cannot be read is refused, and the next one is answered', async () => {
  for (const target of ['/containerLogs/%zz/a/b', '//', '/%'])
    assert.equal(await statusOf(target), 'HTTP/1.1 400 Bad Request', target);
  assert.equal(await statusOf('/metrics'), 'HTTP/1.1 404 Not Found');
  assert.equal(await statusOf('/containerLogs/shop/web/c'), 'HTTP/1.1 400 Bad Request', 'a pod that nothing runs');
});
