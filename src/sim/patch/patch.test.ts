import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Json } from '../../base/index.ts';
import { builtinResources } from '../schema/index.ts';
import type { TypeSchema } from '../types.ts';
import { jsonPatch, mergePatch, type PatchOutcome, strategicMergePatch } from './index.ts';

const schema = (kind: string) => builtinResources().find((resource) => resource.kind === kind)?.schema as TypeSchema;
const value = (outcome: PatchOutcome): Json => {
  assert.ok(outcome.kind === 'patched', JSON.stringify(outcome));
  return outcome.value;
};
const pod = (spec: Json): Json => ({ spec });
const patchPod = (spec: Json, patch: Json) => strategicMergePatch(pod(spec), pod(patch), schema('Pod'));

test('strategic merge: lists with a key merge by it, others are replaced', () => {
  const before = {
    containers: [
      { name: 'a', image: '1', args: ['x'] },
      { name: 'b', image: '1' },
    ],
  };
  const patched = value(
    patchPod(before, {
      containers: [
        { name: 'a', image: '2', args: ['y'] },
        { name: 'c', image: '3' },
      ],
    }),
  );
  assert.deepEqual(patched, {
    spec: {
      containers: [
        { name: 'a', image: '2', args: ['y'] },
        { name: 'c', image: '3' },
        { name: 'b', image: '1' },
      ],
    },
  });
});

test('strategic merge: $patch delete and replace, for items, lists and maps', () => {
  const before = { containers: [{ name: 'a' }, { name: 'b' }], nodeSelector: { x: '1', y: '2' } };
  assert.deepEqual(value(patchPod(before, { containers: [{ name: 'a', $patch: 'delete' }] })), {
    spec: { containers: [{ name: 'b' }], nodeSelector: { x: '1', y: '2' } },
  });
  assert.deepEqual(
    value(patchPod(before, { containers: [{ name: 'z' }, { $patch: 'replace' }], nodeSelector: { $patch: 'delete' } })),
    {
      spec: { containers: [{ name: 'z' }] },
    },
  );
  assert.deepEqual(value(patchPod(before, { nodeSelector: { $patch: 'replace', z: '3' } })), {
    spec: { containers: [{ name: 'a' }, { name: 'b' }], nodeSelector: { z: '3' } },
  });
});

test('strategic merge: $setElementOrder orders, $deleteFromPrimitiveList removes, $retainKeys keeps', () => {
  const before = { containers: [{ name: 'a' }, { name: 'b' }, { name: 's' }] };
  const order = {
    '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }],
    containers: [{ name: 'a', image: 'i' }],
  };
  assert.deepEqual(value(patchPod(before, order)), {
    spec: { containers: [{ name: 'b' }, { name: 'a', image: 'i' }, { name: 's' }] },
  });
  const meta = strategicMergePatch(
    { metadata: { finalizers: ['x/a', 'x/b'] } },
    { metadata: { '$deleteFromPrimitiveList/finalizers': ['x/a'], finalizers: ['x/c'] } },
    schema('ConfigMap'),
  );
  assert.deepEqual(value(meta), { metadata: { finalizers: ['x/c', 'x/b'] } });
  const strategy = strategicMergePatch(
    { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } },
    { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } },
    schema('Deployment'),
  );
  assert.deepEqual(value(strategy), { spec: { strategy: { type: 'Recreate' } } });
});

test('strategic merge: nothing of a directive is left in what is new', () => {
  const patched = value(
    patchPod({}, { containers: [{ name: 'a', env: [{ name: 'E', $patch: 'delete' }] }], nodeSelector: { a: null } }),
  );
  assert.deepEqual(patched, { spec: { containers: [{ name: 'a', env: [] }], nodeSelector: {} } });
  assert.ok(!JSON.stringify(patched).includes('$patch'));
});

test('strategic merge: bad patches are refused with 400', () => {
  for (const patch of [{ containers: [{ image: 'x' }] }, { nodeSelector: { $patch: 'explode' } }] as Json[]) {
    const outcome = patchPod({ containers: [{ name: 'a' }], nodeSelector: { a: 'b' } }, patch);
    assert.equal(outcome.kind === 'invalid' && outcome.status, 400);
  }
  assert.equal(strategicMergePatch({}, [], schema('Pod')).kind, 'invalid');
});

test('JSON patch: all or nothing, and the document untouched', () => {
  const document = { a: { b: 1 }, list: [1, 2] };
  const frozen = JSON.stringify(document);
  const outcome = jsonPatch(document, [
    { op: 'add', path: '/list/-', value: 3 },
    { op: 'move', from: '/a/b', path: '/c' },
  ]);
  assert.deepEqual(value(outcome), { a: {}, list: [1, 2, 3], c: 1 });
  assert.equal(JSON.stringify(document), frozen);
  for (const bad of [
    [{ op: 'remove', path: '/none' }],
    [{ op: 'nope', path: '/a' }],
    [{ op: 'test', path: '/a', value: 1 }],
  ] as Json[]) {
    assert.equal((jsonPatch(document, bad) as { status?: number }).status, 422);
  }
  assert.equal((jsonPatch(document, {}) as { status?: number }).status, 400);
});

test('merge patch follows RFC 7396: idempotent, null deletes', () => {
  const json = fc.letrec((tie) => ({
    node: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom(1, 'x', true),
      fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('node')),
    ),
  })).node as fc.Arbitrary<Json>;
  const object = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.oneof(json, fc.constant(null))) as fc.Arbitrary<Json>;
  fc.assert(
    fc.property(object, object, (document, patch) => {
      const once = value(mergePatch(document, patch));
      assert.deepEqual(value(mergePatch(once, patch)), once);
      for (const [key, item] of Object.entries(patch as object))
        if (item === null) assert.ok(!Object.hasOwn(once as object, key));
    }),
  );
});
