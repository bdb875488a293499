/** The REST API as an attacker finds it: every route without a token and with a weaker role, and what a body may do. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type AnyRoute, type Role, roles, routes } from '../src/api/contract/index.ts';
import { type FakeHub, startFakeHub } from '../src/api/fake-hub.test.ts';
import { permits } from '../src/api/tokens.ts';
import { done, limits } from '../src/base/index.ts';

let hub: FakeHub;
before(async () => {
  const sim = { clusters: () => [], fault: async () => done({}) };
  hub = await startFakeHub({ sim });
});
after(() => hub.close());

const all = Object.values(routes).flatMap((group) => Object.values(group) as unknown as AnyRoute[]);
const filled = (path: string) => path.replace(/\{fault\}/, 'cut').replace(/\{\w+\}/g, 'x');

async function call(route: AnyRoute, headers: Record<string, string>): Promise<Response> {
  const hasBody = route.method !== 'GET';
  return fetch(hub.url + filled(route.path), {
    method: route.method,
    headers: { ...headers, ...(hasBody ? { 'content-type': 'application/json' } : {}) },
    ...(hasBody ? { body: '{}' } : {}),
  });
}

async function send(method: string, path: string, body: string | Uint8Array, headers: Record<string, string> = {}) {
  const authorization = `Bearer ${hub.admin}`;
  return fetch(hub.url + path, {
    ...{ method, body: body as never },
    headers: { authorization, 'content-type': 'application/json', ...headers },
  });
}

describe('every route', () => {
  it('is in the table with a role, and changes only by a role above viewer', () => {
    assert.ok(all.length > 40, `${all.length} routes`);
    for (const route of all) {
      assert.ok(route.role !== null && roles.includes(route.role), route.id);
      if (route.changes) assert.notEqual(route.role, 'viewer', route.id);
    }
  });

  for (const route of all) {
    it(`${route.method} ${route.path} refuses whoever has no token for it, before it looks at anything else`, async () => {
      const secret = hub.admin.split('.')[2] as string;
      const bad = [
        '',
        'Bearer',
        'Bearer x',
        `Basic ${hub.admin}`,
        `Bearer ${hub.admin}x`,
        `Bearer ldc.token_0.${secret}`,
      ];
      for (const authorization of bad) {
        const answer = await call(route, authorization === '' ? {} : { authorization });
        assert.equal(answer.status, 401, `${authorization}`);
        assert.ok(!(await answer.text()).includes(secret));
      }
      for (const role of roles) {
        const answer = await call(route, { authorization: `Bearer ${await hub.tokenFor(role)}` });
        await answer.body?.cancel();
        if (permits([role], route.role as Role)) assert.ok(answer.status !== 401 && answer.status !== 403, role);
        else assert.equal(answer.status, 403, role);
      }
    });
  }

  it('is not reached by another spelling of its path', async () => {
    const authorization = `Bearer ${await hub.tokenFor('viewer')}`;
    const spelled = ['/API/V1/TOKENS', '/api/v1/tokens/', '/api/v1//tokens', '/api/v1/./tokens', '/api/v1/%74okens'];
    for (const path of spelled) {
      const answer = await fetch(hub.url + path, { headers: { authorization } });
      assert.ok([403, 404].includes(answer.status), `${path}: ${answer.status}`);
    }
    for (const path of ['/api/v1/stacks/default/..%2f..%2ftokens', '/api/v1/clusters/%00', '/api/v1/clusters/%ff'])
      assert.ok([400, 404].includes((await fetch(hub.url + path, { headers: { authorization } })).status), path);
  });
});

describe('what is sent', () => {
  it('cannot reach prototypes, by body, path of a file, label or query', async () => {
    const stack =
      'apiVersion: ldc.dev/v1\nkind: Stack\n__proto__: {polluted: 1}\nconstructor: {prototype: {polluted: 1}}\n';
    const body = `{"stack":${JSON.stringify(stack)},"files":{"__proto__":"a: 1","constructor":"b: 2"},"__proto__":{"polluted":1}}`;
    await send('POST', '/api/v1/stacks/validate', body);
    await send('PATCH', '/api/v1/clusters/eu-1', '{"labels":{"__proto__":"x","constructor":"y"}}');
    await send('GET', '/api/v1/stacks?__proto__[polluted]=1&constructor[prototype][polluted]=1', '' as never).catch(
      () => {},
    );
    assert.equal(({} as { polluted?: unknown }).polluted, undefined);
    assert.equal(Object.keys(Object.prototype).length, 0);
  });

  it('is refused above its limit, packed or not, and when it is no JSON, says nothing of it', async () => {
    const small = await send(
      'POST',
      '/api/v1/join-tokens',
      JSON.stringify({ labels: { a: 'x'.repeat(2 * 1024 * 1024) } }),
    );
    assert.equal(small.status, 413);
    const bomb = gzipSync(Buffer.alloc(limits.stackUploadBytesMax + 1_000_000, 'a'));
    assert.ok(bomb.length < 100_000);
    const packed = await send('POST', '/api/v1/stacks/validate', bomb, { 'content-encoding': 'gzip' });
    assert.equal(packed.status, 413);
    const torn = await send('POST', '/api/v1/stacks/validate', '{"stack": "hunter2');
    assert.equal(torn.status, 400);
    assert.ok(!(await torn.text()).includes('hunter2'));
    const deep = await send('POST', '/api/v1/join-tokens', `{"labels":${'['.repeat(200_000)}${']'.repeat(200_000)}}`);
    assert.ok(deep.status >= 400 && deep.status < 600);
    assert.equal((await fetch(`${hub.url}/healthz`)).status, 200);
  });

  it('puts nothing into headers of the answer', async () => {
    const answer = await fetch(`${hub.url}/api/v1/clusters/a%0d%0aset-cookie:%20x=1`, {
      headers: { authorization: `Bearer ${hub.admin}` },
    });
    assert.equal(answer.headers.get('set-cookie'), null);
    assert.equal(answer.status, 400);
    const long = await send('DELETE', '/api/v1/tokens/none', '', { 'idempotency-key': 'x'.repeat(201) });
    assert.equal(long.status, 400);
  });

  it('an Idempotency-Key is its token’s alone, and never keeps a secret', async () => {
    const [one, other] = [await hub.tokenFor('admin'), await hub.tokenFor('admin')];
    const make = (token: string, body = '{"uses":1}') =>
      send('POST', '/api/v1/join-tokens', body, { authorization: `Bearer ${token}`, 'idempotency-key': 'same' });
    const first = await make(one);
    const { token } = (await first.json()) as { token: string };
    assert.equal(first.status, 201);
    const replayed = await make(one);
    assert.equal(replayed.status, 409);
    assert.ok(!(await replayed.text()).includes(token));
    assert.equal((await make(one, '{"uses":2}')).status, 422);
    const theirs = await make(other);
    assert.equal(theirs.status, 201);
    const kept = JSON.stringify(hub.services.documents.list('idempotency'));
    assert.ok(!kept.includes(token));
  });
});

describe('a token that is revoked', () => {
  it('is refused from the next call on, and ends the streams that it opened', async () => {
    const { token, record } = (await (
      await send('POST', '/api/v1/tokens', '{"name":"gone","roles":["auditor"]}')
    ).json()) as { token: string; record: { id: string } };
    const headers = { authorization: `Bearer ${token}`, accept: 'text/event-stream' };
    const stream = await fetch(`${hub.url}/api/v1/journal`, { headers });
    assert.equal(stream.status, 200);
    assert.equal((await send('DELETE', `/api/v1/tokens/${record.id}`, '')).status, 200);
    assert.equal((await fetch(`${hub.url}/api/v1/journal`, { headers })).status, 401);
    await hub.services.journal.append([{ tx: 'hub', type: 'test', actor: 'hub', data: {} }]);
    const text = await stream.text();
    assert.ok(!text.includes('"type":"test"'), 'nothing that came after it is told');
  });

  it('is nowhere as text', async () => {
    const secret = hub.admin.split('.')[2] as string;
    assert.ok(!JSON.stringify(hub.services.documents.list('apiToken')).includes(secret));
    assert.ok(!JSON.stringify(hub.services.journal.read(0, 10_000)).includes(secret));
    assert.ok(!JSON.stringify(hub.logged).includes(secret));
    const listed = await (
      await fetch(`${hub.url}/api/v1/tokens`, { headers: { authorization: `Bearer ${hub.admin}` } })
    ).text();
    assert.ok(!/"hash"/.test(listed) && !listed.includes(secret));
  });
});
