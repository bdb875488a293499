import type { Client } from '../kubernetes/types.ts';
import type { Fault, Gateway } from './gateway/index.ts';

/** What is wrong with a cluster, as `ldc sim` shows it. */
export type ClusterFault = Fault['kind'] | 'crashed' | 'full';

/** A cluster of this machine behind its gateway: embedded, or a real control plane. What it is made of is its own affair. */
export interface LocalCluster {
  readonly name: string;
  readonly labels: { readonly [key: string]: string };
  /** `embedded`, or the version of a real control plane, such as `v1.34.10`. */
  readonly kubernetes: string;
  /** Administrator's kubeconfig through the gateway, mode 0600. */
  readonly kubeconfigPath: string;
  /** The same to the API server itself, for who lives inside (the agent): no fault of the gateway holds here. */
  insideKubeconfig(): string;
  /** A client from inside. After a crash and a heal it works on. */
  readonly client: Client;
  readonly gateway: Gateway;
  /** `http://127.0.0.1:<port>/<namespace>/<service>[:port]/…` from outside. */
  readonly servicesUrl: string;
  readonly fault: ClusterFault;
  /** Containers that run as processes. */
  processCount(): number;
  /** Nothing in or out; inside goes on. */
  cut(): void;
  slow(latencyMs: number): void;
  refuse(): void;
  /** Everything of it ends at once, control plane and pods; objects stay. */
  crash(): Promise<void>;
  /** The nodes have no room for further pods. */
  full(): Promise<void>;
  /** Ends every fault. */
  heal(): Promise<void>;
  close(): Promise<void>;
}
