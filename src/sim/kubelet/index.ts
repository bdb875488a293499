export { dataFolder } from './account.ts';
export type { Kubelet } from './kubelet.ts';
export { startKubelet } from './kubelet.ts';
export { OUTCOME } from './simulated.ts';
export type { KubeletOptions, LogServerAddress, NodeSpec } from './types.ts';
