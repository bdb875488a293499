/** The hub, built and joined: store, engine, stacks, agents' line, availability, REST. */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createApp, createTokens, type Services, type SimPort } from '../api/index.ts';
import type { HealthTimers } from '../availability/index.ts';
import { type Clock, errorText, type Logger, type Random } from '../base/index.ts';
import { createHubLink, driftsOf, type HubLink } from '../hub-agent/hub/index.ts';
import { planMermaid, planText } from '../plan/index.ts';
import { createInsight, type InsightPorts } from '../stacks/index.ts';
import {
  commandMasterKey,
  fileMasterKey,
  type MasterKey,
  openStore,
  type SqliteStore,
  valueMasterKey,
} from '../store/index.ts';
import { joinRooms, projectorsOver, type Rooms, startRooms } from './rooms.ts';

export interface HubOptions {
  /** Everything durable of the hub: database, CA, master key. */
  readonly dir: string;
  readonly host: string;
  /** REST; agents have the next one. */
  readonly port: number;
  /** Names under which the hub is reached, for its certificate. */
  readonly names: readonly string[];
  readonly name: string;
  readonly timers: HealthTimers;
  /** URLs outside; when none answers, the hub takes itself for cut off and moves nothing. */
  readonly reachable: readonly string[];
  readonly masterKey: MasterKeySource;
  /** The database grows no further; default: as far as the disk has room. */
  readonly storeBytesMax?: number;
  readonly version: string;
  readonly sim?: SimPort;
}

export type MasterKeySource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'value'; readonly base64: string }
  | { readonly kind: 'command'; readonly command: readonly [string, ...string[]] };

export interface RunningHub {
  readonly url: string;
  readonly agentsUrl: string;
  readonly caPem: string;
  /** A token with every role, made at the first start and kept in `DIR/admin.token` (0600). */
  readonly adminTokenFile: string;
  stop(): Promise<void>;
}

/** Patience with a REST caller that has said little yet; a whole upload may take two minutes. */
const PATIENCE = { handshakeTimeout: 30_000, headersTimeout: 15_000, requestTimeout: 120_000 } as const;
const TLS = { minVersion: 'TLSv1.3' } as const;
const CONNECTIONS_MAX = 5_000;

export interface HubPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export async function startHub(options: HubOptions, ports: HubPorts): Promise<RunningHub> {
  const { dir, host, port } = options;
  const rooms = await openRooms(options, ports);
  const { store, agents } = rooms;
  try {
    await agents.start();
    const services = servicesOf(rooms, options, ports);
    const { app, close } = createApp(services);
    const adminTokenFile = join(dir, 'admin.token');
    if (!existsSync(adminTokenFile)) await makeAdminToken(adminTokenFile, createTokens(services));
    const own = await agents.serverCertificate((fresh) => server.setSecureContext({ ...fresh, ...TLS }));
    const server = createServer({ ...own, ...TLS, ...PATIENCE }, app);
    server.maxConnections = CONNECTIONS_MAX;
    await startRooms(rooms, store.observeOnly);
    await listen(server, host, port);
    return {
      url: `https://${urlHost(host)}:${(server.address() as AddressInfo).port}`,
      agentsUrl: agents.url,
      caPem: agents.caPem,
      adminTokenFile,
      async stop() {
        server.close();
        server.closeAllConnections();
        close();
        await stopRooms(rooms);
      },
    };
  } catch (error) {
    await stopRooms(rooms);
    throw error;
  }
}

type HubRooms = Rooms<SqliteStore, HubLink>;

/** Opens the store and builds the rooms over it. */
async function openRooms(options: HubOptions, ports: HubPorts): Promise<HubRooms> {
  const { dir, host, port, timers } = options;
  const { clock, random, logger } = ports;
  const store: SqliteStore = openStore({
    dir,
    clock,
    random,
    logger: logger.child({ part: 'store' }),
    masterKey: masterKeyOf(options.masterKey, random),
    projectors: projectorsOver(() => store.blobs),
    defer: (run) => void setImmediate(run),
    ...(options.storeBytesMax === undefined ? {} : { bytesMax: options.storeBytesMax }),
  });
  const { observeOnly } = store;
  const reachable = options.reachable.map((url) => () => answers(url));
  const listen = { host, port: port === 0 ? 0 : port + 1 };
  return joinRooms({ store, observeOnly, timers, reachable }, ports, (needs) =>
    createHubLink({ ...needs, store, dir, hubName: options.name, listen, names: options.names }),
  ).catch(async (error) => {
    await store.close();
    throw error;
  });
}

/** In the reverse order of their dependence; a room that was never started is stopped all the same. */
async function stopRooms({ store, agents, engine, availability }: HubRooms): Promise<void> {
  await availability.stop();
  await engine.stop();
  await agents.stop();
  await store.close();
}

function servicesOf(
  { store, agents, stacks, engine, availability, ids }: HubRooms,
  options: HubOptions,
  ports: HubPorts,
): Services {
  return {
    ...ports,
    ids,
    version: options.version,
    stacks,
    engine,
    insight: createInsight({
      ...{ clock: ports.clock, ids, stacks, link: agents.link, epoch: () => store.epoch },
      drifts: (stack) => driftsOf(store.documents, stack) as unknown as ReturnType<InsightPorts['drifts']>,
    }),
    availability,
    registry: agents.registry,
    journal: store.journal,
    documents: store.documents,
    renderPlan: (plan) => ({ text: planText(plan), mermaid: planMermaid(plan) }),
    agentsUrl: agents.url,
    fingerprintKey: store.secrets.cutKey,
    observeOnly: store.observeOnly,
    ready: () => ({ ready: !store.observeOnly, checks: { store: true, acting: !store.observeOnly } }),
    logger: ports.logger.child({ part: 'api' }),
    ...(options.sim === undefined ? {} : { sim: options.sim }),
  };
}

export function masterKeyOf(source: MasterKeySource, random: Random): MasterKey {
  switch (source.kind) {
    case 'file':
      return fileMasterKey(source.path, random);
    case 'value':
      return valueMasterKey(source.base64, 'LDC_MASTER_KEY');
    case 'command':
      return commandMasterKey(source.command);
  }
}

async function makeAdminToken(file: string, tokens: ReturnType<typeof createTokens>): Promise<void> {
  const roles = ['viewer', 'auditor', 'operator', 'approver', 'admin'] as const;
  const { token } = await tokens.issue({ name: 'admin', roles });
  rmSync(`${file}.new`, { force: true });
  writeFileSync(`${file}.new`, `${token}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

export function readAdminToken(file: string): string {
  return readFileSync(file, 'utf8').trim();
}

function listen(server: ReturnType<typeof createServer>, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(new Error(listenText(error, host, port))));
    server.listen(port, host, () => resolve());
  });
}

function listenText(error: NodeJS.ErrnoException, host: string, port: number): string {
  if (error.code === 'EADDRINUSE')
    return `port ${port} of ${host} is in use\n  next: end what listens there, or choose another with --port`;
  return `cannot listen on ${host}:${port}: ${errorText(error)}`;
}

function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

async function answers(url: string): Promise<boolean> {
  try {
    await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(5_000) });
    return true;
  } catch {
    return false;
  }
}
