import type { Digest, KubeObject, Refusal } from '../base/index.ts';
import type { ResolvedStack } from '../ldc/index.ts';
import type { ClusterView, Placement } from '../placement/index.ts';
import { renderBundle, serviceAccountOf } from './bundle.ts';
import { type CommittedLocation, difference, type LocationDifference } from './difference.ts';
import { locationId, shortId } from './location.ts';
import { growthOf } from './make.ts';
import { needsOf, stepsOf } from './steps.ts';
import type { Bundle, LocationId, Plan, PlanAmendment, Step } from './types.ts';

export interface AmendRequest {
  readonly plan: Plan;
  /** Clusters that are lost while the plan runs. */
  readonly lost: readonly string[];
  readonly stack: ResolvedStack;
  /** As the plan found it. */
  readonly committed: readonly CommittedLocation[];
  /**
   * Where the stack is to be without the lost clusters (placed with what the plan leaves elsewhere as current); null
   * when nothing is replaced (`onLostCluster: owe`): the lost clusters then get their part when they return.
   */
  readonly placement: Placement | null;
  readonly clusters: readonly Pick<ClusterView, 'name' | 'labels'>[];
  /** In which phase the transaction is. */
  readonly phase: 'preparing' | 'running';
  readonly cut?: (object: KubeObject) => KubeObject;
}

export type AmendOutcome =
  | {
      readonly kind: 'done';
      readonly value: { readonly amendment: PlanAmendment; readonly bundles: ReadonlyMap<Digest, Bundle> };
    }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** How a running plan goes on without lost clusters. Refused when a function would fall below its minimum: then all is undone. */
export function amendPlan(request: AmendRequest): AmendOutcome {
  const { plan, placement } = request;
  const lost = new Set(request.lost);
  const refusal = belowMinimum(request, lost);
  if (refusal !== undefined) return { kind: 'refused', refusal };
  const kept = plan.locations.filter((one) => placement === null || !lost.has(one.location.cluster));
  const wanted = replacements(request, new Set(plan.locations.map((one) => locationId(one.location))), lost);
  const added = wanted.map((bundle) => differenceOf(bundle, request.committed));
  const again = new Set(added.map((one) => one.id));
  const dropped = plan.steps.filter((step) => lost.has(clusterOf(step)) || isRemovalOf(step, again));
  const moved = added.map((one) => ({
    location: one.location,
    revision: plan.revision,
    bundle: one.digest as Digest,
  }));
  const locations = [...kept, ...moved].sort((a, b) => (locationId(a.location) < locationId(b.location) ? -1 : 1));
  return {
    kind: 'done',
    value: {
      amendment: {
        dropped: dropped.map((step) => step.id),
        added: addedSteps(request, added),
        locations,
        locks: [...new Set([...plan.locks, ...again])].sort(),
        owed: [...new Set(dropped.map(clusterOf))].filter((cluster) => lost.has(cluster)).sort(),
        explanation: explanationOf(request, added),
      },
      bundles: new Map(added.map((one) => [one.digest as Digest, one.bundle as Bundle])),
    },
  };
}

function belowMinimum({ plan, placement, lost: names }: AmendRequest, lost: ReadonlySet<string>): Refusal | undefined {
  const left = (name: string) => {
    const locations = placement?.locations ?? plan.locations.map((one) => one.location);
    return locations.filter((one) => one.name === name && !lost.has(one.cluster)).length;
  };
  const short = Object.entries(plan.minimum).filter(([name, min]) => left(name) < min);
  if (short.length === 0 || placement === null) return undefined;
  const missing = placement.unmet.map((one) => `${one.name} ${one.text}`).join('; ');
  const message = `without ${names.join(', ')} ${short.map(([name, min]) => `${name} has ${left(name)} of ${min} locations`).join(', ')}`;
  return { kind: 'noPlacement', message, hint: missing === '' ? 'add clusters or lower the minimum' : missing };
}

