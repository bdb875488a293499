/** A stack's ServiceAccount, or the right to its token, goes away in the midst of a transaction: nothing is done as anybody else. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { routes } from '../src/api/client/index.ts';
import type { Json, KubeObject } from '../src/base/index.ts';
import { startLiving, until } from './hub-agent-rig.ts';
import { applyAll, removeAll, stackOf, stage, web } from './rights-scenario.ts';

const RBAC = 'rbac.authorization.k8s.io';
const verbs = ['get', 'list', 'watch', 'create', 'patch', 'delete'];
const named = (apiVersion: string, kind: string, name: string) => ({
  apiVersion,
  kind,
  metadata: { name, namespace: 'shop' },
});
const SPACE: KubeObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } };
const ACCOUNT: KubeObject = named('v1', 'ServiceAccount', 'deployer');
const RIGHTS = [
  {
    ...named(`${RBAC}/v1`, 'Role', 'deployer'),
    rules: [
      { apiGroups: [''], resources: ['configmaps', 'secrets', 'services'], verbs },
      { apiGroups: ['apps'], resources: ['deployments'], verbs },
    ],
  },
  {
    ...named(`${RBAC}/v1`, 'RoleBinding', 'deployer'),
    roleRef: { apiGroup: RBAC, kind: 'Role', name: 'deployer' },
    subjects: [{ kind: 'ServiceAccount', name: 'deployer', namespace: 'shop' }],
  },
] as unknown as readonly KubeObject[];
const DEPLOYMENT = '/apis/apps/v1/namespaces/shop/deployments/web';

test('an undo that may not act as the account of its stack says so, acts as nobody else, and goes on when it may again', async (t) => {
  const { cluster, kubeconfig, close } = await startLiving();
  await applyAll(cluster, [SPACE, ACCOUNT, ...RIGHTS]);
  // the agent has rights of its own: it could undo all of it, and does not
  const on = await stage({ admin: cluster, kubeconfig }, '--service-accounts', 'shop/deployer');
  t.after(async () => {
    await on.close();
    await close();
  });
  const source = stackOf({ serviceAccount: 'deployer', manifests: web('a:1', 'a', true) });
  const answer = await on.hub.call(routes.stacks.apply, { body: { ...source } });
  assert.ok(answer.kind === 'submitted');
  const { id } = answer.transaction;
  await until(async () => (await on.get(DEPLOYMENT)) !== undefined, 'it is there');
  await removeAll(cluster, [ACCOUNT]);
  const failures: Json[] = [];
  for await (const { type, data } of on.hub.follow(routes.transactions.events, { id })) {
    if (type === 'step.failed' || type === 'step.undoFailed') failures.push(data as Json);
    if (type === 'step.undoFailed' || type === 'tx.sealed') break;
  }
  assert.equal(failures.length, 2, 'its gate, and its undo');
  for (const failure of failures) {
    assert.match(JSON.stringify(failure), /there is no ServiceAccount shop\/deployer/);
    assert.match(JSON.stringify(failure), /kubectl -n shop create serviceaccount deployer/);
  }
  assert.ok((await on.get(DEPLOYMENT)) !== undefined, 'nothing was undone as somebody else');
  await applyAll(cluster, [ACCOUNT, ...RIGHTS]);
  const view = () => on.hub.call(routes.transactions.get, { params: { id } });
  await until(async () => (await view()).state === 'rolledBack', 'it is rolled back', 60_000);
  assert.equal((await view()).rollback?.verified?.equal, true);
  assert.equal(await on.get(DEPLOYMENT), undefined);
});
