/**
 * The light API server answers as the whole one of src/sim does (which test/kube and test/differential compare with real ones):
 * all that an agent asked in a run full of faults is asked of the whole server again, and the answers are compared.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isObject, type Json, type JsonObject, silentLogger, systemClock } from '../../src/base/index.ts';
import { type ApiAnswer, type ApiRequest, type Client, connect } from '../../src/kubernetes/index.ts';
import { startApiServer } from '../../src/sim/index.ts';
import { simulate } from './run.ts';
import type { World } from './world.ts';

const CLUSTER = 'eu';

interface Asked {
  readonly request: ApiRequest;
  readonly answer: Extract<ApiAnswer, { readonly kind: 'answered' }>;
}

/** Everything that the API server of one cluster was asked in a run, from its beginning. */
async function recorded(seed: number): Promise<readonly Asked[]> {
  const asked: Asked[] = [];
  const listen = (world: World) => {
    const { api } = world.clusters.get(CLUSTER) ?? assert.fail();
    const handle = api.handle.bind(api);
    api.handle = (request) => {
      const answer = handle(request);
      if (answer.kind === 'answered') asked.push({ request, answer });
      return answer;
    };
  };
  await simulate(seed, { listen });
  return asked;
}

/** What differs by design: what is served at all, the cluster's own nodes, and reviews, by which everybody may do everything. */
function isCompared({ path }: ApiRequest): boolean {
  if (/^\/(version|apis?(\/[^/]+){0,2})$/.test(path) && !path.startsWith('/api/v1/')) return false;
  return !/(nodes|pods|customresourcedefinitions|reviews)$/.test(path);
}

/** The identifiers that one server gave, by those that the other gave. */
class Translation {
  readonly #known = new Map<string, string>();

  learn(from: unknown, to: unknown): void {
    const [one, other] = [metadataOf(from), metadataOf(to)];
    for (const key of ['uid', 'resourceVersion']) {
      if (typeof one[key] === 'string' && typeof other[key] === 'string')
        this.#known.set(`${key} ${one[key]}`, other[key]);
    }
  }

  of(value: Json, key = ''): Json {
    if (Array.isArray(value)) return value.map((one) => this.of(one));
    if (isObject(value))
      return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, this.of(one as Json, name)]));
    return typeof value === 'string' ? (this.#known.get(`${key} ${value}`) ?? value) : value;
  }
}

function metadataOf(body: unknown): JsonObject {
  const metadata = isObject(body as Json) ? (body as JsonObject).metadata : undefined;
  return isObject(metadata) ? metadata : {};
}

const GIVEN = new Set([
  'uid',
  'resourceVersion',
  'creationTimestamp',
  'time',
  'selfLink',
  'generation',
  'deletionTimestamp',
]);

/** Without what each server gives by itself; a list by the names in it. */
function comparable({ status, body }: Asked['answer']): unknown {
  if (!isObject(body)) return { status, body };
  if (Array.isArray(body.items)) {
    const names = body.items.map((item) => String(metadataOf(item).name)).filter((name) => name !== 'kube-root-ca.crt');
    return { status, names };
  }
  // the whole server gives a namespace finalizers, a phase and a label of its own
  if (body.kind === 'Namespace') return { status, name: metadataOf(body).name };
  if (body.kind === 'Status') return { status, reason: body.reason, message: wordsOf(body.message) };
  return { status, body: without(body) };
}

/** Versions and identifiers are in messages, too. */
function wordsOf(message: unknown): string {
  return String(message).replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '<uid>').replace(/\(\d+\)|\b\d+\)/g, '<version>'); // biome-ignore format: one line
}

function managerIn(entry: Json): string {
  return isObject(entry) ? `${entry.manager} ${entry.operation}` : '';
}

function without(value: Json): Json {
  if (Array.isArray(value)) {
    const all = value.map(without);
    const isManagers = all.every((one) => isObject(one) && 'fieldsV1' in one);
    return isManagers ? all.sort((a, b) => (managerIn(a) < managerIn(b) ? -1 : 1)) : all;
  }
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, one]) => (GIVEN.has(key) ? [] : [[key, without(one as Json)]])),
  ) as Json;
}

async function ask(client: Client, request: ApiRequest): Promise<Asked['answer']> {
  const { signal: _signal, timeoutMs: _timeout, ...same } = request;
  const answer = await client.request(same);
  return answer.kind === 'answered' ? answer : assert.fail(answer.reason);
}

async function gone(client: Client, path: string): Promise<void> {
  for (let tries = 0; (await ask(client, { method: 'GET', path })).status !== 404; tries++) {
    assert.ok(tries < 600, `${path} does not go`);
    await systemClock.sleep(50);
  }
}

describe('light API server', () => {
  it('answers all that agents ask as the whole one does', { timeout: 200_000 }, async (test) => {
    const server = await startApiServer({ name: CLUSTER, logger: silentLogger });
    const client = await connect({ kind: 'kubeconfig', text: server.adminKubeconfig.yaml }, systemClock);
    const kinds = new Map<string, number>();
    try {
      for (const seed of [3, 11, 99]) await compare(await recorded(seed), client, kinds);
    } finally {
      await client.close();
      await server.close();
    }
    test.diagnostic(JSON.stringify(Object.fromEntries(kinds)));
    for (const kind of ['GET 200', 'GET 404', 'POST 201', 'PUT 200', 'PATCH 200', 'PATCH 201', 'DELETE 200'])
      assert.ok((kinds.get(kind) ?? 0) > 0, `nothing was answered ${kind}`);
  });
});

async function compare(all: readonly Asked[], client: Client, kinds: Map<string, number>): Promise<void> {
  const known = new Translation();
  /** Namespaces that are on their way out: how far they are is a matter of time. */
  const going = new Set<string>();
  await ask(client, { method: 'POST', path: '/api/v1/namespaces', body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'ldc-system' } } }); // biome-ignore format: one line
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'ldc-agent-identity', namespace: 'ldc-system' },
  };
  await ask(client, { method: 'POST', path: '/api/v1/namespaces/ldc-system/secrets', body: secret });
  for (const { request, answer } of all) {
    if (!isCompared(request) || request.path.endsWith('ldc-agent-identity')) continue;
    const [, namespace = ''] = /^\/api\/v1\/namespaces\/([^/]+)/.exec(request.path) ?? [];
    if (going.has(namespace)) {
      if (request.method !== 'GET' || answer.status !== 404 || !request.path.endsWith(`/namespaces/${namespace}`))
        continue;
      await gone(client, request.path);
      going.delete(namespace);
    }
    const { body } = request;
    const same = { ...request, ...(body === undefined ? {} : { body: known.of(body as Json) }) };
    const whole = await ask(client, same);
    const where = `${request.method} ${request.contentType ?? ''} ${request.path} ${JSON.stringify(request.query ?? {})} ${JSON.stringify(body ?? null)}`;
    assert.deepEqual(comparable(answer), comparable(whole), where);
    known.learn(answer.body, whole.body);
    const kind = `${request.method} ${answer.status}`;
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    if (request.method === 'DELETE' && request.path.endsWith(`/namespaces/${namespace}`)) going.add(namespace);
  }
  await ask(client, { method: 'DELETE', path: '/api/v1/namespaces/ldc-system' });
  for (const name of ['web', 'api', 'ldc-system']) {
    await ask(client, { method: 'DELETE', path: `/api/v1/namespaces/${name}` });
    await gone(client, `/api/v1/namespaces/${name}`);
  }
}
