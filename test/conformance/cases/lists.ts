/** Lists: selectors, pages, revisions, forms. */
import assert from 'node:assert/strict';
import { accepted, at, items, names, part, refused } from '../caller.ts';
import type { Trial } from '../judge.ts';
import { configMap, pod } from '../manifests.ts';
import type { Cases } from '../suite.ts';

/** Config maps with the label `n`, beside the one that every namespace has. */
async function five(t: Trial): Promise<void> {
  for (const n of ['a', 'b', 'c', 'd', 'e']) {
    accepted(await t.post(t.path('configmaps'), configMap(n, {}, { labels: { n, kind: n < 'c' ? 'early' : 'late' } })));
  }
}

const OURS = { labelSelector: 'n' };

export const lists: Cases = {
  async 'items have no type of their own, the list has; sorted by name; a resourceVersion to watch from'(t) {
    await five(t);
    const answer = await t.get(t.path('configmaps'), OURS);
    const list = accepted(answer, 200);
    assert.equal(`${list.apiVersion} ${list.kind}`, 'v1 ConfigMapList');
    assert.deepEqual(names(answer), ['a', 'b', 'c', 'd', 'e']);
    assert.equal(items(answer)[0]?.kind, undefined);
    assert.match(String(list.metadata.resourceVersion), /^\d+$/);
  },
  async 'label selectors: equality, sets, absence'(t) {
    await five(t);
    const select = async (labelSelector: string) => names(await t.get(t.path('configmaps'), { labelSelector }));
    assert.deepEqual(await select('kind=early'), ['a', 'b']);
    assert.deepEqual(await select('n,kind!=early'), ['c', 'd', 'e']);
    assert.deepEqual(await select('n in (a, e, z)'), ['a', 'e']);
    assert.deepEqual(await select('n notin (a,b,c),n'), ['d', 'e']);
    assert.deepEqual(await select('!n'), ['kube-root-ca.crt']);
    refused(await t.get(t.path('configmaps'), { labelSelector: 'a in b' }), 400, { reason: 'BadRequest' });
  },
  async 'field selectors: name everywhere, some of a kind; unknown ones 400'(t) {
    await five(t);
    const select = async (fieldSelector: string) => names(await t.get(t.path('configmaps'), { fieldSelector }));
    assert.deepEqual(await select('metadata.name=c'), ['c']);
    assert.deepEqual(
      await select(`metadata.namespace=${t.namespace},metadata.name!=c,metadata.name!=kube-root-ca.crt`),
      ['a', 'b', 'd', 'e'],
    );
    refused(await t.get(t.path('configmaps'), { fieldSelector: 'data.k=1' }), 400, {
      message: '"data.k" is not a known field selector: only "metadata.name", "metadata.namespace"',
    });
    accepted(await t.post(t.path('pods'), pod('p', { nodeSelector: { no: 'where' } })));
    assert.deepEqual(names(await t.get(t.path('pods'), { fieldSelector: 'status.phase=Pending,spec.nodeName=' })), [
      'p',
    ]);
    assert.deepEqual(names(await t.get(t.path('pods'), { fieldSelector: 'status.phase=Running' })), []);
  },
  async 'pages: one moment, whatever is written meanwhile'(t) {
    await five(t);
    const first = await t.get(t.path('configmaps'), { limit: 2 });
    assert.deepEqual(names(first), ['a', 'b']);
    const { metadata } = accepted(first);
    assert.equal(metadata.remainingItemCount, 4);
    accepted(await t.post(t.path('configmaps'), configMap('cc')));
    accepted(await t.remove(t.path('configmaps', 'd')));
    const second = await t.get(t.path('configmaps'), { limit: 2, continue: String(metadata.continue) });
    assert.deepEqual(names(second), ['c', 'd']);
    assert.equal(accepted(second).metadata.resourceVersion, metadata.resourceVersion);
    const third = await t.get(t.path('configmaps'), {
      limit: 2,
      continue: String(accepted(second).metadata.continue),
    });
    assert.deepEqual(names(third), ['e', 'kube-root-ca.crt']);
    assert.equal(accepted(third).metadata.continue, undefined);
    refused(await t.get(t.path('configmaps'), { limit: 2, continue: 'nonsense' }), 400, { reason: 'BadRequest' });
  },
  async 'pages of a selection do not count what remains'(t) {
    await five(t);
    const { metadata } = accepted(await t.get(t.path('configmaps'), { ...OURS, limit: 2 }));
    assert.equal(metadata.remainingItemCount, undefined);
    assert.notEqual(metadata.continue, undefined);
  },
  async 'a revision: exact is that moment, not-older is now, one of the future times out'(t) {
    const made = accepted(await t.post(t.path('configmaps'), configMap('a', {}, { labels: { n: 'a' } })));
    const resourceVersion = String(made.metadata.resourceVersion);
    accepted(await t.post(t.path('configmaps'), configMap('b', {}, { labels: { n: 'b' } })));
    const list = (query: object) => t.get(t.path('configmaps'), { ...OURS, ...query });
    assert.deepEqual(names(await list({ resourceVersion, resourceVersionMatch: 'Exact' })), ['a']);
    assert.deepEqual(names(await list({ resourceVersion, resourceVersionMatch: 'NotOlderThan' })), ['a', 'b']);
    refused(await list({ resourceVersion, resourceVersionMatch: 'Perhaps' }), 422, {
      message:
        'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Unsupported value: "Perhaps": supported values: "Exact", "NotOlderThan", ""',
    });
    refused(await list({ resourceVersionMatch: 'Exact' }), 422, {
      causes: [
        {
          reason: 'FieldValueForbidden',
          message: 'Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
          field: 'resourceVersionMatch',
        },
      ],
    });
    const future = await list({ resourceVersion: '4000000000' });
    refused(future, 504, {
      reason: 'Timeout',
      message: /^Timeout: Too large resource version: 4000000000, current: \d+$/,
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    });
    assert.equal(future.retryAfterSeconds, 1);
  },
  async 'over all namespaces'(t) {
    accepted(await t.post(t.path('configmaps'), configMap('a', {}, { labels: { trial: t.own } })));
    const answer = await t.get(t.global('configmaps'), { labelSelector: `trial=${t.own}` });
    assert.deepEqual(
      items(answer).map(({ metadata }) => `${metadata.namespace}/${metadata.name}`),
      [`${t.namespace}/a`],
    );
    refused(await t.post(t.global('configmaps'), configMap('a')), 405, { reason: 'MethodNotAllowed' });
  },
  async 'an empty or missing namespace has an empty list; a missing object is 404'(t) {
    assert.deepEqual(names(await t.get(t.in(`${t.namespace}-none`, 'secrets'))), []);
    assert.deepEqual(at(accepted(await t.get(t.in(`${t.namespace}-none`, 'secrets'))), 'items'), []);
    refused(await t.get(t.in(`${t.namespace}-none`, 'secrets', 'a')), 404, { message: 'secrets "a" not found' });
  },
  async 'metadata alone, and tables, on demand'(t) {
    await five(t);
    const accept = (as: string) => `application/json;as=${as};v=v1;g=meta.k8s.io`;
    const partial = await t.request({
      method: 'GET',
      path: t.path('configmaps'),
      query: OURS,
      accept: accept('PartialObjectMetadataList'),
    });
    const list = accepted(partial);
    assert.equal(`${list.apiVersion} ${list.kind}`, 'meta.k8s.io/v1 PartialObjectMetadataList');
    assert.equal(items(partial)[0]?.data, undefined);
    const answer = await t.request({ method: 'GET', path: t.path('configmaps'), query: OURS, accept: accept('Table') });
    const table = accepted(answer);
    assert.equal(`${table.apiVersion} ${table.kind}`, 'meta.k8s.io/v1 Table');
    assert.deepEqual(
      (table.columnDefinitions as unknown as readonly { name: string }[]).map(({ name }) => name),
      ['Name', 'Data', 'Age'],
    );
    assert.deepEqual(at(table, 'rows', 0, 'cells', 0), 'a');
    assert.equal(part(table, 'rows', 0, 'object').kind, 'PartialObjectMetadata');
    refused(await t.request({ method: 'GET', path: t.path('configmaps'), accept: 'text/html' }), 406, {
      reason: 'NotAcceptable',
    });
  },
};
