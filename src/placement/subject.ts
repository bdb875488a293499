import { type KubeObject, refOf, refText } from '../base/index.ts';
import type { Amounts, ClusterSelector, ResolvedStack, StackFunction } from '../ldc/index.ts';
import { demandOf, groupKind } from '../ldc/index.ts';
import type { Fleet } from './fleet.ts';
import type { CompileExpression, PlaceRequest } from './types.ts';

/** One function or database, and what filters and scores may know of it. */
export interface Subject {
  readonly kind: 'function' | 'member';
  readonly name: string;
  readonly placement: ResolvedStack['stack']['spec']['placement'];
  readonly selectors: readonly ClusterSelector[];
  readonly residency: readonly { readonly [label: string]: readonly string[] }[];
  /** For each object the APIs of which a cluster must serve one; and the demanded ones. */
  readonly apis: readonly NeededApi[];
  /** What one location needs at least. */
  readonly need: Amounts;
  /** Clusters where it runs already, with what it takes there. */
  readonly held: ReadonlyMap<number, Amounts>;
  /** Taken by other locations of this stack in this decision. */
  readonly planned: ReadonlyMap<number, Amounts>;
  /** Where its neighbours (what it needs, what needs it) are. */
  readonly near: readonly ReadonlySet<number>[];
  /** Labels of preferred clusters (a database's primary). */
  readonly prefer: { readonly [label: string]: string };
  readonly min: number;
  readonly max: number;
  readonly spread?: string;
  readonly survive?: { readonly lose: string; readonly count: number };
  readonly compile?: CompileExpression;
}

/** One of these must be served, unless a CRD of the stack brings the kind to that cluster first. */
export interface NeededApi {
  readonly alternatives: readonly string[];
  /** Where the function is that brings the kind. */
  readonly brought?: ReadonlySet<number>;
}

export type Part = ResolvedStack['functions'][number] | ResolvedStack['databases'][number];

export interface Situation {
  readonly request: PlaceRequest;
  readonly fleet: Fleet;
  readonly planned: ReadonlyMap<number, Amounts>;
  /** Where each part is, as far as decided. */
  readonly places: ReadonlyMap<string, ReadonlySet<number>>;
}

export function subjectOf(part: Part, situation: Situation): Subject {
  const { request, fleet, planned, places } = situation;
  const { placement } = request.stack.stack.spec;
  const near = neighboursOf(part, request.stack).flatMap((name) => places.get(name) ?? []);
  const apis = apisOf(part, request.stack).map(({ alternatives, bringer }): NeededApi => {
    const brought = bringer === undefined ? undefined : places.get(bringer);
    return brought === undefined ? { alternatives } : { alternatives, brought };
  });
  const shared = { name: part.name, placement, planned, near, apis };
  const residency = placement.residency === undefined ? [] : [placement.residency];
  const compile = request.compile === undefined ? {} : { compile: request.compile };
  if ('driver' in part.spec) {
    const { members, primary, residency: own } = part.spec;
    const need = demandOf(part.demand, part.demand.replicas);
    return {
      ...shared,
      ...compile,
      kind: 'member',
      selectors: [placement.clusters],
      residency: own === undefined ? residency : [...residency, own],
      need,
      held: heldBy(part.name, 'member', request, fleet, () => need),
      prefer: primary.prefer,
      min: members.min,
      max: members.min,
      ...(members.spread === undefined ? {} : { spread: members.spread }),
    };
  }
  const { availability, replicas, requires, clusters } = part.spec;
  const { min, max, spread } = availability.locations;
  const most = max === 'all' ? fleet.clusters.length : max;
  const total = replicas !== undefined && 'total' in replicas ? replicas.total : undefined;
  const each = (count: number | null) => demandOf(part.demand, count ?? part.demand.replicas, requires);
  const perLocation = replicas !== undefined && 'perLocation' in replicas ? replicas.perLocation : null;
  return {
    ...shared,
    ...compile,
    kind: 'function',
    selectors: clusters === undefined ? [placement.clusters] : [placement.clusters, clusters],
    residency,
    need: each(total === undefined ? perLocation : 1),
    held: heldBy(part.name, 'function', request, fleet, each, requires),
    prefer: {},
    min,
    max: total === undefined ? most : Math.min(most, total),
    ...(spread === undefined ? {} : { spread }),
    ...(availability.survive === undefined ? {} : { survive: availability.survive }),
  };
}

