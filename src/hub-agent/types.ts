/** The hub's side of joining and watching clusters, as stacks and api see it. */
import type { Json, Outcome } from '../base/index.ts';
import type { Capacity, Observation } from '../protocol/index.ts';

/** Collection `cluster`, key = name. Who a cluster is, and what its agent last said of it. */
export interface ClusterRecord {
  readonly name: string;
  readonly labels: { readonly [key: string]: string };
  readonly taints: readonly {
    readonly key: string;
    readonly value: string;
    readonly effect: 'NoPlace' | 'NoExecute';
  }[];
  readonly joinedAt: string;
  /** SHA-256 (hex) of the agent's public key (SPKI): what its identity is bound to. */
  readonly publicKey: string;
  readonly kubernetesVersion: string | null;
  readonly agentVersion: string | null;
  /** `apps/v1/Deployment`, … as served there. */
  readonly apis: readonly string[];
  readonly capacity: Capacity | null;
}

export interface JoinToken {
  readonly id: string;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly usesLeft: number;
  readonly createdBy: string;
  readonly labels: { readonly [key: string]: string };
}

export interface Registry {
  clusters(): readonly ClusterRecord[];
  cluster(name: string): ClusterRecord | undefined;
  connected(name: string): boolean;
  /** Clock.monotonic() of the last heartbeat; undefined: none in this hub's life. */
  lastHeartbeatMs(name: string): number | undefined;
  /** The last observations of a cluster's agent; kept in memory, sent anew by the agent at each connect. */
  observations(cluster: string): readonly Observation[];
  setLabels(
    name: string,
    labels: ClusterRecord['labels'],
    taints: ClusterRecord['taints'],
    actor: string,
  ): Promise<Outcome<ClusterRecord>>;
  /** The token's text is answered once and stored only as a hash; it carries the hub CA's SHA-256. */
  createToken(options: {
    uses: number;
    ttlMs: number;
    labels: ClusterRecord['labels'];
    actor: string;
  }): Promise<Outcome<{ token: string; record: JoinToken }>>;
  tokens(): readonly JoinToken[];
  revokeToken(id: string, actor: string): Promise<Outcome<null>>;
  /** Refused from then on, a live connection included; its record goes. */
  remove(name: string, actor: string, reason: string): Promise<Outcome<null>>;
}

export type { Json };
