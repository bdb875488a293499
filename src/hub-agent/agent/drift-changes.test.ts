import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Json, KubeObject } from '../../base/index.ts';
import { createMask } from '../../kubernetes/index.ts';
import { changedMessage, driftChanges } from './drift-changes.ts';

const OURS = 'ldc.default.shop';
const REF = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'checkout' };

function deployment(image: string, env: Json, owners: readonly Json[] = []): KubeObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'checkout', namespace: 'shop', managedFields: owners as Json[] },
    spec: {
      template: {
        spec: {
          containers: [
            { name: 'side', image: 's' },
            { name: 'c', image, env },
          ],
        },
      },
    },
  } as unknown as KubeObject;
}
const owner = (manager: string, time: string, field: string): Json => ({
  ...{ manager, operation: 'Update', apiVersion: 'apps/v1', time },
  fieldsV1: {
    'f:spec': { 'f:template': { 'f:spec': { 'f:containers': { 'k:{"name":"c"}': { [`f:${field}`]: {} } } } } },
  },
});
const between = (would: KubeObject, live: KubeObject) =>
  driftChanges({ would, live, manager: OURS, cutKey: new Uint8Array(32), mask: createMask() });

describe('what of an object drifted', () => {
  it('has the hand of whoever owns the field now: the latest, and never ours', () => {
    const live = deployment(
      'bad:1',
      [],
      [
        owner(OURS, '2026-01-03T00:00:00Z', 'image'),
        owner('old-hand', '2026-01-01T00:00:00Z', 'image'),
        owner('kubectl-edit', '2026-01-02T00:00:00Z', 'image'),
        owner('other', '2026-01-04T00:00:00Z', 'env'),
      ],
    );
    const changes = between(deployment('good:1', []), live);
    assert.deepEqual(changes, [
      {
        ref: REF,
        field: '.spec.template.spec.containers[name=c].image',
        wanted: 'good:1',
        found: 'bad:1',
        by: { manager: 'kubectl-edit', operation: 'Update', at: '2026-01-02T00:00:00Z' },
      },
    ]);
    assert.equal(
      changedMessage(REF, changes),
      'apps/Deployment shop/checkout was changed by kubectl-edit: .spec.template.spec.containers[name=c].image "good:1" → "bad:1"',
    );
  });
  it('masks a value by its name, wherever the name stands', () => {
    const env = (value: string) => [
      { name: 'API_TOKEN', value },
      { name: 'MODE', value },
    ];
    const [token, mode] = between(deployment('i', env('first')), deployment('i', env('second')));
    assert.deepEqual([token?.wanted, token?.found], ['***', '***']);
    assert.deepEqual([mode?.wanted, mode?.found], ['first', 'second']);
    const [added] = between(
      deployment('i', [{ name: 'X', value: 'x' }]),
      deployment('i', [
        { name: 'X', value: 'x' },
        { name: 'DB_PASSWORD', value: 'plain' },
      ]),
    );
    assert.deepEqual(added?.found, { name: 'DB_PASSWORD', value: '***' });
    assert.equal(added?.wanted, undefined);
    const [pin] = between(deployment('i', []), deployment('i', [{ name: 'X', valueFrom: { pin: 1, passcode: 4711 } }]));
    assert.deepEqual(JSON.stringify(pin?.found).match(/\d+|\*+/g), ['1', '***'], 'digits are a secret, too');
  });
  it('tells a large value by its size and digest, and of many fields the first', () => {
    const [change] = between(deployment('i', []), deployment('x'.repeat(300), []));
    assert.match(String(change?.found), /^… \(302 bytes, sha256:[0-9a-f]{64}\)$/);
    const env = (value: string) => Array.from({ length: 6 }, (_, at) => ({ name: `V${at}`, value }));
    const message = changedMessage(REF, between(deployment('i', env('a')), deployment('i', env('b'))));
    assert.match(message, /env\[name=V2\]\.value "a" → "b", and 3 more$/);
  });
  it('cuts what a Secret holds', () => {
    const secret = (password: string) =>
      ({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, data: { password } }) as unknown as KubeObject;
    const [change] = between(secret('b25l'), secret('dHdv'));
    assert.match(String(change?.found), /^ldc-cut:/);
    assert.notEqual(change?.found, change?.wanted);
  });
});
