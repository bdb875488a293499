/** Two stacks never own one object: found when planning, before any cluster would refuse it. */
import type { Refusal } from '../base/index.ts';
import { locationId, type Plan } from '../plan/index.ts';
import type { Bundles } from './bundles.ts';
import type { Occupied } from './occupied.ts';
import { stackId } from './records.ts';

/** The first object that another stack owns on a cluster of this plan, as a refusal that names that stack. */
export function conflictOf(plan: Plan, occupied: Occupied, bundles: Pick<Bundles, 'refs'>): Refusal | undefined {
  const changed = new Set(
    plan.steps.flatMap(({ work }) => (work.action === 'apply' ? [locationId(work.location)] : [])),
  );
  for (const { location, bundle } of plan.locations) {
    if (!changed.has(locationId(location))) continue;
    for (const object of bundles.refs(bundle)) {
      const other = occupied.owner(location.cluster, object, plan.stack);
      if (other === undefined) continue;
      return refusalOf(object, location.cluster, stackId(other.location.stack), other.location.name);
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
