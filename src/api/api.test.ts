import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fetch } from 'undici';
import { done, type JsonObject } from '../base/index.ts';
import { type FakeHub, startFakeHub } from './fake-hub.test.ts';

let hub: FakeHub;
before(async () => {
  hub = await startFakeHub({
    sim: {
      clusters: () => [{ name: 'eu-1', fault: null }],
      fault: async (name, fault, options) => done({ name, fault, ...options }),
    },
  });
  hub.stacks.put('shop', 3);
});
after(() => hub.close());

interface Asked {
  readonly token?: string | null;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}
async function ask(method: string, path: string, { token, body, headers }: Asked = {}) {
  const response = await fetch(`${hub.url}${path}`, {
    method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token ?? hub.admin}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '') && !text.includes('\n{');
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: (isJson ? JSON.parse(text) : {}) as JsonObject,
  };
}
const auditTrail = () => hub.store.journal.chain('audit');

describe('authentication and roles', () => {
  it('refuses a call without, with a wrong and with a revoked token, as a problem', async () => {
    const issued = await hub.tokenFor('viewer');
    const id = issued.split('.')[1];
    assert.equal((await ask('GET', '/api/v1/stacks', { token: issued })).status, 200);
    assert.equal((await ask('DELETE', `/api/v1/tokens/${id}`)).status, 200);
    const [prefix, , secret] = hub.admin.split('.');
    for (const token of [null, 'nonsense', issued, `${prefix}.${id}.${secret}`, `${hub.admin}x`]) {
      const answer = await ask('GET', '/api/v1/stacks', { token });
      assert.equal(answer.status, 401);
      assert.equal(answer.headers.get('content-type'), 'application/problem+json; charset=utf-8');
      assert.equal(answer.body.kind, 'unauthenticated');
      assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer/);
    }
  });

  it('lets each role do what it may, and nothing more', async () => {
    const [viewer, auditor, operator, approver] = await Promise.all(
      (['viewer', 'auditor', 'operator', 'approver'] as const).map((role) => hub.tokenFor(role)),
    );
    const status = async (method: string, path: string, token: string | undefined, body?: unknown) =>
      (await ask(method, path, { token: token ?? null, body })).status;
    assert.equal(await status('GET', '/api/v1/clusters', auditor), 200);
    assert.equal(await status('GET', '/api/v1/audit', viewer), 403);
    assert.equal(await status('GET', '/api/v1/audit', auditor), 200);
    assert.equal(await status('POST', '/api/v1/stacks', viewer, { stack: 'kind: Stack' }), 403);
    assert.equal(await status('POST', '/api/v1/stacks', approver, { stack: 'kind: Stack' }), 403);
    assert.equal(await status('POST', '/api/v1/stacks', operator, { stack: 'kind: Stack' }), 202);
    assert.equal(await status('POST', '/api/v1/tokens', operator, { name: 'x', roles: ['admin'] }), 403);
    const [id] = [...hub.engine.views.keys()].slice(-1);
    assert.equal(await status('POST', `/api/v1/transactions/${id}/approve`, operator, {}), 403);
    assert.equal(await status('POST', `/api/v1/transactions/${id}/approve`, approver, {}), 200);
  });

  it('stores no token in clear', async () => {
    const token = await hub.tokenFor('viewer');
    const stored = JSON.stringify(hub.store.documents.list('apiToken'));
    assert.ok(!stored.includes(token.split('.')[2] ?? '?'));
    const listed = await ask('GET', '/api/v1/tokens');
    assert.ok(!listed.text.includes('hash'));
  });

  it('refuses an expired token', async () => {
    const made = await ask('POST', '/api/v1/tokens', { body: { name: 'brief', roles: ['viewer'], ttlMs: 1_000 } });
    assert.equal(made.status, 201);
    const [record] = hub.store.documents.list('apiToken', { after: '' }).filter(({ body }) => body.name === 'brief');
    assert.ok(record);
    await hub.store.documents.write([
      { collection: 'apiToken', key: record.key, body: { ...record.body, expiresAt: '2020-01-01T00:00:00.000Z' } },
    ]);
    assert.equal((await ask('GET', '/api/v1/stacks', { token: String(made.body.token) })).status, 401);
  });
});

