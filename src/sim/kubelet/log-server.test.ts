import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { after, before, it } from 'node:test';
import { systemClock, systemRandom } from '../../base/index.ts';
import { type KeyPair, openPki } from '../api/pki.ts';
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

it('over TLS it answers the API server alone, and no other certificate of the cluster', async () => {
  const pki = await openPki('c', undefined, systemClock, systemRandom);
  const apiServer = await pki.issue('kubelet-client', 'CN=kube-apiserver-kubelet-client', 'client');
  const sameName = await pki.issue('other', 'CN=kube-apiserver-kubelet-client', 'client');
  const address = { port: 0, ...pki.server, caPem: pki.caPem, clientPem: apiServer.certPem };
  const guarded = await startLogServer({ find: () => undefined, logsDir: tmpdir(), address });
  const ask = (as: Partial<KeyPair>) =>
    new Promise<number>((resolve, reject) => {
      const tls = { ca: pki.caPem, cert: as.certPem, key: as.keyPem, agent: false };
      const call = request(`${guarded.url}/containerLogs/shop/web/c`, tls, (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      });
      call.once('error', reject);
      call.end();
    });
  try {
    assert.equal(await ask(apiServer), 400, 'heard: a pod that nothing runs');
    assert.equal(await ask(pki.admin), 403);
    assert.equal(await ask(sameName), 403);
    await assert.rejects(ask({}));
  } finally {
    await guarded.close();
  }
});
