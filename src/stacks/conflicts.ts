/** Two stacks never own one object: found when planning, before any cluster would refuse it. */
import type { DocumentReader, Refusal } from '../base/index.ts';
import { locationId, type Plan } from '../plan/index.ts';
import type { Bundles } from './bundles.ts';
import { locationsOn, stackId } from './records.ts';

/** The first object that another stack owns on a cluster of this plan, as a refusal that names that stack. */
export function conflictOf(plan: Plan, documents: DocumentReader, bundles: Bundles): Refusal | undefined {
  const own = stackId(plan.stack);
  const byCluster = Map.groupBy(plan.locations, ({ location }) => location.cluster);
  const changed = new Set(
    plan.steps.flatMap(({ work }) => (work.action === 'apply' ? [locationId(work.location)] : [])),
  );
  for (const [cluster, wanted] of byCluster) {
    const mine = wanted.filter(({ location }) => changed.has(locationId(location)));
    if (mine.length === 0) continue;
    for (const other of locationsOn(documents, cluster)) {
      if (stackId(other.location.stack) === own) continue;
      const theirs = bundles.refs(other.bundle);
      const shared = mine.flatMap(({ bundle }) => [...bundles.refs(bundle)]).find((ref) => theirs.has(ref));
      if (shared !== undefined) return refusalOf(shared, cluster, stackId(other.location.stack), other.location.name);
    }
  }
  return undefined;
}

function refusalOf(object: string, cluster: string, stack: string, owner: string): Refusal {
  return {
    kind: 'ownedByOtherStack',
    message: `${object} on ${cluster} belongs to function ${owner} of stack ${stack}`,
    where: cluster,
    hint: `give it another name or namespace, or take it out of ${stack} first`,
    details: { object, cluster, stack, function: owner },
  };
}
