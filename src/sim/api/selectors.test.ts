import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KubeObject } from '../../base/index.ts';
import { fieldSelector, labelSelector } from './selectors.ts';

const pod = (labels: { readonly [key: string]: string }, status: { readonly phase?: string } = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'n', labels },
  spec: { nodeName: 'node-1' },
  status,
});
const PODS = { group: '', plural: 'pods', kind: 'Pod' };

describe('label selectors', () => {
  const cases: readonly (readonly [string, { readonly [key: string]: string }, boolean])[] = [
    ['a=b', { a: 'b' }, true],
    ['a==b', { a: 'c' }, false],
    ['a!=b', {}, true],
    ['a!=b', { a: 'b' }, false],
    ['a', { a: '' }, true],
    ['!a', { a: '' }, false],
    ['a in (x, y)', { a: 'y' }, true],
    ['a notin (x,y)', { a: 'y' }, false],
    ['a notin (x,y)', {}, true],
    ['a=b,c=d', { a: 'b' }, false],
    ['a=b, c', { a: 'b', c: 'd' }, true],
    ['a=', { a: '' }, true],
    ['n>3', { n: '4' }, true],
    ['n<3', { n: '4' }, false],
  ];
  for (const [text, labels, expected] of cases) {
    test(`${text} on ${JSON.stringify(labels)} is ${expected}`, () =>
      assert.equal(labelSelector(text)?.(pod(labels)), expected));
  }

  test('nothing selects everything', () => assert.equal(labelSelector(''), undefined));

  for (const [text, message] of [
    ['a===b', "unable to parse requirement: found '=', expected: identifier"],
    ['a in x', "unable to parse requirement: found 'x' expected: '('"],
    ['a b', "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
  ] as const) {
    test(`${text} is refused`, () => assert.throws(() => labelSelector(text), { message, code: 400 }));
  }
});

describe('field selectors', () => {
  test('select by the fields of the kind', () => {
    const running = pod({}, { phase: 'Running' });
    assert.equal(fieldSelector('metadata.name=p,status.phase=Running', PODS)?.(running), true);
    assert.equal(fieldSelector('status.phase!=Running', PODS)?.(running), false);
    assert.equal(fieldSelector('spec.nodeName=', PODS)?.(running), false);
  });

  test('refuse others, in words that differ by kind', () => {
    const configMaps = { group: '', plural: 'configmaps', kind: 'ConfigMap' };
    assert.throws(() => fieldSelector('data.k=1', configMaps), {
      message: '"data.k" is not a known field selector: only "metadata.name", "metadata.namespace"',
    });
    assert.throws(() => fieldSelector('spec.x=1', PODS), { message: 'field label not supported: spec.x' });
  });

  test('know the fields that a CRD names', () => {
    const widgets = { group: 'example.com', plural: 'widgets', kind: 'Widget' };
    assert.throws(() => fieldSelector('spec.nodeName=a', widgets), { code: 400 });
    assert.equal(fieldSelector('spec.nodeName=node-1', widgets, ['spec.nodeName'])?.(pod({})), true);
  });
});
