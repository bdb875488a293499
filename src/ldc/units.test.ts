import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cpuMilli, durationMs, memoryBytes, quantity } from './index.ts';
import { nearest } from './suggest.ts';

test('durations', () => {
  assert.equal(durationMs('1h30m'), 5_400_000);
  assert.equal(durationMs('250ms'), 250);
  assert.equal(durationMs('30d'), 2_592_000_000);
  assert.equal(durationMs('1.5s'), 1_500);
  for (const bad of ['', '5', 's', '5 s', '-1s', '1y']) assert.throws(() => durationMs(bad), RangeError);
});

test('quantities as Kubernetes reads them', () => {
  assert.equal(cpuMilli('500m'), 500);
  assert.equal(cpuMilli(2), 2000);
  assert.equal(cpuMilli('0.1'), 100);
  assert.equal(cpuMilli('1n'), 1);
  assert.equal(memoryBytes('512Mi'), 536_870_912);
  assert.equal(memoryBytes('1e3'), 1000);
  assert.equal(memoryBytes('1E'), 1e18);
  assert.equal(memoryBytes('1k'), 1000);
  for (const bad of ['', 'x', '1KB', '-1', null]) assert.equal(quantity(bad), undefined);
});

test('the nearest word', () => {
  assert.equal(nearest('manifest', ['name', 'manifests']), 'manifests');
  assert.equal(nearest('naem', ['name', 'needs']), 'name');
  assert.equal(nearest('Checkout', ['checkout']), 'checkout');
  assert.equal(nearest('zzz', ['name']), undefined);
});
