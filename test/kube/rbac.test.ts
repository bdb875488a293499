/** The same cases against real control planes of both minors: what `test/rbac/expected.json` says is so. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { answersTo } from '../rbac/ask.ts';
import { CASES } from '../rbac/cases.ts';
import expected from '../rbac/expected.json' with { type: 'json' };
import { type Real, skip, startReal } from './control-planes.ts';

for (const minor of ['1.34', '1.33'] as const) {
  describe(`RBAC on a real ${minor}`, { concurrency: 2, skip }, () => {
    let real: Real;
    before(async () => {
      real = await startReal(minor, { nodes: 0 });
    });
    after(() => real?.close());

    for (const one of CASES) {
      test(one.name, async () => {
        const known = (expected as { readonly [name: string]: readonly string[] })[one.name];
        assert.deepEqual(await answersTo(one, real.kubeconfigText), known);
      });
    }
  });
}