function heldBy(
  name: string,
  kind: Subject['kind'],
  request: PlaceRequest,
  fleet: Fleet,
  each: (replicas: number | null) => Amounts,
  requires?: StackFunction['requires'],
): ReadonlyMap<number, Amounts> {
  const held = new Map<number, Amounts>();
  for (const location of request.current) {
    const index = fleet.numberOf.get(location.cluster);
    if (location.kind !== kind || location.name !== name || index === undefined) continue;
    held.set(index, heldAmounts(each(location.replicas), location.amounts, requires));
  }
  return held;
}

/**
 * What a location holds where it is: what it takes there; where `requires` states an amount, no less than that, else a
 * location whose `requires` exceeds its requests would be driven out once others fill its cluster.
 */
function heldAmounts(
  stated: Amounts,
  taken: Amounts | undefined,
  requires: StackFunction['requires'] | undefined,
): Amounts {
  if (taken === undefined) return stated;
  return {
    cpuMilli: requires?.cpu === undefined ? taken.cpuMilli : Math.max(stated.cpuMilli, taken.cpuMilli),
    memoryBytes: requires?.memory === undefined ? taken.memoryBytes : Math.max(stated.memoryBytes, taken.memoryBytes),
    pods: taken.pods,
  };
}

/** What a part needs, and what needs it. */
function neighboursOf(part: Part, stack: ResolvedStack): readonly string[] {
  const needers = stack.functions.filter((one) => one.spec.needs.includes(part.name)).map((one) => one.name);
  return 'needs' in part.spec ? [...part.spec.needs, ...needers] : needers;
}

interface StatedApi {
  readonly alternatives: readonly string[];
  readonly bringer?: string;
}

const remembered = new WeakMap<Part, readonly StatedApi[]>();

/**
 * Each object's versions are alternatives. A kind that a CRD of the stack brings need not be there yet: when a needed
 * function brings it, that function must be on the same cluster; else nothing is known and the dry run judges.
 */
function apisOf(part: Part, stack: ResolvedStack): readonly StatedApi[] {
  const known = remembered.get(part);
  if (known !== undefined) return known;
  const bringers = new Map<string, string>();
  for (const one of [...stack.functions, ...stack.databases]) {
    for (const object of one.objects) for (const kind of broughtKind(object)) bringers.set(kind, one.name);
  }
  const needs: readonly string[] = 'needs' in part.spec ? part.spec.needs : [];
  const byObject = new Map<string, { alternatives: Set<string>; bringer?: string }>();
  for (const object of part.objects) {
    const bringer = bringers.get(groupKind(object));
    if (bringer !== undefined && !needs.includes(bringer)) continue;
    const identity = refText(refOf(object));
    const entry = byObject.get(identity) ?? {
      alternatives: new Set<string>(),
      ...(bringer === undefined ? {} : { bringer }),
    };
    entry.alternatives.add(`${object.apiVersion}/${object.kind}`);
    byObject.set(identity, entry);
  }
  const stated = [...byObject.values()].map((entry) => ({ ...entry, alternatives: [...entry.alternatives] }));
  const unique = new Map(stated.map((entry) => [entry.alternatives.join(' '), entry] as const));
  const demanded = 'requires' in part.spec ? part.spec.requires.api.map((api) => ({ alternatives: [api] })) : [];
  const apis = [...unique.values(), ...demanded];
  remembered.set(part, apis);
  return apis;
}

function broughtKind(object: KubeObject): string[] {
  if (object.kind !== 'CustomResourceDefinition') return [];
  const spec = object.spec as { group?: unknown; names?: { kind?: unknown } } | undefined;
  return [`${spec?.group}/${spec?.names?.kind}`];
}
