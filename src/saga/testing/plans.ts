/** Small plans in the shape of real ones, for tests: every action of a deploy, one wave a cluster. */
import { type Digest, digestOf } from '../../base/index.ts';
import type { Location, Plan, Rollout, Step, StepWork, TransactionKind } from '../../plan/index.ts';
import { locationId } from '../../plan/index.ts';

export interface PlanOptions {
  readonly kind?: TransactionKind;
  readonly stack?: string;
  readonly revision?: number;
  readonly rollout?: Partial<Rollout>;
  /** A location (`function`) that the placement no longer has, on this cluster: removed after the decision. */
  readonly removeFrom?: string;
  /** Clusters all in wave 0. */
  readonly oneWave?: boolean;
}

const ROLLOUT: Rollout = {
  soakMs: 1_000,
  deadlineMs: 600_000,
  approval: 'none',
  onFailure: 'rollback',
  onLostCluster: 'undo',
};

export function locationOf(cluster: string, stack = 'shop', name = 'web'): Location {
  return { stack: { project: 'default', name: stack }, kind: 'function', name, cluster };
}

export function bundleOf(cluster: string, revision: number): Digest {
  return digestOf({ cluster, revision });
}

export function deployPlan(clusters: readonly string[], options: PlanOptions = {}): Plan {
  const { stack = 'shop', revision = 1, kind = 'deploy', rollout = {}, removeFrom, oneWave = false } = options;
  const steps = clusters.flatMap((cluster, index) => {
    const before = oneWave || index === 0 ? [] : [`soak:${clusters[index - 1]}`];
    return stepsOf(locationOf(cluster, stack), { revision, wave: oneWave ? 0 : index, before });
  });
  const removed = locationOf(removeFrom ?? '', stack, 'old');
  const previous = { revision: 0, bundle: bundleOf('old', 0) };
  if (removeFrom !== undefined) steps.push(step(`remove:old@${removeFrom}`, 'decided', 'retriable', [], { action: 'remove', location: removed, previous })); // biome-ignore format: one step
  const locations = clusters.map((cluster) => ({ location: locationOf(cluster, stack), revision, bundle: bundleOf(cluster, revision) })); // biome-ignore format: one shape
  const plan: Omit<Plan, 'digest'> = {
    v: 1,
    kind,
    stack: { project: 'default', name: stack },
    revision,
    baseRevision: revision - 1,
    steps,
    locks: locations.map(({ location }) => locationId(location)).sort(),
    locations,
    changes: [],
    reasons: [],
    rollout: { ...ROLLOUT, ...rollout },
    minimum: { web: 1 },
    irreversible: [],
  };
  return { ...plan, digest: digestOf(plan) };
}

/** All steps of one location; used for amendments too, which then name what they wait for. */
export function stepsOf(
  location: Location,
  { revision, wave, before }: { readonly revision: number; readonly wave: number; readonly before: readonly string[] },
): Step[] {
  const { cluster, stack } = location;
  const bundle = bundleOf(cluster, revision);
  const previous = revision > 1 ? { revision: revision - 1, bundle: bundleOf(cluster, revision - 1) } : null;
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: stack.name } };
  const pruned = [{ apiVersion: 'v1', kind: 'ConfigMap', namespace: stack.name, name: 'former' }];
  const wavy = (made: Step): Step => ({ ...made, wave });
  return [
    step(`snapshot:${cluster}`, 'preparing', 'compensatable', [], { action: 'snapshot', location, bundle, previous: previous?.bundle ?? null }),
    step(`ensure:${cluster}`, 'preparing', 'compensatable', [`snapshot:${cluster}`], { action: 'ensure', cluster, stack, objects: [namespace] }),
    step(`dryRun:${cluster}`, 'preparing', 'compensatable', [`ensure:${cluster}`], { action: 'dryRun', location, bundle, pending: [] }),
    step(`reserve:${cluster}`, 'preparing', 'compensatable', [], { action: 'reserve', location, cpuMilli: 100, memoryBytes: 1, pods: 1 }),
    wavy(step(`apply:${cluster}`, 'running', 'compensatable', before, { action: 'apply', location, revision, bundle, previous })),
    wavy(step(`gate:${cluster}`, 'running', 'compensatable', [`apply:${cluster}`], { action: 'gate', location, bundle, deadlineMs: 30_000 })),
    wavy(step(`soak:${cluster}`, 'running', 'compensatable', [`gate:${cluster}`], { action: 'soak', durationMs: 1_000 })),
    step(`readBack:${cluster}`, 'verifying', 'compensatable', [`soak:${cluster}`], { action: 'readBack', location, bundle }),
    step(`prune:${cluster}`, 'decided', 'retriable', [], { action: 'prune', location, objects: pruned, bundle }),
  ]; // biome-ignore format: a table of steps
}

export function step(
  id: string,
  phase: Step['phase'],
  kind: Step['kind'],
  after: readonly string[],
  work: StepWork,
): Step {
  return { id, phase, kind, after, timeoutMs: 10_000, work };
}
