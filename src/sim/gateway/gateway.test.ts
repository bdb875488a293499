import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttp } from 'node:http';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '../../base/index.ts';
import { type Gateway, startGateway } from './index.ts';
import { serviceOf } from './service-proxy.ts';

const port = (server: Server) => (server.address() as AddressInfo).port;
const within = <T>(promise: Promise<T>, ms: number) =>
  Promise.race([promise, new Promise<'late'>((resolve) => setTimeout(resolve, ms, 'late'))]);

describe('gateway', () => {
  let echo: Server;
  let web: Server;
  let gateway: Gateway;
  let pods: { host: string; port: number }[] | undefined = [];
  before(async () => {
    echo = createServer((socket) => socket.on('error', () => {}).pipe(socket));
    web = createHttp((request, response) => response.end(`seen ${request.url}`));
    for (const server of [echo, web]) await once(server.listen(0, '127.0.0.1'), 'listening');
    gateway = await startGateway({
      clock: systemClock,
      apiServer: () => ({ host: '127.0.0.1', port: port(echo) }),
      endpoints: () => pods,
    });
  });
  after(async () => {
    await gateway.close();
    echo.close();
    web.close();
  });

  const dial = async () => {
    const socket = connect(gateway.apiPort, '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
    return socket;
  };
  const ask = async (socket: Awaited<ReturnType<typeof dial>>, text: string) => {
    socket.write(text);
    const [data] = (await once(socket, 'data')) as [Buffer];
    return data.toString();
  };

  it('carries bytes both ways, and an end', async () => {
    const socket = await dial();
    assert.equal(await ask(socket, 'one'), 'one');
    socket.end();
    await once(socket, 'close');
    assert.equal(socket.errored, null);
  });

  it('freezes open connections while cut and lets new ones hang; healing brings everything through', async () => {
    const open = await dial();
    assert.equal(await ask(open, 'before'), 'before');
    gateway.cut();
    const answer = ask(open, 'during');
    const fresh = await dial();
    const other = ask(fresh, 'new');
    assert.equal(await within(Promise.race([answer, other]), 120), 'late');
    assert.equal(open.destroyed || fresh.destroyed, false, 'a cut sends no reset');
    gateway.heal();
    assert.equal(await within(answer, 2000), 'during');
    assert.equal(await within(other, 2000), 'new');
    open.destroy();
    fresh.destroy();
  });

  it('does not tell the other side of an end that happened during a cut, until it heals', async () => {
    const out = await gateway.egress('127.0.0.1', port(echo));
    assert.equal(await gateway.egress('127.0.0.1', port(echo)), out, 'asking again gives the same way out');
    const serverSide = once(echo, 'connection');
    const socket = connect(out, '127.0.0.1');
    socket.on('error', () => {});
    assert.equal(await ask(socket, 'x'), 'x');
    const [far] = (await serverSide) as [import('node:net').Socket];
    gateway.cut();
    socket.destroy();
    assert.equal(await within(once(far, 'close'), 120), 'late');
    gateway.heal();
    assert.notEqual(await within(once(far, 'close'), 2000), 'late');
  });

  it('delays each way by the latency when slow, open connections too, and keeps the order', async () => {
    const socket = await dial();
    assert.equal(await ask(socket, 'fast'), 'fast');
    gateway.slow(60);
    const started = systemClock.monotonic();
    let seen = '';
    socket.on('data', (data: Buffer) => {
      seen += data;
    });
    for (const letter of 'abcdef') socket.write(letter);
    while (seen.length < 6) await systemClock.sleep(5);
    assert.equal(seen, 'abcdef');
    assert.ok(systemClock.monotonic() - started >= 115, 'two ways of 60 ms each');
    gateway.heal();
    socket.destroy();
  });

  it('refuses: open connections break, new ones are refused, and healing opens the same port', async () => {
    const socket = await dial();
    assert.equal(await ask(socket, 'a'), 'a');
    const closed = new Promise((resolve) => socket.once('close', resolve));
    gateway.refuse();
    await closed;
    await assert.rejects(dial(), { code: 'ECONNREFUSED' });
    gateway.heal();
    await systemClock.sleep(20);
    const again = await dial();
    assert.equal(await ask(again, 'b'), 'b');
    again.destroy();
  });

  it('sends HTTP to ready endpoints in turn, 503 without one, 404 without the Service', async () => {
    const url = `http://127.0.0.1:${gateway.servicesPort}/shop/checkout:80/a/b?c=1`;
    pods = [{ host: '127.0.0.1', port: port(web) }];
    const ok = await fetch(url);
    assert.equal(ok.status, 200);
    assert.equal(await ok.text(), 'seen /a/b?c=1');
    pods = [];
    assert.equal((await fetch(url)).status, 503);
    pods = undefined;
    assert.equal((await fetch(url)).status, 404);
    pods = [{ host: '127.0.0.1', port: 1 }];
    assert.equal((await fetch(url)).status, 502);
  });

  it('reads the Service from the host or from the path', () => {
    assert.deepEqual(serviceOf('/x', 'web.shop.svc.cluster.local:80'), {
      service: 'web',
      namespace: 'shop',
      path: '/x',
    });
    assert.deepEqual(serviceOf('/shop/web', '127.0.0.1:99'), { service: 'web', namespace: 'shop', path: '/' });
    assert.deepEqual(serviceOf('/shop/web:http/a?b', 'localhost'), {
      service: 'web',
      namespace: 'shop',
      port: 'http',
      path: '/a?b',
    });
    assert.equal(serviceOf('/shop', 'localhost'), undefined);
  });
});
