import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Json, JsonObject, KubeObject } from '../../base/index.ts';
import { type ApiServer, startApiServer } from './server.ts';

const TOKENS = new Map([
  ['admin', { name: 'admin', groups: ['system:masters'] }],
  ['viewer', { name: 'viewer', groups: ['viewers'] }],
]);

interface Reply {
  readonly status: number;
  readonly headers: { readonly [name: string]: string | string[] | undefined };
  readonly text: string;
  readonly body: { readonly [field: string]: Json } & { metadata: JsonObject; message: string };
}

function call(
  server: ApiServer,
  method: string,
  path: string,
  body?: unknown,
  headers: { [name: string]: string } = {},
): Promise<Reply> {
  const sent = body === undefined ? '' : JSON.stringify(body);
  const all = {
    Authorization: 'Bearer admin',
    'Content-Type': 'application/json',
    'Content-Length': String(Buffer.byteLength(sent)),
    ...headers,
  };
  return new Promise((resolve, reject) => {
    const sending = request(
      `${server.url}${path}`,
      { method, ca: server.caPem, agent: false, headers: all },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => {
          const body = text.startsWith('{') && !text.includes('}\n{') ? JSON.parse(text) : {};
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, body });
        });
      },
    );
    sending.on('error', reject);
    sending.end(sent);
  });
}

const configMap = (name: string, more: JsonObject = {}, data: JsonObject = {}): KubeObject =>
  ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default', ...more }, data }) as KubeObject;
const owner = (object: KubeObject, more: JsonObject = {}) => ({
  apiVersion: object.apiVersion,
  kind: object.kind,
  name: object.metadata.name,
  uid: object.metadata.uid ?? '',
  ...more,
});
const settled = async () => {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
};

