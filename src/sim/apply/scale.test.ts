import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { JsonObject, KubeObject } from '../../base/index.ts';
import { trackScale } from './index.ts';

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

test('goldens 069 and 071: who scales takes the replicas from whoever had them, without a time', () => {
  const live = answer('066');
  const next = { ...live, spec: { ...(live.spec as JsonObject), replicas: 1 } } as KubeObject;
  const scaled = trackScale({ live, next, manager: '', path: ['spec', 'replicas'] });
  assert.deepEqual(owners(scaled), owners(answer('071')));
  const again = trackScale({ live: scaled, next: scaled, manager: 'other', path: ['spec', 'replicas'] });
  assert.deepEqual(again, scaled);
});
