/** The hub's side, built: certificate authority, listener, lines, registry. */
import type { AgentIdentity } from '../types.ts';
import { openAuthority } from './authority.ts';
import { clusterProjector } from './entries.ts';
import { createListener } from './listener.ts';
import { createHubRoom, type HubRoom, type HubRoomOptions } from './room.ts';
import { createServerCertificates, type ServerCertificate } from './server-certificate.ts';

export { driftsOf } from './drift-views.ts';
export type { Certifier } from './joining.ts';
export { AWAITED_REPORTS, HELD_REPORTS, type HeldReport } from './reports.ts';
export {
  createHubRoom,
  type HubRoom,
  type HubRoomOptions,
  type HubSignals,
  nobodyJoins,
} from './room.ts';
export { clusterProjector };

export interface HubLinkOptions extends HubRoomOptions {
  /** Where the CA lies (`STATE/hub`). */
  readonly dir: string;
  readonly listen: { readonly host: string; readonly port: number };
  /** Further names and addresses for the hub's certificates. */
  readonly names?: readonly string[];
}

export interface HubLink extends HubRoom {
  readonly caPem: string;
  /** Where agents reach this hub; right after start(). */
  readonly url: string;
  /** A certificate by the hub's CA for another listener (REST), and from time to time a fresh one. */
  serverCertificate(onFresh: (fresh: ServerCertificate) => void): Promise<ServerCertificate>;
  /** @throws Error with a sentence when the port is in use. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export async function createHubLink(options: HubLinkOptions): Promise<HubLink> {
  const { clock, logger, listen } = options;
  const authority = await openAuthority(options);
  const hosts = [...new Set([listen.host, '127.0.0.1', 'localhost', ...(options.names ?? [])])].filter(
    (host) => host !== '0.0.0.0' && host !== '::',
  );
  const room = createHubRoom(options, authority);
  const certificates = createServerCertificates(authority, hosts, { clock, logger });
  const listener = createListener({
    host: listen.host,
    port: listen.port,
    server: await certificates.issue(),
    joining: room.joining,
    clock,
    logger,
    accept: (identity: AgentIdentity, channel) => room.accept(identity, channel),
  });
  let port = listen.port;
  return {
    ...room,
    caPem: authority.caPem,
    get url() {
      return `https://${listen.host.includes(':') ? `[${listen.host}]` : listen.host}:${port}`;
    },
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
      await room.stop();
      await listener.stop();
    },
  };
}
