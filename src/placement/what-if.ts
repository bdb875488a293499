import type { ResolvedStack } from '../ldc/index.ts';
import { amountsOf, decide } from './decide.ts';
import { domainValue, withReserved } from './fleet.ts';
import type { CompileExpression, CurrentLocation, FleetSnapshot } from './types.ts';

/** A stack and where it runs now. */
export interface RunningStack {
  readonly stack: ResolvedStack;
  readonly current: readonly CurrentLocation[];
}

export interface WhatIfRequest {
  readonly stacks: readonly RunningStack[];
  readonly snapshot: FleetSnapshot;
  /** Every cluster with all of these labels is lost; `cluster` is its name. Such as `{region: 'eu'}`. */
  readonly lose: { readonly [label: string]: string };
  readonly compile?: CompileExpression;
}

export interface WhatIf {
  /** `region=eu` */
  readonly lose: string;
  readonly clusters: readonly string[];
  /** Only functions and databases that lose a location. */
  readonly functions: readonly {
    readonly project: string;
    readonly stack: string;
    readonly function: string;
    readonly min: number;
    /** Locations on clusters that are well and not lost. */
    readonly left: number;
    readonly replacement: 'notNeeded' | 'found' | 'none';
    readonly to: readonly string[];
    readonly missing: string | null;
  }[];
  /** No function falls below its minimum in the first moment. */
  readonly survives: boolean;
}

/** What would be left, and where the rest would go; stacks take room from one another in the order given. */
export function whatIf(request: WhatIfRequest): WhatIf {
  const lose = Object.entries(request.lose).sort(([a], [b]) => (a < b ? -1 : 1));
  const isLost = (cluster: FleetSnapshot['clusters'][number]) =>
    lose.length > 0 && lose.every(([label, value]) => domainValue(cluster, label) === value);
  const lost = new Set(request.snapshot.clusters.filter(isLost).map((cluster) => cluster.name));
  const healthy = new Set(
    request.snapshot.clusters
      .filter((cluster) => !lost.has(cluster.name) && (cluster.health === 'ready' || cluster.health === 'returning'))
      .map((cluster) => cluster.name),
  );
  let snapshot: FleetSnapshot = {
    clusters: request.snapshot.clusters.map((one) => (lost.has(one.name) ? { ...one, health: 'lost' } : one)),
  };
  const functions: WhatIf['functions'][number][] = [];
  for (const { stack, current } of request.stacks) {
    if (!current.some((location) => lost.has(location.cluster))) continue;
    const compile = request.compile === undefined ? {} : { compile: request.compile };
    const { decided } = decide({ stack, snapshot, current, ...compile });
    for (const one of decided) {
      const mine = current.filter((location) => location.kind === one.subject.kind && location.name === one.part.name);
      if (!mine.some((location) => lost.has(location.cluster))) continue;
      const left = mine.filter((location) => healthy.has(location.cluster)).length;
      const had = new Set(mine.map((location) => location.cluster));
      const added = one.locations.filter((location) => !had.has(location.cluster));
      const missing = one.unmet.find((unmet) => unmet.kind !== 'survive') ?? null;
      const { min } = one.subject;
      functions.push({
        project: stack.project,
        stack: stack.name,
        function: one.part.name,
        min,
        left,
        replacement: missing !== null ? 'none' : left >= min && added.length === 0 ? 'notNeeded' : 'found',
        to: added.map((location) => location.cluster),
        missing: missing?.text ?? null,
      });
      const amounts = (replicas: number | null) => amountsOf(one.part, replicas);
      snapshot = withReserved(
        snapshot,
        added.map((location) => ({
          location,
          id: `${stack.project}/${stack.name}/${location.name}@${location.cluster}`,
          amounts: amounts(location.replicas),
        })),
      );
    }
  }
  return {
    lose: lose.map(([label, value]) => `${label}=${value}`).join(','),
    clusters: [...lost].sort(),
    functions,
    survives: functions.every((one) => one.left >= one.min),
  };
}

/** Each single failure domain lost once: by label in the order given, by value. */
export function survive(
  request: Omit<WhatIfRequest, 'lose'>,
  labels: readonly string[] = ['cluster', 'zone', 'region', 'provider'],
): readonly WhatIf[] {
  return labels.flatMap((label) => {
    const values = new Set(request.snapshot.clusters.map((cluster) => domainValue(cluster, label)));
    values.delete('');
    return [...values].sort().map((value) => whatIf({ ...request, lose: { [label]: value } }));
  });
}
