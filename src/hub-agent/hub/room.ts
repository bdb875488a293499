/** The hub's side without its doors: lines, registry, what availability hears. A listener (index.ts) or a simulation hands it lines. */
import type { Cancel, Clock, Ids, Logger, Projector, Random, Store } from '../../base/index.ts';
import type { AgentLink, AgentStreams } from '../../protocol/index.ts';
import type { ClusterRecord, Held, Registry } from '../types.ts';
import { CLUSTERS, clusterProjector } from './entries.ts';
import { type Certifier, createJoining, type Joining } from './joining.ts';
import { createHubLines, type HubLines } from './link.ts';
import { createRegistry } from './registry.ts';
import { createReports, type ReportsOptions } from './reports.ts';
import { createTokens } from './tokens.ts';

export interface HubRoomOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly random: Random;
  readonly logger: Logger;
  readonly heartbeatMs: number;
  readonly hubName: string;
  /** What the hub wants on a cluster and no open transaction is changing. */
  readonly desired: (cluster: string) => readonly Held[];
  /** The hub was restored from a backup and only watches. Default false. */
  readonly observeOnly?: boolean;
  /** A cluster that a restored hub was armed without has said what it holds. */
  readonly onReport?: ReportsOptions['onReport'];
}

export interface HubRoom {
  readonly link: AgentLink & AgentStreams;
  readonly registry: Registry;
  /** To be among the store's projectors. */
  readonly projector: Projector;
  /** What availability asks of the clusters. */
  readonly signals: HubSignals;
  /** Joining and lines without a network, for simulations. */
  readonly joining: Joining;
  readonly accept: HubLines['accept'];
  stop(): void | Promise<void>;
}

export interface HubSignals {
  clusters(): readonly { readonly name: string; readonly labels: { readonly [key: string]: string } }[];
  lastHeartbeatMs(cluster: string): number | undefined;
  onHeartbeat(listener: (cluster: string) => void): Cancel;
  onServed(listener: (cluster: string) => void): Cancel;
}

/** Where all clusters are known from the beginning. */
export const nobodyJoins: Certifier = {
  caPem: '',
  caDigest: '',
  issueAgent: () => Promise.reject(new Error('nobody joins here')),
};

export function createHubRoom(options: HubRoomOptions, certifier: Certifier): HubRoom {
  const { store, observeOnly = false } = options;
  const tokens = createTokens({ ...options, caDigest: certifier.caDigest });
  const lines = createHubLines({ ...options, observeOnly, reports: createReports({ ...options, observeOnly }) });
  const joining = createJoining(store, certifier, tokens);
  return {
    link: lines,
    registry: createRegistry({ store, lines, tokens, joining, ids: options.ids }),
    projector: clusterProjector,
    signals: {
      // asked at every look of availability: not what agents say of their clusters, which is large
      clusters: () => store.documents.list(CLUSTERS).map(({ body }) => identityOf(body as unknown as ClusterRecord)),
      lastHeartbeatMs: (cluster) => lines.lastHeartbeatMs(cluster),
      onHeartbeat: (listener) => lines.onChange(({ kind, cluster }) => kind === 'heartbeat' && listener(cluster)),
      onServed: (listener) => lines.onChange(({ kind, cluster }) => kind === 'served' && listener(cluster)),
    },
    joining,
    accept: (identity, channel) => lines.accept(identity, channel),
    stop: () => lines.stop(),
  };
}

function identityOf({ name, labels }: ClusterRecord): Pick<ClusterRecord, 'name' | 'labels'> {
  return { name, labels };
}
