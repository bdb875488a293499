import type { KubeObject } from '../base/index.ts';
import type { AgentManifestsOptions } from '../hub-agent/index.ts';

/** What main hands in: the programs that the CLI starts and does not know. Each answers its exit code. */
export interface Launchers {
  hub(options: HubOptions): Promise<number>;
  backup(options: { readonly state: string; readonly file: string }): Promise<number>;
  restore(options: { readonly state: string; readonly file: string }): Promise<number>;
  rearm(options: { readonly state: string; readonly reason: string }): Promise<number>;
  agent(options: AgentOptions): Promise<number>;
  /** What is applied to a cluster so that an agent runs in it. */
  agentManifests(options: AgentManifestsOptions): Promise<readonly KubeObject[]>;
  dev(options: DevOptions): Promise<number>;
  demo(options: DemoOptions): Promise<number>;
  /** Installs or starts the agent of a cluster that is reached by a kubeconfig; resolves when it has joined. */
  joinCluster(options: JoinOptions): Promise<number>;
}

export interface HubOptions {
  readonly state: string;
  readonly host: string;
  readonly port: number;
  /** Names and addresses under which it is reached, for its certificates. */
  readonly names: readonly string[];
  /** What the hub calls itself, in its CA and to its agents. */
  readonly name: string;
  readonly timers: HealthTimings;
  /** Reachability checks of the hub itself. */
  readonly reachable: readonly string[];
}

/** When a silent cluster is suspect, lost and back; what is absent has its default (availability). Milliseconds. */
export interface HealthTimings {
  readonly heartbeatMs?: number;
  readonly suspectAfterMs?: number;
  readonly lostAfterMs?: number;
  readonly backAfterMs?: number;
}

export interface AgentOptions {
  /** `wss`-capable URL of the hub's agents' listener. */
  readonly hub: string;
  /** Only to join. */
  readonly joinToken?: string;
  /** The cluster's name, only to join. */
  readonly name?: string;
  /** Absent: the service account of the pod it runs in. */
  readonly kubeconfig?: string;
  readonly context?: string;
  /** An account of the cluster that it acts as: the credentials only make its tokens. */
  readonly serviceAccount?: { readonly namespace: string; readonly name: string };
  readonly labels: { readonly [key: string]: string };
}

export interface DevOptions {
  readonly clusters: number;
  /** How many of them are real control planes. */
  readonly real: number;
  readonly state: string;
  readonly port: number;
  readonly timers: HealthTimings;
  /** What agents may deploy beside the usual kinds. */
  readonly kinds: AgentManifestsOptions['kinds'];
}

export interface DemoOptions {
  /** How many of its clusters are real control planes. */
  readonly real: number;
  readonly keep: boolean;
  readonly json: boolean;
}

export interface JoinOptions {
  readonly name: string;
  /** The clusters that the hub knows, by the uid of their namespace kube-system. */
  readonly joined: readonly { readonly name: string; readonly uid: string | null }[];
  readonly kubeconfig: string;
  readonly context?: string;
  readonly joinToken: string;
  /** The URL that agents dial. */
  readonly hub: string;
  readonly labels: { readonly [key: string]: string };
  /** What the agent's account may do; null: it has none, and acts with the kubeconfig. */
  readonly rights: Pick<AgentManifestsOptions, 'namespaces' | 'kinds' | 'serviceAccounts' | 'ownRights'> | null;
}