/** Bundles of locations that the plan does not have yet. */
function replacements(request: AmendRequest, present: ReadonlySet<LocationId>, lost: ReadonlySet<string>): Bundle[] {
  const { stack, plan, cut } = request;
  const labels = new Map(request.clusters.map((cluster) => [cluster.name, cluster.labels]));
  return (request.placement?.locations ?? []).flatMap((placed): Bundle[] => {
    const part = stack.functions.find((one) => one.name === placed.name);
    const id = locationId({ stack: plan.stack, name: placed.name, cluster: placed.cluster });
    if (part === undefined || present.has(id) || lost.has(placed.cluster)) return [];
    const clusterLabels = labels.get(placed.cluster) ?? {};
    const { revision } = plan;
    return [renderBundle({ stack, part, placed, clusterLabels, revision, ...(cut === undefined ? {} : { cut }) })];
  });
}

function differenceOf(bundle: Bundle, committed: readonly CommittedLocation[]): LocationDifference {
  const id = locationId(bundle.location);
  const before = committed.filter((one) => locationId(one.bundle.location) === id);
  const [found] = difference(before, [bundle]);
  return found as LocationDifference;
}

/** Steps of the new locations, as part of the last wave; each id is marked, so that none of the plan comes twice. */
function addedSteps(request: AmendRequest, added: readonly LocationDifference[]): readonly Step[] {
  const { plan, stack, phase } = request;
  if (added.length === 0) return [];
  const wave = Math.max(0, ...plan.steps.map((step) => step.wave ?? 0));
  const steps = stepsOf({
    stack: plan.stack,
    namespace: stack.namespace,
    serviceAccount: serviceAccountOf(stack),
    revision: plan.revision,
    differences: added,
    waves: [[...new Set(added.map((one) => one.location.cluster))].sort()],
    needs: needsOf(stack),
    rollout: plan.rollout,
    atOnce: () => 1,
    growth: (one) => growthOf(one, stack),
  });
  const mark = markFor(plan);
  const ids = new Set(steps.map((step) => step.id));
  return steps.map((step): Step => {
    const after = [...step.after, ...(step.work.action === 'apply' ? preparation(step, ids) : [])];
    const marked = { ...step, id: `${step.id}${mark}`, after: after.map((id) => `${id}${mark}`) };
    if (step.phase === 'preparing') return { ...marked, phase };
    return step.phase === 'running' ? { ...marked, wave } : marked;
  });
}

/** Phases no longer hold the order of what joins in mid-deploy: an apply waits for its own preparation. */
function preparation(step: Step, ids: ReadonlySet<string>): readonly string[] {
  if (step.work.action !== 'apply') return [];
  const id = shortId(step.work.location);
  return [`dryRun:${id}`, `reserve:${id}`].filter((one) => ids.has(one));
}

function markFor(plan: Plan): string {
  for (let number = 1; ; number++) {
    if (!plan.steps.some((step) => step.id.endsWith(`~${number}`))) return `~${number}`;
  }
}

function clusterOf({ work }: Step): string {
  if (work.action === 'soak') return '';
  return 'cluster' in work ? work.cluster : work.location.cluster;
}

function isRemovalOf({ work }: Step, ids: ReadonlySet<LocationId>): boolean {
  return work.action === 'remove' && ids.has(locationId(work.location));
}

function explanationOf({ lost, placement }: AmendRequest, added: readonly LocationDifference[]): string {
  const one = lost.length === 1;
  const instead = added.map(({ location }) => shortId(location)).join(', ');
  if (lost.length === 0)
    return `the stack was moved meanwhile; ${instead === '' ? 'the rest goes on' : `also: ${instead}`}`;
  const gone = `${lost.join(', ')} ${one ? 'was' : 'were'} lost on the way`;
  if (instead !== '') return `${gone}; instead: ${instead}`;
  if (placement === null) return `${gone}; the rest went on, and ${one ? 'its' : 'their'} part follows`;
  return `${gone}; the rest went on without, since no function fell below its minimum`;
}
