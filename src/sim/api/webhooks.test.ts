import assert from 'node:assert/strict';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { isObject, type Json, type JsonObject, type KubeObject, systemClock, systemRandom } from '../../base/index.ts';
import { connect } from '../../kubernetes/index.ts';
import { openPki } from './pki.ts';
import { type ApiServer, startApiServer } from './server.ts';

type Review = JsonObject & { readonly uid: string };
interface Hook {
  readonly port: number;
  readonly asked: Review[];
  readonly caBundle: string;
  answer: (request: Review) => JsonObject | Promise<JsonObject>;
  close(): Promise<void>;
}

/** A webhook whose certificate is for `kubernetes.default.svc` and 127.0.0.1. */
async function startHook(): Promise<Hook> {
  const pki = await openPki('hook', undefined, systemClock, systemRandom);
  const server = createServer({ cert: pki.server.certPem, key: pki.server.keyPem }, async (request, response) => {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const { request: about } = JSON.parse(text) as { request: Review };
    hook.asked.push(about);
    const said = await hook.answer(about);
    const review = {
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { uid: about.uid, ...said },
    };
    response.end(JSON.stringify(review));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const hook: Hook = {
    port: (server.address() as AddressInfo).port,
    asked: [],
    caBundle: Buffer.from(pki.caPem).toString('base64'),
    answer: () => ({ allowed: true }),
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
  return hook;
}

let hook: Hook;
let server: ApiServer;
before(async () => {
  hook = await startHook();
  server = await startApiServer({ name: 'hooked' });
});
after(async () => {
  await server.close();
  await hook.close();
});

const GROUP = 'admissionregistration.k8s.io';
const MAPS = '/api/v1/namespaces/default/configmaps';
const map = (name: string, data: JsonObject = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
  data,
});
const patch = (...operations: readonly JsonObject[]): JsonObject => ({
  allowed: true,
  patchType: 'JSONPatch',
  patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
});

async function request(method: 'POST' | 'PATCH' | 'GET' | 'DELETE', path: string, body?: JsonObject | KubeObject) {
  const client = await connect({ kind: 'kubeconfig', text: server.adminKubeconfig.yaml }, systemClock);
  try {
    const answer = await client.request({
      method,
      path,
      ...(body === undefined ? {} : { body }),
      ...(method === 'PATCH' ? { contentType: 'application/merge-patch+json' } : {}),
    });
    assert.equal(answer.kind, 'answered');
    return answer as { readonly status: number; readonly body: JsonObject };
  } finally {
    await client.close();
  }
}

/** Runs with this webhook alone, for config maps unless it says otherwise. */
async function hooked(
  role: 'Mutating' | 'Validating',
  webhooks: readonly JsonObject[],
  run: () => Promise<void>,
): Promise<void> {
  hook.asked.length = 0;
  hook.answer = () => ({ allowed: true });
  const plural = `${role.toLowerCase()}webhookconfigurations.${GROUP}`;
  const full = webhooks.map((one, index) => ({
    name: `n${index}.example.com`,
    clientConfig: { url: `https://127.0.0.1:${hook.port}/`, caBundle: hook.caBundle },
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['*'] }],
    ...one,
  }));
  const kind = `${role}WebhookConfiguration`;
  const object = { apiVersion: `${GROUP}/v1`, kind, metadata: { name: 'under-test' }, webhooks: full };
  const made = server.door.create(plural, object as unknown as KubeObject, 'test');
  assert.equal(made.status, 201, JSON.stringify(made.body));
  try {
    await run();
  } finally {
    server.door.delete(plural, undefined, 'under-test');
  }
}

test('a write that another one overtakes while its webhook thinks is made anew on what is there, and asked about again', () =>
  hooked('Validating', [{}], async () => {
    server.store.put('configmaps', map('overtaken', { a: '1' }));
    hook.answer = () => {
      if (hook.asked.length === 1) server.store.put('configmaps', map('overtaken', { a: '1', b: '2' }));
      return { allowed: true };
    };
    const { status, body } = await request('PATCH', `${MAPS}/overtaken`, { data: { c: '3' } });
    assert.equal(status, 200);
    assert.deepEqual(body.data, { a: '1', b: '2', c: '3' });
    const seen = hook.asked.map(({ object }) => (isObject(object) ? object.data : undefined));
    assert.deepEqual(seen, [
      { a: '1', c: '3' },
      { a: '1', b: '2', c: '3' },
    ]);
  }));

test('what a webhook has seen is what is stored: uid, generated name, address', () =>
  hooked(
    'Validating',
    [{ rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['services'], operations: ['CREATE'] }] }],
    async () => {
      const spec = { ports: [{ port: 80 }], type: 'NodePort' };
      const service = { apiVersion: 'v1', kind: 'Service', metadata: { generateName: 'drawn-' }, spec };
      const { status, body } = await request('POST', '/api/v1/namespaces/default/services', service as never);
      assert.equal(status, 201);
      const [seen] = hook.asked.map(({ object }) => object as JsonObject);
      assert.equal(hook.asked.length, 1);
      const { resourceVersion: _version, ...metadata } = body.metadata as JsonObject;
      assert.deepEqual(seen?.metadata, metadata);
      assert.deepEqual(seen?.spec, body.spec);
    },
  ));

