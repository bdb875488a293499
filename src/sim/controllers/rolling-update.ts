/** The arithmetic of a Deployment's rolling update, as kube-controller-manager does it; pure. */

export type IntOrPercent = number | string;

export interface Bounds {
  /** Pods above the wanted number. */
  readonly maxSurge: number;
  /** Pods below the wanted number. */
  readonly maxUnavailable: number;
}

/** What of a ReplicaSet counts here. */
export interface Generation {
  readonly name: string;
  /** spec.replicas */
  readonly replicas: number;
  readonly ready: number;
  readonly available: number;
}

/** New sizes by name; a set that keeps its size is left out. */
export type Sizes = ReadonlyMap<string, number>;

/** Shares of `desired`: surge is rounded up, unavailable down; both 0 would block, so one may then be missing. */
export function resolveBounds(
  desired: number,
  maxSurge: IntOrPercent | undefined,
  maxUnavailable: IntOrPercent | undefined,
): Bounds {
  const surge = resolveShare(maxSurge ?? '25%', desired, Math.ceil);
  const missing = Math.min(desired, resolveShare(maxUnavailable ?? '25%', desired, Math.floor));
  return { maxSurge: surge, maxUnavailable: surge === 0 && missing === 0 ? 1 : missing };
}

function resolveShare(value: IntOrPercent, total: number, round: (share: number) => number): number {
  if (typeof value === 'number') return value;
  return value.endsWith('%') ? round((Number.parseInt(value, 10) * total) / 100) : Number.parseInt(value, 10);
}

/** The next size of the new ReplicaSet. */
export function newReplicas(fresh: Generation, old: readonly Generation[], desired: number, bounds: Bounds): number {
  if (fresh.replicas >= desired) return desired;
  const current = fresh.replicas + sum(old, 'replicas');
  const room = desired + bounds.maxSurge - current;
  return room <= 0 ? fresh.replicas : fresh.replicas + Math.min(room, desired - fresh.replicas);
}

/**
 * The next sizes of the old ReplicaSets (oldest first): broken pods go at once, healthy ones only as far as enough
 * pods stay available.
 */
export function oldReplicas(fresh: Generation, old: readonly Generation[], desired: number, bounds: Bounds): Sizes {
  const sizes = new Map<string, number>();
  if (sum(old, 'replicas') === 0) return sizes;
  const minAvailable = desired - bounds.maxUnavailable;
  const freshMissing = fresh.replicas - fresh.available;
  let removable = fresh.replicas + sum(old, 'replicas') - minAvailable - freshMissing;
  if (removable <= 0) return sizes;
  const left = new Map(old.map((set) => [set.name, set.replicas]));
  const shrink = (name: string, by: number) => {
    const size = (left.get(name) ?? 0) - by;
    left.set(name, size);
    sizes.set(name, size);
  };
  for (const set of old) {
    const broken = Math.min(removable, Math.max(0, set.replicas - set.available));
    if (broken === 0) continue;
    shrink(set.name, broken);
    removable -= broken;
  }
  let spare = fresh.available + sum(old, 'available') - minAvailable;
  for (const set of old) {
    const by = Math.min(spare, left.get(set.name) ?? 0);
    if (by <= 0) continue;
    shrink(set.name, by);
    spare -= by;
  }
  return sizes;
}

/** Spreads a changed total over the sets in proportion to their sizes; the largest set takes what rounding leaves. */
export function proportional(sets: readonly Generation[], allowed: number, previousAllowed: number): Sizes {
  const total = sum(sets, 'replicas');
  let toAdd = allowed - total;
  const sizes = new Map<string, number>();
  if (toAdd === 0 || total === 0) return sizes;
  const ordered = [...sets].sort((a, b) => b.replicas - a.replicas || (a.name < b.name ? -1 : 1));
  for (const set of ordered) {
    const share = Math.round((set.replicas * allowed) / (previousAllowed || total)) - set.replicas;
    const by = toAdd > 0 ? Math.min(Math.max(share, 0), toAdd) : Math.max(Math.min(share, 0), toAdd);
    sizes.set(set.name, set.replicas + by);
    toAdd -= by;
  }
  const largest = ordered[0];
  if (largest !== undefined && toAdd !== 0) {
    sizes.set(largest.name, Math.max(0, (sizes.get(largest.name) ?? largest.replicas) + toAdd));
  }
  return sizes;
}

export function sum<K extends string>(items: readonly { readonly [key in K]: number }[], key: K): number {
  return items.reduce((total, item) => total + item[key], 0);
}
