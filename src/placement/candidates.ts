import type { Check } from './filters/filter.ts';
import { filters } from './filters/index.ts';
import { isTolerated } from './filters/taints.ts';
import type { Fleet } from './fleet.ts';
import { scores } from './scores/index.ts';
import type { Subject } from './subject.ts';

/** What filters and scores say of each cluster, by its number. */
export interface Candidates {
  /** 1 + the number of the filter that refused; 0: it fits. */
  readonly refusedBy: Uint8Array;
  /** Weighted mean of the scores, 0 to 100; 0 where refused. */
  readonly total: Float64Array;
  /** Numbers of the clusters that fit, ascending. */
  readonly fitting: readonly number[];
  /** Those that a PreferNoSchedule taint puts last. */
  readonly avoided: ReadonlySet<number>;
  readonly checks: readonly (Check | undefined)[];
  /** Each score that counts, for explanations. */
  readonly rates: readonly {
    readonly name: string;
    readonly weight: number;
    readonly rate: (cluster: number) => number;
  }[];
}

export function candidatesOf(subject: Subject, fleet: Fleet): Candidates {
  const count = fleet.clusters.length;
  const refusedBy = new Uint8Array(count);
  const checks = filters.map((filter) => filter.check(subject, fleet));
  for (const [position, check] of checks.entries()) {
    if (check === undefined) continue;
    for (let index = 0; index < count; index++) {
      if (refusedBy[index] === 0 && check.refuses(index)) refusedBy[index] = position + 1;
    }
  }
  const fitting: number[] = [];
  for (let index = 0; index < count; index++) if (refusedBy[index] === 0) fitting.push(index);
  const { weights } = subject.placement;
  const rates = scores.flatMap((score) => {
    const weight = weights[score.name];
    const rate = weight === 0 ? undefined : score.rate(subject, fleet);
    return rate === undefined ? [] : [{ name: score.name, weight, rate }];
  });
  return {
    refusedBy,
    total: totals(fitting, rates, count),
    fitting,
    avoided: avoidedBy(subject, fleet),
    checks,
    rates,
  };
}

function totals(fitting: readonly number[], rates: Candidates['rates'], count: number): Float64Array {
  const total = new Float64Array(count);
  const sum = rates.reduce((weights, { weight }) => weights + weight, 0);
  for (const { weight, rate } of rates) {
    for (const index of fitting) total[index] = (total[index] as number) + (weight * rate(index)) / sum;
  }
  // rounded, so that the order of adding up decides no tie
  for (const index of fitting) total[index] = Math.round((total[index] as number) * 1000) / 1000;
  return total;
}

function avoidedBy(subject: Subject, fleet: Fleet): ReadonlySet<number> {
  const avoided = new Set<number>();
  for (const index of fleet.tainted) {
    const taints = fleet.clusters[index]?.taints ?? [];
    const counts = taints.some(
      (taint) => taint.effect === 'PreferNoSchedule' && !isTolerated(taint, subject.placement.tolerations),
    );
    if (counts && !subject.held.has(index)) avoided.add(index);
  }
  return avoided;
}
