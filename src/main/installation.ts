/** A local installation: a hub and a fleet of clusters, each a process of its own, and this one that holds them. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createClient, type HubClient, routes } from '../api/client/index.ts';
import type { HealthTimers } from '../availability/index.ts';
import { type Clock, errorText, type Random, systemRandom } from '../base/index.ts';
import { endLeftovers, recordProcess, runningProcess } from '../base/process-record.ts';
import { type Part, startPart } from './child.ts';
import type { ClusterCounts } from './control-planes.ts';
import { hubEnvironment, hubNodeOptions } from './hub-process.ts';
import type { FleetCluster, FleetPartOptions, HubPartOptions, HubReady } from './part-types.ts';
import { programVersion } from './version.ts';

export interface InstallationOptions extends ClusterCounts {
  readonly stateDir: string;
  /** REST of the hub; agents have the next one. */
  readonly port: number;
  readonly timers: HealthTimers;
  readonly logLevel: string;
  readonly clock: Clock;
  readonly kinds?: FleetPartOptions['kinds'];
  /** Ends the starting. */
  readonly signal?: AbortSignal;
}

export interface Installation {
  readonly stateDir: string;
  readonly url: string;
  readonly token: string;
  readonly caFile: string;
  readonly clusters: readonly FleetCluster[];
  /** Talks to the hub of now; a hub that was started again is found by the same one. */
  readonly client: HubClient;
  readonly hubPid: () => number;
  /** SIGKILL; resolves when the process is gone. */
  killHub(): Promise<void>;
  restartHub(): Promise<void>;
  /** Starts a part that has ended again; a fleet's agents come with it. */
  restart(part: 'hub' | 'fleet'): Promise<void>;
  fault(cluster: string, fault: string, options?: { latencyMs?: number }): Promise<unknown>;
  /** Called when a part ends without having been asked to. */
  onPartEnded(listener: (part: 'hub' | 'fleet', detail: string) => void): void;
  stop(): Promise<void>;
}

export class AlreadyRunning extends Error {}

/** It was stopped while it started. */
export class StoppedEarly extends Error {}

const READY_TIMEOUT_MS = 60_000;
/** A real control plane is some five seconds of CPU away from being ready, and some more from its first agent. */
const READY_TIMEOUT_MS_PER_REAL = 60_000;
const STOP_GRACE_MS = 4_000;
/** etcd closes its files. */
const STOP_GRACE_MS_REAL = 15_000;

/**
 * Resolves when all of it is ready.
 * @throws AlreadyRunning, StoppedEarly; nothing of it is left running, whatever it throws
 */
export async function startInstallation(options: InstallationOptions): Promise<Installation> {
  const stateDir = resolve(options.stateDir);
  const pidDir = join(stateDir, 'pids');
  makeFolders(stateDir);
  const other = runningProcess(pidDir, 'ldc');
  if (other !== undefined && other !== process.pid) {
    throw new AlreadyRunning(
      `${stateDir} is in use by process ${other}\n  next: stop it (kill ${other}), or give another folder with --state`,
    );
  }
  await endLeftovers(pidDir, options.clock, 'process');
  recordProcess(pidDir, 'ldc', process.pid);
  const installation = new Local(options, stateDir, pidDir);
  try {
    await Promise.race([installation.start(), stoppedEarly(options.signal)]);
  } catch (error) {
    await installation.stop();
    throw error;
  }
  return installation;
}

/** Rejects when the signal is given; without one it never settles. */
function stoppedEarly(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    const stop = () => reject(new StoppedEarly('stopped before it was ready'));
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop, { once: true });
  });
}

