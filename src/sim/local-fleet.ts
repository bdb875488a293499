/** A fleet of embedded clusters and real control planes side by side, under the names and labels of a local installation. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type ClusterOptions, type ClusterPlan, startCluster } from './embedded/index.ts';
import { type Fleet, gather } from './fleet.ts';
import type { LocalCluster } from './local-cluster.ts';
import type { Binaries, Minor } from './real/types.ts';

export interface LocalFleetOptions extends ClusterOptions {
  /** One folder a cluster is made below it; everything in it survives a restart. */
  readonly stateDir: string;
  /** Those with a Kubernetes minor are real. */
  readonly clusters: readonly (ClusterPlan & { readonly minor?: Minor })[];
  /** The programs of real ones; asked for once a cluster. */
  readonly binaries: (minor: Minor) => Promise<Binaries>;
}

export async function startLocalFleet({
  stateDir,
  clusters,
  binaries,
  ...options
}: LocalFleetOptions): Promise<Fleet<LocalCluster>> {
  for (const { name, minor } of clusters) requireSameKind(name, join(stateDir, name), minor !== undefined);
  return gather(
    clusters.map(async ({ minor, ...plan }) => {
      const folder = join(stateDir, plan.name);
      if (minor === undefined) return startCluster(plan, folder, options);
      // loaded only where there are any
      const { startRealCluster } = await import('./real/index.ts');
      return startRealCluster(plan, folder, { ...options, binaries: await binaries(minor) });
    }),
  );
}

/** A cluster's objects live in the one or in the other. */
function requireSameKind(name: string, folder: string, real: boolean): void {
  const was = existsSync(join(folder, 'control-plane')) ? 'a real control plane' : 'embedded';
  const known = existsSync(join(folder, 'control-plane')) || existsSync(join(folder, 'api'));
  const is = real ? 'a real control plane' : 'embedded';
  if (!known || was === is) return;
  throw new Error(
    `cluster ${name} is ${was} in this state, and is now to be ${is}\n  next: start with the same --real as before, or give another folder with --state`,
  );
}
