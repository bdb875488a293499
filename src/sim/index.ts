/** Embedded clusters: Kubernetes without Kubernetes, on loopback, in one process. */
export type { ApiServer, ApiServerOptions } from './api/index.ts';
export { startApiServer } from './api/index.ts';
export type { ControllerOptions } from './controllers/index.ts';
export { startControllers } from './controllers/index.ts';
export type {
  ClusterOptions,
  ClusterPlan,
  EmbeddedCluster,
  FleetOptions,
} from './embedded/index.ts';
export { regionNames, startCluster, startFleet } from './embedded/index.ts';
export type { Fleet } from './fleet.ts';
export type { Gateway } from './gateway/index.ts';
export { startGateway } from './gateway/index.ts';
export type { Kubelet, KubeletOptions, NodeSpec } from './kubelet/index.ts';
export { startKubelet } from './kubelet/index.ts';
export type { ClusterFault, LocalCluster } from './local-cluster.ts';
export type { LocalFleetOptions } from './local-fleet.ts';
export { startLocalFleet } from './local-fleet.ts';
export type {
  Binaries,
  ControlPlane,
  ControlPlaneOptions,
  ControlPlanePart,
  Minor,
  RealCluster,
} from './real/types.ts';
