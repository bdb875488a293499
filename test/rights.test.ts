import { startLiving } from './hub-agent-rig.ts';
import { rightsCases } from './rights-cases.ts';

rightsCases('an embedded cluster', async () => {
  const { cluster, kubeconfig, close } = await startLiving();
  return { admin: cluster, kubeconfig, close };
});