describe('audit trail', () => {
  it('has an entry for each changing call before it is answered, refused ones included, and none for reads', async () => {
    const count = auditTrail().length;
    await ask('GET', '/api/v1/stacks');
    await ask('POST', '/api/v1/stacks/plan', { body: { stack: 'kind: Stack' } });
    assert.equal(auditTrail().length, count);
    const applied = await ask('POST', '/api/v1/stacks', {
      body: { stack: 'kind: Stack # topsecret', reason: 'release' },
    });
    const [entry] = auditTrail().slice(-1);
    assert.equal(auditTrail().length, count + 1);
    assert.equal(entry?.actor, 'user:admin');
    assert.equal(entry?.data.operation, 'stacks.apply');
    assert.equal(entry?.data.status, 202);
    assert.equal(entry?.data.reason, 'release');
    assert.equal(entry?.data.transaction, (applied.body.transaction as JsonObject).id);
    assert.ok(!JSON.stringify(entry).includes('topsecret'));
    await ask('POST', '/api/v1/stacks', { body: { stack: 'broken' } });
    assert.equal(auditTrail().at(-1)?.data.refusal, 'invalidStack');
    await ask('POST', '/api/v1/stacks', { token: await hub.tokenFor('viewer'), body: { stack: 'x' } });
    assert.equal(auditTrail().at(-1)?.data.status, 403);
  });

  it('has an entry for each read of itself', async () => {
    const count = auditTrail().length;
    const page = await ask('GET', '/api/v1/audit?limit=2');
    assert.equal((page.body.items as unknown[]).length, 2);
    assert.equal(page.body.next, '2');
    assert.equal(auditTrail().length, count + 1);
    assert.equal(auditTrail().at(-1)?.data.operation, 'journal.audit');
    const lines = await ask('GET', '/api/v1/audit?after=2', { headers: { accept: 'application/x-ndjson' } });
    assert.equal((JSON.parse(lines.text.split('\n')[0] ?? '') as JsonObject).seq, 3);
  });
});

