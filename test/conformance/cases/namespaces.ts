/** Namespaces: what they are given, and how they go. */
import assert from 'node:assert/strict';
import type { JsonObject, KubeObject } from '../../../src/base/index.ts';
import { accepted, at, part, refused } from '../caller.ts';
import type { Trial } from '../judge.ts';
import { configMap } from '../manifests.ts';
import type { Cases } from '../suite.ts';
import { condition } from './crd-life.ts';

async function second(t: Trial): Promise<string> {
  const name = `${t.namespace}-two`;
  const made = accepted(
    await t.post(t.global('namespaces'), { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }),
    201,
  );
  t.later(() => t.remove(t.global('namespaces', name)));
  assert.equal(part(made, 'status').phase, 'Active');
  assert.equal(made.metadata.labels?.['kubernetes.io/metadata.name'], name);
  assert.deepEqual(part(made, 'spec'), { finalizers: ['kubernetes'] });
  return name;
}

async function goneNamespace(t: Trial, name: string): Promise<void> {
  await t.eventually(
    `namespace ${name} to be gone`,
    async () => (await t.get(t.global('namespaces', name))).status === 404,
  );
}

export const namespaces: Cases = {
  async 'a new one has a default account and the root certificate'(t) {
    const name = await second(t);
    await t.eventually(
      'the account',
      async () => (await t.get(t.in(name, 'serviceaccounts', 'default'))).status === 200,
    );
    const found = await t.eventually('the certificate', async () => {
      const answer = await t.get(t.in(name, 'configmaps', 'kube-root-ca.crt'));
      return answer.status === 200 && answer;
    });
    assert.match(String(part(accepted(found), 'data')['ca.crt']), /^-----BEGIN CERTIFICATE-----/);
  },
  async 'deleted, its content goes with it; one of the same name is another'(t) {
    const name = await second(t);
    accepted(await t.post(t.in(name, 'configmaps'), configMap('a')));
    const first = accepted(await t.get(t.global('namespaces', name)));
    const marked = accepted(await t.remove(t.global('namespaces', name)), 200);
    assert.equal(part(marked, 'status').phase, 'Terminating');
    await goneNamespace(t, name);
    refused(await t.get(t.in(name, 'configmaps', 'a')), 404);
    const metadata = { name };
    const again = accepted(
      await t.post(t.global('namespaces'), { apiVersion: 'v1', kind: 'Namespace', metadata }),
      201,
    );
    assert.notEqual(again.metadata.uid, first.metadata.uid);
  },
  async 'while it goes nothing is created in it, what is there can be changed; what holds it is said'(t) {
    const name = await second(t);
    accepted(await t.post(t.in(name, 'configmaps'), configMap('held', {}, { finalizers: ['example.com/hold'] })));
    accepted(await t.remove(t.global('namespaces', name)));
    const terminating = (what: string): JsonObject => ({
      reason: 'NamespaceTerminating',
      message: `namespace ${what} is being terminated`,
      field: 'metadata.namespace',
    });
    const status = refused(await t.post(t.in(name, 'configmaps'), configMap('late')), 403, {
      reason: 'Forbidden',
      message: `configmaps "late" is forbidden: unable to create new content in namespace ${name} because it is being terminated`,
      causes: [terminating(name)],
    });
    assert.deepEqual(part(status, 'details').name, 'late');
    refused(await t.apply(t.in(name, 'configmaps', 'late'), configMap('late')), 403, { causes: [terminating(name)] });
    accepted(await t.patch(t.in(name, 'configmaps', 'held'), 'merge', { data: { k: '1' } }));
    const live = await t.eventually('the remaining finalizer to be named', async () => {
      const found = accepted(await t.get(t.global('namespaces', name)));
      return condition(found, 'NamespaceFinalizersRemaining')?.status === 'True' && found;
    });
    assert.deepEqual(
      condition(live, 'NamespaceFinalizersRemaining')?.message,
      'Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances',
    );
    assert.match(
      String(condition(live, 'NamespaceContentRemaining')?.message),
      /configmaps\. has 1 resource instances/,
    );
    accepted(await t.patch(t.in(name, 'configmaps', 'held'), 'merge', { metadata: { finalizers: null } }));
    await goneNamespace(t, name);
  },
  async 'a finalizer of its own keeps it after its content'(t) {
    const name = await second(t);
    const path = t.global('namespaces', name);
    accepted(await t.patch(path, 'merge', { metadata: { finalizers: ['example.com/hold'] } }));
    accepted(await t.remove(path));
    await t.eventually(
      'the content to be gone',
      async () => at(accepted(await t.get(path)), 'spec', 'finalizers') === undefined,
    );
    accepted(await t.patch(path, 'merge', { metadata: { finalizers: null } }));
    await goneNamespace(t, name);
  },
  async 'default and kube-system cannot be deleted'(t) {
    for (const name of ['default', 'kube-system']) {
      refused(await t.remove(t.global('namespaces', name), { dryRun: ['All'] }), 403, {
        reason: 'Forbidden',
        message: `namespaces "${name}" is forbidden: this namespace may not be deleted`,
      });
    }
  },
  async 'a name that is no label is refused'(t) {
    const made = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a.b' } } as KubeObject;
    const status = refused(await t.post(t.global('namespaces'), made), 422, { reason: 'Invalid' });
    assert.equal(at(status, 'details', 'causes', 0, 'field'), 'metadata.name');
  },
};
