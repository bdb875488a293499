/** Values of Secrets on their way through the whole system, and every place where one must never be found. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type AnyRoute, routes } from '../src/api/contract/index.ts';
import type { JsonObject, KubeObject } from '../src/base/index.ts';
import { readAdminToken } from '../src/main/hub.ts';
import type { TransactionView } from '../src/saga/index.ts';
import type { StackSource } from '../src/stacks/index.ts';
import { startWorld, type World } from './world.ts';
import { configMap, stackOf } from './world-objects.ts';

/** One a way in; each is looked for as it is and in base64. */
const CANARIES = {
  stringData: 'canary-string-data-4f1c',
  data: 'canary-data-9a2e',
  list: 'canary-in-a-list-77b0',
  annotation: 'canary-last-applied-c3d4',
  override: 'canary: "override"\nof two lines 5e5f',
  live: 'canary-written-by-kubectl-81aa',
  liveApplied: 'canary-kubectl-last-applied-0d0d',
  second: 'canary-of-the-second-revision-b6b6',
};
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
const base64 = (text: string) => Buffer.from(text).toString('base64');
/** The start of a value, too: base64 of a text that goes on begins the same. */
const traces = Object.values(CANARIES).flatMap((text) => {
  const packed = base64(text).slice(0, 4 * Math.floor(text.length / 3));
  return [text, JSON.stringify(text).slice(1, -1), packed, base64(packed).slice(0, -4)];
});

function assertClean(text: string, where: string): void {
  for (const trace of traces) assert.ok(!text.includes(trace), `${trace} is in ${where}`);
}

function secretObject(name: string, more: JsonObject, annotations?: { [key: string]: string }): KubeObject {
  const metadata = { name, ...(annotations === undefined ? {} : { annotations }) };
  return { apiVersion: 'v1', kind: 'Secret', metadata, ...more } as unknown as KubeObject;
}

function revision(stringData: string, objects: readonly KubeObject[] = []): StackSource {
  const list = {
    ...{ apiVersion: 'v1', kind: 'List', metadata: { name: 'list' } },
    items: [secretObject('listed', { stringData: { p: CANARIES.list } })],
  } as unknown as KubeObject;
  const applied = JSON.stringify({ data: { p: base64(CANARIES.annotation) } });
  const patch = { op: 'add', path: '/data/over', target: { kind: 'Secret', name: 'plain' } };
  const value = base64(CANARIES.override);
  return stackOf({
    name: 'vault',
    functions: {
      keeper: {
        objects: [
          secretObject('plain', { data: { p: base64(CANARIES.data) }, stringData: { s: stringData } }),
          secretObject('applied', { data: {} }, { [LAST_APPLIED]: applied }),
          list,
          ...objects,
        ],
        more: { overrides: [{ on: {}, patch: [{ ...patch, value }] }] },
      },
    },
  });
}

/** The whole of one answer, whatever its status. */
function get(world: World, path: string, headers: { [name: string]: string }): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request(world.hub.url + path, { headers, ca: world.hub.caPem }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
    });
    call.on('error', reject).end();
  });
}

const LIVE = '/api/v1/namespaces/vault/secrets/plain';

