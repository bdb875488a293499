/** Which version of an object each cluster takes: the first given that it serves, as its agent will choose. Pure. */
import { refOf, refText } from '../base/index.ts';
import type { ClusterView } from '../placement/index.ts';
import type { LocationDifference } from './difference.ts';
import type { TakenVersion } from './types.ts';

/** A plan is stored and shown: of more objects in several versions the first say enough. */
const VERSIONS_MAX = 100;

export function takenVersions(
  differences: readonly LocationDifference[],
  clusters: readonly (Pick<ClusterView, 'name'> & Partial<Pick<ClusterView, 'apis'>>)[],
): readonly TakenVersion[] {
  const apis = new Map(clusters.map((cluster) => [cluster.name, cluster.apis ?? []]));
  const taken = new Map<string, { object: string; apiVersion: string; clusters: string[] }>();
  for (const { bundle, location } of differences) {
    const served = apis.get(location.cluster) ?? [];
    for (const [object, given] of Map.groupBy(bundle?.objects ?? [], (one) => refText(refOf(one)))) {
      const first = given.find((one) => served.includes(`${one.apiVersion}/${one.kind}`));
      if (given.length < 2 || first === undefined) continue;
      const { apiVersion } = first;
      const key = `${object} ${apiVersion}`;
      const entry = taken.get(key) ?? { object, apiVersion, clusters: [] };
      taken.set(key, { ...entry, clusters: [...entry.clusters, location.cluster] });
    }
  }
  return [...taken.values()].slice(0, VERSIONS_MAX);
}
