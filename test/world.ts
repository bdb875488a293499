/** The whole system in one process for tests: a hub, embedded clusters with their agents over mutual TLS, and short timers. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CallInput, createClient, type HubClient, HubProblem, routes } from '../src/api/client/index.ts';
import type { HealthTimers } from '../src/availability/index.ts';
import { freePortPair } from '../src/base/free-ports.ts';
import {
  systemClock as clock,
  errorText,
  type JsonObject,
  type Logger,
  systemRandom as random,
} from '../src/base/index.ts';
import type { Client } from '../src/kubernetes/index.ts';
import { type FleetPart, startFleetPart } from '../src/main/fleet.ts';
import { type HubOptions, type RunningHub, readAdminToken, startHub } from '../src/main/hub.ts';
import type { TransactionView } from '../src/saga/index.ts';
import type { LocalCluster } from '../src/sim/index.ts';
import type { StackSource } from '../src/stacks/index.ts';

/** Slow enough that a busy machine is not taken for a lost cluster. */
const PATIENT: HealthTimers = { heartbeatMs: 250, suspectAfterMs: 6_000, lostAfterMs: 12_000, backAfterMs: 300 };
/** For tests that wait for a loss. */
export const QUICK: HealthTimers = { heartbeatMs: 200, suspectAfterMs: 900, lostAfterMs: 1_800, backAfterMs: 400 };

export interface WorldOptions {
  /** Default 2: eu-1 and us-1. */
  readonly clusters?: number;
  /** How many of them are real control planes; default none. */
  readonly real?: number;
  readonly timers?: HealthTimers;
  /** False leaves hub and joining to the test; `hubOptions` says how. Default true. */
  readonly startHubHere?: boolean;
  readonly hub?: Partial<HubOptions>;
  readonly nodes?: Parameters<typeof startFleetPart>[0]['nodes'];
  /** What agents may deploy beside the usual kinds. */
  readonly kinds?: Parameters<typeof startFleetPart>[0]['kinds'];
}

export type ApplyWith = Omit<NonNullable<CallInput<typeof routes.stacks.apply>['body']>, 'stack' | 'files' | 'path'>;

export interface World {
  readonly dir: string;
  /** Of the hub that runs now. */
  readonly client: HubClient;
  readonly hub: RunningHub;
  readonly fleet: FleetPart;
  readonly names: readonly string[];
  /** Everything that hub and agents have logged, one JSON text a record. */
  readonly logs: readonly string[];
  readonly hubOptions: HubOptions;
  cluster(name: string): LocalCluster;
  /** Straight to a cluster's API server, past hub, agent and gateway. */
  kube(name: string): Client;
  /** Hands a stack in; answers the transaction's id. @throws HubProblem when it is refused before it is queued */
  submit(source: StackSource, options?: ApplyWith): Promise<string>;
  /** Waits until it is sealed or stuck. */
  finished(id: string): Promise<TransactionView>;
  apply(source: StackSource, options?: ApplyWith): Promise<TransactionView>;
  get(id: string): Promise<TransactionView>;
  /** Joins a cluster's agent, or starts it again when it has joined. */
  join(name: string): Promise<void>;
  /** `options`: others than its own, for this start. */
  startHub(options?: HubOptions): Promise<void>;
  stopHub(): Promise<void>;
  /** Uses a hub that runs elsewhere, on `hubOptions`. */
  useHub(hub: Omit<RunningHub, 'stop'>): Promise<void>;
  allReady(): Promise<void>;
  close(): Promise<void>;
}

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const dir = mkdtempSync(join(tmpdir(), 'ldc-world-'));
  const logs: string[] = [];
  const ports = { clock, random, logger: recorder(logs) };
  const { clusters = 2, real = 0, kinds = [], nodes } = options;
  const fleet = await startFleetPart(
    {
      stateDir: join(dir, 'clusters'),
      clusters,
      real,
      kinds,
      version: 'test',
      ...(nodes === undefined ? {} : { nodes }),
    },
    ports,
  );
  const world = new LocalWorld(dir, fleet, logs, {
    ...hubOptionsFor(join(dir, 'hub'), await freePortPair(), options.timers ?? PATIENT),
    ...options.hub,
  });
  try {
    if (options.startHubHere !== false) {
      await world.startHub();
      await Promise.all(world.names.map((name) => world.join(name)));
      await world.allReady();
    }
  } catch (error) {
    await world.close();
    throw error;
  }
  return world;
}