describe('an embedded API server', () => {
  let server: ApiServer;
  const create = (object: KubeObject) => server.door.create('configmaps', object, 'test').body as unknown as KubeObject;
  const get = (name: string) => server.door.get('configmaps', 'default', name);

  before(async () => {
    server = await startApiServer({ name: 't1', tokens: TOKENS });
    await settled();
  });
  after(() => server.close());

  test('every answer has an Audit-Id of its own', async () => {
    const [a, b] = await Promise.all([call(server, 'GET', '/version'), call(server, 'GET', '/nope')]);
    assert.match(String(a.headers['audit-id']), /^[0-9a-f-]{36}$/);
    assert.notEqual(a.headers['audit-id'], b.headers['audit-id']);
    assert.equal(b.status, 404);
  });

  test('what is not built says so: exec is 501, an unknown subresource 404, a wrong method 405', async () => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'x', namespace: 'default' },
      spec: { containers: [{ name: 'c', image: 'i' }] },
    };
    server.door.create('pods', pod, 'test');
    assert.equal((await call(server, 'GET', '/api/v1/namespaces/default/pods/x/exec?command=ls')).status, 501);
    assert.equal((await call(server, 'GET', '/api/v1/namespaces/default/pods/x/nope')).status, 404);
    assert.equal((await call(server, 'DELETE', '/version')).status, 405);
  });

  test('a body beyond the limit is refused', async () => {
    const reply = await call(
      server,
      'POST',
      '/api/v1/namespaces/default/configmaps',
      configMap('big', {}, { a: 'x'.repeat(3_200_000) }),
    );
    assert.equal(reply.status, 413);
  });

  test('dry run answers as the write would and stores nothing', async () => {
    const revision = server.store.revision;
    const reply = await call(server, 'POST', '/api/v1/namespaces/default/configmaps?dryRun=All', configMap('dry'));
    assert.equal(reply.status, 201);
    assert.equal(reply.body.metadata.resourceVersion, undefined);
    assert.equal(server.store.revision, revision);
    const bad = await call(server, 'POST', '/api/v1/namespaces/default/configmaps?dryRun=Some', configMap('dry'));
    assert.equal(bad.status, 422);
  });

  test('RBAC: a role gives exactly what it says, in its namespace', async () => {
    const asViewer = { Authorization: 'Bearer viewer' };
    const path = '/api/v1/namespaces/default/configmaps';
    assert.equal((await call(server, 'GET', path, undefined, asViewer)).status, 403);
    const binding = {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'viewers', namespace: 'default' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
      subjects: [{ kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name: 'viewers' }],
    };
    assert.equal(server.door.create('rolebindings.rbac.authorization.k8s.io', binding, 'test').status, 201);
    assert.equal((await call(server, 'GET', path, undefined, asViewer)).status, 200);
    assert.equal((await call(server, 'POST', path, configMap('no'), asViewer)).status, 403);
    assert.equal((await call(server, 'GET', '/api/v1/namespaces/default/secrets', undefined, asViewer)).status, 403);
    assert.equal(
      (await call(server, 'GET', '/api/v1/namespaces/kube-system/configmaps', undefined, asViewer)).status,
      403,
    );
  });

  test('garbage collection: dependents follow, in the background', async () => {
    const parent = create(configMap('parent'));
    create(configMap('child', { ownerReferences: [owner(parent)] }));
    await settled();
    server.door.delete('configmaps', 'default', 'parent', { propagationPolicy: 'Background' });
    await settled();
    assert.equal(get('child'), undefined);
  });

  test('garbage collection: an owner that never was, or has another uid, owns nothing', async () => {
    const parent = create(configMap('reborn'));
    create(configMap('stray', { ownerReferences: [{ ...owner(parent), uid: 'another' }] }));
    await settled();
    assert.equal(get('stray'), undefined);
    assert.notEqual(get('reborn'), undefined);
  });

  test('garbage collection: foreground waits for those that block, orphan lets them live', async () => {
    const parent = create(configMap('front'));
    create(
      configMap('blocker', {
        ownerReferences: [owner(parent, { blockOwnerDeletion: true })],
        finalizers: ['x.io/hold'],
      }),
    );
    await settled();
    server.door.delete('configmaps', 'default', 'front', { propagationPolicy: 'Foreground' });
    await settled();
    assert.deepEqual(get('front')?.metadata.finalizers, ['foregroundDeletion']);
    assert.notEqual(get('blocker')?.metadata.deletionTimestamp, undefined);
    const held = get('blocker');
    assert.ok(held);
    server.door.update('configmaps', { ...held, metadata: { ...held.metadata, finalizers: [] } }, 'test');
    await settled();
    assert.equal(get('front'), undefined);

    const second = create(configMap('leaver'));
    create(configMap('orphan', { ownerReferences: [owner(second)] }));
    await settled();
    server.door.delete('configmaps', 'default', 'leaver', { propagationPolicy: 'Orphan' });
    await settled();
    assert.equal(get('leaver'), undefined);
    assert.equal(get('orphan')?.metadata.ownerReferences, undefined);
  });

  test('a namespace is furnished, and emptied when it goes', async () => {
    server.door.create('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'life' } }, 'test');
    await settled();
    assert.notEqual(server.door.get('serviceaccounts', 'life', 'default'), undefined);
    assert.match(JSON.stringify(server.door.get('configmaps', 'life', 'kube-root-ca.crt')), /BEGIN CERTIFICATE/);
    server.door.create('configmaps', configMap('kept', { namespace: 'life', finalizers: ['x.io/hold'] }), 'test');
    server.door.delete('namespaces', undefined, 'life');
    await settled();
    const late = server.door.create('configmaps', configMap('late', { namespace: 'life' }), 'test');
    assert.equal(late.status, 403);
    const kept = server.door.get('configmaps', 'life', 'kept');
    assert.ok(kept);
    server.door.update('configmaps', { ...kept, metadata: { ...kept.metadata, finalizers: [] } }, 'test');
    await settled();
    assert.equal(server.door.get('namespaces', undefined, 'life'), undefined);
    assert.deepEqual(server.door.list('configmaps', { namespace: 'life' }), []);
  });

  test('a quota counts objects and what pods ask for', () => {
    server.door.create('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'small' } }, 'test');
    server.door.create(
      'serviceaccounts',
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: 'small' } },
      'test',
    );
    const quota = {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'q', namespace: 'small' },
      spec: { hard: { pods: '2', 'requests.cpu': '1' } },
    };
    assert.equal(server.door.create('resourcequotas', quota, 'test').status, 201);
    const pod = (name: string, cpu: string): KubeObject => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'small' },
      spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu } } }] },
    });
    assert.equal(server.door.create('pods', pod('a', '600m'), 'test').status, 201);
    const refused = server.door.create('pods', pod('b', '500m'), 'test');
    assert.equal(refused.status, 403);
    assert.match(
      JSON.stringify(refused.body),
      /exceeded quota: q, requested: requests\.cpu=500m, used: requests\.cpu=600m, limited: requests\.cpu=1/,
    );
    assert.equal(server.door.create('pods', pod('b', '400m'), 'test').status, 201);
    assert.match(
      JSON.stringify(server.door.create('pods', pod('c', '0'), 'test').body),
      /requested: pods=1, used: pods=2, limited: pods=2/,
    );
  });

  test('services get addresses of their own and keep them', () => {
    const service = (name: string, spec: JsonObject): KubeObject => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'default' },
      spec: { ports: [{ port: 80 }], ...spec },
    });
    const one = server.door.create('services', service('one', { type: 'NodePort' }), 'test')
      .body as unknown as KubeObject;
    const two = server.door.create('services', service('two', {}), 'test').body as unknown as KubeObject;
    const spec = one.spec as { clusterIP: string; ports: { nodePort: number }[] };
    assert.match(spec.clusterIP, /^10\.96\./);
    assert.ok((spec.ports[0]?.nodePort ?? 0) >= 30_000);
    assert.notEqual(spec.clusterIP, (two.spec as { clusterIP: string }).clusterIP);
    const updated = server.door.update('services', service('one', { type: 'NodePort', selector: { a: 'b' } }), 'test')
      .body as unknown as KubeObject;
    assert.equal((updated.spec as { clusterIP: string }).clusterIP, spec.clusterIP);
    assert.equal((updated.spec as { ports: { nodePort: number }[] }).ports[0]?.nodePort, spec.ports[0]?.nodePort);
    const inside = {
      ...updated,
      spec: { ...(updated.spec as unknown as JsonObject), type: 'ClusterIP' },
    } as KubeObject;
    const back = server.door.update('services', inside, 'test');
    assert.equal(back.status, 200, JSON.stringify(back.body));
    assert.doesNotMatch(
      JSON.stringify(back.body),
      /"(nodePort|externalTrafficPolicy)":/,
      'what only the former type needed is gone',
    );
  });

  test('eviction is refused while a budget has nothing to give', async () => {
    const meta = { namespace: 'default', labels: { app: 'e' } };
    const spec = { nodeName: 'node-1', containers: [{ name: 'c', image: 'i' }] };
    server.door.create('pods', { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'e', ...meta }, spec }, 'test');
    const pod = server.door.get('pods', 'default', 'e');
    assert.ok(pod);
    server.door.update('pods', { ...pod, status: { phase: 'Running' } }, 'test', 'status');
    const budget = {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'b', namespace: 'default' },
      spec: { minAvailable: 1, selector: { matchLabels: { app: 'e' } } },
    };
    server.door.create('poddisruptionbudgets.policy', budget, 'test');
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'e', namespace: 'default' } };
    const reply = await call(server, 'POST', '/api/v1/namespaces/default/pods/e/eviction', eviction);
    assert.equal(reply.status, 429);
    assert.equal(reply.headers['retry-after'], '10');
  });

  test('a pod is bound once, over HTTP and through the door', async () => {
    const pod = (name: string) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: 'default' },
      spec: { containers: [{ name: 'c', image: 'i' }] },
    });
    server.door.create('pods', pod('b1'), 'test');
    const binding = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: 'b1' },
      target: { apiVersion: 'v1', kind: 'Node', name: 'node-1' },
    };
    assert.equal((await call(server, 'POST', '/api/v1/namespaces/default/pods/b1/binding', binding)).status, 201);
    assert.match(JSON.stringify(server.door.get('pods', 'default', 'b1')), /"nodeName":"node-1".*"PodScheduled"/);
    assert.equal((await call(server, 'POST', '/api/v1/namespaces/default/pods/b1/binding', binding)).status, 409);
    const made = server.door.create('pods', pod('b2'), 'test').body as unknown as KubeObject;
    const placed = { ...made, spec: { ...(made.spec as JsonObject), nodeName: 'node-1' } } as KubeObject;
    assert.equal(server.door.update('pods', placed, 'scheduler').status, 200);
  });

  test('a scale by patch moves the replicas and their generation', async () => {
    const labels = { app: 's' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } };
    const spec = { replicas: 1, selector: { matchLabels: labels }, template };
    server.door.create(
      'deployments.apps',
      { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 's', namespace: 'default' }, spec },
      'test',
    );
    const path = '/apis/apps/v1/namespaces/default/deployments/s/scale';
    const merge = { 'Content-Type': 'application/merge-patch+json' };
    const scaled = await call(server, 'PATCH', path, { spec: { replicas: 4 } }, merge);
    assert.deepEqual(scaled.body.spec, { replicas: 4 });
    assert.equal(server.door.get('deployments.apps', 'default', 's')?.metadata.generation, 2);
    assert.equal((await call(server, 'PATCH', path, { spec: { replicas: -1 } }, merge)).status, 422);
    const unnamed = await call(server, 'PATCH', path, {}, { 'Content-Type': 'application/apply-patch+yaml' });
    assert.equal(unnamed.status, 422, 'an apply says on whose behalf');
  });

  test('a watch from before the window ends with 410 in the stream', async () => {
    const from = server.store.revision;
    create(configMap('moved'));
    server.store.compact();
    const { status, text } = await call(server, 'GET', `/api/v1/configmaps?watch=true&resourceVersion=${from}`);
    assert.equal(status, 200);
    assert.match(text, /^\{"type":"ERROR".*"code":410/);
  });

  test('two writers of one version: the second is told', async () => {
    const made = create(configMap('raced'));
    const path = '/api/v1/namespaces/default/configmaps/raced';
    assert.equal((await call(server, 'PUT', path, { ...made, data: { a: '1' } })).status, 200);
    const late = await call(server, 'PUT', path, { ...made, data: { a: '2' } });
    assert.equal(late.status, 409);
    assert.match(late.body.message, /the object has been modified/);
  });
});

test('a server started again on its folder has its objects, its keys and its revisions', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'ldc-api-'));
  try {
    const first = await startApiServer({ name: 'k', dir, tokens: TOKENS });
    first.door.create('configmaps', configMap('kept', {}, { a: '1' }), 'test');
    await settled();
    const { caPem } = first;
    const { revision } = first.store;
    await first.close();
    const second = await startApiServer({ name: 'k', dir, tokens: TOKENS });
    await settled();
    assert.equal(second.caPem, caPem);
    assert.equal(second.store.revision, revision, 'a start writes nothing');
    const reply = await call(second, 'GET', '/api/v1/namespaces/default/configmaps/kept');
    assert.deepEqual(reply.body.data, { a: '1' });
    await second.close();
  } finally {
    rmSync(dir, { recursive: true });
  }
});
