import type { Amounts } from '../ldc/index.ts';
import { addAmounts } from '../ldc/index.ts';
import type { ClusterView, FleetSnapshot, PlacedLocation } from './types.ts';

/** Values of a label over the clusters, as numbers: equal ones have the same, an absent label has its own. */
export interface Domains {
  readonly of: Int32Array;
  readonly names: readonly string[];
}

/** A snapshot prepared for many decisions: clusters are numbered by name, so that the lower number wins a tie. */
export interface Fleet {
  readonly clusters: readonly ClusterView[];
  readonly numberOf: ReadonlyMap<string, number>;
  /** Free amounts; negative when overcommitted. */
  readonly freeCpu: Float64Array;
  readonly freeMemory: Float64Array;
  readonly freePods: Float64Array;
  /** How many locations of any stack run there. */
  readonly busy: Float64Array;
  /** Clusters with taints; most have none. */
  readonly tainted: readonly number[];
  domains(label: string): Domains;
  /** One byte a cluster, made once per key: for filters whose answer depends on nothing but the cluster. */
  mask(key: string, make: (cluster: ClusterView) => boolean): Uint8Array;
  /** By `apps/v1` and by `apps/v1/Deployment`: who serves it. */
  serves(api: string): Uint8Array;
}

const prepared = new WeakMap<FleetSnapshot, Fleet>();

export function fleetOf(snapshot: FleetSnapshot): Fleet {
  const known = prepared.get(snapshot);
  if (known !== undefined) return known;
  const fleet = prepare(snapshot.clusters.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)));
  prepared.set(snapshot, fleet);
  return fleet;
}

function prepare(clusters: readonly ClusterView[]): Fleet {
  const free = (pick: (amounts: Amounts) => number) =>
    Float64Array.from(clusters, (c) => pick(c.allocatable) - pick(c.used) - pick(c.reserved));
  return {
    clusters,
    numberOf: new Map(clusters.map((cluster, index) => [cluster.name, index])),
    freeCpu: free((amounts) => amounts.cpuMilli),
    freeMemory: free((amounts) => amounts.memoryBytes),
    freePods: free((amounts) => amounts.pods),
    busy: Float64Array.from(clusters, (cluster) => cluster.locations.length),
    tainted: clusters.flatMap((cluster, index) => (cluster.taints.length > 0 ? [index] : [])),
    ...lookups(clusters),
  };
}

/** Answers that depend on labels and APIs alone, kept as they are asked for. */
function lookups(clusters: readonly ClusterView[]): Pick<Fleet, 'domains' | 'mask' | 'serves'> {
  const domains = new Map<string, Domains>();
  const masks = new Map<string, Uint8Array>();
  const serving = new Map<string, Uint8Array>();
  return {
    domains: (label) => remembered(domains, label, () => domainsOf(clusters, label)),
    mask: (key, make) => remembered(masks, key, () => Uint8Array.from(clusters, (cluster) => (make(cluster) ? 1 : 0))),
    // looked for as it is asked: a stack asks for a few of the hundreds of APIs that each cluster lists
    serves: (api) =>
      remembered(serving, api, () => Uint8Array.from(clusters, ({ apis }) => (lists(apis, api) ? 1 : 0))),
  };
}

const KEPT_MAX = 10_000;

function remembered<V>(kept: Map<string, V>, key: string, make: () => V): V {
  const known = kept.get(key);
  if (known !== undefined) return known;
  if (kept.size >= KEPT_MAX) kept.clear();
  const value = make();
  kept.set(key, value);
  return value;
}

function domainsOf(clusters: readonly ClusterView[], label: string): Domains {
  const numbers = new Map<string, number>();
  const of = Int32Array.from(clusters, (cluster) => {
    const value = domainValue(cluster, label);
    if (!numbers.has(value)) numbers.set(value, numbers.size);
    return numbers.get(value) as number;
  });
  return { of, names: [...numbers.keys()] };
}

/** The failure domain of a cluster: a label's value, or the cluster itself; '' without the label. */
export function domainValue(cluster: ClusterView, label: string): string {
  return label === 'cluster' ? cluster.name : (cluster.labels[label] ?? '');
}

/** Whether there is that kind, or any kind of that group and version. */
function lists(apis: readonly string[], api: string): boolean {
  return apis.some((one) => one === api || (one.startsWith(api) && one.lastIndexOf('/') === api.length));
}

/**
 * The snapshot with a placement's new locations counted as reserved there, so that the next decision sees them.
 * Costs a copy of the numbers, not a new preparation.
 */
export function withReserved(
  snapshot: FleetSnapshot,
  added: readonly { readonly location: PlacedLocation; readonly id: string; readonly amounts: Amounts }[],
): FleetSnapshot {
  const before = fleetOf(snapshot);
  const clusters = before.clusters.slice();
  const fleet: Fleet = {
    ...before,
    clusters,
    freeCpu: before.freeCpu.slice(),
    freeMemory: before.freeMemory.slice(),
    freePods: before.freePods.slice(),
    busy: before.busy.slice(),
  };
  for (const { location, id, amounts } of added) {
    const index = before.numberOf.get(location.cluster);
    const cluster = index === undefined ? undefined : clusters[index];
    if (index === undefined || cluster === undefined) continue;
    clusters[index] = {
      ...cluster,
      reserved: addAmounts(cluster.reserved, amounts),
      locations: [...cluster.locations, id],
    };
    fleet.freeCpu[index] = (fleet.freeCpu[index] ?? 0) - amounts.cpuMilli;
    fleet.freeMemory[index] = (fleet.freeMemory[index] ?? 0) - amounts.memoryBytes;
    fleet.freePods[index] = (fleet.freePods[index] ?? 0) - amounts.pods;
    fleet.busy[index] = (fleet.busy[index] ?? 0) + 1;
  }
  const next = { clusters };
  prepared.set(next, fleet);
  return next;
}
