import { levels } from '../base/index.ts';
import type { Amounts } from '../ldc/index.ts';
import { addAmounts, demandOf } from '../ldc/index.ts';
import { type Candidates, candidatesOf } from './candidates.ts';
import { divide } from './divide.ts';
import { cpuText, freeFor, memoryText } from './filters/capacity.ts';
import { type Fleet, fleetOf } from './fleet.ts';
import { missingText, surviveText } from './missing.ts';
import { select } from './select.ts';
import { type Part, type Subject, subjectOf } from './subject.ts';
import type { PlacedLocation, PlaceRequest, Unmet } from './types.ts';

/** All that was found out for one function or database. */
export interface Decided {
  readonly part: Part;
  readonly subject: Subject;
  readonly candidates: Candidates;
  readonly chosen: readonly number[];
  readonly locations: readonly PlacedLocation[];
  readonly unmet: readonly Unmet[];
}

/** Decides for one part after the other, each after what it needs; one set of clusters for all objects of a part. */
export function decide(request: PlaceRequest): { readonly fleet: Fleet; readonly decided: readonly Decided[] } {
  const fleet = fleetOf(request.snapshot);
  const parts = new Map<string, Part>(
    [...request.stack.databases, ...request.stack.functions].map((part) => [part.name, part]),
  );
  const needs = new Map([...parts].map(([name, part]) => [name, 'needs' in part.spec ? part.spec.needs : []]));
  const planned = new Map<number, Amounts>();
  const places = new Map<string, ReadonlySet<number>>(currentPlaces(request, fleet));
  const decided: Decided[] = [];
  for (const name of levels(needs).flat()) {
    const part = parts.get(name) as Part;
    const subject = subjectOf(part, { request, fleet, planned: new Map(planned), places });
    const one = decideOne(part, subject, fleet, request);
    decided.push(one);
    places.set(name, new Set(one.chosen));
    for (const location of one.locations) {
      const index = fleet.numberOf.get(location.cluster) as number;
      const before = planned.get(index) ?? NOTHING;
      // a location that stays is counted in what the cluster uses; only its growth is new
      const growth = addAmounts(amountsOf(part, location.replicas), subject.held.get(index) ?? NOTHING, -1);
      planned.set(index, addAmounts(before, growth));
    }
  }
  return { fleet, decided };
}

const NOTHING: Amounts = { cpuMilli: 0, memoryBytes: 0, pods: 0 };

/** What a location of a part takes with so many replicas (null: what the manifests say). */
export function amountsOf(part: Part, replicas: number | null): Amounts {
  return demandOf(
    part.demand,
    replicas ?? part.demand.replicas,
    'requires' in part.spec ? part.spec.requires : undefined,
  );
}

function currentPlaces(request: PlaceRequest, fleet: Fleet): Map<string, Set<number>> {
  const places = new Map<string, Set<number>>();
  for (const { name, cluster } of request.current) {
    const index = fleet.numberOf.get(cluster);
    if (index !== undefined) places.set(name, (places.get(name) ?? new Set()).add(index));
  }
  return places;
}

function decideOne(part: Part, subject: Subject, fleet: Fleet, request: PlaceRequest): Decided {
  const candidates = candidatesOf(subject, fleet);
  const chosen = select(subject, candidates, fleet, request.move === 'freely');
  const unmet: Unmet[] = [];
  if (chosen.length < subject.min) {
    unmet.push({ kind: 'locations', name: part.name, text: missingText(subject, candidates, chosen.length, fleet) });
  }
  const survive = surviveText(subject, chosen, fleet);
  if (survive !== undefined) unmet.push({ kind: 'survive', name: part.name, text: survive });
  if (subject.kind === 'member') {
    return {
      part,
      subject,
      candidates,
      chosen,
      locations: members(subject, candidates, chosen, fleet, request),
      unmet,
    };
  }
  const counts = replicasOf(part, subject, chosen, fleet, request, unmet);
  const locations = chosen.map((index): PlacedLocation => {
    const cluster = nameOf(fleet, index);
    return { kind: 'function', name: part.name, cluster, replicas: counts?.get(cluster) ?? null };
  });
  return { part, subject, candidates, chosen, locations, unmet };
}

