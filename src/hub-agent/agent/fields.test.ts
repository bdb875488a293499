import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Json, KubeObject } from '../../base/index.ts';
import { compareJson, restoringPatch } from './compare.ts';
import { extract, ownersAt, owns, removeAt } from './field-set.ts';

const FIELDS = {
  'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
  'f:spec': {
    'f:containers': {
      'k:{"name":"c"}': {
        '.': {},
        'f:name': {},
        'f:image': {},
        'f:ports': { 'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} } },
      },
    },
    'f:args': {},
    'f:finalizers': { 'v:"a"': {} },
  },
};
const POD = {
  apiVersion: 'v1',
  kind: 'X',
  metadata: {
    name: 'p',
    namespace: 'n',
    labels: { app: 'a', other: 'b' },
    managedFields: [{ manager: 'm', operation: 'Apply', apiVersion: 'v1', fieldsV1: FIELDS }],
  },
  spec: {
    containers: [
      { name: 'sidecar', image: 's' },
      { name: 'c', image: 'i', pull: 'Always', ports: [{ containerPort: 80, protocol: 'TCP' }] },
    ],
    args: [1, 2],
    finalizers: ['a', 'b'],
  },
} as unknown as KubeObject;

describe('field sets', () => {
  it('extract takes what is owned; a key field with a default only where it was owned', () => {
    assert.deepEqual(extract(POD, FIELDS), {
      apiVersion: 'v1',
      kind: 'X',
      metadata: { name: 'p', namespace: 'n', labels: { app: 'a' } },
      spec: {
        containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 80 }] }],
        args: [1, 2],
        finalizers: ['a'],
      },
    });
  });
  it('knows who owns a place', () => {
    assert.equal(ownersAt(POD, ['spec', 'containers', 1, 'image']).length, 1);
    assert.equal(ownersAt(POD, ['spec', 'containers', 1, 'pull']).length, 0);
    assert.equal(ownersAt(POD, ['spec', 'containers', 0, 'image']).length, 0);
    assert.ok(owns(POD as unknown as Json, FIELDS, ['spec', 'args', 0]), 'below a leaf everything is owned');
  });
  it('removes what a conflict names', () => {
    const path = '.spec.containers[name="c"].image';
    assert.equal(JSON.stringify(removeAt(POD, path)).includes('"image":"i"'), false);
    assert.deepEqual(removeAt(POD, '.spec.finalizers[="a"]').spec, { ...(POD.spec as object), finalizers: ['b'] });
    const port = removeAt(POD, '.spec.containers[name="c"].ports[containerPort=80,protocol="TCP"]');
    assert.ok(JSON.stringify(port).includes('"ports":[]'));
    assert.equal(removeAt(POD, '.spec.absent.field').kind, 'X');
  });
});

describe('compare', () => {
  it('matches list items by key and names the place', () => {
    const before = {
      c: [
        { name: 'a', v: 1 },
        { name: 'b', v: 2 },
      ],
    };
    const after = { c: [{ name: 'b', v: 3 }] };
    assert.deepEqual(
      compareJson(before, after).map((change) => change.path),
      ['.c[name=a]', '.c[name=b].v'],
    );
  });
  it('the restoring patch restores: any object from any other', () => {
    const value = fc.oneof(fc.integer(), fc.string(), fc.constant(null), fc.boolean());
    const item = fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd'), v: value });
    const list = fc.uniqueArray(item, { selector: (one) => one.name, maxLength: 4 });
    const sorted = list.map((items) => [...items].sort((a, b) => (a.name < b.name ? -1 : 1)));
    const object = fc.record({ 'a/b~c': value, list: sorted, deep: fc.dictionary(fc.constantFrom('x', 'y'), value) });
    fc.assert(
      fc.property(object, object, (before, after) => {
        const patched = patch(
          structuredClone(after) as Json,
          restoringPatch(compareJson(before as Json, after as Json)),
        );
        assert.deepEqual(compareJson(before as Json, patched), []);
      }),
    );
  });
});

/** RFC 6902, as much as is needed to check: replace, remove, add. */
function patch(document: Json, operations: ReturnType<typeof restoringPatch>): Json {
  for (const { op, path, value } of operations) {
    const steps = path
      .split('/')
      .slice(1)
      .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
    const last = steps.pop() as string;
    const parent = steps.reduce<unknown>((at, step) => (at as Record<string, unknown>)[step], document);
    if (Array.isArray(parent)) parent.splice(Number(last), op === 'add' ? 0 : 1, ...(op === 'remove' ? [] : [value]));
    else if (op === 'remove') delete (parent as Record<string, unknown>)[last];
    else (parent as Record<string, unknown>)[last] = value;
  }
  return document;
}
