import { type KubeObject, levels, limits, refOf } from '../base/index.ts';
import type { Amounts, ResolvedStack } from '../ldc/index.ts';
import { isGround, isNeededToExist } from './bundle.ts';
import type { LocationDifference } from './difference.ts';
import { shortId } from './location.ts';
import type { Rollout, ServiceAccountRef, StackRef, Step } from './types.ts';
import { unprobedIn } from './unprobed.ts';

/** One try of each action, ms. */
const TIMEOUT_MS = {
  snapshot: 30_000,
  ensure: 120_000,
  dryRun: 60_000,
  reserve: 10_000,
  apply: 120_000,
  readBack: 60_000,
  prune: 300_000,
  remove: 300_000,
  slack: 30_000,
} as const;

/** At the end of a soak a gate must be green; an answer that is late once is no trouble yet, a pod that waits to be restarted is. */
const AFTER_SOAK_MS = 3_000;

export interface StepsRequest {
  readonly stack: StackRef;
  readonly namespace: string;
  readonly serviceAccount: ServiceAccountRef | undefined;
  readonly revision: number;
  readonly differences: readonly LocationDifference[];
  /** Cluster names per wave. */
  readonly waves: readonly (readonly string[])[];
  /** Function → the functions that it needs. */
  readonly needs: ReadonlyMap<string, readonly string[]>;
  readonly rollout: Rollout;
  /** How many locations of a function may change at the same time. */
  readonly atOnce: (functionName: string) => number;
  /** What a location takes more than it does today; undefined when nothing. */
  readonly growth: (difference: LocationDifference) => Amounts | undefined;
}

/**
 * The steps in an order in which they could run one by one. Phases follow each other (the engine waits for all of
 * one phase before the next); `after` holds the order within a phase.
 */
export function stepsOf(request: StepsRequest): readonly Step[] {
  const touched = request.differences.filter((one) => one.change === 'add' || one.change === 'update');
  return [...preparing(request, touched), ...running(request, touched), ...touched.map(readBack), ...deciding(request)];
}

type Touched = LocationDifference;

function preparing(request: StepsRequest, touched: readonly Touched[]): Step[] {
  const clusters = Map.groupBy(touched, (one) => one.location.cluster);
  const pending = new Map(
    [...clusters].map(([name, own]) => [
      name,
      own
        .flatMap((one) => one.created)
        .filter(isNeededToExist)
        .map(refOf),
    ]),
  );
  const base = { phase: 'preparing', kind: 'compensatable' } as const;
  const snapshots = touched.map((one): Step => {
    const { location, digest, previous } = one;
    const work = { action: 'snapshot', location, bundle: digest, previous: previous?.digest ?? null } as const;
    return { id: `snapshot:${shortId(location)}`, ...base, after: [], timeoutMs: TIMEOUT_MS.snapshot, work };
  });
  const ensures = [...clusters].map(([cluster, own]): Step => {
    const after = own.map((one) => `snapshot:${shortId(one.location)}`);
    const { stack, serviceAccount } = request;
    const as = serviceAccount === undefined ? {} : { serviceAccount };
    const work = { action: 'ensure', cluster, stack, ...as, objects: ground(own, request) } as const;
    return { id: `ensure:${cluster}`, ...base, after, timeoutMs: TIMEOUT_MS.ensure, work };
  });
  const dryRuns = touched.map((one): Step => {
    const { location, digest } = one;
    const work = {
      action: 'dryRun',
      location,
      bundle: known(digest),
      pending: pending.get(location.cluster) ?? [],
    } as const;
    const after = [`ensure:${location.cluster}`];
    return { id: `dryRun:${shortId(location)}`, ...base, after, timeoutMs: TIMEOUT_MS.dryRun, work };
  });
  const reserves = touched.flatMap((one): Step[] => {
    const growth = request.growth(one);
    if (growth === undefined) return [];
    const id = shortId(one.location);
    const work = { action: 'reserve', location: one.location, ...growth } as const;
    return [{ id: `reserve:${id}`, ...base, after: [`dryRun:${id}`], timeoutMs: TIMEOUT_MS.reserve, work }];
  });
  return [...snapshots, ...ensures, ...dryRuns, ...reserves];
}

