import type { Clock, Json, Logger, Random } from '../../base/index.ts';
import type { Client } from '../../kubernetes/types.ts';

/** A node of finite size that a kubelet speaks for. */
export interface NodeSpec {
  readonly name: string;
  readonly labels?: { readonly [key: string]: string };
  readonly taints?: readonly { readonly key: string; readonly value?: string; readonly effect: string }[];
  /** Quantities, such as `{cpu: '8', memory: '16Gi', pods: '110'}`. */
  readonly capacity: { readonly cpu: string; readonly memory: string; readonly pods: string };
}

export interface KubeletOptions {
  readonly nodes: readonly NodeSpec[];
  /** To an API server; everything that the kubelet knows and says goes through it. */
  readonly client: Client;
  /** Logs, volumes, records of processes. Kept over restarts. */
  readonly stateDir: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Seconds between renewals of the node leases; absent: only with other work, so that an idle cluster is idle. */
  readonly leaseSeconds?: number;
  /** First wait of a crash loop; doubles up to `crashBackoffMaxMs`. Defaults 10,000 and 300,000. */
  readonly crashBackoffMs?: number;
  readonly crashBackoffMaxMs?: number;
  /** Variables given to every container, such as where services of the cluster are reached. */
  readonly env?: { readonly [name: string]: string };
  /** What the API shows as a pod's address; by default the loopback address on which it listens. */
  readonly shownAddress?: (address: string) => string;
  /** Absent: plain HTTP on a free port. */
  readonly logs?: LogServerAddress;
  /** Such as `v1.34.10`; what the nodes say they are. */
  readonly version?: string;
  /** Folder of a bound claim: volume name of the PersistentVolume → folder. */
  readonly claimFolder?: (volumeName: string) => string;
}

/** How a kubelet serves logs to a kube-apiserver, which asks over TLS. */
export interface LogServerAddress {
  /** Taken if it is free, else another. */
  readonly port: number;
  readonly certPem: string;
  readonly keyPem: string;
  readonly caPem: string;
  /** Only who shows this certificate of that authority is answered: the API server, which has asked who may read the log. */
  readonly clientPem: string;
}

/** How a container came to its end. */
export interface Exit {
  readonly exitCode: number;
  readonly signal?: number;
}

/** A container that was started: a process, or the simulation of one. */
export interface RunningContainer {
  readonly id: string;
  readonly exited: Promise<Exit>;
  /** Asks it to end, and makes it end after the grace time. */
  stop(graceMs: number): Promise<Exit>;
  /** Runs a command beside it. */
  exec(command: readonly string[], timeoutMs: number): Promise<{ readonly exitCode: number; readonly output: string }>;
  /** Set when nothing really runs: no probe is asked, and it is ready after this time (Infinity: never). */
  readonly simulatedReadyMs?: number;
}

/** Everything a runtime needs to start one attempt of one container. */
export interface ContainerSpec {
  readonly key: string;
  readonly program: { readonly kind: 'catalogue'; readonly name: string } | { readonly kind: 'command' };
  /** Full command line where the image's own program is not used. */
  readonly command: readonly string[];
  readonly env: { readonly [name: string]: string };
  readonly cwd: string;
  readonly logFile: string;
}

export type PatchBody = { readonly [field: string]: Json | undefined };
