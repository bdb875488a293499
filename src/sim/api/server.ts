/** One embedded cluster's API server: the HTTPS listener, its state and its door. */
import { mkdirSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import {
  type Clock,
  type JsonObject,
  type Logger,
  type Random,
  silentLogger,
  systemClock,
  systemRandom,
} from '../../base/index.ts';
import { ObjectStore, openChangeFile } from '../objects/index.ts';
import type { ApiDoor } from '../types.ts';
import { runRoleAggregation } from './aggregate-roles.ts';
import type { StaticTokens } from './authenticate.ts';
import { runBackground } from './background.ts';
import { bootstrap } from './bootstrap.ts';
import type { Cluster, User } from './cluster.ts';
import { createDoor } from './door.ts';
import { doorVerdicts } from './door-verdicts.ts';
import { handle, type Serving } from './handler.ts';
import { adminKubeconfig, openPki, type Pki } from './pki.ts';
import type { LogSource } from './pod-log.ts';
import { ResourceRegistry } from './resources.ts';

export interface ApiServerOptions {
  readonly name: string;
  /** Where objects and keys are kept; absent: in memory. */
  readonly dir?: string;
  /** 0 (default) takes any free one. */
  readonly port?: number;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
  readonly tokens?: StaticTokens;
  readonly logs?: LogSource;
  /** Changes that a watch can look back on. Default 2,000. */
  readonly historyMax?: number;
}

export interface ApiServer {
  /** `https://127.0.0.1:<port>` */
  readonly url: string;
  readonly port: number;
  readonly caPem: string;
  /** A kubeconfig as an object and as YAML text, with a client certificate of system:masters. */
  readonly adminKubeconfig: { readonly object: JsonObject; readonly yaml: string };
  /** The same for another address (a gateway) in front of this server. */
  kubeconfigFor(url: string): { readonly object: JsonObject; readonly yaml: string };
  readonly door: ApiDoor;
  readonly store: ObjectStore;
  /** Ends open connections and releases the files. */
  close(): Promise<void>;
}

/** Starts the server; resolves when it answers. @throws Error when the port is taken or the state cannot be read. */
export async function startApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const {
    name,
    dir,
    clock = systemClock,
    random = systemRandom,
    logger = silentLogger,
    tokens = new Map<string, User>(),
  } = options;
  if (dir !== undefined) mkdirSync(dir, { recursive: true, mode: 0o700 });
  const pki = await openPki(name, dir === undefined ? undefined : join(dir, 'pki'), clock, random);
  const file = dir === undefined ? undefined : openChangeFile(join(dir, 'objects.jsonl'));
  const store = new ObjectStore({
    ...(file === undefined ? {} : { file }),
    ...(options.historyMax === undefined ? {} : { historyMax: options.historyMax }),
  });
  const cluster: Cluster = { name, store, registry: new ResourceRegistry(), clock, random, logger, caPem: pki.caPem };
  const door = createDoor(cluster, doorVerdicts(cluster));
  const own = createDoor(cluster);
  bootstrap(cluster);
  runBackground(cluster, own, pki);
  runRoleAggregation(cluster, own);
  let address = '';
  const serving: Serving = {
    cluster,
    pki,
    tokenKey: pki.tokenPublicKey,
    tokens,
    logs: options.logs,
    address: () => address,
  };
  const server = await listen(serving, pki, options.port ?? 0);
  const { port } = server.address() as AddressInfo;
  address = `127.0.0.1:${port}`;
  const url = `https://${address}`;
  const kubeconfigFor = (at: string) => adminKubeconfig(name, at, pki);
  return {
    url,
    port,
    caPem: pki.caPem,
    adminKubeconfig: kubeconfigFor(url),
    kubeconfigFor,
    door,
    store,
    close: () => shut(server, store),
  };
}

function listen(serving: Serving, pki: Pki, port: number): Promise<Server> {
  const server = createServer(
    {
      cert: pki.server.certPem,
      key: pki.server.keyPem,
      ca: pki.caPem,
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
    },
    (request, response) => void handle(serving, request, response),
  );
  server.keepAliveTimeout = 90_000;
  server.requestTimeout = 0; // watches last for minutes; bodies are bounded by size
  server.headersTimeout = 30_000;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve(server);
    });
  });
}

function shut(server: Server, store: ObjectStore): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      store.close();
      resolve();
    });
    server.closeAllConnections();
  });
}
