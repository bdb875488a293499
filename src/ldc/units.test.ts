import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationMs } from './index.ts';
import { nearest } from './suggest.ts';

test('durations', () => {
  assert.equal(durationMs('1h30m'), 5_400_000);
  assert.equal(durationMs('250ms'), 250);
  assert.equal(durationMs('30d'), 2_592_000_000);
  assert.equal(durationMs('1.5s'), 1_500);
  for (const bad of ['', '5', 's', '5 s', '-1s', '1y']) assert.throws(() => durationMs(bad), RangeError);
});

test('the nearest word', () => {
  assert.equal(nearest('manifest', ['name', 'manifests']), 'manifests');
  assert.equal(nearest('naem', ['name', 'needs']), 'name');
  assert.equal(nearest('Checkout', ['checkout']), 'checkout');
  assert.equal(nearest('zzz', ['name']), undefined);
});