describe('stacks', () => {
  it('answers every problem of a bad definition', async () => {
    const answer = await ask('POST', '/api/v1/stacks', { body: { stack: 'broken', path: 'shop/stack.yaml' } });
    assert.equal(answer.status, 422);
    assert.equal(answer.body.kind, 'invalidStack');
    assert.equal(answer.body.where, 'shop/stack.yaml:3:5');
    assert.deepEqual((answer.body.problems as JsonObject[])[0]?.hint, 'did you mean "name"?');
    const checked = await ask('POST', '/api/v1/stacks/validate', { body: { stack: 'broken' } });
    assert.equal(checked.status, 200);
    assert.equal((checked.body.problems as unknown[]).length, 1);
  });

  it('plans, applies and says where the transaction is', async () => {
    const planned = await ask('POST', '/api/v1/stacks/plan', { body: { stack: 'kind: Stack' } });
    assert.equal((planned.body.plan as JsonObject).kind, 'deploy');
    const applied = await ask('POST', '/api/v1/stacks', { body: { stack: 'kind: Stack', files: { 'a.yaml': 'b' } } });
    assert.equal(applied.status, 202);
    const { id } = applied.body.transaction as { id: string };
    assert.equal(applied.headers.get('location'), `/api/v1/transactions/${id}`);
    assert.deepEqual(hub.stacks.asked.at(-1)?.source?.files, { 'a.yaml': 'b' });
    const same = await ask('POST', '/api/v1/stacks', { body: { stack: 'same' } });
    assert.equal(same.status, 200);
    assert.equal(same.body.kind, 'nothing');
  });

  it('says why nothing fits, cluster by cluster', async () => {
    const answer = await ask('POST', '/api/v1/stacks/plan', { body: { stack: 'homeless' } });
    assert.equal(answer.status, 409);
    assert.equal(answer.body.hint, 'ldc cluster join');
    assert.match(JSON.stringify(answer.body.details), /no room: needs 2 CPU/);
  });

  it('pages by key, in both directions of order', async () => {
    for (const name of ['a', 'b', 'c']) hub.stacks.put(name);
    const first = await ask('GET', '/api/v1/stacks?limit=2');
    assert.deepEqual(
      (first.body.items as JsonObject[]).map(({ name }) => name),
      ['a', 'b'],
    );
    const second = await ask('GET', `/api/v1/stacks?limit=2&after=${first.body.next}`);
    assert.deepEqual(
      (second.body.items as JsonObject[]).map(({ name }) => name),
      ['c', 'shop'],
    );
    assert.equal(second.body.next, null);
    const revisions = await ask('GET', '/api/v1/stacks/default/shop/revisions?limit=2');
    assert.deepEqual(
      (revisions.body.items as JsonObject[]).map(({ revision }) => revision),
      [3, 2],
    );
    const older = await ask('GET', `/api/v1/stacks/default/shop/revisions?after=${revisions.body.next}`);
    assert.deepEqual(
      (older.body.items as JsonObject[]).map(({ revision }) => revision),
      [1],
    );
  });

  it('compares If-Match with the revision and If-None-Match with the whole', async () => {
    const read = await ask('GET', '/api/v1/stacks/default/shop');
    const etag = read.headers.get('etag') ?? '';
    assert.match(etag, /^"r3\.[0-9a-f]{16}"$/);
    assert.equal((await ask('GET', '/api/v1/stacks/default/shop', { headers: { 'if-none-match': etag } })).status, 304);
    const rollback = (ifMatch: string) =>
      ask('POST', '/api/v1/stacks/default/shop/rollback', { body: { to: 2 }, headers: { 'if-match': ifMatch } });
    assert.equal((await rollback('"r2.0123456789abcdef"')).status, 412);
    assert.equal((await rollback('"r3.0123456789abcdef"')).status, 202);
    assert.equal((await rollback('*')).status, 202);
  });

  it('answers 404 with what to do', async () => {
    const answer = await ask('GET', '/api/v1/stacks/default/nope');
    assert.equal(answer.status, 404);
    assert.match(String(answer.body.hint), /ldc get stacks/);
    assert.equal((await ask('GET', '/api/v1/nope')).status, 404);
    const method = await ask('DELETE', '/api/v1/stacks');
    assert.equal(method.status, 405);
    assert.equal(method.headers.get('allow'), 'POST, GET');
    assert.equal((await ask('GET', '/api/v1/clusters/%E0%A4%A')).status, 400);
  });
});

describe('Idempotency-Key', () => {
  const apply = (key: string, stack: string) =>
    ask('POST', '/api/v1/stacks', { body: { stack }, headers: { 'idempotency-key': key } });

  it('does the same request once and answers it the same, even at the same time', async () => {
    const [one, two] = await Promise.all([apply('k1', 'kind: Stack'), apply('k1', 'kind: Stack')]);
    const three = await apply('k1', 'kind: Stack');
    assert.equal(one.status, 202);
    assert.deepEqual(one.body, three.body);
    assert.deepEqual(two.body, three.body);
    assert.equal(three.headers.get('idempotency-replayed'), 'true');
  });

  it('refuses the key with another request, and takes it again after a refusal', async () => {
    await apply('k2', 'kind: Stack');
    const other = await apply('k2', 'kind: Stack # other');
    assert.equal(other.status, 422);
    assert.equal(other.body.kind, 'idempotencyKeyReused');
    assert.equal((await apply('k3', 'broken')).status, 422);
    assert.equal((await apply('k3', 'kind: Stack')).status, 202);
  });

  it('says so when the hub stopped in between', async () => {
    await apply('k4', 'kind: Stack');
    const kept = hub.store.documents.list('idempotency').find(({ body }) => body.state === 'answered');
    assert.ok(kept);
    const { body: _, status: __, ...begun } = kept.body;
    for (const { key } of hub.store.documents.list('idempotency'))
      await hub.store.documents.write([{ collection: 'idempotency', key, body: { ...begun, state: 'begun' } }]);
    const again = await apply('k4', 'kind: Stack');
    assert.equal(again.status, 409);
    assert.equal(again.body.kind, 'outcomeUnknown');
  });

  it('keeps no answer that holds a secret', async () => {
    const make = () => ask('POST', '/api/v1/join-tokens', { body: {}, headers: { 'idempotency-key': 'k5' } });
    const made = await make();
    assert.equal(made.status, 201);
    assert.equal((await make()).body.kind, 'answerNotKept');
    assert.ok(!JSON.stringify(hub.store.documents.list('idempotency')).includes(String(made.body.token)));
  });
});

