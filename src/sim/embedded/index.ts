export type { ClusterOptions, EmbeddedCluster } from './cluster.ts';
export { startCluster } from './cluster.ts';
export type { FleetOptions } from './fleet.ts';
export { startFleet } from './fleet.ts';
export type { ClusterPlan } from './regions.ts';
export { regionNames } from './regions.ts';
