/** Which clusters of a local installation are real, and the programs that they need. */
import { systemClock } from '../base/index.ts';
import { type Binaries, type ClusterPlan, type Minor, regionNames } from '../sim/index.ts';

/** How many clusters, and how many of them are real control planes (default none). */
export interface ClusterCounts {
  readonly clusters: number;
  readonly real?: number;
}

/** The newest first: a fleet of several is never of one version. */
const MINORS: readonly Minor[] = ['1.34', '1.33'];

/** The real ones come first and take turns among the minors. */
export function clusterPlans({
  clusters,
  real = 0,
}: ClusterCounts): readonly (ClusterPlan & { readonly minor?: Minor })[] {
  return regionNames(clusters).map((plan, index) => {
    const minor = MINORS[index % MINORS.length];
    return index < real && minor !== undefined ? { ...plan, minor } : plan;
  });
}

/**
 * Builds what is missing of the programs, before anything that needs them is started; a first time takes minutes.
 * @throws Error with what is missing and what to do
 */
export async function buildMissing(counts: ClusterCounts, say: (line: string) => void): Promise<void> {
  const minors = new Set(clusterPlans(counts).flatMap(({ minor }) => minor ?? []));
  for (const minor of minors) await binariesOf(minor, say);
}

export async function binariesOf(minor: Minor, say: (line: string) => void): Promise<Binaries> {
  const { provideBinaries } = await import('../sim/real/index.ts');
  return provideBinaries(minor, { environment: process.env, clock: systemClock, say });
}