describe('transactions', () => {
  const begin = async () => {
    const applied = await ask('POST', '/api/v1/stacks', { body: { stack: 'kind: Stack' } });
    return (applied.body.transaction as { id: string }).id;
  };

  it('lists without steps, shows with them, and filters', async () => {
    const id = await begin();
    await hub.engine.run(id, 'committed');
    const shown = await ask('GET', `/api/v1/transactions/${id}`);
    assert.equal(((shown.body.plan as JsonObject).steps as unknown[]).length, 2);
    const list = await ask('GET', '/api/v1/transactions?state=committed&stack=shop&limit=1');
    const [item] = list.body.items as JsonObject[];
    assert.equal(item?.state, 'committed');
    assert.equal((item as { plan: JsonObject }).plan.steps, 2);
    assert.equal((await ask('GET', '/api/v1/transactions?state=nonsense')).status, 400);
    assert.equal((await ask('GET', '/api/v1/transactions?sate=stuck')).status, 400);
  });

  it('operates on one, and passes on why it may not', async () => {
    const id = await begin();
    assert.equal(
      (await ask('POST', `/api/v1/transactions/${id}/pause`, { body: { reason: 'lunch' } })).body.state,
      'paused',
    );
    assert.equal((await ask('POST', `/api/v1/transactions/${id}/skip`, { body: {} })).status, 400);
    const guarded = await ask('POST', `/api/v1/transactions/${id}/resume`, {
      headers: { 'if-match': '"running.0123456789abcdef"' },
    });
    assert.equal(guarded.status, 412);
    assert.equal((await ask('POST', `/api/v1/transactions/${id}/resume`)).body.state, 'running');
    await hub.engine.run(id, 'committed');
    const late = await ask('POST', `/api/v1/transactions/${id}/abort`);
    assert.equal(late.status, 409);
    assert.equal(late.body.kind, 'sealed');
  });

  it('reports an undo', async () => {
    const id = await begin();
    assert.equal((await ask('GET', `/api/v1/transactions/${id}/rollback-report`)).status, 404);
    await hub.engine.run(id, 'rolledBack');
    const { body } = await ask('GET', `/api/v1/transactions/${id}/rollback-report`);
    assert.equal((body.verified as JsonObject).equal, true);
    assert.deepEqual(body.undone, ['apply:checkout@eu-1', 'gate:checkout@us-1']);
  });

  it('gives events as pages and as lines', async () => {
    const id = await begin();
    await hub.engine.run(id, 'committed');
    const page = await ask('GET', `/api/v1/transactions/${id}/events?limit=3`);
    assert.deepEqual(
      (page.body.items as JsonObject[]).map(({ seq }) => seq),
      [1, 2, 3],
    );
    const rest = await ask('GET', `/api/v1/transactions/${id}/events?after=${page.body.next}`);
    assert.deepEqual(
      (rest.body.items as JsonObject[]).map(({ type }) => type),
      ['tx.sealed'],
    );
    const lines = await ask('GET', `/api/v1/transactions/${id}/events`, {
      headers: { accept: 'application/x-ndjson' },
    });
    assert.equal(lines.text.trim().split('\n').length, 4);
    const plan = await ask('GET', `/api/v1/transactions/${id}/plan`);
    assert.equal(plan.body.mermaid, 'flowchart LR\n');
  });

  it('streams events as they happen, from where the reader was, and ends when sealed', async () => {
    const id = await begin();
    const listening = hub.engine.listeners.size;
    const response = fetch(`${hub.url}/api/v1/transactions/${id}/events`, {
      headers: { authorization: `Bearer ${hub.admin}`, accept: 'text/event-stream', 'last-event-id': '1' },
    });
    const stream = await response;
    assert.equal(stream.headers.get('content-type'), 'text/event-stream; charset=utf-8');
    await hub.engine.run(id, 'committed');
    const text = await stream.text();
    assert.deepEqual(text.match(/^(id|event): .*$/gm), [
      'id: 2',
      'event: tx.running',
      'id: 3',
      'event: step.succeeded',
      'id: 4',
      'event: tx.sealed',
      'event: end',
    ]);
    assert.equal(hub.engine.listeners.size, listening, 'the stream let go of its subscription');
  });

  it('reads the journal once to a follower who keeps up', async (t) => {
    const id = await begin();
    const reads = t.mock.method(hub.engine, 'events');
    const stream = await fetch(`${hub.url}/api/v1/transactions/${id}/events`, {
      headers: { authorization: `Bearer ${hub.admin}`, accept: 'text/event-stream' },
    });
    const seen: number[] = [];
    let text = '';
    const decoder = new TextDecoder();
    let next = 2; // one change after the other, each when the one before has been read
    for await (const chunk of stream.body as AsyncIterable<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true });
      const ids = [...text.matchAll(/^id: (\d+)$/gm)].map(([, seq]) => Number(seq));
      if (ids.length === seen.length) continue;
      seen.splice(0, seen.length, ...ids);
      if (ids.at(-1) !== next - 1) continue;
      const sealed = next === 30;
      await hub.engine.change(id, sealed ? 'tx.sealed' : 'step.started', { sealed });
      next++;
    }
    assert.deepEqual(
      seen,
      Array.from({ length: 30 }, (_, index) => index + 1),
    );
    assert.equal(reads.mock.callCount(), 1);
  });

  it('tells a follower each event when more waits than is held for a reader', async () => {
    const id = await begin();
    const data = { text: 'x'.repeat(50_000) };
    const news = Array.from({ length: 60 }, () => ({ tx: id, type: 'step.succeeded', actor: 'hub', data }));
    await hub.store.journal.append(news);
    await hub.engine.change(id, 'tx.sealed', { sealed: true });
    const stream = await fetch(`${hub.url}/api/v1/transactions/${id}/events`, {
      headers: { authorization: `Bearer ${hub.admin}`, accept: 'text/event-stream' },
    });
    const text = await stream.text();
    assert.deepEqual(
      [...text.matchAll(/^id: (\d+)$/gm)].map(([, seq]) => Number(seq)),
      Array.from({ length: 62 }, (_, index) => index + 1),
    );
    assert.match(text, /event: end\ndata: \{\}\n\n$/);
  });
});

