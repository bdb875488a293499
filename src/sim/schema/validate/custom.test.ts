import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json, JsonObject, KubeObject } from '../../../base/index.ts';
import { resourcesOfCrd } from '../crd.ts';
import { compile } from './cel.ts';
import { validate } from './index.ts';

function kindWith(spec: JsonObject) {
  const openAPIV3Schema = { type: 'object', properties: { spec } };
  const crd = {
    spec: {
      group: 'g.io',
      scope: 'Namespaced',
      names: { kind: 'K', plural: 'ks' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema } }],
    },
  };
  const [resource] = resourcesOfCrd(crd as unknown as KubeObject);
  assert.ok(resource);
  return resource;
}

function refusals(schema: JsonObject, spec: Json, before?: Json): string[] {
  const make = (value: Json) =>
    ({ apiVersion: 'g.io/v1', kind: 'K', metadata: { name: 'k' }, spec: value }) as unknown as KubeObject;
  const errors = validate(make(spec), kindWith(schema), before === undefined ? undefined : make(before));
  return errors.map((error) => `${error.field}: ${error.message}`);
}

test('types, bounds, patterns and required fields are refused as a real server words them', () => {
  const schema = {
    type: 'object',
    required: ['a'],
    properties: {
      n: { type: 'integer', minimum: 1, maximum: 5 },
      s: { type: 'string', pattern: '^a+$', minLength: 2, maxLength: 3 },
      l: { type: 'array', maxItems: 1, items: { type: 'string' } },
      x: { 'x-kubernetes-int-or-string': true },
    },
  };
  assert.deepEqual(refusals(schema, { n: '1', s: 'b', l: ['a', 1], x: true }), [
    'spec.a: Required value',
    'spec.n: Invalid value: "string": spec.n in body must be of type integer: "string"',
    'spec.s: Invalid value: "b": spec.s in body should be at least 2 chars long',
    'spec.s: Invalid value: "b": spec.s in body should match \'^a+$\'',
    'spec.l: Too many: 2: must have at most 1 items',
    'spec.l[1]: Invalid value: "integer": spec.l[1] in body must be of type string: "integer"',
    'spec.x: Invalid value: "boolean": spec.x in body must be of type integer,string: "boolean"',
  ]);
  assert.deepEqual(refusals(schema, { a: null, n: 6, x: '1' }), [
    'spec.n: Invalid value: 6: spec.n in body should be less than or equal to 5',
  ]);
});

test('items of one key are refused', () => {
  const items = { type: 'object', properties: { name: { type: 'string' } } };
  const schema = {
    type: 'object',
    properties: {
      l: { type: 'array', items, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] },
    },
  };
  assert.deepEqual(refusals(schema, { l: [{ name: 'a' }, { name: 'a' }] }), [
    'spec.l[1]: Duplicate value: {"name":"a"}',
  ]);
});

test('CEL: transition rules see the old value, and are not asked on create', () => {
  const rule = { rule: 'self == oldSelf', message: 'is immutable' };
  const schema = { type: 'object', properties: { a: { type: 'string', 'x-kubernetes-validations': [rule] } } };
  assert.deepEqual(refusals(schema, { a: 'x' }), []);
  assert.deepEqual(refusals(schema, { a: 'x' }, { a: 'y' }), ['spec.a: Invalid value: "string": is immutable']);
  assert.deepEqual(refusals(schema, { a: 'x' }, { a: 'x' }), []);
});

test('CEL: the common forms evaluate', () => {
  const self = { min: 1, max: 3, name: 'abc', list: [{ n: 1 }, { n: 2 }], map: { k: 'v' } };
  const expected: [string, Json][] = [
    ['self.min <= self.max && self.max - self.min == 2', true],
    ['has(self.nope) ? self.nope == 1 : true', true],
    ['!has(self.name) || self.name.startsWith("ab")', true],
    ["self.name.matches('^[a-c]+$')", true],
    ['self.list.all(i, i.n > 0) && self.list.exists(i, i.n == 2)', true],
    ['self.list.exists_one(i, i.n == 3)', false],
    ['self.list.filter(i, i.n > 1).size() == 1', true],
    ['size(self.map) == 1 && "k" in self.map', true],
    ['self.min in [1, 2]', true],
    ['self.list[1].n * 2 + 1 == 5 && 7 / 2 == 3 && 7 % 2 == 1', true],
    ['self.list.map(i, i.n).sum() == 3', true],
    ['(self.nope == 1) || true', true],
  ];
  for (const [source, value] of expected) assert.equal(compile(source)?.({ self }), value, source);
  assert.throws(() => compile('self.nope == 1')?.({ self }), /no such key: nope/);
  assert.equal(compile('self.frobnicate(1)'), undefined);
  assert.equal(compile('self ~ 1'), undefined);
});
