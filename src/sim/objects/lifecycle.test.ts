import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KubeObject } from '../../base/index.ts';
import {
  changesIntent,
  deletionStep,
  finalizerErrors,
  isFinished,
  keepServerMetadata,
  kubeTime,
  uuid,
} from './lifecycle.ts';

const NOW = Date.parse('2026-01-02T03:04:05.678Z');
const object = (
  metadata: Partial<KubeObject['metadata']> = {},
  rest: { readonly [field: string]: KubeObject[string] } = {},
): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  ...rest,
  metadata: { name: 'a', namespace: 'n', ...metadata },
});

describe('deletion', () => {
  test('nothing to wait for: gone at once', () => {
    assert.deepEqual(deletionStep(object(), {}, 0, NOW), { kind: 'remove' });
  });

  test('a finalizer keeps the object, marked, and moves its generation', () => {
    const step = deletionStep(object({ finalizers: ['x/y'], generation: 3 }), {}, 0, NOW);
    assert.equal(step.kind, 'mark');
    assert.ok(step.kind === 'mark');
    assert.deepEqual(step.object.metadata, {
      name: 'a',
      namespace: 'n',
      finalizers: ['x/y'],
      generation: 4,
      deletionTimestamp: '2026-01-02T03:04:05Z',
      deletionGracePeriodSeconds: 0,
    });
    assert.deepEqual(deletionStep(step.object, {}, 0, NOW), { kind: 'waiting' });
  });

  test('policies put their finalizer, and Background takes it away', () => {
    const foreground = deletionStep(object(), { propagationPolicy: 'Foreground' }, 0, NOW);
    assert.ok(foreground.kind === 'mark');
    assert.deepEqual(foreground.object.metadata.finalizers, ['foregroundDeletion']);
    const orphan = deletionStep(object(), { propagationPolicy: 'Orphan' }, 0, NOW);
    assert.ok(orphan.kind === 'mark');
    assert.deepEqual(orphan.object.metadata.finalizers, ['orphan']);
    assert.deepEqual(deletionStep(foreground.object, { propagationPolicy: 'Background' }, 0, NOW), { kind: 'remove' });
  });

  test('grace: the deadline lies ahead, a shorter one comes nearer, none removes', () => {
    const first = deletionStep(object(), {}, 30, NOW);
    assert.ok(first.kind === 'mark');
    assert.equal(first.object.metadata.deletionTimestamp, '2026-01-02T03:04:35Z');
    assert.equal(isFinished(first.object), false);
    assert.deepEqual(deletionStep(first.object, {}, 30, NOW), { kind: 'waiting' });
    const shorter = deletionStep(first.object, {}, 5, NOW);
    assert.ok(shorter.kind === 'mark');
    assert.equal(shorter.object.metadata.deletionTimestamp, '2026-01-02T03:04:10Z');
    assert.deepEqual(deletionStep(first.object, {}, 0, NOW), { kind: 'remove' });
  });

  test('a namespace waits for its spec.finalizers', () => {
    const namespace = object({}, { kind: 'Namespace', spec: { finalizers: ['kubernetes'] } });
    const step = deletionStep(namespace, {}, 0, NOW);
    assert.ok(step.kind === 'mark');
    assert.equal(step.object.metadata.deletionGracePeriodSeconds, undefined);
    assert.equal(isFinished(step.object), false);
    assert.equal(isFinished({ ...step.object, spec: { finalizers: [] } }), true);
  });

  test('finalizers may go but not come while an object is being deleted', () => {
    const before = object({ deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['a/b', 'c/d'] });
    assert.deepEqual(finalizerErrors(before, object({ finalizers: ['a/b'] })), []);
    const errors = finalizerErrors(before, object({ finalizers: ['a/b', 'e/f'] }));
    assert.match(errors[0]?.message ?? '', /found new finalizers \[\]string\{"e\/f"\}$/);
    assert.deepEqual(finalizerErrors(object(), object({ finalizers: ['e/f'] })), []);
  });
});

describe('updates', () => {
  test('the server keeps what it owns, whatever the client sends', () => {
    const stored = object({ uid: 'u', creationTimestamp: 't', generation: 2, resourceVersion: '7' }).metadata;
    const kept = keepServerMetadata(stored, {
      name: 'another',
      uid: 'other',
      creationTimestamp: 'x',
      generation: 9,
      deletionTimestamp: 'y',
      labels: { l: '1' },
    });
    assert.deepEqual(kept, {
      name: 'a',
      namespace: 'n',
      labels: { l: '1' },
      uid: 'u',
      resourceVersion: '7',
      generation: 2,
      creationTimestamp: 't',
    });
  });

  test('intent is everything but metadata and status; a Deployment counts its annotations', () => {
    const before = object({}, { spec: { a: 1 }, status: { b: 1 } });
    assert.equal(changesIntent('x', before, { ...before, status: { b: 2 } }), false);
    assert.equal(changesIntent('x', before, { ...before, metadata: { name: 'a', labels: { l: '1' } } }), false);
    assert.equal(changesIntent('x', before, { ...before, spec: { a: 2 } }), true);
    assert.equal(
      changesIntent('deployments.apps', before, object({ annotations: { a: '1' } }, { spec: { a: 1 } })),
      true,
    );
  });

  test('times have whole seconds; uids are version 4', () => {
    assert.equal(kubeTime(NOW), '2026-01-02T03:04:05Z');
    assert.match(uuid(new Uint8Array(16).fill(255)), /^ffffffff-ffff-4fff-bfff-ffffffffffff$/);
  });
});
