/** HTTP itself: headers, forms, discovery. */
import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import type { JsonObject } from '../../../src/base/index.ts';
import { accepted, at, part, refused } from '../caller.ts';
import { configMap } from '../manifests.ts';
import type { Cases } from '../suite.ts';

const JSON_BODY = { 'content-type': 'application/json' };

export const http: Cases = {
  async 'every answer has an Audit-Id of its own'(t) {
    const [a, b] = [await t.get(t.path('configmaps')), await t.get(t.path('configmaps', 'none'))];
    assert.match(String(a.auditId), /^[0-9a-f-]{36}$/);
    assert.notEqual(a.auditId, b.auditId);
  },
  async 'a large answer is packed for who takes gzip, a small one is not'(t) {
    const big = configMap('big', { k: 'abc '.repeat(50_000) });
    accepted(await t.post(t.path('configmaps'), big));
    const packed = await t.raw('GET', t.path('configmaps', 'big'), { 'accept-encoding': 'gzip' });
    assert.equal(packed.headers['content-encoding'], 'gzip');
    assert.match(String(packed.headers.vary), /Accept-Encoding/);
    const body = JSON.parse(gunzipSync(packed.bytes).toString()) as JsonObject;
    assert.equal(String(part(body, 'data').k).length, 200_000);
    const plain = await t.raw('GET', t.path('configmaps', 'big'));
    assert.equal(plain.headers['content-encoding'], undefined);
    const small = await t.raw('GET', t.path('serviceaccounts', 'default'), { 'accept-encoding': 'gzip' });
    assert.equal(small.headers['content-encoding'], undefined);
  },
  async 'bodies and answers in YAML'(t) {
    const yaml = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: "1"}\n';
    const made = await t.raw('POST', t.path('configmaps'), { 'content-type': 'application/yaml' }, yaml);
    assert.equal(made.status, 201);
    const answer = await t.raw('GET', t.path('configmaps', 'a'), { accept: 'application/yaml' });
    assert.match(String(answer.headers['content-type']), /^application\/yaml/);
    assert.match(answer.bytes.toString(), /^apiVersion: v1\ndata:\n {2}k: "1"\nkind: ConfigMap\n/);
  },
  async 'what cannot be read: 400; of an unknown type: 415; too large: 413'(t) {
    const post = (headers: { [name: string]: string }, body: string) =>
      t.raw('POST', t.path('configmaps'), headers, body);
    assert.equal((await post(JSON_BODY, '{')).status, 400);
    assert.equal((await post({ 'content-type': 'text/html' }, '<p>')).status, 415);
    const huge = JSON.stringify(configMap('a', { k: 'x'.repeat(4_000_000) }));
    assert.equal((await heard(() => post(JSON_BODY, huge))).status, 413);
    const large = await post(JSON_BODY, JSON.stringify(configMap('a', { k: 'x'.repeat(1_100_000) })));
    assert.equal(large.status, 422);
    assert.match(large.bytes.toString(), /Too long: may not be more than 1048576 bytes/);
  },
  async 'a method that a resource does not have is 405, a kind that is not served 404'(t) {
    refused(await t.request({ method: 'POST', path: t.path('configmaps', 'a'), body: configMap('a') }), 405, {
      reason: 'MethodNotAllowed',
      details: {},
    });
    assert.equal((await t.get('/apis/none.example.com/v1/things')).status, 404);
    assert.equal((await t.get('/api/v1/nothings')).status, 404);
  },
  async 'discovery: versions, groups, kinds with their verbs and subresources'(t) {
    const version = accepted(await t.get('/version'));
    assert.match(String(version.gitVersion), /^v1\.\d+\.\d+/);
    assert.equal(version.major, '1');
    const groups = accepted(await t.get('/apis'));
    const apps = (groups.groups as unknown as readonly JsonObject[]).find(({ name }) => name === 'apps');
    assert.deepEqual(part(apps ?? {}, 'preferredVersion').groupVersion, 'apps/v1');
    const list = accepted(await t.get('/apis/apps/v1'));
    const resources = list.resources as unknown as readonly JsonObject[];
    const deployment = resources.find(({ name }) => name === 'deployments');
    assert.deepEqual(
      [deployment?.kind, deployment?.namespaced, deployment?.shortNames],
      ['Deployment', true, ['deploy']],
    );
    assert.ok(resources.some(({ name }) => name === 'deployments/status'));
    assert.ok(resources.some(({ name, kind }) => name === 'deployments/scale' && kind === 'Scale'));
    const core = accepted(await t.get('/api/v1'));
    const nodes = (core.resources as unknown as readonly JsonObject[]).find(({ name }) => name === 'nodes');
    assert.equal(nodes?.namespaced, false);
    assert.equal((await t.get('/apis/none.example.com/v1')).status, 404);
  },
  async 'it says when it is ready'(t) {
    for (const path of ['/readyz', '/livez', '/healthz']) {
      const answer = await t.raw('GET', path);
      assert.deepEqual([answer.status, answer.bytes.toString()], [200, 'ok']);
    }
  },
  async 'OpenAPI v3 has each group version by its digest'(t) {
    const index = accepted(await t.get('/openapi/v3'));
    const url = at(index, 'paths', 'apis/apps/v1', 'serverRelativeURL');
    assert.match(String(url), /^\/openapi\/v3\/apis\/apps\/v1\?hash=[0-9A-F]+$/);
    const document = JSON.parse((await t.raw('GET', String(url))).bytes.toString()) as JsonObject;
    assert.ok(part(document, 'components', 'schemas')['io.k8s.api.apps.v1.Deployment']);
  },
};

/** Who refuses a body unread ends the connection, and may do so before its answer is read: then it is asked again. */
async function heard<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      const ended = ['ECONNRESET', 'EPIPE'].includes(String((error as { code?: unknown }).code));
      if (!ended || attempt === 20) throw error;
    }
  }
}
