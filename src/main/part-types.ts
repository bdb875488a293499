/** What passes between an installation and its parts: how they are started, and what they say when they are ready. */

import type { AgentManifestsOptions } from '../hub-agent/index.ts';
import type { NodeSpec } from '../sim/index.ts';
import type { ClusterCounts } from './control-planes.ts';
import type { HubOptions } from './hub.ts';

/** What the hub says when it is ready. */
export interface HubReady {
  readonly url: string;
  readonly agentsUrl: string;
  readonly caPem: string;
  readonly adminTokenFile: string;
}

/** What the fleet says of one cluster. */
export interface FleetCluster {
  readonly name: string;
  /** Of its namespace kube-system: which cluster of the hub it is, whatever its name there. */
  readonly uid: string | undefined;
  readonly labels: { readonly [key: string]: string };
  readonly kubeconfig: string;
  /** `http://127.0.0.1:<port>`: services as reached from outside, `/<namespace>/<service>[:port]/…`. */
  readonly servicesUrl: string;
  /** `embedded`, or the version of a real control plane. */
  readonly kubernetes: string;
}

export interface FleetOptions extends ClusterCounts {
  readonly stateDir: string;
  readonly version: string;
  /** Size of each node of every cluster; default two of 8 cores and 16 GiB. */
  readonly nodes?: readonly NodeSpec['capacity'][];
  /** What agents may deploy beside the usual kinds; default nothing. */
  readonly kinds?: AgentManifestsOptions['kinds'];
}

export interface HubPartOptions extends Omit<HubOptions, 'sim'> {
  readonly logLevel: string;
}

export interface FleetPartOptions extends FleetOptions {
  readonly logLevel: string;
}
