import { type Digest, digestOf, isObject, type Json, type KubeObject, type Refusal } from '../base/index.ts';
import {
  type Amounts,
  demandOf,
  durationMs,
  isScalable,
  type ResolvedFunction,
  type ResolvedStack,
  readDemand,
} from '../ldc/index.ts';
import type { ClusterView, CurrentLocation, Placement } from '../placement/index.ts';
import { isGround, renderBundle, serviceAccountOf } from './bundle.ts';
import { type CommittedLocation, difference, type LocationDifference } from './difference.ts';
import { locationId, shortId } from './location.ts';
import { needsOf, stepsOf } from './steps.ts';
import type { Bundle, PlacementReason, Plan, Rollout, StackRef, Step, TransactionKind } from './types.ts';
import { takenVersions } from './versions.ts';
import { wavesOf } from './waves.ts';

export interface PlanRequest {
  readonly kind: TransactionKind;
  readonly stack: ResolvedStack;
  /** The revision that will be committed. */
  readonly revision: number;
  readonly baseRevision: number;
  /** Where the stack is committed now, with its bundles. */
  readonly committed: readonly CommittedLocation[];
  readonly placement: Placement;
  readonly reasons: readonly PlacementReason[];
  /** Names and labels of every cluster that is placed on or was. */
  readonly clusters: readonly (Pick<ClusterView, 'name' | 'labels'> & Partial<Pick<ClusterView, 'apis'>>)[];
  /** Goes on though objectives are not met (a reschedule takes what it can get); never with no location at all. */
  readonly acceptUnmet?: boolean;
  /** Takes the values out of Secrets before anything is digested. */
  readonly cut?: (object: KubeObject) => KubeObject;
  readonly reason?: Json;
}

export type PlanOutcome =
  | {
      readonly kind: 'done';
      readonly value: {
        readonly plan: Plan;
        /** Bundles of every location that the plan leaves, by digest. */
        readonly bundles: ReadonlyMap<Digest, Bundle>;
      };
    }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

/** The plan that leads from what is committed to what placement chose, or why there is none. Pure; the same input, the same digest. */
export function makePlan(request: PlanRequest): PlanOutcome {
  const { stack, placement } = request;
  const refusal = unplannable(request);
  if (refusal !== undefined) return { kind: 'refused', refusal };
  const labels = new Map(request.clusters.map((cluster) => [cluster.name, cluster.labels]));
  const parts = new Map(stack.functions.map((one) => [one.name, one]));
  const wanted = placement.locations.flatMap((placed): Bundle[] => {
    const part = parts.get(placed.name);
    if (part === undefined || placed.kind !== 'function') return [];
    const { revision, cut } = request;
    const clusterLabels = labels.get(placed.cluster) ?? {};
    return [renderBundle({ stack, part, placed, clusterLabels, revision, ...(cut === undefined ? {} : { cut }) })];
  });
  const differences = difference(request.committed, wanted);
  const stopped = immutableRefusal(differences);
  if (stopped !== undefined) return { kind: 'refused', refusal: stopped };
  const touched = differences.filter((one) => one.change === 'add' || one.change === 'update');
  const clusters = [...new Set(touched.map((one) => one.location.cluster))];
  const waves = wavesOf(
    clusters.map((name) => ({ name, labels: labels.get(name) ?? {} })),
    stack.stack.spec.rollout.waves,
  );
  const steps = stepsOf({
    stack: refTo(stack),
    namespace: stack.namespace,
    serviceAccount: serviceAccountOf(stack),
    revision: request.revision,
    differences,
    waves,
    needs: needsOf(stack),
    rollout: rolloutOf(stack),
    atOnce: (name) => changesAtOnce(name, request),
    growth: (one) => growthOf(one, stack),
  });
  return finished(request, differences, steps);
}

