import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { type KubeObject, limits, seededRandom, systemClock } from '../base/index.ts';
import { verdictOf } from './answers.ts';
import { clientOver } from './client.ts';
import { createDiscovery } from './discovery.ts';
import type { Client } from './types.ts';
import { watchLoop } from './watch.ts';

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;
let server: Server;
let client: Client;
let handler: Handler;
let fresh = 0;
let heard = 0;

before(async () => {
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    handler(request, response, body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  client = clientOver(
    {
      async access(anew) {
        if (anew) fresh++;
        return { server: url, headers: { authorization: anew ? 'Bearer new' : 'Bearer old' }, dispatcher: undefined };
      },
      bearing: () => assert.fail('nobody asks for it'),
      heard: () => void heard++,
      unheard() {},
      spoilt() {},
      async close() {},
    },
    systemClock,
  );
});
after(() => server.close());

function answer(response: ServerResponse, status: number, body: unknown, headers = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

describe('client', () => {
  it('asks for nothing by a path that a URL would resolve to another one', async () => {
    let asked = 0;
    handler = (_request, response) => {
      asked++;
      answer(response, 200, {});
    };
    const base = '/api/v1/namespaces/shop/services/web:80/proxy';
    for (const step of ['/..', '/../', '/../../secrets', '/%2E%2e/x', '/.%2e?a=b', '/a\\..\\b', '/.\t./x', '/.']) {
      const refused = await client.request({ method: 'GET', path: base + step });
      assert.equal(refused.kind, 'unreachable', step);
      assert.equal((await client.watch({ method: 'GET', path: base + step }, () => {})).kind, 'unreachable', step);
    }
    assert.equal(asked, 0);
    for (const plain of ['/.well-known/x', '/a..b', '/...', '/x?path=../y', '/%2f'])
      assert.equal((await client.request({ method: 'GET', path: base + plain })).kind, 'answered', plain);
  });

  it('sends raw JSON with its content type and keeps every field of the answer', async () => {
    let seen = '';
    handler = (request, response, body) => {
      seen = `${request.method} ${request.url} ${request.headers['content-type']} ${body}`;
      answer(
        response,
        201,
        { kind: 'X', unknownField: { deep: [1] } },
        { 'audit-id': 'a1', warning: '299 - "be careful"' },
      );
    };
    const result = await client.request({
      method: 'PATCH',
      path: '/api/v1/x',
      query: { fieldManager: 'm', absent: undefined },
      contentType: 'application/apply-patch+yaml',
      body: { a: 1 },
    });
    assert.equal(seen, 'PATCH /api/v1/x?fieldManager=m application/apply-patch+yaml {"a":1}');
    assert.deepEqual(result, {
      kind: 'answered',
      status: 201,
      body: { kind: 'X', unknownField: { deep: [1] } },
      auditId: 'a1',
      warnings: ['be careful'],
    });
  });

  it('reads its credentials anew after a 401, once', async () => {
    handler = (request, response) =>
      request.headers.authorization === 'Bearer new' ? answer(response, 200, {}) : answer(response, 401, {});
    fresh = 0;
    const result = await client.request({ method: 'GET', path: '/' });
    assert.equal(result.kind === 'answered' && result.status, 200);
    assert.equal(fresh, 1);
  });

  it('a timeout may have acted, a refused connection cannot have', async () => {
    handler = () => {};
    const slow = await client.request({ method: 'GET', path: '/', timeoutMs: 30 });
    assert.ok(slow.kind === 'unreachable' && slow.sent && /no answer within/.test(slow.reason));
    assert.ok(heard > 0, 'what was answered before was told: those connections are alive');
    const nowhere = clientOver(
      {
        access: async () => ({ server: 'http://127.0.0.1:1', headers: {}, dispatcher: undefined }),
        bearing: () => assert.fail('nobody asks for it'),
        heard() {},
        unheard() {},
        spoilt() {},
        close: async () => {},
      },
      systemClock,
    );
    const refused = await nowhere.request({ method: 'GET', path: '/' });
    assert.ok(refused.kind === 'unreachable' && !refused.sent);
  });

  it('what is urgent does not wait for its turn behind requests that hang', async () => {
    const hung: ServerResponse[] = [];
    handler = (request, response) => {
      if (request.url === '/slow') hung.push(response);
      else answer(response, 200, {});
    };
    const slow = Array.from({ length: 2 * limits.clusterRequestsAtOnceMax }, () =>
      client.request({ method: 'GET', path: '/slow' }),
    );
    const lease = await client.request({ method: 'GET', path: '/lease', timeoutMs: 2_000, urgent: true });
    assert.equal(lease.kind, 'answered');
    assert.ok(hung.length <= limits.clusterRequestsAtOnceMax);
    handler = (_request, response) => answer(response, 200, {});
    for (const response of hung) answer(response, 200, {});
    await Promise.all(slow);
  });

  it('a timeout holds for a server that takes the connection and hangs in its handshake', async () => {
    const silent = createTcpServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const unheard: number[] = [];
    const hanging = clientOver(
      {
        access: async () => ({
          server: `https://127.0.0.1:${(silent.address() as AddressInfo).port}`,
          headers: {},
          dispatcher: undefined,
        }),
        bearing: () => assert.fail('nobody asks for it'),
        heard: () => assert.fail('nothing was answered'),
        unheard: (_access, sentMs) => unheard.push(sentMs),
        spoilt() {},
        close: async () => {},
      },
      systemClock,
    );
    const beganMs = systemClock.monotonic();
    const hung = await hanging.request({ method: 'GET', path: '/', timeoutMs: 50 });
    assert.ok(hung.kind === 'unreachable' && /no answer within 0.05 s/.test(hung.reason), JSON.stringify(hung));
    assert.ok(systemClock.monotonic() - beganMs < 9_000, 'not only when the connection is given up, after 10 s');
    assert.ok(unheard.length === 1 && Number(unheard[0]) >= beganMs, 'its connections may be dead');
    silent.close();
  });

  it('maps refusals, conflicts and what may be asked again', async () => {
    const status = (code: number, message: string, causes: object[] = []) =>
      verdictOf({ kind: 'answered', status: code, warnings: [], body: { message, details: { causes } } as never }, 'X');
    const conflict = status(409, 'Apply failed', [
      { reason: 'FieldManagerConflict', message: 'conflict with "kubectl" using apps/v1', field: '.spec.replicas' },
    ]);
    assert.ok(conflict.kind === 'conflict');
    assert.deepEqual(conflict.fields, [{ field: '.spec.replicas', manager: 'kubectl' }]);
    assert.equal(status(409, 'the object has been modified').kind, 'stale');
    assert.equal(status(503, 'later').kind, 'retry');
    assert.equal(status(500, '.spec.x: field not declared in schema').kind, 'refused');
    const immutable = status(422, 'spec.selector: Invalid value: field is immutable');
    assert.equal(immutable.kind === 'refused' && immutable.refusal.kind, 'immutable');
  });
});

describe('watch loop', () => {
  it('lists, follows events across ends, and lists anew after 410', async () => {
    const stop = new AbortController();
    let lists = 0;
    let watches = 0;
    handler = (request, response) => {
      if (!request.url?.includes('watch=true')) {
        lists++;
        return answer(response, 200, {
          items: [{ metadata: { name: `l${lists}` } }],
          metadata: { resourceVersion: '5' },
        });
      }
      watches++;
      response.writeHead(200);
      if (watches === 1) {
        response.end(
          `${JSON.stringify({ type: 'ADDED', object: { metadata: { name: 'a', resourceVersion: '6' } } })}\n`,
        );
      } else if (watches === 2) {
        assert.match(request.url ?? '', /resourceVersion=6/);
        response.end(`${JSON.stringify({ type: 'ERROR', object: { code: 410 } })}\n`);
      } else stop.abort();
    };
    const seen: string[] = [];
    await watchLoop(
      client,
      { path: '/api/v1/things', apiVersion: 'v1', kind: 'Thing' },
      {
        onList: (objects) => void seen.push(...objects.map((object) => `list ${object.kind} ${object.metadata.name}`)),
        onEvent: (type, object: KubeObject) => void seen.push(`${type} ${object.metadata.name}`),
      },
      { clock: systemClock, random: seededRandom(1), signal: stop.signal },
    );
    assert.deepEqual(seen, ['list Thing l1', 'ADDED a', 'list Thing l2']);
  });
});

describe('discovery', () => {
  it('asks once per group version and again when a kind is missed', async () => {
    let asked = 0;
    let resources = [
      { name: 'pods', kind: 'Pod', namespaced: true, verbs: ['get'] },
      { name: 'pods/log', kind: 'Pod' },
    ];
    handler = (_request, response) => {
      asked++;
      answer(response, 200, { resources });
    };
    let nowMs = 0;
    const discovery = createDiscovery(client, { ...systemClock, monotonic: () => nowMs });
    const found = await discovery.kind('v1', 'Pod');
    assert.ok(found.kind === 'served' && found.info.namespaced && found.info.subresources[0] === 'log');
    await discovery.kind('v1', 'Pod');
    assert.equal(asked, 1);
    assert.equal((await discovery.kind('v1', 'Widget')).kind, 'missing');
    resources = [...resources, { name: 'widgets', kind: 'Widget', namespaced: false, verbs: [] }];
    nowMs = 1_000;
    assert.equal((await discovery.kind('v1', 'Widget')).kind, 'served');
    assert.equal(asked, 2);
  });
});
