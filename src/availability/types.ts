/** Cluster health and a person's will for a cluster: the document `health/<cluster>`. */
import type { Cancel } from '../base/index.ts';

export type Health = 'joining' | 'ready' | 'suspect' | 'lost' | 'returning';
export type Intent = 'open' | 'cordoned' | 'draining' | 'removing';

/** All settable; DESIGN §6 names the defaults. */
export interface HealthTimers {
  readonly heartbeatMs: number;
  readonly suspectAfterMs: number;
  readonly lostAfterMs: number;
  readonly backAfterMs: number;
}

export const defaultTimers: HealthTimers = {
  heartbeatMs: 5_000,
  suspectAfterMs: 15_000,
  lostAfterMs: 30_000,
  backAfterMs: 60_000,
};

/** Collection `health`, key = cluster name. A projection of the entries `cluster.health` and `cluster.intent`. */
export interface HealthRecord {
  readonly cluster: string;
  readonly health: Health;
  /** RFC 3339. */
  readonly since: string;
  readonly intent: Intent;
  readonly intentReason: string | null;
}

/** What availability needs to know of the clusters; joined in main from the hub's side of hub-agent. */
export interface ClusterSignals {
  clusters(): readonly { readonly name: string; readonly labels: { readonly [key: string]: string } }[];
  /** Clock.monotonic() of the last heartbeat in this hub's life; undefined: none yet. */
  lastHeartbeatMs(cluster: string): number | undefined;
  onHeartbeat(listener: (cluster: string) => void): Cancel;
}