describe('values of Secrets', { timeout: 60_000 }, () => {
  let world: World;
  let served: string;
  let undone: TransactionView;
  before(async () => {
    world = await startWorld();
    const first = await world.apply(revision(CANARIES.stringData));
    assert.equal(first.state, 'committed', JSON.stringify(first.cause));
  });
  after(() => world.close());

  const read = async (path: string): Promise<KubeObject> => {
    for (const name of world.names) {
      const answer = await world.kube(name).request({ method: 'GET', path });
      if (answer.kind === 'answered' && answer.status === 200) {
        served = name;
        return answer.body as unknown as KubeObject;
      }
    }
    assert.fail(`${path} is on no cluster`);
  };

  it('arrive where they belong, whichever way they came in', async () => {
    const data = (await read(LIVE)).data as { [key: string]: string };
    assert.equal(data.p, base64(CANARIES.data));
    assert.equal(data.s, base64(CANARIES.stringData));
    assert.equal(data.over, base64(CANARIES.override));
    const listed = await read('/api/v1/namespaces/vault/secrets/listed');
    assert.deepEqual(listed.data, { p: base64(CANARIES.list) });
  });

  it('come back after an undo, those that a person had written with kubectl too', async () => {
    await read(LIVE);
    const body = {
      metadata: { annotations: { [LAST_APPLIED]: `{"data":{"p":"${base64(CANARIES.liveApplied)}"}}` } },
      data: { mine: base64(CANARIES.live) },
    };
    const contentType = 'application/merge-patch+json';
    const edited = await world.kube(served).request({ method: 'PATCH', path: LIVE, body, contentType });
    assert.ok(edited.kind === 'answered' && edited.status === 200);
    const never = { metadata: { labels: { app: 'never' }, annotations: { 'sim.ldc.dev/outcome': 'neverReady' } } };
    const broken = {
      ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'never' } },
      spec: {
        progressDeadlineSeconds: 1,
        selector: { matchLabels: { app: 'never' } },
        template: { ...never, spec: { containers: [{ name: 'c', image: 'registry.test/none:1' }] } },
      },
    } as unknown as KubeObject;
    const source = revision(CANARIES.second, [broken]);
    undone = await world.apply({ ...source, stack: source.stack.replace('"deadline":"60s"', '"deadline":"3s"') });
    assert.equal(undone.state, 'rolledBack', JSON.stringify(undone.cause));
    assert.equal(undone.rollback?.verified?.equal, true, JSON.stringify(undone.rollback));
    const back = await read(LIVE);
    assert.equal((back.data as JsonObject).mine, base64(CANARIES.live));
    assert.equal((back.data as JsonObject).s, base64(CANARIES.stringData));
    assert.match(String(back.metadata.annotations?.[LAST_APPLIED]), new RegExp(base64(CANARIES.liveApplied)));
  });

  it('are in no answer of the API: plans, diffs, definitions, transactions, events, journal, audit', async () => {
    const authorization = `Bearer ${readAdminToken(world.hub.adminTokenFile)}`;
    const params: { [name: string]: string } = { project: 'default', stack: 'vault', name: 'vault', id: undone.id };
    let seen = 0;
    for (const route of Object.values(routes).flatMap((group) => Object.values(group) as unknown as AnyRoute[])) {
      if (route.method !== 'GET') continue;
      const isCluster = route.path.includes('/clusters/');
      const path = route.path.replace(/\{(\w+)\}/g, (_, key: string) => (isCluster ? served : (params[key] ?? 'x')));
      for (const accept of ['application/json', ...route.forms.filter((form) => form.endsWith('ndjson'))]) {
        const text = await get(world, path, { authorization, accept });
        assertClean(text, `${accept} of ${route.path}`);
        seen += text.length;
      }
    }
    assert.ok(seen > 20_000, `${seen} bytes were looked through`);
    for (const route of [routes.stacks.plan, routes.stacks.diff]) {
      const answer = await world.client.call(route as typeof routes.stacks.diff, { body: revision(CANARIES.second) });
      assertClean(JSON.stringify(answer), route.path);
      assert.match(JSON.stringify(answer), /ldc-cut:v1:|digest/);
    }
    const description = await world.client.call(routes.stacks.describe, {
      params: { project: 'default', name: 'vault' },
    });
    assert.match(description.source, /<redacted>/);
  });

  it('are in no file of the hub, no log, and in a cluster only in Secrets', async () => {
    for (const file of readdirSync(world.hubOptions.dir))
      assertClean(readFileSync(join(world.hubOptions.dir, file)).toString('latin1'), file);
    assertClean(world.logs.join('\n'), 'the logs');
    for (const name of world.names) {
      for (const plural of ['configmaps', 'events', 'pods']) {
        const answer = await world.kube(name).request({ method: 'GET', path: `/api/v1/${plural}` });
        assertClean(JSON.stringify(answer), `${plural} of ${name}`);
      }
    }
  });

  it('are given to nobody for their reference', async () => {
    const diff = await world.client.call(routes.stacks.diff, { body: revision(CANARIES.second) });
    const reference = /ldc-cut:v1:[0-9a-f]{64}/.exec(JSON.stringify(diff))?.[0] as string;
    assert.ok(reference);
    const forgeries = [
      stackOf({ name: 'thief', functions: { f: { objects: [configMap('c', { stolen: reference })] } } }),
      stackOf({
        name: 'thief',
        functions: { f: { objects: [secretObject('s', { data: {} }, { [LAST_APPLIED]: reference })] } },
      }),
      stackOf({
        name: 'thief',
        functions: {
          f: {
            objects: [secretObject('s', { data: { a: 'YQ==' } })],
            more: {
              overrides: [
                { on: {}, patch: [{ op: 'add', path: '/data/b', value: reference, target: { kind: 'Secret' } }] },
              ],
            },
          },
        },
      }),
    ];
    for (const source of forgeries) {
      const { problems } = await world.client.call(routes.stacks.validate, { body: source });
      assert.match(JSON.stringify(problems), /stands for a Secret value inside ldc/);
      await assert.rejects(world.submit(source), /definition has a problem/);
    }
  });

  it('and keys lie in files that are their owner’s alone', () => {
    for (const file of readdirSync(world.hubOptions.dir)) {
      if (file === 'ca.crt') continue;
      assert.equal(statSync(join(world.hubOptions.dir, file)).mode & 0o077, 0, file);
    }
    for (const { kubeconfig } of world.fleet.clusters) assert.equal(statSync(kubeconfig).mode & 0o077, 0, kubeconfig);
  });
});
