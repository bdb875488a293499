import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { systemClock, systemRandom } from '../../base/index.ts';
import { type KeyPair, openPki } from '../api/pki.ts';
import { LogFile, logFile } from './log-file.ts';
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

it('what a slow reader of a log that goes on does not take is left out, and told', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ldc-log-server-'));
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', namespace: 'shop', uid: 'u' } };
  const log = new LogFile(logFile(folder, pod, 'c', 0), systemClock);
  const worker = { pod, attemptOf: () => ({ attempt: 0, waiting: false }), openLog: () => log };
  const talkative = await startLogServer({ find: () => worker as never, logsDir: folder });
  const reader = connect(talkative.port, '127.0.0.1');
  try {
    reader.write('GET /containerLogs/shop/web/c?follow=true HTTP/1.0\r\nhost: kubelet\r\n\r\n');
    await once(reader, 'data'); // the head: it follows
    reader.pause();
    const total = 3_000;
    for (let n = 0; n < total; n++) log.write('stdout', `${n} ${'x'.repeat(10_000)}\n`);
    let told = '';
    reader.on('data', (chunk: Buffer) => {
      told += chunk.toString('latin1');
    });
    reader.resume();
    for (let tries = 0; tries < 1_000 && !told.includes('left out'); tries++) await systemClock.sleep(20);
    log.write('stdout', 'the last one\n');
    log.close();
    await once(reader, 'close');
    const lines = told.match(/^\d+ x/gm)?.length ?? 0;
    const leftOut = Number(/\[kubelet: (\d+) lines left out/.exec(told)?.[1]);
    assert.equal(lines + leftOut, total);
    assert.ok(lines < 500, `${lines} lines waited for the reader`);
    assert.match(told, /left out, which were not read in time\]\nthe last one\n$/);
  } finally {
    reader.destroy();
    await talkative.close();
    log.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
