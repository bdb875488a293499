/** A cluster leaves whose agent has limited rights, or is not there: what stays is named, each with what takes it away. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { routes } from '../src/api/client/index.ts';
import { startLiving, until } from './hub-agent-rig.ts';
import { DEPLOYMENT, everything, openHall, read, SETTINGS } from './join-cases.ts';
import { account, binding, DEPLOYER, role, space } from './rights-cases.ts';
import { applyAll, CLUSTER, stackOf, stage, web } from './rights-scenario.ts';

const CLAIM = '/api/v1/namespaces/shop/persistentvolumeclaims/data';
const claim = `---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: data }
spec: { accessModes: [ ReadWriteOnce ], resources: { requests: { storage: 1Mi } } }
`;

describe('a cluster leaves', () => {
  let cluster: Awaited<ReturnType<typeof startLiving>>;
  before(async () => {
    cluster = await startLiving();
    await applyAll(cluster.cluster, [space('shop')]);
  });
  after(() => cluster?.close());
  const judge = () => ({ admin: cluster.cluster, kubeconfig: cluster.kubeconfig });
  const marked = async () =>
    (await everything(cluster.cluster))
      .filter(({ metadata }) => Object.keys(metadata.labels ?? {}).some((key) => key.startsWith('ldc.dev/')))
      .map(({ kind, metadata }) => `${kind} ${metadata.name}`);

  it('by an agent of a pod, limited to namespaces: claims stay and are named, and so are rights and its namespace', async () => {
    const on = await stage(judge(), '--namespaces', 'shop');
    try {
      assert.equal((await on.apply(stackOf({ manifests: `${web('a:1')}${claim}` }))).state, 'committed');
      assert.equal((await on.retire('shop')).state, 'committed');
      const { kept } = await on.hub.call(routes.clusters.get, { params: { name: CLUSTER } });
      assert.deepEqual(
        kept.map(({ object }) => object),
        ['PersistentVolumeClaim shop/data'],
      );
      const left = await on.hub.call(routes.clusters.remove, { params: { name: CLUSTER }, query: {} });
      const commands = new Map(left.remains.map(({ what, command }) => [what, command]));
      assert.deepEqual([...commands.keys()].sort(), [
        'Namespace ldc-system',
        'PersistentVolumeClaim shop/data',
        'clusterrolebindings, rolebindings, clusterroles, roles of the agent',
      ]);
      assert.equal(
        commands.get('PersistentVolumeClaim shop/data'),
        'kubectl delete persistentvolumeclaim data -n shop',
      );
      assert.equal(commands.get('Namespace ldc-system'), 'kubectl delete namespace ldc-system');
      assert.ok((await read(cluster.cluster, CLAIM)) !== undefined, 'data stays');
      assert.deepEqual(await marked(), [], 'nothing else does, and no mark');
      assert.equal(await read(cluster.cluster, '/api/v1/namespaces/ldc-system/secrets/ldc-agent-identity'), undefined);
    } finally {
      await on.close();
      await cluster.cluster.request({ method: 'DELETE', path: CLAIM });
    }
  });

  it('by an agent without rights of its own: what was applied as an account is let go of as that one', async () => {
    await applyAll(cluster.cluster, [account('deployer'), role('deployer', DEPLOYER), binding('deployer', 'deployer')]);
    const on = await stage(judge(), '--no-own-rights', '--service-accounts', 'shop/deployer');
    try {
      const source = stackOf({ serviceAccount: 'deployer', manifests: web('a:1') });
      const applied = await on.apply(source);
      assert.equal(applied.state, 'committed', JSON.stringify(applied.cause));
      const before = await read(cluster.cluster, DEPLOYMENT);
      const params = { name: CLUSTER };
      const left = await on.hub.call(routes.clusters.remove, { params, query: { orphan: 'true' } });
      assert.deepEqual(left.remains.map(({ what }) => what).sort(), [
        'Namespace ldc-system',
        'clusterrolebindings, rolebindings, clusterroles, roles of the agent',
      ]);
      assert.deepEqual(await marked(), []);
      const now = await read(cluster.cluster, DEPLOYMENT);
      assert.deepEqual([now?.metadata.uid, now?.spec], [before?.metadata.uid, before?.spec]);
    } finally {
      await on.close();
    }
  });

  it('by an agent whose rights were taken away: every object that it held is named, with what takes its marks off', async () => {
    const on = await stage(judge(), '--no-own-rights', '--service-accounts', 'shop/deployer');
    try {
      const source = stackOf({ name: 'shop', serviceAccount: 'deployer', manifests: web('a:1') });
      const applied = await on.apply(source);
      assert.equal(applied.state, 'committed', JSON.stringify(applied.cause));
      const rolebinding = '/apis/rbac.authorization.k8s.io/v1/namespaces/shop/rolebindings/deployer';
      await cluster.cluster.request({ method: 'DELETE', path: rolebinding });
      const params = { name: CLUSTER };
      const left = await on.hub.call(routes.clusters.remove, { params, query: { orphan: 'true' } });
      const settings = left.remains.find(({ what }) => what === 'ConfigMap shop/settings');
      assert.match(settings?.why ?? '', /forbidden|may not/);
      assert.equal(
        settings?.command,
        'kubectl label configmap settings -n shop ldc.dev/function- ldc.dev/project- ldc.dev/stack-',
      );
      const named = new Set(left.remains.map(({ what }) => what));
      for (const what of ['apps/Deployment shop/web', 'Secret shop/login', 'Service shop/web'])
        assert.ok(named.has(what), what);
      assert.ok((await read(cluster.cluster, SETTINGS)) !== undefined);
    } finally {
      await on.close();
    }
  });
});

it('a cluster that was removed while its agent was away: it is told when it comes back, ends, and touches nothing', async (t) => {
  const { cluster, kubeconfig, close } = await startLiving();
  const hall = await openHall();
  t.after(async () => {
    await hall.close();
    await close();
  });
  const { agent, ended } = await hall.join({ admin: cluster, kubeconfig }, 'eu-1');
  assert.equal((await hall.apply(stackOf({ manifests: web('a:1') }))).state, 'committed');
  const before = await read(cluster, DEPLOYMENT);
  await agent.stop();
  const params = { name: 'eu-1' };
  const away = async () => !(await hall.hub.call(routes.clusters.get, { params })).connected;
  await until(away, 'its agent is away', 30_000);
  const left = await hall.hub.call(routes.clusters.remove, { params, query: { force: 'true', reason: 'burnt down' } });
  assert.equal(left.objects, null, 'nobody looked');
  assert.deepEqual(
    left.remains.map(({ command }) => command),
    [
      'kubectl get all -A -l ldc.dev/stack',
      'kubectl delete namespace ldc-system',
      'kubectl delete clusterrole,clusterrolebinding,role,rolebinding -A -l app.kubernetes.io/part-of=ldc-agent',
    ],
  );
  await agent.start();
  await until(() => ended() !== undefined, 'it has ended by itself', 60_000);
  assert.equal(ended()?.kind, 'clusterRemoved');
  assert.match(ended()?.hint ?? '', /ldc cluster join/);
  const now = await read(cluster, DEPLOYMENT);
  assert.deepEqual([now?.metadata.uid, now?.spec], [before?.metadata.uid, before?.spec]);
});
