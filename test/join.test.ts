/** Joining and leaving: one cluster is one identity, and a cluster that leaves is left as it was found. */

import { startLiving } from './hub-agent-rig.ts';
import { joinCases } from './join-cases.ts';

joinCases('an embedded cluster', async () => {
  const { cluster, kubeconfig, close } = await startLiving();
  return { admin: cluster, kubeconfig, close };
});