/** The namespace and the CRDs of a cluster's locations; a Namespace of the manifests stands for the plain one. */
function ground(own: readonly Touched[], request: StepsRequest): readonly KubeObject[] {
  const { stack, namespace, serviceAccount } = request;
  const objects = own.flatMap((one) => one.bundle?.objects ?? []).filter(isGround);
  const namespaced = own.some((one) => one.bundle?.objects.some((object) => object.metadata.namespace === namespace));
  const stated = objects.some((object) => object.kind === 'Namespace' && object.metadata.name === namespace);
  // the ServiceAccount that acts is in it: it is there, and nothing has to be allowed for it
  if (!namespaced || stated || serviceAccount !== undefined) return objects;
  const labels = { 'ldc.dev/project': stack.project, 'ldc.dev/stack': stack.name };
  return [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } }, ...objects];
}

function running(request: StepsRequest, touched: readonly Touched[]): Step[] {
  return request.waves.flatMap((clusters, wave) => {
    const inWave = new Set(clusters);
    const byFunction = Map.groupBy(
      touched.filter((one) => inWave.has(one.location.cluster)),
      (one) => one.location.name,
    );
    const before = wave === 0 ? [] : [endOf(wave - 1, request.rollout)];
    const steps: Step[] = [];
    for (const name of inNeedsOrder(request.needs, byFunction.keys())) {
      const own = inOrderOf(clusters, byFunction.get(name) ?? []);
      const needed = (request.needs.get(name) ?? [])
        .filter((need) => byFunction.has(need))
        .map((need) => `settled:${need}#${wave}`);
      steps.push(...changes(own, wave, [...before, ...needed], request));
      if (isNeeded(name, request.needs, byFunction)) steps.push(settled(name, wave, own));
    }
    return [...steps, ...soaking(wave, [...byFunction.values()].flat(), request.rollout)];
  });
}

/** Apply and gate of each location; one that serves already changes only when those `atOnce` before it have passed their gate. */
function changes(own: readonly Touched[], wave: number, before: readonly string[], request: StepsRequest): Step[] {
  const serving = own.filter((one) => one.change === 'update');
  return own.flatMap((one): Step[] => {
    const id = shortId(one.location);
    const place = serving.indexOf(one);
    const earlier = place === -1 ? undefined : serving[place - request.atOnce(one.location.name)];
    const after = earlier === undefined ? before : [...before, `gate:${shortId(earlier.location)}`];
    const base = { phase: 'running', kind: 'compensatable', wave } as const;
    const bundle = known(one.digest);
    const { location } = one;
    const previous = one.previous === null ? null : { revision: one.previous.revision, bundle: one.previous.digest };
    const { deadlineMs, minReadyMs = 0 } = request.rollout;
    const watched = minReadyMs > 0 && unprobedIn(one).length > 0 ? { minReadyMs } : {};
    return [
      {
        id: `apply:${id}`,
        ...base,
        after,
        timeoutMs: TIMEOUT_MS.apply,
        work: { action: 'apply', location, revision: request.revision, bundle, previous },
      },
      {
        id: `gate:${id}`,
        ...base,
        after: [`apply:${id}`],
        timeoutMs: withSlack(deadlineMs),
        work: { action: 'gate', location, bundle, deadlineMs, ...watched },
      },
    ];
  });
}

/** One node that stands for many gates, so that edges grow with the locations and not with their square. */
function settled(name: string, wave: number, own: readonly Touched[]): Step {
  const after = own.map((one) => `gate:${shortId(one.location)}`);
  return waiting(`settled:${name}#${wave}`, wave, after, 0);
}

/** Waits, then looks at every gate once more: what was green for a moment only does not get further. */
function soaking(wave: number, own: readonly Touched[], { soakMs }: Rollout): Step[] {
  const gates = own.map((one) => `gate:${shortId(one.location)}`);
  const soak = waiting(`soak:${wave}`, wave, gates, soakMs);
  if (soakMs === 0) return [soak];
  const looks = own.map(({ location, digest }): Step => {
    const work = { action: 'gate', location, bundle: known(digest), deadlineMs: AFTER_SOAK_MS } as const;
    return { ...soak, id: `soaked:${shortId(location)}`, after: [soak.id], timeoutMs: withSlack(AFTER_SOAK_MS), work };
  });
  const after = looks.map((look) => look.id);
  return [soak, ...looks, waiting(`passed:${wave}`, wave, after, 0)];
}

