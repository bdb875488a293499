/** What a server has forgotten. These cases make it forget, and so run alone. */
import assert from 'node:assert/strict';
import { accepted, items, names, refused } from '../caller.ts';
import { configMap } from '../manifests.ts';
import type { Cases } from '../suite.ts';

export const expiry: Cases = {
  async 'a page of a list that is too old is 410, with a token for the rest as it is now'(t) {
    for (const name of ['a', 'b', 'c']) accepted(await t.post(t.path('configmaps'), configMap(name)));
    const { metadata } = accepted(await t.get(t.path('configmaps'), { limit: 1 }));
    accepted(await t.post(t.path('configmaps'), configMap('bb')));
    await t.judge.forget();
    const answer = await t.eventually('the page to be too old', async () => {
      const page = await t.get(t.path('configmaps'), { limit: 10, continue: String(metadata.continue) });
      return page.status !== 200 && page;
    });
    const status = refused(answer, 410, {
      reason: 'Expired',
      message: /^The provided continue parameter is too old to display a consistent list result\./,
    });
    const token = (status.metadata as { continue?: string }).continue;
    assert.ok(token);
    const rest = await t.get(t.path('configmaps'), { limit: 10, continue: token });
    assert.deepEqual(names(rest), ['b', 'bb', 'c', 'kube-root-ca.crt']);
  },
  async 'an exact list of a revision that is too old is 410'(t) {
    const made = accepted(await t.post(t.path('configmaps'), configMap('a')));
    accepted(await t.post(t.path('configmaps'), configMap('b')));
    await t.judge.forget();
    const query = { resourceVersion: String(made.metadata.resourceVersion), resourceVersionMatch: 'Exact' };
    const answer = await t.eventually('the revision to be too old', async () => {
      const list = await t.get(t.path('configmaps'), query);
      return list.status !== 200 && list;
    });
    refused(answer, 410, {
      reason: 'Expired',
      message: 'The resourceVersion for the provided list is too old.',
    });
    assert.equal(items(await t.get(t.path('configmaps'))).length, 3);
  },
};
