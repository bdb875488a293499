import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  difference,
  type FieldSet,
  fromFieldsV1,
  insert,
  intersection,
  isEmptySet,
  newSet,
  paths,
  toFieldsV1,
  union,
} from './field-set.ts';
import { pathText } from './path.ts';

const element = fc.constantFrom('f:a', 'f:b', 'f:c', 'k:{"name":"x"}', 'k:{"name":"y","port":80}', 'v:"s"', 'v:1');
const set: fc.Arbitrary<FieldSet> = fc
  .array(fc.array(element, { minLength: 1, maxLength: 4 }), { maxLength: 12 })
  .map((all) => {
    const built = newSet();
    for (const path of all) insert(built, path);
    return built;
  });

const texts = (of: FieldSet) => paths(of).map(pathText).sort();

test('union, intersection and difference are those of the sets of paths', () => {
  fc.assert(
    fc.property(set, set, (a, b) => {
      const [left, right] = [new Set(texts(a)), new Set(texts(b))];
      assert.deepEqual(texts(union(a, b)), [...new Set([...left, ...right])].sort());
      assert.deepEqual(texts(intersection(a, b)), [...left].filter((path) => right.has(path)).sort());
      assert.deepEqual(texts(difference(a, b)), [...left].filter((path) => !right.has(path)).sort());
      assert.ok(isEmptySet(difference(a, a)));
    }),
  );
});

test('fieldsV1 and back is the same set', () => {
  fc.assert(fc.property(set, (a) => assert.deepEqual(texts(fromFieldsV1(toFieldsV1(a))), texts(a))));
});

test('keys are read in any form and written in one', () => {
  const read = fromFieldsV1({ 'f:ports': { 'k:{"port":80,"name":"x"}': { '.': {} } } });
  assert.deepEqual(toFieldsV1(read), { 'f:ports': { 'k:{"name":"x","port":80}': {} } });
  assert.throws(() => fromFieldsV1({ 'x:y': {} }), /invalid path element/);
});
