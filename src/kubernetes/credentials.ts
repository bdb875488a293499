/** Where the credentials of an API server come from, and what is read there. */
import type { Dispatcher } from 'undici';

export interface Kubeconfig {
  readonly kind: 'kubeconfig';
  readonly text: string;
  /** Default: the kubeconfig's current context. */
  readonly context?: string;
}

export type Credentials =
  | Kubeconfig
  /** A pod's service account; host and port as Kubernetes gives them to each pod (KUBERNETES_SERVICE_HOST, _PORT). */
  | { readonly kind: 'inCluster'; readonly host: string | undefined; readonly port: string | undefined };

/** Who we are at one API server, however that is known. */
export interface Source {
  /** Such as `https://10.0.0.1:6443`, no trailing slash. */
  readonly server: string;
  /** Anew each time: tokens and certificates rotate. */
  read(): Promise<Proof>;
  /** The same server for nobody: no certificate is shown there. */
  anonymous(): Source;
}

/** What is shown to the API server. */
export interface Proof {
  readonly headers: { readonly [name: string]: string };
  /** Of everything that a connection is made with: the same digest, the same pool. */
  readonly material: string;
  /** A new pool of connections. */
  connect(): Dispatcher | undefined;
}
