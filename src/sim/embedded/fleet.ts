import { join } from 'node:path';
import { type ClusterOptions, type EmbeddedCluster, startCluster } from './cluster.ts';
import type { ClusterPlan } from './regions.ts';

export interface FleetOptions extends ClusterOptions {
  /** One folder a cluster is made below it; everything in it survives a restart. */
  readonly stateDir: string;
  readonly clusters: readonly ClusterPlan[];
}

export interface Fleet {
  readonly clusters: readonly EmbeddedCluster[];
  get(name: string): EmbeddedCluster | undefined;
  /** Ends everything cleanly; the state stays. */
  close(): Promise<void>;
}

/** Starts all embedded clusters of this machine in this process. */
export async function startFleet({ stateDir, clusters, ...options }: FleetOptions): Promise<Fleet> {
  const started = await Promise.allSettled(
    clusters.map((plan) => startCluster(plan, join(stateDir, plan.name), options)),
  );
  const running = started.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const close = async () => {
    await Promise.all(running.map((cluster) => cluster.close()));
  };
  const failed = started.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) {
    await close();
    throw failed.reason;
  }
  return { clusters: running, get: (name) => running.find((cluster) => cluster.name === name), close };
}
