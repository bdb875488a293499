import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { KubeObject } from '../../base/index.ts';
import { isOlder } from './versions.ts';

const at = (resourceVersion?: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'a', ...(resourceVersion === undefined ? {} : { resourceVersion }) },
});

it('a reading is older by the number of its version, and never by what is no number', () => {
  assert.ok(isOlder(at('9'), at('10')));
  assert.ok(isOlder(at('9007199254740993'), at('9007199254740994')), 'beyond what a double holds');
  for (const [one, other] of [
    [at('10'), at('9')],
    [at('9'), at('9')],
    [at('9'), undefined],
    [at(), at('9')],
    [at('9'), at()],
    [at('a1'), at('b2')],
  ] as const)
    assert.ok(!isOlder(one, other));
});
