/** Real control planes on this machine: kube-apiserver, kube-controller-manager, kube-scheduler, etcd and kwok as plain processes. */
import type { Clock, Logger } from '../../base/index.ts';
import type { Pki } from '../api/pki.ts';
import type { LocalCluster } from '../local-cluster.ts';

/** The Kubernetes minors that `tools/kube` builds. */
export type Minor = '1.33' | '1.34';

/** Where the programs of one Kubernetes version are. */
export interface Binaries {
  /** Such as `v1.34.10`. */
  readonly version: string;
  /** Paths of the programs by their usual names. */
  readonly program: { readonly [part in ControlPlanePart]: string };
}

export type ControlPlanePart = 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler' | 'kwok';

export interface ControlPlaneOptions {
  readonly name: string;
  /** PKI, etcd's data, logs, ports and process records; all of it survives a restart. */
  readonly folder: string;
  readonly binaries: Binaries;
  /** `control`: all parts. `api`: etcd and kube-apiserver only, for API tests. Default `control`. */
  readonly extent?: 'control' | 'api';
  /** Nodes that kwok plays; default none. */
  readonly simulatedNodes?: readonly {
    readonly name: string;
    readonly labels?: { readonly [key: string]: string };
    readonly capacity: { readonly cpu: string; readonly memory: string; readonly pods: string };
  }[];
  /** Further flags of kube-apiserver, such as an admission configuration. */
  readonly apiServerFlags?: readonly string[];
  /** etcd does not wait for the disk: a power cut may lose data, a killed process loses none. Default false. */
  readonly unsafeNoFsync?: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** One running control plane. Whatever it started is recorded by pid and start time, and ended by these on `close` or at the next start. */
export interface ControlPlane {
  readonly name: string;
  /** Such as `v1.34.10`. */
  readonly version: string;
  readonly folder: string;
  /** Loopback port of kube-apiserver itself. Kept over restarts. */
  readonly apiPort: number;
  /** Administrator's kubeconfig (YAML), straight to kube-apiserver. */
  readonly adminKubeconfig: string;
  /** The administrator's kubeconfig for another address of the same server, such as a gateway's. */
  kubeconfigFor(server: string): string;
  /** The cluster's authority: what serves inside it (webhooks, kubelets) gets its certificates here. */
  readonly pki: Pki;
  /** Whether a part is running, stopped by SIGSTOP, or down. */
  state(part: ControlPlanePart): 'running' | 'paused' | 'down';
  pid(part: ControlPlanePart): number | undefined;
  /** SIGSTOP: connections open and hang. */
  pause(part: ControlPlanePart): void;
  /** SIGCONT. */
  resume(part: ControlPlanePart): void;
  /** SIGKILL; it stays down until `start`. Resolves when the process is gone. */
  kill(part: ControlPlanePart): Promise<void>;
  /** Starts a part that is down and waits until it is ready. */
  start(part: ControlPlanePart): Promise<void>;
  /** Copies etcd's data to a folder, etcd being stopped meanwhile: what an administrator's backup holds. */
  backup(to: string): Promise<void>;
  /** Puts such a copy in the place of the data. Everything is restarted. */
  restore(from: string): Promise<void>;
  /** Ends all parts; the data stay. */
  close(): Promise<void>;
}

/** A real control plane as a cluster of a local installation: gateway, our kubelet beside kwok, claims bound. */
export interface RealCluster extends LocalCluster {
  readonly controlPlane: ControlPlane;
}
