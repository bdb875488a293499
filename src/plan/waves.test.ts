import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { canonical } from '../base/index.ts';
import { changedFields, wavesOf } from './index.ts';

const cluster = (name: string, zone = '') => ({ name, labels: { region: name.split('-')[0] ?? '', zone } });

test('a canary, then shares, taking regions in turn', () => {
  const six = ['eu-1', 'eu-2', 'eu-3', 'us-1', 'us-2', 'ap-1'].map((name) => cluster(name));
  assert.deepEqual(wavesOf(six, [1, '50%', '100%']), [['ap-1'], ['eu-1', 'us-1'], ['eu-2', 'us-2', 'eu-3']]);
  assert.deepEqual(wavesOf(six.slice(0, 1), [1, '25%', '100%']), [['eu-1']]);
  assert.deepEqual(wavesOf([], [1, '100%']), []);
  const zoned = [cluster('eu-1', 'a'), cluster('eu-2', 'a'), cluster('eu-3', 'b')];
  assert.deepEqual(wavesOf(zoned, ['100%']), [['eu-1', 'eu-3', 'eu-2']]);
});

test('every cluster is in exactly one wave, waves grow as told, and a wave spreads while it can', () => {
  const drawn = fc.uniqueArray(fc.tuple(fc.constantFrom('eu', 'us', 'ap'), fc.nat(30)), {
    selector: ([r, n]) => `${r}-${n}`,
  });
  const shares = fc
    .uniqueArray(fc.integer({ min: 1, max: 99 }), { maxLength: 3 })
    .map((list) => [...list.sort((a, b) => a - b).map((n) => `${n}%`), '100%']);
  fc.assert(
    fc.property(drawn, shares, (pairs, waves) => {
      const all = pairs.map(([region, n]) => cluster(`${region}-${n}`));
      const result = wavesOf(all, waves);
      assert.deepEqual(result.flat().sort(), all.map((one) => one.name).sort());
      assert.ok(result.every((wave) => wave.length > 0));
      assert.deepEqual(result, wavesOf(all.toReversed(), waves));
      const regions = new Set(all.map((one) => one.labels.region)).size;
      const first = result[0] ?? [];
      assert.equal(new Set(first.map((name) => name.split('-')[0])).size, Math.min(first.length, regions));
    }),
  );
});

const json = fc.jsonValue().filter((value) => !JSON.stringify(value).includes('__proto__'));

test('changed fields: none for equal values, and each path is one of the two documents', () => {
  fc.assert(
    fc.property(json, json, (a, b) => {
      assert.deepEqual(changedFields(a as never, a as never, 20), []);
      const paths = changedFields(a as never, b as never, 20);
      assert.ok(paths.length <= 20 && paths.every((path) => path.startsWith('.') || path.startsWith('[')));
      assert.equal(paths.length === 0, canonical(a) === canonical(b));
    }),
  );
  assert.deepEqual(changedFields({ a: { 'x/y': 1, b: [1, 2] } }, { a: { 'x/y': 2, b: [1, 3] } }, 9), [
    '.a.b[1]',
    '.a["x/y"]',
  ]);
});
