/** A cluster leaves whose agent has limited rights, or is not there. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { routes } from '../src/api/client/index.ts';
import { startLiving, until } from './hub-agent-rig.ts';
import { DEPLOYMENT, openHall, read } from './join-cases.ts';
import { leaveCases } from './leave-cases.ts';
import { stackOf, web } from './rights-scenario.ts';

leaveCases('an embedded cluster', async () => {
  const { cluster, kubeconfig, close } = await startLiving();
  return { admin: cluster, kubeconfig, close };
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
