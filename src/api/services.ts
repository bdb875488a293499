/** What the routes call. All of it is handed in; nothing here listens, reads the environment or keeps a global. */

import type { AvailabilityStatus, HealthRecord, Intent } from '../availability/types.ts';
import type { Clock, Documents, Ids, Journal, JsonObject, Logger, Outcome, Random } from '../base/index.ts';
import type { Registry } from '../hub-agent/types.ts';
import type { Plan } from '../plan/types.ts';
import type { Engine } from '../saga/types.ts';
import type { Insight, Stacks } from '../stacks/types.ts';
import type { Fault } from './contract/index.ts';

export interface Services {
  readonly version: string;
  readonly stacks: Stacks;
  readonly engine: Engine;
  /** Reasons, logs and events from the agents. */
  readonly insight: Insight;
  readonly registry: Registry;
  readonly availability: AvailabilityPort;
  readonly journal: Journal;
  /** Keeps collections `apiToken` and `idempotency`. */
  readonly documents: Documents;
  /** Text and Mermaid of a plan: plan/render, joined in main. */
  readonly renderPlan: (plan: Plan) => { readonly text: string; readonly mermaid: string };
  /** The URL that agents dial, for join commands. */
  readonly agentsUrl: string;
  /** 32 bytes that never leave the hub (the store's cut key): digests of request bodies say nothing to others. */
  readonly fingerprintKey: Uint8Array;
  /** Whether the hub can serve; each check with its own verdict. */
  readonly ready: () => { readonly ready: boolean; readonly checks: { readonly [name: string]: boolean } };
  /** The hub was restored from a backup: every call that changes something is refused until it is rearmed. */
  readonly observeOnly?: boolean;
  /** Only `ldc dev` has it. */
  readonly sim?: SimPort;
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: Ids;
  readonly logger: Logger;
}

/** What the routes need of availability. */
export interface AvailabilityPort {
  health(cluster: string): HealthRecord | undefined;
  /** `draining` starts the moves; they go on by themselves. */
  setIntent(
    cluster: string,
    intent: Extract<Intent, 'open' | 'cordoned' | 'draining'>,
    actor: string,
    reason: string | null,
  ): Promise<Outcome<unknown>>;
  /** Brakes with their counts, budget and cooldowns. */
  status(): AvailabilityStatus;
}

/** Faults of embedded clusters. */
export interface SimPort {
  clusters(): readonly JsonObject[] | Promise<readonly JsonObject[]>;
  /** Refused `notFound` when no embedded cluster has that name. */
  fault(cluster: string, fault: Fault, options: { readonly latencyMs?: number }): Promise<Outcome<JsonObject>>;
}
