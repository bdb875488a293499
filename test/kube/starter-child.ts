/** A process that starts a control plane in the folder it is given, says where it is, and stays until it is killed. */
import { startReal } from './control-planes.ts';

const real = await startReal('1.34', { extent: 'api', folder: process.argv[2] as string });
await real.client.request({
  method: 'POST',
  path: '/api/v1/namespaces/default/configmaps',
  body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'of-the-first' } },
});
const parts = ['etcd', 'kube-apiserver'] as const;
const pids = Object.fromEntries(parts.map((part) => [part, real.controlPlane.pid(part)]));
process.send?.({ apiPort: real.controlPlane.apiPort, pids });
