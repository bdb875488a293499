/** What an agent with printed rights can do, and what it may not: one set of cases for embedded and real clusters. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Json, KubeObject } from '../src/base/index.ts';
import { part, until } from './hub-agent-rig.ts';
import {
  applyAll,
  asAccount,
  type Judge,
  removeAll,
  type Stage,
  stackOf,
  stage,
  tryAs,
  web,
} from './rights-scenario.ts';

const RBAC = 'rbac.authorization.k8s.io';
const SETTINGS = '/api/v1/namespaces/shop/configmaps/settings';
export const space = (name: string): KubeObject => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
const ROLES = `/apis/${RBAC}/v1/namespaces/shop/roles`;
export const account = (name: string): KubeObject => ({
  ...{ apiVersion: 'v1', kind: 'ServiceAccount' },
  metadata: { name, namespace: 'shop' },
});
export const role = (name: string, rules: readonly Json[], kind = 'Role'): KubeObject => ({
  ...{ apiVersion: `${RBAC}/v1`, kind },
  metadata: kind === 'Role' ? { name, namespace: 'shop' } : { name },
  rules,
});
export const binding = (name: string, to: string): KubeObject => ({
  ...{ apiVersion: `${RBAC}/v1`, kind: 'RoleBinding' },
  metadata: { name, namespace: 'shop' },
  roleRef: { apiGroup: RBAC, kind: 'Role', name },
  subjects: [{ kind: 'ServiceAccount', name: to, namespace: 'shop' }],
});

const toAdmin: KubeObject = {
  ...binding('admin', 'default'),
  roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'cluster-admin' },
};

/** Applies, keeps against a hand's change, undoes a broken revision, and takes all away. */
async function wholeLife(on: Stage, more: { serviceAccount?: string } = {}): Promise<void> {
  const first = await on.apply(stackOf({ ...more, manifests: web('a:1') }));
  assert.equal(first.state, 'committed', JSON.stringify(first.cause));
  await tryAs(on.admin, 'PATCH', `${SETTINGS}?fieldManager=hand`, { data: { a: 'x' } });
  await until(async () => part(await on.get(SETTINGS), 'data', 'a') === 'a', 'drift is repaired', 20_000);
  const broken = await on.apply(stackOf({ ...more, manifests: web('b:2', 'b', true) }));
  assert.equal(broken.state, 'rolledBack', JSON.stringify(broken.cause));
  assert.equal(broken.rollback?.verified?.equal, true, JSON.stringify(broken.rollback));
  assert.equal(part(await on.get(SETTINGS), 'data', 'a'), 'a');
  const gone = await on.retire('shop');
  assert.equal(gone.state, 'committed', JSON.stringify(gone.cause));
  assert.equal(await on.get(SETTINGS), undefined);
}

async function forbids(on: Stage, ...tried: readonly Parameters<typeof tryAs>[]): Promise<void> {
  for (const [client, method, path, body] of tried) {
    const { status, message } = await tryAs(client, method, path, body);
    assert.equal(status, 403, `${method} ${path}: ${status} ${message}`);
    assert.match(message, /forbidden|is attempting to grant RBAC permissions not currently held/);
  }
  assert.ok(on);
}