/** The step with which a wave has ended. */
function endOf(wave: number, { soakMs }: Rollout): string {
  return soakMs === 0 ? `soak:${wave}` : `passed:${wave}`;
}

function waiting(id: string, wave: number, after: readonly string[], durationMs: number): Step {
  const base = { phase: 'running', kind: 'compensatable', wave } as const;
  return { id, ...base, after, timeoutMs: withSlack(durationMs), work: { action: 'soak', durationMs } };
}

function withSlack(durationMs: number): number {
  return Math.min(limits.stepTimeoutMsMax, durationMs + TIMEOUT_MS.slack);
}

function readBack({ location, digest }: Touched): Step {
  return {
    id: `readBack:${shortId(location)}`,
    phase: 'verifying',
    kind: 'compensatable',
    after: [],
    timeoutMs: TIMEOUT_MS.readBack,
    work: { action: 'readBack', location, bundle: known(digest) },
  };
}

/** Deletions come last, after the decision: what needs others goes before what it needs. */
function deciding({ differences, needs }: StepsRequest): Step[] {
  const base = { phase: 'decided', kind: 'retriable' } as const;
  const prunes = differences.flatMap((one): Step[] => {
    const objects = one.change === 'update' ? one.gone.filter((object) => !isGround(object)).map(refOf) : [];
    if (objects.length === 0) return [];
    const work = { action: 'prune', location: one.location, objects, bundle: known(one.digest) } as const;
    return [{ id: `prune:${shortId(one.location)}`, ...base, after: [], timeoutMs: TIMEOUT_MS.prune, work }];
  });
  const leaving = differences.filter((one) => one.change === 'remove');
  const ids = new Set(leaving.map((one) => shortId(one.location)));
  const removes = leaving.map((one): Step => {
    const { location, previous } = one;
    const dependents = [...needs].filter(([, needed]) => needed.includes(location.name)).map(([name]) => name);
    const after = dependents
      .map((name) => shortId({ name, cluster: location.cluster }))
      .filter((id) => ids.has(id))
      .map((id) => `remove:${id}`);
    const was = { revision: previous?.revision ?? 0, bundle: known(previous?.digest ?? null) };
    const work = { action: 'remove', location, previous: was } as const;
    return { id: `remove:${shortId(location)}`, ...base, after, timeoutMs: TIMEOUT_MS.remove, work };
  });
  return [...prunes, ...removes];
}

/** Names of a wave's functions, each after what it needs; of one level by name. */
function inNeedsOrder(needs: ReadonlyMap<string, readonly string[]>, names: Iterable<string>): readonly string[] {
  const own = new Map([...names].sort().map((name) => [name, needs.get(name) ?? []]));
  return levels(own).flat();
}

function inOrderOf(clusters: readonly string[], own: readonly Touched[]): readonly Touched[] {
  const place = new Map(clusters.map((name, index) => [name, index]));
  return own.toSorted((a, b) => (place.get(a.location.cluster) ?? 0) - (place.get(b.location.cluster) ?? 0));
}

function isNeeded(
  name: string,
  needs: ReadonlyMap<string, readonly string[]>,
  present: ReadonlyMap<string, unknown>,
): boolean {
  return [...needs].some(([other, needed]) => present.has(other) && needed.includes(name));
}

function known<T>(digest: T | null): T {
  if (digest === null) throw new Error('invariant broken: a location that is touched has a bundle');
  return digest;
}

/** The needs among functions of a stack (databases stand on their own). */
export function needsOf(stack: ResolvedStack): ReadonlyMap<string, readonly string[]> {
  const names = new Set(stack.functions.map((one) => one.name));
  return new Map(stack.functions.map((one) => [one.name, one.spec.needs.filter((need) => names.has(need))]));
}