describe('streams', () => {
  it('refuse a Last-Event-ID that is none, as a problem', async () => {
    const headers = { accept: 'text/event-stream', 'last-event-id': 'x' };
    const answer = await ask('GET', '/api/v1/journal', { headers });
    assert.equal(answer.status, 400);
    assert.equal(answer.body.kind, 'invalidRequest');
    assert.equal((await ask('GET', '/api/v1/stacks', { headers: { accept: 'text/html' } })).status, 406);
  });

  it('end when their token is revoked', async () => {
    const token = await hub.tokenFor('auditor');
    const stream = await fetch(`${hub.url}/api/v1/journal`, {
      headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream' },
    });
    await ask('DELETE', `/api/v1/tokens/${token.split('.')[1]}`);
    await hub.store.journal.append([{ tx: 'hub', type: 'test.late', actor: 'hub', data: {} }]);
    assert.ok(!(await stream.text()).includes('test.late'));
  });
});

describe('clusters', () => {
  it('shows, labels and cordons, guarded by If-Match', async () => {
    const read = await ask('GET', '/api/v1/clusters/eu-2');
    assert.equal(read.body.intent, 'open');
    assert.deepEqual(read.body.locations, { wanted: 0, owed: 0 });
    const etag = read.headers.get('etag') ?? '';
    const label = (labels: object) =>
      ask('PATCH', '/api/v1/clusters/eu-2', { body: { labels }, headers: { 'if-match': etag } });
    assert.deepEqual((await label({ tier: 'gold', env: null })).body.labels, { region: 'eu', tier: 'gold' });
    assert.equal((await label({ tier: 'tin' })).status, 412);
    const cordoned = await ask('POST', '/api/v1/clusters/eu-2/cordon', { body: { reason: 'new kernel' } });
    assert.equal(cordoned.body.intent, 'cordoned');
    assert.equal(cordoned.body.intentReason, 'new kernel');
    assert.deepEqual(((await ask('GET', '/api/v1/clusters?label=region%3Dus')).body.items as JsonObject[]).length, 1);
  });

  it('removes none that still serves, unless forced', async () => {
    const kept = await ask('DELETE', '/api/v1/clusters/eu-1');
    assert.equal(kept.status, 409);
    assert.equal(kept.body.kind, 'stillServing');
    assert.ok(hub.registry.records.has('eu-1'));
    assert.equal((await ask('DELETE', '/api/v1/clusters/eu-1?force=true')).status, 200);
    assert.ok(!hub.registry.records.has('eu-1'));
  });

  it('removes none on which work is owed, unless it is given up with a reason; then what is given up is journaled', async () => {
    const stack = { project: 'default', name: 'shop' };
    hub.stacks.due.push({ stack, location: 'default/shop/cart@us-1', kind: 'undo', transaction: 'tx-7', since: '2026-01-01T00:00:00.000Z' }); // biome-ignore format: one line
    const owing = await ask('DELETE', '/api/v1/clusters/us-1?force=true&reason=burnt');
    assert.deepEqual([owing.status, owing.body.kind], [409, 'stillOwed']);
    assert.match(String(owing.body.detail), /the undo of default\/shop\/cart@us-1 \(tx-7\)/);
    const mute = await ask('DELETE', '/api/v1/clusters/us-1?force=true&forgetOwed=true');
    assert.deepEqual([mute.status, mute.body.kind], [422, 'invalid']);
    assert.ok(hub.registry.records.has('us-1'));
    const given = await ask('DELETE', '/api/v1/clusters/us-1?force=true&forgetOwed=true&reason=burnt');
    assert.equal(given.status, 200);
    assert.deepEqual(hub.registry.forgotten.slice(-1), [{ name: 'us-1', reason: 'burnt', told: hub.stacks.due }]);
  });

  it('makes, lists and revokes join tokens', async () => {
    const made = await ask('POST', '/api/v1/join-tokens', { body: { uses: 3, ttlMs: 60_000 } });
    assert.equal(made.body.agents, 'https://hub.test:7421');
    const { id } = made.body.record as { id: string };
    assert.ok(!(await ask('GET', '/api/v1/join-tokens')).text.includes('secret-join-text'));
    assert.equal((await ask('DELETE', `/api/v1/join-tokens/${id}`)).status, 200);
    assert.equal((await ask('DELETE', `/api/v1/join-tokens/${id}`)).status, 404);
  });
});

