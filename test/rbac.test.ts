/** RBAC of embedded clusters: every request is allowed or refused in the words that a real server was heard to use. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type ApiServer, startApiServer } from '../src/sim/api/index.ts';
import { answersTo } from './rbac/ask.ts';
import { CASES } from './rbac/cases.ts';
import expected from './rbac/expected.json' with { type: 'json' };

describe('RBAC on an embedded cluster', { concurrency: 4 }, () => {
  let server: ApiServer;
  before(async () => {
    server = await startApiServer({ name: 'rbac' });
  });
  after(() => server.close());

  for (const one of CASES) {
    test(one.name, async () => {
      const known = (expected as { readonly [name: string]: readonly string[] })[one.name];
      assert.deepEqual(await answersTo(one, server.adminKubeconfig.yaml), known);
    });
  }
});
