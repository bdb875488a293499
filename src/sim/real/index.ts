/** Real control planes as plain processes of this machine. */
export type { BinariesOptions, ProvidedBinaries } from './binaries.ts';
export { kubeCache, MINORS, provideBinaries } from './binaries.ts';
export type { RealClusterOptions } from './cluster.ts';
export { startRealCluster } from './cluster.ts';
export { startControlPlane } from './control-plane.ts';
export { CannotBuild } from './go.ts';
export type {
  Binaries,
  ControlPlane,
  ControlPlaneOptions,
  ControlPlanePart,
  Minor,
  RealCluster,
} from './types.ts';
