import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { JsonObject, KubeObject } from '../../base/index.ts';
import { applyScale, trackScale } from './index.ts';

const folder = new URL('../../../test/golden/', import.meta.url);
function answer(number: string): KubeObject {
  const file = readdirSync(folder).find((name) => name.startsWith(`${number}-`));
  assert.ok(file);
  const golden = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as { response: { body: KubeObject } };
  return golden.response.body;
}

const owners = (object: KubeObject) =>
  (object.metadata.managedFields as unknown as JsonObject[]).filter(
    (entry) => entry.manager !== 'kube-controller-manager',
  );

function scaleOf(object: KubeObject): KubeObject {
  const { name, namespace, uid } = object.metadata;
  const { replicas } = object.spec as JsonObject;
  return {
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: { name, namespace, uid },
    spec: { replicas },
    status: { replicas: 0 },
  } as unknown as KubeObject;
}

const request = (live: KubeObject, manager: string) => ({
  live,
  scale: scaleOf(live),
  paths: new Map([['apps/v1', ['spec', 'replicas']]]),
  manager,
  time: '2026-01-02T03:04:05Z',
});
const wanting = (live: KubeObject, replicas: number) => ({ ...scaleOf(live), spec: { replicas } }) as KubeObject;
const withOwners = (live: KubeObject, managedFields: unknown, replicas: number) =>
  ({
    ...live,
    metadata: { ...live.metadata, managedFields },
    spec: { ...(live.spec as JsonObject), replicas },
  }) as never;

test('goldens 069 and 071: who scales takes the replicas from whoever had them, without a time', () => {
  const live = answer('066');
  const { managedFields } = trackScale({ ...request(live, ''), next: wanting(live, 1) });
  const scaled: KubeObject = withOwners(live, managedFields, 1);
  assert.deepEqual(owners(scaled), owners(answer('071')));
  const again = trackScale({ ...request(scaled, 'other'), next: wanting(scaled, 1) });
  assert.deepEqual(again.managedFields, managedFields, 'a write that changes nothing moves nothing');
});

test('replicas are applied through /scale: a conflict with who owns them, and by force they change hands', () => {
  const live = answer('066');
  const { managedFields } = trackScale({ ...request(live, ''), next: wanting(live, 1) });
  const scaled: KubeObject = withOwners(live, managedFields, 1);
  const refused = applyScale({ ...request(scaled, 'me'), applied: wanting(scaled, 3), force: false });
  assert.equal(refused.kind, 'conflict');
  const details = ' with subresource "scale" using autoscaling/v1';
  assert.deepEqual(refused.kind === 'conflict' && refused.conflicts, [
    { manager: 'unknown', field: '.spec.replicas', details },
  ]);
  const forced = applyScale({ ...request(scaled, 'me'), applied: wanting(scaled, 3), force: true });
  assert.ok(forced.kind === 'scaled');
  assert.deepEqual(forced.scale.spec, { replicas: 3 });
  const mine = forced.managedFields?.filter((entry) => (entry as JsonObject).subresource === 'scale');
  const fieldsV1 = { 'f:spec': { 'f:replicas': {} } };
  assert.deepEqual(mine, [
    {
      manager: 'me',
      operation: 'Apply',
      apiVersion: 'apps/v1',
      fieldsType: 'FieldsV1',
      fieldsV1,
      subresource: 'scale',
    },
  ]);
});
