/** JSON, merge and strategic merge patches. */
import assert from 'node:assert/strict';
import type { JsonObject } from '../../../src/base/index.ts';
import { accepted, at, part, refused } from '../caller.ts';
import { configMap, container, crd, deployment, widget } from '../manifests.ts';
import type { Cases } from '../suite.ts';
import { establish } from './crd-life.ts';

export const patches: Cases = {
  async 'merge: values are set, null removes, lists are replaced whole'(t) {
    const path = t.path('configmaps', 'a');
    accepted(await t.post(t.path('configmaps'), configMap('a', { k: '1', l: '1' }, { finalizers: ['x.io/a'] })));
    const next = accepted(
      await t.patch(path, 'merge', { data: { k: null, m: '2' }, metadata: { finalizers: ['x.io/b'] } }),
    );
    assert.deepEqual(part(next, 'data'), { l: '1', m: '2' });
    assert.deepEqual(next.metadata.finalizers, ['x.io/b']);
    accepted(await t.patch(path, 'merge', { metadata: { finalizers: null } }));
  },
  async 'json: operations in order; a failed test is 422 and changes nothing'(t) {
    const path = t.path('configmaps', 'a');
    accepted(await t.post(t.path('configmaps'), configMap('a', { k: '1' }, { annotations: { 'x/y': '1' } })));
    const next = accepted(
      await t.patch(path, 'json', [
        { op: 'test', path: '/data/k', value: '1' },
        { op: 'replace', path: '/data/k', value: '2' },
        { op: 'remove', path: '/metadata/annotations/x~1y' },
        { op: 'copy', from: '/data/k', path: '/data/l' },
      ]),
    );
    assert.deepEqual(part(next, 'data'), { k: '2', l: '2' });
    const failed = await t.patch(path, 'json', [
      { op: 'test', path: '/data/k', value: '1' },
      { op: 'remove', path: '/data/k' },
    ]);
    refused(failed, 422, {
      reason: 'Invalid',
      message: /the server rejected our request due to an error in our request/,
    });
    refused(await t.patch(path, 'json', [{ op: 'remove', path: '/data/none' }]), 422, { reason: 'Invalid' });
    assert.deepEqual(part(accepted(await t.get(path)), 'data'), { k: '2', l: '2' });
  },
  async 'strategic: lists merge by their key, $patch deletes, order can be set'(t) {
    const path = t.path('apps/v1/deployments', 'a');
    const two = [container('c', { env: [{ name: 'X', value: '1' }] }), container('d')];
    accepted(await t.post(t.path('apps/v1/deployments'), deployment('a', { replicas: 0 }, two)));
    const patch = (containers: readonly JsonObject[], more: JsonObject = {}) =>
      t.patch(path, 'strategic', { spec: { template: { spec: { containers, ...more } } } });
    const next = accepted(await patch([{ name: 'c', env: [{ name: 'Y', value: '2' }] }]));
    assert.deepEqual(at(next, 'spec', 'template', 'spec', 'containers', 0, 'env'), [
      { name: 'Y', value: '2' },
      { name: 'X', value: '1' },
    ]);
    const ordered = accepted(await patch([], { '$setElementOrder/containers': [{ name: 'd' }, { name: 'c' }] }));
    assert.equal(at(ordered, 'spec', 'template', 'spec', 'containers', 0, 'name'), 'd');
    const less = accepted(await patch([{ name: 'd', $patch: 'delete' }]));
    assert.equal((at(less, 'spec', 'template', 'spec', 'containers') as readonly JsonObject[]).length, 1);
    const recreate = { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } };
    assert.deepEqual(at(accepted(await t.patch(path, 'strategic', recreate)), 'spec', 'strategy'), {
      type: 'Recreate',
    });
  },
  async 'a resourceVersion or uid in a patch must be the stored one'(t) {
    const path = t.path('configmaps', 'a');
    const made = accepted(await t.post(t.path('configmaps'), configMap('a', { k: '1' })));
    accepted(await t.patch(path, 'merge', { data: { k: '2' } }));
    const { resourceVersion = '' } = made.metadata;
    refused(await t.patch(path, 'merge', { metadata: { resourceVersion }, data: { k: '3' } }), 409, {
      reason: 'Conflict',
    });
    refused(await t.patch(path, 'merge', { metadata: { uid: 'another' }, data: { k: '3' } }), 422, {
      message: /metadata\.uid: Invalid value: "another": field is immutable$/,
    });
    refused(
      await t.patch(path, 'json', [
        { op: 'replace', path: '/metadata/resourceVersion', value: resourceVersion },
        { op: 'replace', path: '/data/k', value: '3' },
      ]),
      409,
      { reason: 'Conflict' },
    );
    assert.equal(part(accepted(await t.get(path)), 'data').k, '2');
  },
  async 'a patch that changes nothing is no write; one of what is not there is 404'(t) {
    const path = t.path('configmaps', 'a');
    const made = accepted(await t.post(t.path('configmaps'), configMap('a', { k: '1' })));
    const same = accepted(await t.patch(path, 'merge', { data: { k: '1' } }));
    assert.equal(same.metadata.resourceVersion, made.metadata.resourceVersion);
    refused(await t.patch(t.path('configmaps', 'none'), 'merge', {}), 404, { reason: 'NotFound' });
  },
  async 'what is no patch: an unknown type 415, a body that cannot be read 400'(t) {
    const path = t.path('configmaps', 'a');
    accepted(await t.post(t.path('configmaps'), configMap('a')));
    const typed = (contentType: string, body: JsonObject) => t.request({ method: 'PATCH', path, contentType, body });
    refused(await typed('text/plain', {}), 415, { reason: 'UnsupportedMediaType' });
    const broken = await t.raw('PATCH', path, { 'content-type': 'application/merge-patch+json' }, '{');
    assert.equal(broken.status, 400);
  },
  async 'custom resources take no strategic patch'(t) {
    const group = `${t.own}.example.com`;
    await establish(t, crd(group));
    accepted(await t.post(t.path(`${group}/v1/widgets`), widget(group, 'w', { a: 1 })));
    const path = t.path(`${group}/v1/widgets`, 'w');
    refused(await t.patch(path, 'strategic', { spec: { a: 2 } }), 415, {
      reason: 'UnsupportedMediaType',
      message:
        'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml',
    });
    assert.deepEqual(part(accepted(await t.patch(path, 'merge', { spec: { b: [1] } })), 'spec'), { a: 1, b: [1] });
  },
  async 'many writers without a resourceVersion: each of their fields is there'(t) {
    const path = t.path('configmaps', 'a');
    accepted(await t.post(t.path('configmaps'), configMap('a')));
    const keys = Array.from({ length: 12 }, (_, index) => `k${index}`);
    const answers = await Promise.all(keys.map((key) => t.patch(path, 'merge', { data: { [key]: '1' } })));
    for (const answer of answers) accepted(answer);
    assert.deepEqual(Object.keys(part(accepted(await t.get(path)), 'data')).sort(), [...keys].sort());
  },
};
