/** The hub's side of joining and watching clusters, as stacks and api see it. */
import type { Json, ObjectRef, Outcome } from '../base/index.ts';
import type { AgentMessage, Capacity, Channel, CommandOutput, Observation } from '../protocol/index.ts';

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
  /** uid of its namespace kube-system: which cluster it is, whatever its name; null: its agent has not said. */
  readonly uid: string | null;
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
    /** When given, only a cluster of this name may join by it. */
    cluster?: string;
  }): Promise<Outcome<{ token: string; record: JoinToken }>>;
  tokens(): readonly JoinToken[];
  revokeToken(id: string, actor: string): Promise<Outcome<null>>;
  /**
   * Its agent takes away what ldc put there (`orphan`: but for the workloads), itself at last. The record stays until `remove`.
   * `kept`: what earlier removals left there.
   */
  leave(name: string, orphan: boolean, kept: readonly ObjectRef[]): Promise<Outcome<Left>>;
  /** Its records go over to the new name; refused when that one is taken. What stands against it is `Stacks.renameCluster`'s to ask. */
  rename(name: string, to: string, actor: string, reason: string | null): Promise<Outcome<ClusterRecord>>;
  /**
   * Refused from then on, a live connection included; its record goes. `forgotten`: work due there that nobody will do,
   * told in its chain before its end.
   */
  remove(name: string, actor: string, reason: string, forgotten?: readonly Json[]): Promise<Outcome<null>>;
}

/** What an agent took away as its cluster left, and what is still there. */
export type Left = Extract<CommandOutput, { kind: 'left' }>;

/** A location and what of it is wanted (hub) or held (agent). */
export type Held = AgentHello['held'][number];
type AgentHello = Extract<AgentMessage, { kind: 'hello' }>;

/** Who an agent is on a line: bound to its certificate at the hub. */
export interface AgentIdentity {
  readonly cluster: string;
  /** SHA-256 (hex) of its public key. */
  readonly publicKey: string;
}

/** How an agent reaches its hub: over the network (`networkDoor`) or, in a simulation, in memory. Refusals are final; `retry` and `unknown` are tried again. */
export interface HubDoor {
  /** Sends a certificate request with a join token. */
  enrol(request: Enrolment): Promise<Outcome<Enrolled>>;
  /** A new certificate for the key that the identity holds. */
  renew(identity: StoredIdentity, csr: string): Promise<Outcome<Enrolled>>;
  /** Opens the line; an abort before it stands ends the attempt with `retry`. */
  open(identity: StoredIdentity, signal: AbortSignal): Promise<Outcome<Channel>>;
}

export interface Enrolment {
  readonly token: string;
  readonly cluster: string;
  readonly csr: string;
  /** Of the cluster's namespace kube-system. */
  readonly uid?: string | undefined;
}

export interface Enrolled {
  readonly cluster: string;
  readonly certificate: string;
  readonly ca: string;
}

/** What an agent keeps of itself, as a Secret in its cluster. */
export interface StoredIdentity extends Enrolled {
  /** PKCS #8, PEM. */
  readonly key: string;
  /** Names that its cluster had before: it may have been started to join by one of them. */
  readonly formerly?: readonly string[];
  /** Another name that it has asked for by a token, with the key for that; kept until it is granted. */
  readonly wish?: { readonly cluster: string; readonly key: string };
}

export type { Json };
