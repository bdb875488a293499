/** A cluster leaves whose agent has limited rights: what stays is named, each with what takes it away. For embedded and real clusters. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { routes } from '../src/api/client/index.ts';
import type { KubeObject } from '../src/base/index.ts';
import { DEPLOYMENT, everything, read, SETTINGS } from './join-cases.ts';
import { account, binding, DEPLOYER, role, space } from './rights-cases.ts';
import { applyAll, CLUSTER, type Judge, stackOf, stage, web } from './rights-scenario.ts';

const CLAIM = '/api/v1/namespaces/shop/persistentvolumeclaims/data';
const claim = `---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: data }
spec: { accessModes: [ ReadWriteOnce ], resources: { requests: { storage: 1Mi } } }
`;

/** Waits for the claim: on a real control plane nobody makes volumes. */
const VOLUME = {
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name: 'data' },
  spec: {
    capacity: { storage: '1Mi' },
    accessModes: ['ReadWriteOnce'],
    storageClassName: '',
    hostPath: { path: '/nowhere' },
    claimRef: { namespace: 'shop', name: 'data' },
  },
} as unknown as KubeObject;

/** Registers the cases; `judge` opens a cluster for them, `close` ends it. */
export function leaveCases(
  name: string,
  judge: () => Promise<Judge & { close(): Promise<void> }>,
  skip: string | false = false,
): void {
  describe(`leaving of ${name} whose agent has limited rights`, { skip }, () => {
    let cluster: Awaited<ReturnType<typeof judge>>;
    before(async () => {
      cluster = await judge();
      await applyAll(cluster.admin, [space('shop'), VOLUME]);
    });
    after(() => cluster?.close());
    const marked = async () =>
      (await everything(cluster.admin))
        .filter(({ metadata }) => Object.keys(metadata.labels ?? {}).some((key) => key.startsWith('ldc.dev/')))
        .map(({ kind, metadata }) => `${kind} ${metadata.name}`);

    it('by an agent of a pod, limited to namespaces: claims stay and are named, and so are rights and its namespace', async () => {
      const on = await stage(cluster, '--namespaces', 'shop');
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
        assert.ok((await read(cluster.admin, CLAIM)) !== undefined, 'data stays');
        assert.deepEqual(await marked(), [], 'nothing else does, and no mark');
        assert.equal(await read(cluster.admin, '/api/v1/namespaces/ldc-system/secrets/ldc-agent-identity'), undefined);
      } finally {
        await on.close();
        await cluster.admin.request({ method: 'DELETE', path: CLAIM });
      }
    });

    it('by an agent without rights of its own: what was applied as an account is let go of as that one', async () => {
      await applyAll(cluster.admin, [account('deployer'), role('deployer', DEPLOYER), binding('deployer', 'deployer')]);
      const on = await stage(cluster, '--no-own-rights', '--service-accounts', 'shop/deployer');
      try {
        const source = stackOf({ serviceAccount: 'deployer', manifests: web('a:1') });
        const applied = await on.apply(source);
        assert.equal(applied.state, 'committed', JSON.stringify(applied.cause));
        const before = await read(cluster.admin, DEPLOYMENT);
        const params = { name: CLUSTER };
        const left = await on.hub.call(routes.clusters.remove, { params, query: { orphan: 'true' } });
        assert.deepEqual(left.remains.map(({ what }) => what).sort(), [
          'Namespace ldc-system',
          'clusterrolebindings, rolebindings, clusterroles, roles of the agent',
        ]);
        assert.deepEqual(await marked(), []);
        const now = await read(cluster.admin, DEPLOYMENT);
        assert.deepEqual([now?.metadata.uid, now?.spec], [before?.metadata.uid, before?.spec]);
      } finally {
        await on.close();
      }
    });

    it('by an agent whose rights were taken away: every object that it held is named, with what takes its marks off', async () => {
      const on = await stage(cluster, '--no-own-rights', '--service-accounts', 'shop/deployer');
      try {
        const source = stackOf({ name: 'shop', serviceAccount: 'deployer', manifests: web('a:1') });
        const applied = await on.apply(source);
        assert.equal(applied.state, 'committed', JSON.stringify(applied.cause));
        const rolebinding = '/apis/rbac.authorization.k8s.io/v1/namespaces/shop/rolebindings/deployer';
        await cluster.admin.request({ method: 'DELETE', path: rolebinding });
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
        assert.ok((await read(cluster.admin, SETTINGS)) !== undefined);
      } finally {
        await on.close();
      }
    });
  });
}