test('webhooks that want to be asked once more are, when a later one has changed something', () =>
  hooked('Mutating', [{ reinvocationPolicy: 'IfNeeded' }, {}], async () => {
    const order: Json[] = [];
    hook.answer = ({ object }) => {
      const data = (isObject(object) ? object.data : undefined) as JsonObject;
      order.push(Object.keys(data).join());
      return order.length === 2 ? patch({ op: 'add', path: '/data/b', value: '2' }) : { allowed: true };
    };
    const { body } = await request('POST', MAPS, map('again', { a: '1' }));
    assert.deepEqual(body.data, { a: '1', b: '2' });
    assert.deepEqual(order, ['a', 'a', 'a,b']);
  }));

test('a rule for one version of a kind means the others too, unless it says Exact', async () => {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  const version = (name: string, storage: boolean) => ({ name, served: true, storage, schema });
  const names = { plural: 'gears', kind: 'Gear' };
  const versions = [version('v1', true), version('v2', false)];
  const definition = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'gears.example.com' },
    spec: { group: 'example.com', scope: 'Namespaced', names, versions },
  };
  const made = server.door.create('customresourcedefinitions.apiextensions.k8s.io', definition as never, 'test');
  assert.equal(made.status, 201);
  while ((await request('GET', '/apis/example.com/v2/namespaces/default/gears')).status !== 200);
  const gear = { apiVersion: 'example.com/v2', kind: 'Gear', metadata: { name: 'g' } };
  const rules = [{ apiGroups: ['example.com'], apiVersions: ['v1'], resources: ['gears'], operations: ['CREATE'] }];
  const create = () => request('POST', '/apis/example.com/v2/namespaces/default/gears?dryRun=All', gear as never);
  await hooked('Mutating', [{ rules }], async () => {
    hook.answer = () => patch({ op: 'add', path: '/spec', value: { teeth: 12 } });
    const { body } = await create();
    const [{ object, kind, requestKind } = {}] = hook.asked as readonly JsonObject[];
    assert.equal((object as JsonObject).apiVersion, 'example.com/v1');
    assert.deepEqual([(kind as JsonObject).version, (requestKind as JsonObject).version], ['v1', 'v2']);
    assert.equal(body.apiVersion, 'example.com/v2');
    assert.deepEqual(body.spec, { teeth: 12 });
  });
  await hooked('Mutating', [{ rules, matchPolicy: 'Exact' }], async () => {
    assert.equal((await create()).status, 201);
    assert.equal(hook.asked.length, 0);
  });
});

test('a Service is called at a ready endpoint of it, by its name; without one it refuses the connection', async () => {
  const service = { name: 'kubernetes', namespace: 'default', path: 'check' };
  const clientConfig = { service, caBundle: hook.caBundle };
  const slice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'hook', namespace: 'default', labels: { 'kubernetes.io/service-name': 'kubernetes' } },
    addressType: 'IPv4',
    ports: [{ name: 'https', port: hook.port, protocol: 'TCP' }],
    endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true } }],
  } as unknown as KubeObject;
  await hooked('Validating', [{ clientConfig }], async () => {
    const refused = await request('POST', MAPS, map('served'));
    assert.equal(refused.status, 500);
    assert.match(
      String(refused.body.message),
      /Post "https:\/\/kubernetes\.default\.svc:443\/check\?timeout=10s": dial tcp 10\.96\.0\.1:443: connect: connection refused$/,
    );
    server.store.put('endpointslices.discovery.k8s.io', slice);
    assert.equal((await request('POST', MAPS, map('served'))).status, 201);
    assert.equal(hook.asked.length, 1);
  });
  server.store.remove('endpointslices.discovery.k8s.io', 'default', 'hook');
});

test('of a collection each object is asked about; the first refusal ends it', () =>
  hooked(
    'Validating',
    [{ rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['DELETE'] }] }],
    async () => {
      for (const name of ['a', 'b', 'c']) {
        server.store.put('configmaps', {
          ...map(name),
          metadata: { name, namespace: 'default', labels: { of: 'many' } },
        });
      }
      hook.answer = ({ oldObject }) => ({ allowed: (oldObject as unknown as KubeObject).metadata.name !== 'b' });
      const { status } = await request('DELETE', `${MAPS}?labelSelector=of%3Dmany`);
      assert.equal(status, 400);
      const left = server.store.list('configmaps', 'default').filter(({ metadata }) => metadata.labels?.of === 'many');
      assert.deepEqual(
        left.map(({ metadata }) => metadata.name),
        ['b', 'c'],
      );
    },
  ));

test('a change of a Scale is refused, not passed over', () =>
  hooked(
    'Mutating',
    [
      {
        rules: [{ apiGroups: ['apps'], apiVersions: ['v1'], resources: ['deployments/scale'], operations: ['UPDATE'] }],
      },
    ],
    async () => {
      const labels = { app: 'w' };
      const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } };
      const object = {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'w', namespace: 'default' },
        spec: { selector: { matchLabels: labels }, template },
      };
      assert.equal(server.door.create('deployments.apps', object as never, 'test').status, 201);
      hook.answer = () => patch({ op: 'add', path: '/spec/replicas', value: 7 });
      const path = '/apis/apps/v1/namespaces/default/deployments/w/scale';
      const { status, body } = await request('PATCH', path, { spec: { replicas: 3 } });
      assert.equal(status, 501, JSON.stringify(body));
      hook.answer = () => ({ allowed: true });
      assert.equal((await request('PATCH', path, { spec: { replicas: 3 } })).status, 200);
    },
  ));

test('nothing beyond this machine is dialled', () =>
  hooked('Validating', [{ clientConfig: { url: 'https://192.0.2.7/x' } }], async () => {
    const { status, body } = await request('POST', MAPS, map('far'));
    assert.equal(status, 500);
    assert.match(String(body.message), /dial tcp 192\.0\.2\.7:443: connect: connection refused$/);
  }));