function makeFolders(stateDir: string): void {
  try {
    // Others may pass through, not list: containers that run as nobody have their data in it. What is private below is private itself.
    mkdirSync(stateDir, { recursive: true, mode: 0o711 });
    mkdirSync(join(stateDir, 'log'), { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new Error(
      `the state folder ${stateDir} cannot be written: ${errorText(error)}\n  next: give another with --state`,
    );
  }
}

class Local implements Installation {
  readonly stateDir: string;
  readonly caFile: string;
  clusters: readonly FleetCluster[] = [];
  url = '';
  token = '';
  client!: HubClient;
  readonly #options: InstallationOptions;
  readonly #pidDir: string;
  readonly #random: Random = systemRandom;
  #hub: Part | undefined;
  #fleet: Part | undefined;
  /** Every process of now, those that are not ready yet among them. */
  readonly #processes = new Map<'hub' | 'fleet', Part>();
  #agentsUrl = '';
  #stopping = false;
  #listener: (part: 'hub' | 'fleet', detail: string) => void = () => {};

  constructor(options: InstallationOptions, stateDir: string, pidDir: string) {
    this.#options = options;
    this.stateDir = stateDir;
    this.#pidDir = pidDir;
    this.caFile = join(stateDir, 'ca.pem');
  }

  hubPid = () => this.#hub?.pid ?? 0;

  onPartEnded(listener: (part: 'hub' | 'fleet', detail: string) => void): void {
    this.#listener = listener;
  }

  get #readyTimeoutMs(): number {
    return READY_TIMEOUT_MS + (this.#options.real ?? 0) * READY_TIMEOUT_MS_PER_REAL;
  }

  async start(): Promise<void> {
    // The fleet needs no hub to come up: both start at once.
    const [, fleet] = await Promise.all([this.#startHub(), this.#startFleet()]);
    if (this.#stopping) throw new StoppedEarly('stopped before it was ready');
    this.clusters = fleet;
    await this.#join();
  }

  async #startHub(): Promise<void> {
    const { part, ready } = await startPart<HubReady>({
      ...this.#partOptions('hub'),
      nodeOptions: hubNodeOptions,
      environment: hubEnvironment(process.env),
      args: ['part', 'hub', JSON.stringify(this.#hubOptions())],
      handlers: {
        'sim.clusters': () => this.#requireFleet().rpc.call('clusters'),
        'sim.fault': (given: { cluster: string; fault: string; latencyMs?: number }) =>
          this.#requireFleet().rpc.call('fault', given),
      },
    });
    this.#hub = part;
    this.#watch('hub', part, () => this.#hub === part);
    this.#agentsUrl = ready.agentsUrl;
    this.url = ready.url;
    this.token = readFileSync(ready.adminTokenFile, 'utf8').trim();
    writeAtomically(this.caFile, ready.caPem);
    this.client ??= createClient(
      { hub: ready.url, token: this.token, ca: ready.caPem },
      { clock: this.#options.clock, random: this.#random },
    );
  }

  #hubOptions(): HubPartOptions {
    const { timers, port, logLevel } = this.#options;
    return {
      dir: join(this.stateDir, 'hub'),
      host: '127.0.0.1',
      port,
      names: ['localhost', '127.0.0.1'],
      name: 'dev',
      timers,
      reachable: [],
      masterKey: { kind: 'file', path: join(this.stateDir, 'hub', 'master.key') },
      version: programVersion(),
      logLevel,
    };
  }

  #fleetOptions(): FleetPartOptions {
    const { clusters, real = 0, kinds = [], logLevel } = this.#options;
    return { stateDir: join(this.stateDir, 'clusters'), clusters, real, kinds, version: programVersion(), logLevel };
  }

  async #startFleet(): Promise<readonly FleetCluster[]> {
    const { part, ready } = await startPart<readonly FleetCluster[]>({
      ...this.#partOptions('fleet'),
      args: ['part', 'fleet', JSON.stringify(this.#fleetOptions())],
    });
    this.#fleet = part;
    this.#watch('fleet', part, () => this.#fleet === part);
    return ready;
  }

  #partOptions(name: 'hub' | 'fleet') {
    return {
      name,
      logFile: join(this.stateDir, 'log', `${name}.log`),
      pidDir: this.#pidDir,
      clock: this.#options.clock,
      timeoutMs: this.#readyTimeoutMs,
      onSpawned: (part: Part) => void this.#processes.set(name, part),
    };
  }

  #watch(name: 'hub' | 'fleet', part: Part, current: () => boolean): void {
    void part.ended.then(({ code, signal }) => {
      if (!this.#stopping && current()) this.#listener(name, signal ?? `exit code ${code}`);
    });
  }

  /** Starts each cluster's agent; one that the hub does not know yet is given a token for this one use. */
  async #join(): Promise<void> {
    const known = await this.client.all(routes.clusters.list);
    await Promise.all(
      this.clusters.map(async (cluster) => {
        const { name, labels } = cluster;
        const token = known.some((one) => isThat(one, cluster))
          ? undefined
          : (await this.client.call(routes.joinTokens.create, { body: { uses: 1, labels } })).token;
        await this.#requireFleet().rpc.call('join', { cluster: name, agentsUrl: this.#agentsUrl, token });
      }),
    );
    await this.#allReady();
  }

  async #allReady(): Promise<void> {
    const { clock } = this.#options;
    const until = clock.monotonic() + this.#readyTimeoutMs;
    for (;;) {
      const ready = (await this.client.all(routes.clusters.list)).filter(({ health }) => health === 'ready');
      const missing = this.clusters.filter((cluster) => !ready.some((one) => isThat(one, cluster)));
      if (missing.length === 0) return;
      if (clock.monotonic() > until)
        throw new Error(
          `not ready within ${this.#readyTimeoutMs / 1000} s: ${missing.map(({ name }) => name).join(', ')}`,
        );
      await clock.sleep(100);
    }
  }

  #requireFleet(): Part {
    if (this.#fleet === undefined) throw new Error('the clusters are not running');
    return this.#fleet;
  }

  async killHub(): Promise<void> {
    const hub = this.#hub;
    this.#hub = undefined;
    hub?.kill();
    await hub?.ended;
  }

  async restartHub(): Promise<void> {
    await this.#startHub();
  }

  async restart(part: 'hub' | 'fleet'): Promise<void> {
    if (part === 'hub') return this.#startHub();
    await this.#startFleet();
    await this.#join();
  }

  fault(cluster: string, fault: string, options: { latencyMs?: number } = {}): Promise<unknown> {
    return this.#requireFleet().rpc.call('fault', { cluster, fault, ...options });
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all([
      this.#processes.get('hub')?.stop(STOP_GRACE_MS),
      this.#processes.get('fleet')?.stop((this.#options.real ?? 0) > 0 ? STOP_GRACE_MS_REAL : STOP_GRACE_MS),
    ]);
    await this.client?.close();
    await endLeftovers(this.#pidDir, this.#options.clock, 'process');
  }
}

export function writeAtomically(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** It may have been renamed at the hub; what joined before uids were asked for goes by its name. */
function isThat(known: { readonly name: string; readonly uid: string | null }, { name, uid }: FleetCluster): boolean {
  return known.uid === null || uid === undefined ? known.name === name : known.uid === uid;
}
