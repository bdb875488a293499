import { join } from 'node:path';
import { type Fleet, gather } from '../fleet.ts';
import { type ClusterOptions, type EmbeddedCluster, startCluster } from './cluster.ts';
import type { ClusterPlan } from './regions.ts';

export interface FleetOptions extends ClusterOptions {
  /** One folder a cluster is made below it; everything in it survives a restart. */
  readonly stateDir: string;
  readonly clusters: readonly ClusterPlan[];
}

/** Starts all embedded clusters of this machine in this process. */
export function startFleet({ stateDir, clusters, ...options }: FleetOptions): Promise<Fleet<EmbeddedCluster>> {
  return gather(clusters.map((plan) => startCluster(plan, join(stateDir, plan.name), options)));
}