describe('fleet, journal, sim', () => {
  it('asks what if, and where functions are', async () => {
    const answer = await ask('GET', '/api/v1/whatif?lose=region%3Deu');
    assert.equal(answer.body.lose, 'region=eu');
    assert.equal((await ask('GET', '/api/v1/whatif?lose=eu')).status, 400);
    assert.equal((await ask('GET', '/api/v1/whatif')).status, 400);
    assert.equal(((await ask('GET', '/api/v1/functions')).body.items as JsonObject[])[0]?.healthy, 1);
    assert.deepEqual((await ask('GET', '/api/v1/availability')).body.brakes, []);
  });

  it('pages through the journal without the audit trail', async () => {
    let after = '0';
    const seen: number[] = [];
    for (let pages = 0; pages < 100; pages++) {
      const { body } = await ask('GET', `/api/v1/journal?limit=3&after=${after}`);
      for (const { position, entry } of body.items as { position: number; entry: { tx: string } }[]) {
        assert.notEqual(entry.tx, 'audit');
        seen.push(position);
      }
      if (body.next === null) break;
      after = String(body.next);
    }
    const all = hub.store.journal.read(0, 10_000).filter(({ entry }) => entry.tx !== 'audit');
    assert.deepEqual(
      seen,
      all.map(({ position }) => position),
    );
  });

  it('has faults only where there is a simulator', async () => {
    const slow = await ask('POST', '/api/v1/sim/clusters/eu-1/slow', { body: { latencyMs: 50 } });
    assert.deepEqual(slow.body, { name: 'eu-1', fault: 'slow', latencyMs: 50 });
    assert.equal((await ask('POST', '/api/v1/sim/clusters/eu-1/explode')).status, 400);
    const real = await startFakeHub();
    const answer = await fetch(`${real.url}/api/v1/sim/clusters`, {
      headers: { authorization: `Bearer ${real.admin}` },
    });
    assert.equal(answer.status, 404);
    await real.close();
  });
});