/** The plan that takes a stack away everywhere. */
export function makeRetirePlan(
  request: Pick<PlanRequest, 'stack' | 'baseRevision' | 'committed' | 'reason'>,
): Extract<PlanOutcome, { kind: 'done' }>['value'] {
  const { stack, committed } = request;
  const differences = difference(committed, []);
  const steps = stepsOf({
    stack: refTo(stack),
    namespace: stack.namespace,
    serviceAccount: serviceAccountOf(stack),
    revision: 0,
    differences,
    waves: [],
    needs: needsOf(stack),
    rollout: rolloutOf(stack),
    atOnce: () => 1,
    growth: () => undefined,
  });
  const placement: Placement = { locations: [], reasons: [], score: 0, unmet: [], notes: [] };
  const outcome = finished(
    { ...request, kind: 'retire', revision: 0, placement, reasons: [], clusters: [] },
    differences,
    steps,
  );
  return outcome.value;
}

function unplannable({ stack, placement, acceptUnmet }: PlanRequest): Refusal | undefined {
  const [database] = stack.databases;
  if (database !== undefined) {
    const message = `ldc cannot deploy databases yet, and this stack owns ${stack.databases.map((one) => one.name).join(', ')}`;
    return {
      kind: 'databasesNotServed',
      message,
      hint: 'take databases out of the definition; its functions can be deployed',
    };
  }
  const nowhere = placement.locations.length === 0;
  if (placement.unmet.length === 0 && !nowhere) return undefined;
  if (acceptUnmet === true && !nowhere) return undefined;
  const texts = placement.unmet.map((one) => `${one.name} ${one.text}`);
  return {
    kind: 'noPlacement',
    message: `no placement meets the objectives: ${texts.join('; ') || 'no cluster fits'}`,
    hint: 'ldc cluster list shows health and room; relax availability or placement, or add clusters',
    details: placement.unmet.map((one) => ({ ...one })),
  };
}

function immutableRefusal(differences: readonly LocationDifference[]): Refusal | undefined {
  const stopped = differences.flatMap((one) =>
    one.immutable
      .filter((change) => !change.recreate)
      .map((change) => ({ ...change, location: shortId(one.location) })),
  );
  const [first] = stopped;
  if (first === undefined) return undefined;
  const objects = [...new Set(stopped.map((one) => `${one.object} (${one.fields.join(', ')})`))];
  return {
    kind: 'immutable',
    message: `Kubernetes does not let these fields change: ${objects.join('; ')}`,
    where: first.location,
    hint: 'rename the object, or annotate it with ldc.dev/replace: recreate to have it deleted and made anew',
    details: stopped.map(({ object, fields, location }) => ({ object, fields, location })),
  };
}

function refTo(stack: StackRef): StackRef {
  return { project: stack.project, name: stack.name };
}

/** Whose transactions its own take their turns with, when its labels say so. */
function tenantIn(labels: ResolvedStack['labels']): Pick<Plan, 'tenant'> {
  const tenant = labels['ldc.dev/tenant'];
  return tenant === undefined ? {} : { tenant };
}

function rolloutOf(stack: ResolvedStack): Rollout {
  const { soak, minReady, deadline, approval, onFailure, onLostCluster } = stack.stack.spec.rollout;
  return {
    ...{ soakMs: durationMs(soak), minReadyMs: durationMs(minReady), deadlineMs: durationMs(deadline) },
    ...{ approval, onFailure, onLostCluster },
  };
}

/** As many as the rollout allows, and never so many that fewer than the minimum would be left; one always may. */
function changesAtOnce(name: string, { stack, committed }: PlanRequest): number {
  const serving = committed.filter((one) => one.bundle.location.name === name).length;
  const min = stack.functions.find((one) => one.name === name)?.spec.availability.locations.min ?? 1;
  return Math.max(1, Math.min(stack.stack.spec.rollout.maxUnavailableLocations, serving - min));
}

/** What a location takes with this bundle; `requires` of the definition wins over the sum of the pods' requests. */
export function bundleAmounts(bundle: Bundle, requires?: ResolvedFunction['spec']['requires']): Amounts {
  const demand = readDemand(bundle.objects);
  return demandOf(demand, demand.replicas, requires);
}

