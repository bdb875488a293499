/**
 * What leaves some clusters and what stays, given what placement found without them. Pure. Make before break: nothing
 * healthy goes that is not replaced, and an empty list of candidates is a refusal, never a deletion.
 */
import type { Refusal } from '../base/index.ts';
import type { ResolvedStack } from '../ldc/index.ts';
import type { PlacedLocation, Placement } from '../placement/index.ts';

export interface Leaving {
  readonly stack: ResolvedStack;
  readonly current: readonly PlacedLocation[];
  /** Placed as if `away` were not there. */
  readonly placed: Placement;
  readonly away: readonly string[];
  /** Whether an agent is there to remove something; what cannot be reached may still run. */
  readonly reachable: (cluster: string) => boolean;
  /** Whether a location that runs now was last seen well. */
  readonly healthy: (location: PlacedLocation) => boolean;
}

export type Left =
  | { readonly kind: 'moves'; readonly locations: readonly PlacedLocation[]; readonly stays: readonly string[] }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

export function leave(request: Leaving): Left {
  const parts = request.stack.functions.map(({ name, spec }) =>
    partLeaves(name, spec.availability.locations.min, request),
  );
  const members = request.placed.locations.filter((location) => location.kind === 'member');
  if (parts.every((part) => part.moved === 0)) return { kind: 'refused', refusal: refusalOf(request) };
  const locations = [...parts.flatMap((part) => part.locations), ...members];
  const stays = parts.flatMap((part) => part.kept.map((location) => `${location.name}@${location.cluster}`));
  return { kind: 'moves', locations, stays };
}

interface PartLeft {
  readonly locations: readonly PlacedLocation[];
  readonly kept: readonly PlacedLocation[];
  /** How many locations leave `away`; when there is nothing to leave, how many are new. */
  readonly moved: number;
}

function partLeaves(name: string, min: number, { current, placed, away, reachable, healthy }: Leaving): PartLeft {
  const isOurs = (location: PlacedLocation) => location.kind === 'function' && location.name === name;
  const before = current.filter(isOurs);
  const chosen = placed.locations.filter(isOurs);
  const there = before.filter((location) => away.includes(location.cluster)).sort(byCluster);
  const silent = there.filter((location) => !reachable(location.cluster));
  const drained = there.filter((location) => reachable(location.cluster));
  // a lost copy that nothing replaces stays wanted: unreachable is not dead, and dropping it would gain nothing
  const keptSilent = silent.slice(0, Math.max(0, before.length - chosen.length - drained.length));
  // new ones pass their gate before anything is taken away; of the others only those that are well count
  const well = chosen.filter(
    (location) => !before.some((old) => old.cluster === location.cluster) || healthy(location),
  );
  const byWorth = drained.toSorted((a, b) => Number(healthy(b)) - Number(healthy(a)));
  const keptDrained = byWorth.slice(0, Math.max(0, min - well.length));
  const kept = [...keptSilent, ...keptDrained];
  const added = chosen.filter((location) => !before.some((old) => old.cluster === location.cluster)).length;
  return { locations: [...chosen, ...kept], kept, moved: away.length === 0 ? added : there.length - kept.length };
}

function refusalOf({ stack, placed, away }: Leaving): Refusal {
  const where = away.join(', ');
  const missing = placed.unmet.map((unmet) => unmet.text);
  if (missing.length === 0) {
    const message = `${stack.project}/${stack.name} has no better place than ${where}: no other cluster fits, and its minimum is met without`;
    return { kind: 'noBetterPlacement', message, where, hint: 'join a cluster that fits, or loosen the placement' };
  }
  return {
    kind: 'noCandidate',
    message: `${stack.project}/${stack.name} cannot leave ${where}: ${missing.join('; ')}`,
    where,
    hint: 'join a cluster that fits, make room, or loosen the placement; what runs stays where it is',
    details: placed.unmet.map(({ kind, name, text }) => ({ kind, name, text })),
  };
}

function byCluster(a: PlacedLocation, b: PlacedLocation): number {
  return a.cluster < b.cluster ? -1 : a.cluster > b.cluster ? 1 : 0;
}
