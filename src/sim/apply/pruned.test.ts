import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Json, JsonObject, KubeObject } from '../../base/index.ts';
import { builtinResources } from '../schema/index.ts';
import { apply } from './index.ts';

const resource = builtinResources().find(({ kind }) => kind === 'CSINode');
const node = (spec: Json) =>
  ({ apiVersion: 'storage.k8s.io/v1', kind: 'CSINode', metadata: { name: 'n' }, spec }) as unknown as KubeObject;

function applied(live: KubeObject | undefined, manager: string, spec: Json): KubeObject {
  assert.ok(resource);
  const result = apply({ live, applied: node(spec), manager, force: false, time: '2026-01-02T03:04:05Z', resource });
  assert.ok(result.kind === 'merged', JSON.stringify(result));
  return { ...result.object, metadata: { ...result.object.metadata, uid: 'u' } };
}

test('an item by an empty default key is pruned with what nobody owns of it; the manager of the spec keeps its part', () => {
  const empty = applied(undefined, 'alpha', {});
  const filled = applied(empty, 'beta', { drivers: [{}] });
  const again = applied(filled, 'beta', { drivers: [{}] });
  const owners = (again.metadata.managedFields as unknown as JsonObject[]).map(({ manager, fieldsV1 }) => [
    manager,
    fieldsV1,
  ]);
  assert.deepEqual(owners, [
    ['alpha', { 'f:spec': {} }],
    ['beta', { 'f:spec': { 'f:drivers': { 'k:{"name":""}': {} } } }],
  ]);
  assert.deepEqual(again.spec, { drivers: null });
});

test('an object that nobody owns and that does not fit its schema is refused before what is applied is looked at', () => {
  assert.ok(resource);
  const live = { ...node({ drivers: [null] }), metadata: { name: 'n', uid: 'u' } } as KubeObject;
  const request = { manager: 'm', force: false, time: '2026-01-02T03:04:05Z', resource };
  const result = apply({ ...request, live, applied: node({ drivers: 1 }) });
  assert.equal(result.kind, 'invalid');
  const why = 'associative list with keys may not have a null element';
  assert.equal(
    result.kind === 'invalid' && result.message,
    `failed to create manager for existing fields: failed to convert new object (/n; storage.k8s.io/v1, Kind=CSINode) to smd typed: .spec.drivers: element 0: ${why}`,
  );
});