export function hubOptionsFor(dir: string, port: number, timers: HealthTimers = PATIENT): HubOptions {
  return {
    dir,
    port,
    timers,
    host: '127.0.0.1',
    names: ['localhost', '127.0.0.1'],
    name: 'test',
    reachable: [],
    masterKey: { kind: 'file', path: join(dir, 'master.key') },
    version: 'test',
  };
}

class LocalWorld implements World {
  readonly dir: string;
  readonly fleet: FleetPart;
  readonly logs: string[];
  readonly hubOptions: HubOptions;
  readonly names: readonly string[];
  #hub: RunningHub | undefined;
  #client: HubClient | undefined;

  constructor(dir: string, fleet: FleetPart, logs: string[], hubOptions: HubOptions) {
    this.dir = dir;
    this.fleet = fleet;
    this.logs = logs;
    this.hubOptions = hubOptions;
    this.names = fleet.clusters.map(({ name }) => name);
  }

  get hub(): RunningHub {
    assert.ok(this.#hub, 'the hub runs');
    return this.#hub;
  }

  get client(): HubClient {
    assert.ok(this.#client, 'the hub has run');
    return this.#client;
  }

  cluster(name: string): LocalCluster {
    const found = this.fleet.fleet.get(name);
    assert.ok(found, `there is a cluster ${name}`);
    return found;
  }

  kube(name: string): Client {
    return this.cluster(name).client;
  }

  async submit(source: StackSource, options: ApplyWith = {}): Promise<string> {
    const answer = await this.client.call(routes.stacks.apply, { body: { ...source, ...options } });
    assert.equal(answer.kind, 'submitted', JSON.stringify(answer));
    return answer.kind === 'submitted' ? answer.transaction.id : '';
  }

  async finished(id: string): Promise<TransactionView> {
    for await (const { type } of this.client.follow(routes.transactions.events, { id }))
      if (type === 'tx.sealed' || type === 'tx.stuck') break;
    return this.get(id);
  }

  async apply(source: StackSource, options: ApplyWith = {}): Promise<TransactionView> {
    return this.finished(await this.submit(source, options));
  }

  get(id: string): Promise<TransactionView> {
    return this.client.call(routes.transactions.get, { params: { id } });
  }

  async join(name: string): Promise<void> {
    const clusters = await this.client.all(routes.clusters.list);
    const labels = this.fleet.clusters.find((one) => one.name === name)?.labels ?? {};
    const token = clusters.some((one) => one.name === name)
      ? undefined
      : (await this.client.call(routes.joinTokens.create, { body: { uses: 1, labels } })).token;
    const agentsUrl = `https://127.0.0.1:${this.hubOptions.port + 1}`;
    await this.fleet.handlers.join({ cluster: name, agentsUrl, ...(token === undefined ? {} : { token }) });
  }

  async startHub(options: HubOptions = this.hubOptions): Promise<void> {
    const hub = await startHub(options, { clock, random, logger: recorder(this.logs) });
    this.#hub = hub;
    await this.useHub(hub);
  }

  async useHub(hub: Omit<RunningHub, 'stop'>): Promise<void> {
    await this.#client?.close();
    const token = readAdminToken(hub.adminTokenFile);
    this.#client = createClient({ hub: hub.url, token, ca: hub.caPem }, { clock, random });
  }

  async stopHub(): Promise<void> {
    await this.#hub?.stop();
    this.#hub = undefined;
  }

  async allReady(): Promise<void> {
    await until('all clusters are ready', 60_000, async () => {
      const clusters = await this.client.all(routes.clusters.list);
      return clusters.length === this.names.length && clusters.every(({ health }) => health === 'ready');
    });
  }

  async close(): Promise<void> {
    await this.#client?.close();
    await this.stopHub();
    await this.fleet.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Asks each 25 ms until it holds. Fails with what was waited for. */
export async function until(what: string, forMs: number, holds: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = clock.monotonic() + forMs;
  while (!(await holds())) {
    assert.ok(clock.monotonic() < endMs, `not within ${forMs} ms: ${what}`);
    await clock.sleep(25);
  }
}

/** The problem with which the hub refuses a call. */
export async function problemOf(call: Promise<unknown>): Promise<HubProblem['problem']> {
  const error = await call.then(
    (value) => assert.fail(`it was not refused: ${JSON.stringify(value).slice(0, 300)}`),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof HubProblem, errorText(error));
  return error.problem;
}

/** A logger that keeps everything: what a log file would hold. */
export function recorder(logs: string[], bound: JsonObject = {}): Logger {
  const write = (level: string) => (fields: JsonObject, message: string) => {
    logs.push(JSON.stringify({ level, ...bound, ...fields, message }));
  };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => recorder(logs, { ...bound, ...fields }),
  };
}
