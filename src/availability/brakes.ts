/**
 * The brakes of DESIGN §6: when so much is silent that the hub's own view is the likelier fault, nothing moves by itself.
 * Pure, and computed afresh from the clusters at the moment of deciding.
 */
import type { Brake, Health, HealthTimers, Intent } from './types.ts';

/** One cluster at the moment of deciding; milliseconds. */
export interface ClusterState {
  readonly name: string;
  readonly labels: { readonly [key: string]: string };
  readonly health: Health;
  readonly intent: Intent;
  readonly silentMs: number;
  /** For how long it has been lost in this hub's life; null when it is not lost. */
  readonly lostForMs: number | null;
}

/** The hub itself. */
export interface HubState {
  /** Since it began to listen, or woke after having been away. */
  readonly awakeMs: number;
  /** Of the configured checks: `unchecked` when there are none. */
  readonly reachable: 'some' | 'none' | 'unchecked';
}

const SILENT_PERCENT_MAX = 55;
const DOMAIN_CLUSTERS_MIN = 3;
const FRESH_OUTSIDE_MIN = 2;
const DOMAIN_LABELS = ['region', 'provider'] as const;

/** Suspect or lost, or silent for so long that it will be by the next round. */
export function isSilent(cluster: ClusterState, timers: HealthTimers): boolean {
  return cluster.health === 'suspect' || cluster.health === 'lost' || cluster.silentMs >= timers.suspectAfterMs;
}

/** Every brake that is on now. */
export function brakesOn(clusters: readonly ClusterState[], hub: HubState, timers: HealthTimers): readonly Brake[] {
  // one that never became ready serves nothing, and would only thin the count out
  const counted = clusters.filter((cluster) => cluster.health !== 'joining');
  return [...hubBrakes(counted, hub, timers), ...fleetBrakes(counted, timers), ...domainBrakes(counted, timers)];
}

/** The brake that keeps what is on this cluster where it is, if one does. */
export function heldBy(cluster: ClusterState, brakes: readonly Brake[]): Brake | undefined {
  return brakes.find((brake) => brake.kind !== 'domain' || domainsOf(cluster).includes(brake.scope));
}

function hubBrakes(counted: readonly ClusterState[], hub: HubState, timers: HealthTimers): readonly Brake[] {
  const silent = counted.filter((cluster) => isSilent(cluster, timers)).length;
  const brake = { kind: 'hub', scope: 'hub', silent, total: counted.length } as const;
  if (hub.reachable === 'none') {
    return [
      {
        ...brake,
        reason: 'none of the hub’s reachability checks answers: the hub is likelier cut off than the clusters',
      },
    ];
  }
  if (silent > 0 && hub.awakeMs < timers.lostAfterMs) {
    return [{ ...brake, reason: 'the hub itself was away: every cluster first gets one full lease to be heard' }];
  }
  return [];
}

function fleetBrakes(counted: readonly ClusterState[], timers: HealthTimers): readonly Brake[] {
  const { silent, total } = count(counted, timers);
  if (!tooMany(silent, total)) return [];
  return [{ kind: 'fleet', scope: 'fleet', silent, total, reason: `${silent} of ${total} clusters are silent` }];
}

function domainBrakes(counted: readonly ClusterState[], timers: HealthTimers): readonly Brake[] {
  const fleet = count(counted, timers);
  const scopes = [...new Set(counted.flatMap(domainsOf))].sort();
  return scopes.flatMap((scope): Brake[] => {
    const inside = counted.filter((cluster) => domainsOf(cluster).includes(scope));
    const { silent, total } = count(inside, timers);
    if (total < DOMAIN_CLUSTERS_MIN || !tooMany(silent, total)) return [];
    const brake = { kind: 'domain', scope, silent, total } as const;
    if (silent < total)
      return [{ ...brake, reason: `${silent} of ${total} clusters of ${scope} are silent, but not all` }];
    const outside = counted.filter((cluster) => !domainsOf(cluster).includes(scope));
    const fresh = outside.filter((cluster) => cluster.health === 'ready' && !isSilent(cluster, timers)).length;
    if (fresh >= FRESH_OUTSIDE_MIN && !tooMany(fleet.silent, fleet.total)) return []; // a lost domain: it moves
    return [
      {
        ...brake,
        reason: `all of ${scope} is silent, and only ${fresh} outside it ${fresh === 1 ? 'is' : 'are'} fresh`,
      },
    ];
  });
}

function count(clusters: readonly ClusterState[], timers: HealthTimers): { silent: number; total: number } {
  return { silent: clusters.filter((cluster) => isSilent(cluster, timers)).length, total: clusters.length };
}

/** In whole numbers: 55 of 100 is exactly too many. */
function tooMany(silent: number, total: number): boolean {
  return silent > 0 && silent * 100 >= total * SILENT_PERCENT_MAX;
}

function domainsOf(cluster: ClusterState): readonly string[] {
  return DOMAIN_LABELS.flatMap((label) =>
    cluster.labels[label] === undefined ? [] : [`${label}=${cluster.labels[label]}`],
  );
}
