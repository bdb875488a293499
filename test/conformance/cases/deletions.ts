/** Deleting: preconditions, finalizers, dependents, collections. */
import assert from 'node:assert/strict';
import type { JsonObject, KubeObject } from '../../../src/base/index.ts';
import { accepted, names, refused } from '../caller.ts';
import type { Trial } from '../judge.ts';
import { configMap, deployment, owner, pod } from '../manifests.ts';
import type { Cases } from '../suite.ts';

async function make(t: Trial, name: string, metadata: JsonObject = {}): Promise<KubeObject> {
  return accepted(await t.post(t.path('configmaps'), configMap(name, {}, metadata)), 201);
}

async function gone(t: Trial, path: string): Promise<void> {
  await t.eventually(`${path} to be gone`, async () => (await t.get(path)).status === 404);
}

const release = (t: Trial, name: string) =>
  t.patch(t.path('configmaps', name), 'merge', { metadata: { finalizers: null } });

export const deletions: Cases = {
  async 'answers a Status with the uid; twice is 404'(t) {
    const made = await make(t, 'a');
    const path = t.path('configmaps', 'a');
    const status = accepted(await t.remove(path), 200);
    assert.deepEqual(status, {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Success',
      details: { name: 'a', kind: 'configmaps', uid: made.metadata.uid },
    });
    refused(await t.remove(path), 404, { reason: 'NotFound', message: 'configmaps "a" not found' });
  },
  async 'preconditions: another uid or resourceVersion is 409, the right ones delete'(t) {
    const made = await make(t, 'a');
    const path = t.path('configmaps', 'a');
    const { uid = '', resourceVersion = '' } = made.metadata;
    refused(await t.remove(path, { preconditions: { uid: 'another' } }), 409, {
      reason: 'Conflict',
      message: `Operation cannot be fulfilled on ConfigMap "a": the UID in the precondition (another) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
      details: { name: 'a', kind: 'ConfigMap' },
    });
    accepted(await t.patch(path, 'merge', { data: { k: '1' } }));
    refused(await t.remove(path, { preconditions: { resourceVersion } }), 409, {
      reason: 'Conflict',
      message:
        /^Operation cannot be fulfilled on ConfigMap "a": the ResourceVersion in the precondition \(\d+\) does not match the ResourceVersion in record \(\d+\)\. The object might have been modified$/,
    });
    accepted(await t.remove(path, { preconditions: { uid } }));
    await gone(t, path);
  },
  async 'a finalizer keeps the object, marked, until it is taken away; none can be added then'(t) {
    const path = t.path('configmaps', 'a');
    await make(t, 'a', { finalizers: ['example.com/hold'] });
    const marked = accepted(await t.remove(path), 200);
    assert.equal(marked.kind, 'ConfigMap');
    const { deletionTimestamp, deletionGracePeriodSeconds } = marked.metadata;
    assert.match(String(deletionTimestamp), /Z$/);
    assert.equal(deletionGracePeriodSeconds, 0);
    const again = accepted(await t.remove(path), 200);
    assert.equal(again.metadata.resourceVersion, marked.metadata.resourceVersion);
    const more = { metadata: { finalizers: ['example.com/hold', 'example.com/more'] } };
    refused(await t.patch(path, 'merge', more), 422, {
      message:
        /no new finalizers can be added if the object is being deleted, found new finalizers \[\]string\{"example\.com\/more"\}/,
    });
    accepted(await t.patch(path, 'merge', { data: { still: 'written' } }));
    accepted(await release(t, 'a'));
    refused(await t.get(path), 404);
  },
  async 'an apply onto an object that is being deleted keeps it so'(t) {
    const path = t.path('configmaps', 'a');
    await make(t, 'a', { finalizers: ['example.com/hold'] });
    accepted(await t.remove(path));
    const applied = accepted(await t.apply(path, configMap('a', { k: '1' })), 200);
    assert.notEqual(applied.metadata.deletionTimestamp, undefined);
    accepted(await release(t, 'a'));
    refused(await t.get(path), 404);
  },
  async 'Background: the owner goes at once, its dependents follow'(t) {
    const parent = await make(t, 'parent');
    await make(t, 'child', { ownerReferences: [owner(parent)] });
    accepted(await t.remove(t.path('configmaps', 'parent'), { propagationPolicy: 'Background' }));
    refused(await t.get(t.path('configmaps', 'parent')), 404);
    await gone(t, t.path('configmaps', 'child'));
  },
  async 'Foreground: the owner waits for the dependents that block it'(t) {
    const parent = await make(t, 'parent');
    const blocking = owner(parent, { blockOwnerDeletion: true });
    await make(t, 'child', { ownerReferences: [blocking], finalizers: ['example.com/hold'] });
    const marked = accepted(await t.remove(t.path('configmaps', 'parent'), { propagationPolicy: 'Foreground' }));
    assert.deepEqual(marked.metadata.finalizers, ['foregroundDeletion']);
    await t.eventually('the child to be marked', async () => {
      const child = accepted(await t.get(t.path('configmaps', 'child')));
      return child.metadata.deletionTimestamp !== undefined;
    });
    accepted(await t.get(t.path('configmaps', 'parent')));
    accepted(await release(t, 'child'));
    await gone(t, t.path('configmaps', 'parent'));
  },
  async 'Orphan: the dependents stay, without their owner'(t) {
    const parent = await make(t, 'parent');
    await make(t, 'child', { ownerReferences: [owner(parent)] });
    accepted(await t.remove(t.path('configmaps', 'parent'), { propagationPolicy: 'Orphan' }));
    await gone(t, t.path('configmaps', 'parent'));
    const child = accepted(await t.get(t.path('configmaps', 'child')));
    assert.equal(child.metadata.ownerReferences, undefined);
  },
  async 'with two owners an object stays until both are gone'(t) {
    const [one, two] = [await make(t, 'one'), await make(t, 'two')];
    await make(t, 'child', { ownerReferences: [owner(one), owner(two)] });
    accepted(await t.remove(t.path('configmaps', 'one')));
    const left = await t.eventually('one reference to be dropped', async () => {
      const { ownerReferences } = accepted(await t.get(t.path('configmaps', 'child'))).metadata;
      return (ownerReferences as readonly JsonObject[]).length === 1 ? ownerReferences : undefined;
    });
    assert.deepEqual(left, [owner(two)]);
    accepted(await t.remove(t.path('configmaps', 'two')));
    await gone(t, t.path('configmaps', 'child'));
  },
  async 'an owner that is another by now owns nothing'(t) {
    const parent = await make(t, 'parent');
    await make(t, 'child', { ownerReferences: [{ ...owner(parent), uid: 'another' }] });
    await gone(t, t.path('configmaps', 'child'));
    accepted(await t.get(t.path('configmaps', 'parent')));
  },
  async 'a Deployment takes its ReplicaSets and pods along'(t) {
    accepted(await t.post(t.path('apps/v1/deployments'), deployment('a', { replicas: 2 })));
    await t.eventually('two pods', async () => names(await t.get(t.path('pods'))).length === 2);
    accepted(await t.remove(t.path('apps/v1/deployments', 'a'), { propagationPolicy: 'Background' }));
    await t.eventually('no pods and no sets', async () => {
      const left = [...names(await t.get(t.path('pods'))), ...names(await t.get(t.path('apps/v1/replicasets')))];
      return left.length === 0;
    });
  },
  async 'a Deployment that is orphaned leaves its pods running, and one of the same selector adopts them'(t) {
    const path = t.path('apps/v1/deployments', 'a');
    accepted(await t.post(t.path('apps/v1/deployments'), deployment('a')));
    const [before] = await t.eventually('a pod', async () => {
      const found = names(await t.get(t.path('pods')));
      return found.length === 1 && found;
    });
    accepted(await t.remove(path, { propagationPolicy: 'Orphan' }));
    await gone(t, path);
    accepted(await t.post(t.path('apps/v1/deployments'), deployment('a')));
    await t.eventually('the set to be adopted', async () => {
      const found = accepted(await t.get(t.path('apps/v1/replicasets')));
      return JSON.stringify(found).includes('"ownerReferences"');
    });
    assert.deepEqual(names(await t.get(t.path('pods'))), [before]);
  },
  async 'a collection: what the selector takes, and only that'(t) {
    for (const [name, on] of [
      ['a', '1'],
      ['b', '1'],
      ['c', '0'],
    ] as const) {
      await make(t, name, { labels: { on } });
    }
    const list = accepted(await t.remove(t.path('configmaps'), undefined, { labelSelector: 'on=1' }), 200);
    assert.equal(list.kind, 'ConfigMapList');
    assert.deepEqual(names(await t.get(t.path('configmaps'), { labelSelector: 'on' })), ['c']);
  },
  async 'a pod that was never placed goes at once; its answer is the pod'(t) {
    accepted(await t.post(t.path('pods'), pod('p', { nodeSelector: { no: 'where' } })));
    const answer = accepted(await t.remove(t.path('pods', 'p')), 200);
    assert.equal(answer.kind, 'Pod');
    await gone(t, t.path('pods', 'p'));
  },
  async 'a policy that is none is refused'(t) {
    await make(t, 'a');
    refused(await t.remove(t.path('configmaps', 'a'), { propagationPolicy: 'Sideways' }), 422, {
      details: { group: 'meta.k8s.io', kind: 'DeleteOptions' },
      causes: [
        {
          reason: 'FieldValueNotSupported',
          message: 'Unsupported value: "Sideways": supported values: "Foreground", "Background", "Orphan", "nil"',
          field: 'propagationPolicy',
        },
      ],
    });
  },
};
