/**
 * Where objects stand as real control planes wrote them (`tools/record-status`): each state of each kind, of two Kubernetes
 * minors, has one expected status and message. A `?` says that it is unproven.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KubeObject } from '../../src/base/index.ts';
import { statusOf } from '../../src/kubernetes/index.ts';
import { EXPECTED, surprise } from './expected.ts';
import recorded from './recorded.generated.json' with { type: 'json' };

const sets = Object.entries(recorded as unknown as { [version: string]: { [name: string]: KubeObject } });

for (const [version, objects] of sets) {
  describe(`objects of ${version}`, () => {
    for (const [name, object] of Object.entries(objects)) {
      it(name, () => assert.equal(surprise(name, object), undefined));
    }
  });
}

it('every expectation has an object of the first version', () => {
  const [, objects] = sets[0] ?? assert.fail('nothing is recorded');
  assert.deepEqual(
    Object.keys(EXPECTED).filter((name) => objects[name] === undefined),
    [],
  );
});

it('a claim waits for its first pod only where its class says so, and only until a node was chosen', () => {
  const objects = sets[0]?.[1] ?? assert.fail('nothing is recorded');
  const around = { storageClasses: [objects['storageclass: waits for the first consumer'] as KubeObject] };
  const judged = (name: string) => statusOf(objects[name], around);
  assert.equal(judged('claim: waits for the first consumer').status, 'current');
  assert.match(judged('claim: waits for the first consumer').message, /^waits for its first pod, as class/);
  assert.equal(judged('claim: a node was chosen for it').status, 'inProgress');
  assert.equal(judged('claim: pending').status, 'inProgress');
});
