import { joinCases } from '../join-cases.ts';
import { skip, startReal } from './control-planes.ts';

joinCases(
  'a real control plane',
  async () => {
    const { client, kubeconfigText, close } = await startReal('1.34');
    return { admin: client, kubeconfig: kubeconfigText, close };
  },
  skip,
);
