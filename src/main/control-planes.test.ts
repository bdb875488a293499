import assert from 'node:assert/strict';
import { it } from 'node:test';
import { clusterPlans } from './control-planes.ts';

it('real clusters come first, take turns among the minors, and have the names that embedded ones have', () => {
  const plans = clusterPlans({ clusters: 4, real: 3 });
  assert.deepEqual(
    plans.map(({ name, minor }) => [name, minor]),
    [
      ['eu-1', '1.34'],
      ['us-1', '1.33'],
      ['eu-2', '1.34'],
      ['us-2', undefined],
    ],
  );
  assert.deepEqual(
    plans.map(({ name, labels }) => ({ name, labels })),
    clusterPlans({ clusters: 4 }),
  );
});
