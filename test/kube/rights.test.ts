import { rightsCases } from '../rights-cases.ts';
import { skip, startReal } from './control-planes.ts';

rightsCases(
  'a real control plane',
  async () => {
    const { client, kubeconfigText, close } = await startReal('1.34');
    return { admin: client, kubeconfig: kubeconfigText, close };
  },
  skip,
);