function nameOf(fleet: Fleet, index: number): string {
  return (fleet.clusters[index] as { name: string }).name;
}

/** The primary stays where it is; else the member on the most preferred cluster, then by score, then by name. */
function members(
  subject: Subject,
  candidates: Candidates,
  chosen: readonly number[],
  fleet: Fleet,
  request: PlaceRequest,
): readonly PlacedLocation[] {
  const now = request.current.find(
    (one) => one.kind === 'member' && one.name === subject.name && one.role === 'primary',
  );
  const wanted = Object.entries(subject.prefer);
  const preferred = (index: number) =>
    wanted.filter(([label, value]) => fleet.clusters[index]?.labels[label] === value).length;
  const byRank = chosen.toSorted(
    (a, b) => preferred(b) - preferred(a) || (candidates.total[b] as number) - (candidates.total[a] as number) || a - b,
  );
  const primary = chosen.find((index) => nameOf(fleet, index) === now?.cluster) ?? byRank[0];
  return chosen.map((index) => ({
    kind: 'member',
    name: subject.name,
    cluster: nameOf(fleet, index),
    replicas: null,
    role: index === primary ? 'primary' : 'standby',
  }));
}

/** Replicas of each location; undefined: what the manifests say. A division that still holds is left as it is. */
function replicasOf(
  part: Part,
  subject: Subject,
  chosen: readonly number[],
  fleet: Fleet,
  request: PlaceRequest,
  unmet: Unmet[],
): ReadonlyMap<string, number> | undefined {
  const replicas = 'replicas' in part.spec ? part.spec.replicas : undefined;
  if (replicas === undefined) return undefined;
  if ('perLocation' in replicas) {
    return new Map(chosen.map((index) => [nameOf(fleet, index), replicas.perLocation]));
  }
  const names = chosen.map((index) => nameOf(fleet, index));
  const kept = keptDivision(part.name, names, replicas.total, request);
  if (kept !== undefined) return kept;
  const shares = chosen.map((index) => ({
    name: nameOf(fleet, index),
    weight: replicas.divide === 'evenly' ? 1 : (fleet.clusters[index]?.allocatable.cpuMilli ?? 0),
    limit: roomFor(part, subject, fleet, index),
  }));
  const { counts, left } = divide(replicas.total, shares);
  if (left > 0 && chosen.length > 0) {
    const { cpuMilli, memoryBytes } = part.demand.perReplica;
    const each = `${cpuText(cpuMilli)} and ${memoryText(memoryBytes)} of memory each`;
    const text = `needs room for ${left} more replicas (${each}) on ${names.join(', ')}`;
    unmet.push({ kind: 'replicas', name: part.name, text });
  }
  return counts;
}

function keptDivision(
  name: string,
  clusters: readonly string[],
  total: number,
  request: PlaceRequest,
): ReadonlyMap<string, number> | undefined {
  const current = request.current.filter((one) => one.kind === 'function' && one.name === name);
  if (request.move === 'freely' || current.length !== clusters.length) return undefined;
  const counts = new Map(current.map((one) => [one.cluster, one.replicas ?? 0]));
  const sum = [...counts.values()].reduce((a, b) => a + b, 0);
  return sum === total && clusters.every((cluster) => (counts.get(cluster) ?? 0) > 0) ? counts : undefined;
}

/** How many replicas a cluster has room for. `requires` states the whole location, so it limits nothing here. */
function roomFor(part: Part, subject: Subject, fleet: Fleet, index: number): number {
  const free = freeFor(subject, fleet, index);
  const { fixed, perReplica } = part.demand;
  const requires = 'requires' in part.spec ? part.spec.requires : { api: [] };
  const fits = (there: number, base: number, each: number) =>
    each <= 0 ? Number.MAX_SAFE_INTEGER : Math.max(0, Math.floor((there - base) / each));
  return Math.min(
    requires.cpu === undefined ? fits(free.cpuMilli, fixed.cpuMilli, perReplica.cpuMilli) : Number.MAX_SAFE_INTEGER,
    requires.memory === undefined
      ? fits(free.memoryBytes, fixed.memoryBytes, perReplica.memoryBytes)
      : Number.MAX_SAFE_INTEGER,
    fits(free.pods, fixed.pods, perReplica.pods),
  );
}