describe('bodies', () => {
  it('refuses what is too large, no JSON or of another type', async () => {
    const big = await ask('POST', '/api/v1/tokens', { body: { name: 'x'.repeat(2_000_000) } });
    assert.equal(big.status, 413);
    assert.equal(big.body.kind, 'tooLarge');
    const torn = await ask('POST', '/api/v1/stacks', { body: '{"stack": "hunter2' });
    assert.equal(torn.status, 400);
    assert.ok(!torn.text.includes('hunter2'));
    const text = await ask('POST', '/api/v1/stacks', { body: 'kind: Stack', headers: { 'content-type': 'text/yaml' } });
    assert.equal(text.status, 415);
    const files = { 'big.yaml': 'x'.repeat(10 * 1024 * 1024) };
    assert.equal((await ask('POST', '/api/v1/stacks/validate', { body: { stack: 'x', files } })).status, 200);
    const huge = { 'big.yaml': 'x'.repeat(33 * 1024 * 1024) };
    assert.equal((await ask('POST', '/api/v1/stacks/validate', { body: { stack: 'x', files: huge } })).status, 413);
  });

  it('tells nothing of an unexpected fault but its request', async () => {
    const broken = await startFakeHub({
      renderPlan: () => {
        throw new Error('password=hunter2');
      },
    });
    const applied = await fetch(`${broken.url}/api/v1/stacks`, {
      method: 'POST',
      headers: { authorization: `Bearer ${broken.admin}`, 'content-type': 'application/json' },
      body: JSON.stringify({ stack: 'kind: Stack' }),
    });
    const { transaction } = (await applied.json()) as { transaction: { id: string } };
    const answer = await fetch(`${broken.url}/api/v1/transactions/${transaction.id}/plan`, {
      headers: { authorization: `Bearer ${broken.admin}` },
    });
    const text = await answer.text();
    assert.equal(answer.status, 500);
    assert.ok(!text.includes('hunter2'));
    assert.equal(
      broken.logged.at(-1)?.fields.request,
      (JSON.parse(text) as { instance: string }).instance.split(':').pop(),
    );
    await broken.close();
  });
});

describe('around the API', () => {
  it('answers health, readiness and metrics, with guarded headers', async () => {
    assert.equal((await ask('GET', '/healthz', { token: null })).text, 'ok\n');
    assert.deepEqual((await ask('GET', '/readyz', { token: null })).body, { ready: true, checks: { store: true } });
    assert.equal((await ask('GET', '/metrics', { token: null })).status, 401);
    const metrics = await ask('GET', '/metrics');
    assert.match(metrics.text, /^# TYPE ldc_transactions gauge$/m);
    assert.match(metrics.text, /^ldc_transactions_ended_total\{kind="deploy",outcome="committed"\} \d+$/m);
    assert.match(
      metrics.text,
      /^ldc_function_missing_locations\{project="default",stack="shop",function="checkout"\} 1$/m,
    );
    for (const line of [
      /^ldc_transactions_stuck 0$/m,
      /^ldc_brakes \d+$/m,
      /^ldc_moves_in_flight \d+$/m,
      /^ldc_owed_locations\{cluster="eu-2"\} 3$/m,
      /^# TYPE ldc_function_below_minimum_seconds_total counter$/m,
      /^ldc_function_below_minimum_seconds_total\{project="default",stack="shop",function="checkout"\} 12.5$/m,
      /^ldc_function_nowhere_seconds_total\{project="default",stack="shop",function="checkout"\} 1$/m,
    ])
      assert.match(metrics.text, line);
    assert.equal(metrics.headers.get('x-content-type-options'), 'nosniff');
    assert.equal(metrics.headers.get('x-powered-by'), null);
    assert.match(metrics.headers.get('x-request-id') ?? '', /^req-/);
  });
});
