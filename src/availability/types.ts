/** Cluster health and a person's will for a cluster: the document `health/<cluster>`. */
import type { Cancel, Outcome } from '../base/index.ts';
import type { StackRef } from '../plan/index.ts';

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

/** How much may move at the same time. */
export interface MoveBudget {
  /** Unfinished reschedules of the whole hub. */
  readonly atOnce: number;
  /** Unfinished reschedules that put something on one cluster. */
  readonly perTargetAtOnce: number;
}

export const defaultBudget: MoveBudget = { atOnce: 200, perTargetAtOnce: 50 };

/** Collection `health`, key = cluster name. A projection of the entries `cluster.health` and `cluster.intent`. */
export interface HealthRecord {
  readonly cluster: string;
  readonly health: Health;
  /** RFC 3339. */
  readonly since: string;
  readonly intent: Intent;
  readonly intentReason: string | null;
  /** Times it was lost, each within the flapping window of the one before: its quarantine doubles with each. */
  readonly losses: number;
  /** RFC 3339 of the last loss. */
  readonly lostAt: string | null;
}

/** What availability needs to know of the clusters; joined in main from the hub's side of hub-agent. */
export interface ClusterSignals {
  clusters(): readonly { readonly name: string; readonly labels: { readonly [key: string]: string } }[];
  /** Clock.monotonic() of the last heartbeat in this hub's life; undefined: none yet. */
  lastHeartbeatMs(cluster: string): number | undefined;
  onHeartbeat(listener: (cluster: string) => void): Cancel;
  /** The kinds that a cluster serves have changed. */
  onServed(listener: (cluster: string) => void): Cancel;
}

/** Why nothing moves by itself now: one brake with the counts that it was decided on. */
export interface Brake {
  readonly kind: 'fleet' | 'domain' | 'hub';
  /** `fleet`, `hub`, or the domain such as `region=eu`. */
  readonly scope: string;
  /** Clusters that are suspect or lost, of `total` that have ever been ready. */
  readonly silent: number;
  readonly total: number;
  readonly reason: string;
}

/** Why a stack that should move has not moved yet. */
export interface Waiting {
  readonly stack: StackRef;
  readonly clusters: readonly string[];
  readonly cause: 'brake' | 'budget' | 'cooldown' | 'busy' | 'heartbeat';
  readonly detail: string;
}

/** A stack whose last move was refused or undone: when it is tried again. */
export interface Cooldown {
  readonly stack: StackRef;
  readonly failures: number;
  /** Milliseconds from now. */
  readonly remainingMs: number;
  readonly message: string;
}

/** Seconds of this hub's life; it counts as healthy only what it knows to be. */
export interface BelowMinimum {
  readonly project: string;
  readonly stack: string;
  readonly function: string;
  /** With fewer healthy locations than the minimum. */
  readonly seconds: number;
  /** Of these, with none at all. */
  readonly nowhereSeconds: number;
}

export interface AvailabilityStatus {
  readonly timers: HealthTimers;
  readonly brakes: readonly (Brake & { readonly since: string })[];
  readonly budget: MoveBudget & {
    readonly inFlight: number;
    readonly perTarget: { readonly [cluster: string]: number };
  };
  readonly cooldowns: readonly Cooldown[];
  readonly waiting: readonly Waiting[];
  /** Functions that have been below their minimum in this hub's life. */
  readonly belowMinimum: readonly BelowMinimum[];
  /** Known clusters on which an undo, a removal or a part is due, with the number of locations. */
  readonly owed: readonly { readonly cluster: string; readonly locations: number }[];
  /** Returning clusters and how much longer each must stay steady (0: only owed or stale work holds it). */
  readonly quarantine: readonly { readonly cluster: string; readonly remainingMs: number; readonly clear: boolean }[];
}

/** What is still on a cluster that is being drained. */
export interface DrainView {
  readonly record: HealthRecord;
  /** `project/stack/name@cluster` of what still has to move. */
  readonly wanted: readonly string[];
  /** What has to be removed or undone there. */
  readonly owed: readonly string[];
}

/** The room's surface for api, drills and main. */
export interface Availability {
  /** Loads the records, and does nothing yet. Before the engine starts: it makes plans of queued transactions anew, from them. */
  recall(): void;
  /** Loads the records, starts the loop; resolves after its first round. */
  start(): Promise<void>;
  /** Stops the loop and waits for the round that is under way. */
  stop(): Promise<void>;
  health(cluster: string): HealthRecord | undefined;
  /** All records, by name. */
  clusters(): readonly HealthRecord[];
  /** Refused `unknownCluster`. Durable when it resolves. */
  setIntent(cluster: string, intent: Intent, actor: string, reason: string | null): Promise<Outcome<HealthRecord>>;
  /** Moves everything off, new copies first; the answer says what is left, ask again to follow it. */
  drain(cluster: string, actor: string, reason: string | null): Promise<Outcome<DrainView>>;
  drained(cluster: string): DrainView | undefined;
  status(): AvailabilityStatus;
}