/** What is committed, as placement reads it: replicas and amounts as the bundles say. */
export function currentLocations(committed: readonly CommittedLocation[]): readonly CurrentLocation[] {
  return committed.map(({ bundle }) => {
    const { kind, name, cluster } = bundle.location;
    const scalable = bundle.objects.find(isScalable);
    const replicas = isObject(scalable?.spec) ? scalable.spec.replicas : undefined;
    return {
      kind,
      name,
      cluster,
      replicas: typeof replicas === 'number' ? replicas : null,
      amounts: bundleAmounts(bundle),
    };
  });
}

/** What a location takes more than before; a shrinking one gives back only once it is committed. */
export function growthOf(one: LocationDifference, stack: ResolvedStack): Amounts | undefined {
  if (one.bundle === null) return undefined;
  const requires = stack.functions.find((each) => each.name === one.location.name)?.spec.requires;
  const after = bundleAmounts(one.bundle, requires);
  const before = one.previous === null ? undefined : bundleAmounts(one.previous.bundle, requires);
  const more = {
    cpuMilli: Math.max(0, after.cpuMilli - (before?.cpuMilli ?? 0)),
    memoryBytes: Math.max(0, after.memoryBytes - (before?.memoryBytes ?? 0)),
    pods: Math.max(0, after.pods - (before?.pods ?? 0)),
  };
  return more.cpuMilli > 0 || more.memoryBytes > 0 || more.pods > 0 ? more : undefined;
}

const REASONS_PER_FUNCTION_MAX = 100;

function finished(
  request: PlanRequest,
  differences: readonly LocationDifference[],
  steps: readonly Step[],
): Extract<PlanOutcome, { kind: 'done' }> {
  const { stack, kind } = request;
  const staying = differences.filter((one) => one.bundle !== null && one.digest !== null);
  const moving = kind === 'reschedule' ? differences.filter((one) => one.change !== 'none') : differences;
  const account = serviceAccountOf(stack);
  const versions = takenVersions(staying, request.clusters);
  const body: Omit<Plan, 'digest'> = {
    v: 1,
    kind,
    stack: refTo(stack),
    revision: request.revision,
    baseRevision: request.baseRevision,
    ...(account === undefined ? {} : { serviceAccount: account }),
    steps,
    locks: moving.map((one) => one.id),
    locations: staying.map((one) => ({
      location: one.location,
      revision: one.change === 'none' ? (one.previous?.revision ?? request.revision) : request.revision,
      bundle: one.digest as Digest,
    })),
    changes: differences.map((one) => ({
      location: locationId(one.location),
      change: one.change,
      objects: one.objects,
    })),
    reasons: fewReasons(request.reasons),
    ...(versions.length === 0 ? {} : { versions }),
    ...tenantIn(stack.labels),
    rollout: rolloutOf(stack),
    minimum: Object.fromEntries(stack.functions.map((one) => [one.name, one.spec.availability.locations.min])),
    irreversible: differences.flatMap(irreversible),
    ...(request.reason === undefined ? {} : { reason: request.reason }),
  };
  const bundles = new Map(staying.map((one) => [one.digest as Digest, one.bundle as Bundle]));
  return { kind: 'done', value: { plan: { ...body, digest: digestOf(body) }, bundles } };
}

/** A plan is stored and shown: of thousands of refused clusters the first hundred say enough. */
function fewReasons(reasons: readonly PlacementReason[]): readonly PlacementReason[] {
  const refused = new Map<string, number>();
  return reasons.filter((one) => {
    if (one.taken) return true;
    const count = (refused.get(one.function) ?? 0) + 1;
    refused.set(one.function, count);
    return count <= REASONS_PER_FUNCTION_MAX;
  });
}

function irreversible(one: LocationDifference): readonly string[] {
  const recreated = one.immutable.map((change) => `recreate ${change.object} on ${one.location.cluster}`);
  const removed = one.change === 'remove' ? [`remove ${shortId(one.location)}`] : [];
  const pruned = one.change === 'update' ? one.gone.filter((object) => !isGround(object)) : [];
  return [
    ...recreated,
    ...removed,
    ...pruned.map((object) => `delete ${object.kind} ${object.metadata.name} on ${one.location.cluster}`),
  ];
}
