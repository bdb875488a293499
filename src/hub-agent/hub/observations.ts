/**
 * What agents say of their locations, kept in memory. The status of each is small and stays; why it is not well is large, so
 * that all reasons together have a limit: those that came first go first, and `describe` asks the agent for them anew.
 */
import { limits } from '../../base/index.ts';
import type { AgentMessage, Observation } from '../../protocol/index.ts';

export interface Observations {
  /** A new line: what an earlier one said is told anew. */
  begin(cluster: string): void;
  /** An agent speaks of its own cluster only, whatever name it writes. */
  merge(cluster: string, message: Extract<AgentMessage, { kind: 'observed' }>): void;
  of(cluster: string): readonly Observation[];
}

/** Of one cluster. */
const LOCATIONS_MAX = limits.stackObjectsMax;
/** Of one location; an agent of ours sends less. */
const REASONS_BYTES_MAX = 2 * limits.locationReasonsBytesMax;
const TEXT_CHARACTERS_MAX = 1_000;

export function createObservations(bytesMax: number = limits.hubReasonsBytesMax): Observations {
  const clusters = new Map<string, Map<string, Observation>>();
  /** Bytes of the reasons that are kept, by cluster and location, in the order in which they came. */
  const sizes = new Map<string, { readonly cluster: string; readonly location: string; readonly bytes: number }>();
  let bytes = 0;

  function forget(cluster: string, location: string): void {
    const key = JSON.stringify([cluster, location]);
    bytes -= sizes.get(key)?.bytes ?? 0;
    sizes.delete(key);
  }
  function count(cluster: string, location: string, size: number): void {
    forget(cluster, location);
    if (size === 0) return;
    sizes.set(JSON.stringify([cluster, location]), { cluster, location, bytes: size });
    bytes += size;
    for (const oldest of sizes.values()) {
      if (bytes <= bytesMax) return;
      const known = clusters.get(oldest.cluster);
      const one = known?.get(oldest.location);
      if (one !== undefined) known?.set(oldest.location, withoutReasons(one));
      forget(oldest.cluster, oldest.location);
    }
  }
  return {
    begin(cluster) {
      for (const location of clusters.get(cluster)?.keys() ?? []) forget(cluster, location);
      clusters.set(cluster, new Map());
    },
    merge(cluster, message) {
      const known = clusters.get(cluster);
      if (known === undefined) return;
      for (const location of message.gone ?? []) {
        known.delete(keyOf(location));
        forget(cluster, keyOf(location));
      }
      for (const given of message.observations) {
        const key = keyOf(given.location);
        if (known.size >= LOCATIONS_MAX && !known.has(key)) continue;
        const one = fitted({ ...given, location: { ...given.location, cluster } });
        known.set(key, one);
        count(cluster, key, one.reasons === undefined ? 0 : JSON.stringify(one.reasons).length);
      }
    },
    of: (cluster) => [...(clusters.get(cluster)?.values() ?? [])],
  };
}

function keyOf({ stack, kind, name }: Observation['location']): string {
  return JSON.stringify([stack, kind, name]);
}

/** Texts at a length that can be shown; what is too large is kept without its reasons and drift. */
function fitted(given: Observation): Observation {
  const { message, reason } = given;
  const short = reason === undefined ? {} : { reason: reason.slice(0, TEXT_CHARACTERS_MAX) };
  const one = { ...given, message: message.slice(0, TEXT_CHARACTERS_MAX), ...short };
  if (JSON.stringify([one.reasons, one.drift]).length <= REASONS_BYTES_MAX) return one;
  const { drift: _drift, ...rest } = withoutReasons(one);
  return rest;
}

function withoutReasons({ reasons: _reasons, ...rest }: Observation): Observation {
  return rest;
}
