/** The hub, built and joined: store, engine, stacks, agents' line, availability, REST. */
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createApp, createTokens, type SimPort } from '../api/index.ts';
import { availabilityProjector, createAvailability, type HealthTimers } from '../availability/index.ts';
import {
  type Clock,
  createIds,
  errorText,
  type Logger,
  limits,
  type Projector,
  type Random,
  type Store,
} from '../base/index.ts';
import { clusterProjector, createHubLink } from '../hub-agent/index.ts';
import { compileCel } from '../placement/index.ts';
import { type Plan, planMermaid, planText } from '../plan/index.ts';
import { createEngine, projectTransaction } from '../saga/index.ts';
import { createStacks, createStacksProjector } from '../stacks/index.ts';
import { commandMasterKey, fileMasterKey, type MasterKey, openStore, valueMasterKey } from '../store/index.ts';

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

export interface HubPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export async function startHub(options: HubOptions, { clock, random, logger }: HubPorts): Promise<RunningHub> {
  const { dir, host, port, version } = options;
  const ids = createIds(clock, random);
  const store = openStore({
    dir,
    clock,
    random,
    logger: logger.child({ part: 'store' }),
    masterKey: masterKeyOf(options.masterKey, random),
    projectors: projectorsOver(() => store.blobs),
    defer: (run) => void setImmediate(run),
  });
  const ports = { clock, ids, random };
  const agents = await createHubLink({
    ...ports,
    store,
    dir,
    hubName: options.name,
    listen: { host, port: port === 0 ? 0 : port + 1 },
    names: options.names,
    heartbeatMs: options.timers.heartbeatMs,
    desired: (cluster) => stacks.desired(cluster),
    logger: logger.child({ part: 'agents' }),
  });
  const stacks = createStacks({
    ...ports,
    store,
    link: agents.link,
    registry: agents.registry,
    engine: () => engine,
    compile: compileCel,
    health: (cluster) => availability.health(cluster),
    logger: logger.child({ part: 'stacks' }),
  });
  const engine = createEngine({
    ...ports,
    journal: store.journal,
    documents: store.documents,
    blobs: store.blobs,
    link: agents.link,
    replan: stacks.replan,
    epoch: store.epoch,
    limits,
    logger: logger.child({ part: 'saga' }),
  });
  const availability = createAvailability({
    clock,
    journal: store.journal,
    documents: store.documents,
    signals: agents.signals,
    stacks,
    engine,
    timers: options.timers,
    reachable: options.reachable.map((url) => () => answers(url)),
    logger: logger.child({ part: 'availability' }),
  });

  await agents.start();
  const services = {
    ...ports,
    version,
    stacks,
    engine,
    registry: agents.registry,
    availability,
    journal: store.journal,
    documents: store.documents,
    renderPlan: (plan: Plan) => ({ text: planText(plan), mermaid: planMermaid(plan) }),
    agentsUrl: agents.url,
    fingerprintKey: store.secrets.cutKey,
    ready: () => ({ ready: true, checks: { store: true, observeOnly: store.observeOnly } }),
    logger: logger.child({ part: 'api' }),
    ...(options.sim === undefined ? {} : { sim: options.sim }),
  };
  const { app, close } = createApp(services);
  const adminTokenFile = join(dir, 'admin.token');
  if (!existsSync(adminTokenFile)) await makeAdminToken(adminTokenFile, createTokens(services));
  const server = createServer({ ...(await agents.serverCertificate()), minVersion: 'TLSv1.3' }, app);
  if (!store.observeOnly) {
    await engine.start(); // before REST opens: an apply in between would be recovered as well as submitted
    await availability.start();
  }
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
      await availability.stop();
      await engine.stop();
      await agents.stop();
      await store.close();
    },
  };
}

/** All views of the journal. A store is always opened with all of them: a view that was left out would miss entries for good. */
export function projectorsOver(blobs: () => Store['blobs']): readonly Projector[] {
  return [projectTransaction, createStacksProjector(blobs), clusterProjector, availabilityProjector];
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
    return `port ${port} of ${host} is in use: end what listens there, or choose another with --port`;
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
