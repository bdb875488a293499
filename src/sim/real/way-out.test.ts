import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { systemClock, systemRandom } from '../../base/index.ts';
import { type KeyPair, openPki, type Pki } from '../api/pki.ts';
import { dialledAddress, shownAddress } from './pod-addresses.ts';
import { keptPorts } from './ports.ts';
import { startWayOut, targetOf, type WayOut, wayOutClient } from './way-out.ts';

describe('addresses of pods', () => {
  it('are shown outside of loopback and dialled inside of it', () => {
    for (const address of ['127.64.0.2', '127.191.255.254']) {
      assert.equal(dialledAddress(shownAddress(address)), address);
      assert.doesNotMatch(shownAddress(address), /^127\./);
    }
  });

  it('lead nowhere when they are not of this machine', () => {
    for (const address of ['10.0.0.1', '10.63.0.1', '10.192.0.1', '192.168.1.1', '8.8.8.8', 'example.com', '0.0.0.0'])
      assert.equal(dialledAddress(address), undefined, address);
    assert.equal(targetOf('10.64.1.2'), undefined, 'no port');
    assert.equal(targetOf('example.com:443'), undefined);
    assert.deepEqual(targetOf('localhost:10250'), { host: '127.0.0.1', port: 10_250 });
    assert.deepEqual(targetOf('10.64.1.2:80'), { host: '127.64.1.2', port: 80 });
  });
});

describe('the way out of an API server', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ldc-way-out-'));
  const pod = createServer((_, response) => response.end('hello'));
  let pki: Pki;
  let way: WayOut;
  let apiServer: KeyPair;
  let port = 0;
  before(async () => {
    pki = await openPki('c', undefined, systemClock, systemRandom);
    port = (await keptPorts(folder, ['wayOut'], systemClock)).wayOut;
    apiServer = await wayOutClient(pki);
    way = await startWayOut(port, pki, apiServer.certPem);
    await new Promise<void>((resolve) => pod.listen(0, '127.64.200.7', resolve));
  });
  after(async () => {
    pod.close();
    await way.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const connect = (path: string, admin: { certPem?: string; keyPem?: string }) =>
    new Promise<{ status: number; read?: () => Promise<string> }>((resolve, reject) => {
      const { certPem: cert, keyPem: key } = admin;
      const call = request({ host: '127.0.0.1', port, method: 'CONNECT', path, ca: pki.caPem, cert, key });
      call.once('connect', (answer, socket) => {
        const read = () =>
          new Promise<string>((whole) => {
            let said = '';
            socket.on('data', (chunk) => {
              said += chunk;
            });
            socket.once('close', () => whole(said));
            socket.write('GET / HTTP/1.1\r\nhost: pod\r\nconnection: close\r\n\r\n');
          });
        resolve({ status: answer.statusCode ?? 0, read });
        if (answer.statusCode !== 200) socket.destroy();
      });
      call.once('error', reject);
      call.end();
    });

  it('leads to a pod by the address that it shows', async () => {
    const { port: podPort } = pod.address() as AddressInfo;
    const { status, read } = await connect(`10.64.200.7:${podPort}`, apiServer);
    assert.equal(status, 200);
    assert.match((await read?.()) ?? '', /hello$/);
  });

  it('refuses what is off the machine, and says when nobody listens', async () => {
    assert.equal((await connect('192.0.2.1:80', apiServer)).status, 403);
    assert.equal((await connect('example.com:443', apiServer)).status, 403);
    assert.equal((await connect('10.64.200.8:9', apiServer)).status, 502);
  });

  it('is there for the API server alone: no other certificate of the cluster opens it, in its name neither', async () => {
    await assert.rejects(connect('127.0.0.1:80', {}));
    const { port: podPort } = pod.address() as AddressInfo;
    const sameName = await pki.issue('other', 'CN=kube-apiserver-egress-client', 'client');
    for (const other of [pki.admin, sameName])
      assert.equal((await connect(`10.64.200.7:${podPort}`, other)).status, 403);
  });
});
