import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cpuMilli, memoryBytes, quantity } from './quantity.ts';

test('quantities as Kubernetes reads them', () => {
  assert.equal(cpuMilli('500m'), 500);
  assert.equal(cpuMilli(2), 2000);
  assert.equal(cpuMilli('0.1'), 100);
  assert.equal(cpuMilli('1n'), 1);
  assert.equal(memoryBytes('512Mi'), 536_870_912);
  assert.equal(memoryBytes('1e3'), 1000);
  assert.equal(memoryBytes('1E'), 1e18);
  assert.equal(memoryBytes('1k'), 1000);
  assert.equal(quantity(3), 3);
  assert.equal(cpuMilli('x') + memoryBytes(undefined), 0, 'absent or no quantity');
  for (const bad of ['', 'x', '1KB', '-1', null]) assert.equal(quantity(bad), undefined);
});