/** Registers the cases; `judge` opens a cluster for them, `close` ends it. `skip`: why there is none. */
export function rightsCases(
  name: string,
  judge: () => Promise<Judge & { close(): Promise<void> }>,
  skip: string | false = false,
): void {
  describe(`rights of the agent on ${name}`, { skip }, () => {
    let cluster: Awaited<ReturnType<typeof judge>>;
    before(async () => {
      cluster = await judge();
    });
    after(async () => {
      await removeAll(cluster.admin, [space('shop')]); // a real one may be used again
      await cluster.close();
    });

    it('in the whole cluster: a stack lives, and what is nobody’s business but an administrator’s is refused', async () => {
      const on = await stage(cluster);
      try {
        await wholeLife(on);
        assert.deepEqual(on.forbidden, []);
        await forbids(
          on,
          [on.agent, 'PATCH', '/api/v1/nodes/any', { spec: { unschedulable: true } }],
          [on.agent, 'DELETE', '/api/v1/nodes/any'],
          [on.agent, 'POST', `/apis/${RBAC}/v1/clusterroles`, role('all', [], 'ClusterRole') as unknown as Json],
          [on.agent, 'POST', `/apis/${RBAC}/v1/namespaces/default/rolebindings`, binding('x', 'y') as unknown as Json],
          [on.agent, 'DELETE', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/any'],
          [on.agent, 'GET', '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations'],
          [on.agent, 'POST', '/api/v1/namespaces/kube-system/serviceaccounts/default/token', tokenRequest],
          [on.agent, 'GET', '/api/v1/persistentvolumes'],
        );
        const { status, message } = await on.tryPod();
        assert.equal(status, 201, message);
        for (const verb of ['escalate', 'bind', 'impersonate', '*']) {
          for (const resource of ['roles', 'clusterroles', 'users', 'serviceaccounts', '*']) {
            assert.equal(await may(on, verb, resource), false, `${verb} ${resource}`);
          }
        }
      } finally {
        await on.close();
      }
    });

    it('limited to namespaces: there it does the same, elsewhere nothing, and a plan that needs more is refused', async () => {
      await applyAll(cluster.admin, [space('shop')]);
      const on = await stage(cluster, '--namespaces', 'shop', '--kinds', `${RBAC}/roles,${RBAC}/rolebindings`);
      try {
        await wholeLife(on);
        assert.deepEqual(on.forbidden, []);
        await forbids(
          on,
          [on.agent, 'GET', '/api/v1/namespaces/kube-system/secrets'],
          [on.agent, 'GET', '/api/v1/secrets'],
          [on.agent, 'GET', '/api/v1/namespaces/default/configmaps'],
          [on.agent, 'POST', '/api/v1/namespaces', space('pay') as unknown as Json],
          [on.agent, 'DELETE', '/api/v1/namespaces/shop'],
          [
            on.agent,
            'POST',
            ROLES,
            role('all', [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]) as unknown as Json,
          ],
          [on.agent, 'POST', `/apis/${RBAC}/v1/namespaces/shop/rolebindings`, toAdmin as unknown as Json],
        );
        const elsewhere = await on.refusal(stackOf({ name: 'pay', namespace: 'pay', manifests: web('a:1') }));
        assert.equal(elsewhere.kind, 'rightsMissing');
        assert.match(
          elsewhere.detail,
          /^eu-1: the agent may not get the namespace pay; may not get, .* secrets, configmaps, services, deployments\.apps in namespace pay$/,
        );
        assert.match(
          elsewhere.hint,
          /resources: \[secrets, configmaps, services\], verbs: .*; or name a ServiceAccount that may/,
        );
        const wide = `${web('a:1')}---\napiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: { name: shop-high }\nvalue: 10\n`;
        const ofTheCluster = await on.refusal(stackOf({ manifests: wide }));
        assert.match(
          ofTheCluster.detail,
          /may not .*create.* priorityclasses\.scheduling\.k8s\.io of the whole cluster/,
        );
      } finally {
        await on.close();
      }
    });

    it('as the ServiceAccount of the stack alone: all of its life, with no right of the agent’s own', async () => {
      await applyAll(cluster.admin, [space('shop'), account('deployer'), account('robot')]);
      const on = await stage(cluster, '--no-own-rights', '--service-accounts', 'shop/deployer');
      try {
        const source = stackOf({ serviceAccount: 'deployer', manifests: web('a:1') });
        const nothing = await on.refusal(source);
        assert.equal(nothing.kind, 'rightsMissing');
        assert.match(
          nothing.detail,
          /^eu-1: ServiceAccount shop\/deployer may not get, list, watch, create, patch, delete /,
        );
        assert.match(
          nothing.hint,
          /^add to its Role: \{apiGroups: \[""\], resources: \[\w+, \w+, \w+\], verbs: \[get, list, watch/,
        );
        await applyAll(cluster.admin, [role('deployer', DEPLOYER), binding('deployer', 'deployer')]);
        const own = await on.refusal(stackOf({ manifests: web('a:1') }));
        assert.match(own.detail, /^eu-1: the agent may not/);
        on.forbidden.length = 0; // until here it looked for what it may not
        await wholeLife(on, { serviceAccount: 'deployer' });
        assert.deepEqual(on.forbidden, []);
        await forbids(on, [on.agent, 'GET', SETTINGS], [on.agent, 'POST', robotToken, tokenRequest]);
        const robot = await on.refusal(stackOf({ serviceAccount: 'robot', manifests: web('a:1') }));
        assert.equal(robot.kind, 'mayNotActAs');
        assert.match(
          robot.hint,
          /kubectl -n shop create role ldc-agent-token .*--resource-name=robot; kubectl -n shop create rolebinding/,
        );
        const deployer = await asAccount(cluster.admin, cluster.kubeconfig, 'shop', 'deployer');
        await forbids(on, [deployer, 'GET', '/api/v1/namespaces/kube-system/secrets']);
        await deployer.close();
        await grants(on);
      } finally {
        await on.close();
      }
    });
  });
}

/** A Role may hand on what its writer holds, and nothing more. */
async function grants(on: Stage): Promise<void> {
  const handing = (verb: string) =>
    stackOf({
      serviceAccount: 'deployer',
      manifests: `apiVersion: ${RBAC}/v1
kind: Role
metadata: { name: reader }
rules: [ { apiGroups: [ "" ], resources: [ configmaps ], verbs: [ ${verb} ] } ]
`,
    });
  const refused = await on.refusal(handing('deletecollection'));
  assert.match(
    refused.detail,
    /^eu-1: ServiceAccount shop\/deployer may not grant what it does not hold itself \(deletecollection configmaps in namespace shop\), as .*Role shop\/reader would$/,
  );
  assert.equal((await on.apply(handing('get'))).state, 'committed');
  assert.equal((await on.retire('shop')).state, 'committed');
}

const keep = ['get', 'list', 'watch', 'create', 'patch', 'delete'];
export const DEPLOYER: readonly Json[] = [
  { apiGroups: [''], resources: ['configmaps', 'secrets', 'services'], verbs: keep },
  { apiGroups: ['apps'], resources: ['deployments'], verbs: keep },
  { apiGroups: [RBAC], resources: ['roles'], verbs: keep },
];
const robotToken = '/api/v1/namespaces/shop/serviceaccounts/robot/token';
const tokenRequest: Json = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} };

/** Asked by the agent of itself. */
async function may(on: Stage, verb: string, resource: string): Promise<boolean> {
  const group = resource.endsWith('roles') ? RBAC : resource === '*' ? '*' : '';
  const answer = await on.agent.request({
    ...{ method: 'POST', path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews' },
    body: {
      ...{ apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview' },
      spec: { resourceAttributes: { verb, group, resource } },
    },
  });
  assert.ok(answer.kind === 'answered' && answer.status === 201, JSON.stringify(answer));
  return part(answer.body as unknown as KubeObject, 'status', 'allowed') === true;
}
