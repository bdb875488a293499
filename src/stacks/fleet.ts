/** The fleet at this moment as placement sees it: who is there, how well, how full, and what runs or is promised there. */
import type { Registry } from '../hub-agent/types.ts';
import type { ClusterView, FleetSnapshot } from '../placement/index.ts';
import type { Occupied } from './occupied.ts';
import { NOTHING, type Reservations } from './reservations.ts';
import type { ClusterCondition } from './types.ts';

/** A cluster's annotation-like label with the price of one CPU for one hour. */
const COST_LABEL = 'ldc.dev/cost';

export interface FleetPorts {
  readonly registry: Pick<Registry, 'clusters'>;
  readonly occupied: Pick<Occupied, 'byCluster'>;
  readonly reservations: Pick<Reservations, 'byCluster' | 'locations'>;
  readonly health: (cluster: string) => ClusterCondition | undefined;
}

export function fleetSnapshot({ registry, occupied, reservations, health }: FleetPorts): FleetSnapshot {
  const reserved = reservations.byCluster();
  const held = occupied.byCluster();
  const coming = reservations.locations();
  return {
    clusters: registry.clusters().map((record): ClusterView => {
      const { name, labels, taints, apis, capacity } = record;
      const condition = health(name);
      const cost = Number(labels[COST_LABEL] ?? Number.NaN);
      return {
        name,
        labels,
        taints: taints.map(({ key, value, effect }) => ({
          key,
          value,
          effect: effect === 'NoPlace' ? 'NoSchedule' : effect,
        })),
        health: condition?.health ?? 'joining',
        intent: condition?.intent ?? 'open',
        apis,
        allocatable: capacity?.allocatable ?? NOTHING,
        used: capacity?.requested ?? NOTHING,
        reserved: reserved.get(name) ?? NOTHING,
        locations: [...new Set([...(held.get(name) ?? []), ...(coming.get(name) ?? [])])],
        ...(Number.isFinite(cost) ? { cost } : {}),
      };
    }),
  };
}

/** The snapshot as if some clusters were gone (what is there has to leave) and others took nothing new. */
export function without(
  snapshot: FleetSnapshot,
  away: readonly string[],
  avoid: readonly string[] = [],
): FleetSnapshot {
  if (away.length === 0 && avoid.length === 0) return snapshot;
  return {
    clusters: snapshot.clusters.map((cluster) => {
      if (away.includes(cluster.name)) return { ...cluster, intent: 'removing' };
      if (avoid.includes(cluster.name) && cluster.intent === 'open') return { ...cluster, intent: 'cordoned' };
      return cluster;
    }),
  };
}
