import { type Decided, decide } from './decide.ts';
import { filters } from './filters/index.ts';
import type { Fleet } from './fleet.ts';
import type { Explanation, PlacedLocation, Placement, PlaceRequest, ReasonGroup } from './types.ts';

/**
 * Chooses where each function and database member of a stack runs. Pure and deterministic: the same request gives the
 * same answer, ties go to the first by name. What cannot be met is in `unmet`; the locations are then the best there is.
 */
export function place(request: PlaceRequest): Placement {
  const { fleet, decided } = decide(request);
  const locations = decided.flatMap((one) => one.locations).sort(byPlace);
  const all = decided.flatMap(({ candidates, chosen }) => chosen.map((index) => candidates.total[index] as number));
  const score = all.length === 0 ? 0 : all.reduce((sum, one) => sum + one, 0) / all.length;
  return {
    locations,
    reasons: decided.flatMap((one) => groupsOf(one, fleet)),
    score: Math.round(score * 1000) / 1000,
    unmet: decided.flatMap((one) => one.unmet),
    notes: decided.flatMap((one) => notesOf(one, fleet)),
  };
}

/** For every cluster and every function or database: why, or why not. Functions in the order decided, clusters by name. */
export function explain(request: PlaceRequest): readonly Explanation[] {
  const { fleet, decided } = decide(request);
  return decided.flatMap((one) => {
    const chosen = new Set(one.chosen);
    return fleet.clusters.map((cluster, index): Explanation => {
      const shared = { function: one.part.name, cluster: cluster.name };
      const refused = one.candidates.refusedBy[index] as number;
      if (refused > 0) return { ...shared, taken: false, reason: one.candidates.checks[refused - 1]?.why(index) ?? '' };
      const score = one.candidates.total[index] as number;
      if (!chosen.has(index)) return { ...shared, taken: false, reason: spareText(one), score };
      return { ...shared, taken: true, reason: takenText(one, index), score };
    });
  });
}

function takenText({ subject, candidates }: Decided, index: number): string {
  const parts = candidates.rates.map(({ name, rate }) => `${name} ${Math.round(rate(index))}`);
  const head = subject.held.has(index) ? 'runs there already' : 'fits best';
  return parts.length === 0 ? head : `${head} (${parts.join(', ')})`;
}

function spareText({ subject }: Decided): string {
  const by = subject.spread ?? subject.survive?.lose;
  const rule = by === undefined ? '' : ` or keep the spread over ${by}`;
  return `fits, but others score higher, run it already${rule}; ${subject.max} of ${subject.max} are taken`;
}

function groupsOf({ part, candidates, chosen }: Decided, fleet: Fleet): ReasonGroup[] {
  const taken = new Set(chosen);
  const groups: string[][] = [[], []];
  for (const [index, refused] of candidates.refusedBy.entries()) {
    const slot = refused === 0 ? (taken.has(index) ? 0 : 1) : refused + 1;
    const group = groups[slot] ?? [];
    group.push((fleet.clusters[index] as { name: string }).name);
    groups[slot] = group;
  }
  const result: ReasonGroup[] = [];
  for (let slot = 0; slot < groups.length; slot++) {
    const clusters = groups[slot];
    if (clusters === undefined || clusters.length === 0) continue;
    const verdict = slot === 0 ? 'taken' : slot === 1 ? 'spare' : 'refused';
    result.push({ name: part.name, verdict, filter: slot > 1 ? (filters[slot - 2]?.name ?? null) : null, clusters });
  }
  return result;
}

/** Said only when a function asks for spread, has several locations, and all stand in one domain. */
function notesOf({ part, subject, chosen }: Decided, fleet: Fleet): string[] {
  if (subject.spread === undefined || chosen.length < 2) return [];
  const { of, names } = fleet.domains(subject.spread);
  const used = new Set(chosen.map((index) => of[index] as number));
  if (used.size > 1) return [];
  const name = names[[...used][0] as number] || '(none)';
  return [`all ${chosen.length} locations of ${part.name} stand in ${subject.spread} ${name}`];
}

function byPlace(a: PlacedLocation, b: PlacedLocation): number {
  return compare(a.kind, b.kind) || compare(a.name, b.name) || compare(a.cluster, b.cluster);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
