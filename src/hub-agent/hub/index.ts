/** The hub's side, built: certificate authority, listener, lines, registry. */
import type { Cancel, Clock, Ids, Logger, Projector, Random, Store } from '../../base/index.ts';
import type { AgentLink, AgentStreams } from '../../protocol/index.ts';
import type { AgentIdentity, ClusterRecord, Held, Registry } from '../types.ts';
import { openAuthority } from './authority.ts';
import { CLUSTERS, clusterProjector } from './entries.ts';
import { createJoining, type Joining } from './joining.ts';
import { createHubLines, type HubLines } from './link.ts';
import { createListener } from './listener.ts';
import { createRegistry } from './registry.ts';
import { createReports, type ReportsOptions } from './reports.ts';
import { createServerCertificates, type ServerCertificate } from './server-certificate.ts';
import { createTokens } from './tokens.ts';

export { driftsOf } from './drift-views.ts';
export { AWAITED_REPORTS, HELD_REPORTS, type HeldReport } from './reports.ts';
export { clusterProjector };

export interface HubLinkOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly random: Random;
  readonly logger: Logger;
  /** Where the CA lies (`STATE/hub`). */
  readonly dir: string;
  readonly listen: { readonly host: string; readonly port: number };
  /** Further names and addresses for the hub's certificates. */
  readonly names?: readonly string[];
  readonly heartbeatMs: number;
  readonly hubName: string;
  /** What the hub wants on a cluster and no open transaction is changing. */
  readonly desired: (cluster: string) => readonly Held[];
  /** The hub was restored from a backup and only watches. Default false. */
  readonly observeOnly?: boolean;
  /** A cluster that a restored hub was armed without has said what it holds. */
  readonly onReport?: ReportsOptions['onReport'];
}

export interface HubLink {
  readonly link: AgentLink & AgentStreams;
  readonly registry: Registry;
  /** To be among the store's projectors. */
  readonly projector: Projector;
  /** What availability asks of the clusters. */
  readonly signals: HubSignals;
  readonly caPem: string;
  /** Where agents reach this hub; right after start(). */
  readonly url: string;
  /** Joining and lines without a network, for simulations. */
  readonly joining: Joining;
  readonly accept: HubLines['accept'];
  /** A certificate by the hub's CA for another listener (REST), and from time to time a fresh one. */
  serverCertificate(onFresh: (fresh: ServerCertificate) => void): Promise<ServerCertificate>;
  /** @throws Error with a sentence when the port is in use. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface HubSignals {
  clusters(): readonly { readonly name: string; readonly labels: { readonly [key: string]: string } }[];
  lastHeartbeatMs(cluster: string): number | undefined;
  onHeartbeat(listener: (cluster: string) => void): Cancel;
  onServed(listener: (cluster: string) => void): Cancel;
}

export async function createHubLink(options: HubLinkOptions): Promise<HubLink> {
  const { store, clock, logger, listen } = options;
  const authority = await openAuthority(options);
  const hosts = [...new Set([listen.host, '127.0.0.1', 'localhost', ...(options.names ?? [])])].filter(
    (host) => host !== '0.0.0.0' && host !== '::',
  );
  const tokens = createTokens({ ...options, caDigest: authority.caDigest });
  const { observeOnly = false } = options;
  const lines = createHubLines({ ...options, observeOnly, reports: createReports({ ...options, observeOnly }) });
  const joining = createJoining(store, authority, tokens);
  const registry = createRegistry({ store, lines, tokens, joining, ids: options.ids });
  const certificates = createServerCertificates(authority, hosts, { clock, logger });
  const listener = createListener({
    host: listen.host,
    port: listen.port,
    server: await certificates.issue(),
    joining,
    clock,
    logger,
    accept: (identity: AgentIdentity, channel) => lines.accept(identity, channel),
  });
  let port = listen.port;
  return {
    link: lines,
    registry,
    projector: clusterProjector,
    signals: {
      // asked at every look of availability: not what agents say of their clusters, which is large
      clusters: () => store.documents.list(CLUSTERS).map(({ body }) => identityOf(body as unknown as ClusterRecord)),
      lastHeartbeatMs: (cluster) => lines.lastHeartbeatMs(cluster),
      onHeartbeat: (listener) => lines.onChange(({ kind, cluster }) => kind === 'heartbeat' && listener(cluster)),
      onServed: (listener) => lines.onChange(({ kind, cluster }) => kind === 'served' && listener(cluster)),
    },
    caPem: authority.caPem,
    get url() {
      return `https://${listen.host.includes(':') ? `[${listen.host}]` : listen.host}:${port}`;
    },
    joining,
    accept: lines.accept,
    serverCertificate(onFresh) {
      certificates.onFresh(onFresh);
      return certificates.issue();
    },
    async start() {
      ({ port } = await listener.start());
      certificates.onFresh((fresh) => listener.show(fresh));
      certificates.start();
    },
    async stop() {
      certificates.stop();
      lines.stop();
      await listener.stop();
    },
  };
}

function identityOf({ name, labels }: ClusterRecord): Pick<ClusterRecord, 'name' | 'labels'> {
  return { name, labels };
}
