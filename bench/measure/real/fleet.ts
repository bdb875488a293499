/** A hub and agents beside real control planes, each a process of its own and with an agent's usual rights, as in production. */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type HubClient, routes } from '../../../src/api/client/index.ts';
import { defaultTimers } from '../../../src/availability/index.ts';
import { freePortPair } from '../../../src/base/free-ports.ts';
import { systemClock } from '../../../src/base/index.ts';
import { AGENT_ACCOUNT } from '../../../src/hub-agent/manifests/index.ts';
import type { Client } from '../../../src/kubernetes/index.ts';
import { agentEnvironment, agentNodeOptions } from '../../../src/main/agent-process.ts';
import { programEntry } from '../../../src/main/child.ts';
import { applyRights, USUAL_RIGHTS } from '../../../src/main/install-rights.ts';
import { startInstallation } from '../../../src/main/installation.ts';
import { FaultSwitch } from '../../../src/sim/gateway/faults.ts';
import { startTcpProxy, type TcpProxy } from '../../../src/sim/gateway/tcp-proxy.ts';
import { type Real, skip, startReal } from '../../../test/kube/control-planes.ts';
import { Ends } from './ends.ts';
import { Presence } from './presence.ts';
import { eventually } from './wait.ts';

export { skip };

const STOP_MS = 5_000;
/** A test's two hold 220 pods; a burst has more for each cluster. */
const NODES = 6;
const AUDIT_POLICY = { apiVersion: 'audit.k8s.io/v1', kind: 'Policy', omitStages: ['RequestReceived'] };

export interface FleetOptions {
  readonly clusters: number;
  /** Each API server logs every request, which costs CPU. Default false. */
  readonly audited?: boolean;
  /** Agents reach the hub through a proxy of this process, which obeys `networks`. Default false: straight. */
  readonly proxied?: boolean;
}

/** By cluster where it is a map. */
export interface RealFleet {
  readonly client: HubClient;
  readonly hubPid: number;
  /** Process ids; an agent that is started anew has another. */
  readonly agents: ReadonlyMap<string, number>;
  readonly reals: ReadonlyMap<string, Real>;
  /** Straight to each API server, as administrator. */
  readonly kube: ReadonlyMap<string, Client>;
  /** The network between each agent and the hub, when it is proxied. */
  readonly networks: ReadonlyMap<string, FaultSwitch>;
  readonly auditLogs: ReadonlyMap<string, string>;
  readonly presence: Presence;
  readonly ends: Ends;
  /** Ends a cluster's agent and starts it anew; resolves when it works again. */
  restartAgent(cluster: string): Promise<void>;
}

/** Runs `work` on a fleet of its own, of two minors in turn, which is gone afterwards. */
export async function withRealFleet<T>(options: FleetOptions, work: (fleet: RealFleet) => Promise<T>): Promise<T> {
  const stateDir = mkdtempSync(join(tmpdir(), 'ldc-bench-real-'));
  const remove = () => rmSync(stateDir, { recursive: true, force: true });
  process.once('exit', remove); // an interrupted bench leaves nothing either
  const port = await freePortPair();
  const common = { clusters: 0, timers: defaultTimers, stateDir, port, logLevel: 'warn', clock: systemClock };
  const installation = await startInstallation(common);
  const starting = new Starting(installation.client, port + 1, stateDir, options);
  const ends = new Ends(installation.client);
  try {
    for (let n = 0; n < options.clusters; n++) await starting.add(`real-${n + 1}`, n % 2 === 0 ? '1.34' : '1.33');
    await eventually('all clusters are ready', () => allReady(installation.client));
    return await work({ ...starting.parts(), client: installation.client, hubPid: installation.hubPid(), ends });
  } finally {
    ends.stop();
    await starting.close();
    await installation.stop();
    remove();
    process.off('exit', remove);
  }
}

async function allReady(client: HubClient): Promise<true | undefined> {
  const clusters = await client.all(routes.clusters.list);
  return clusters.every(({ health }) => health === 'ready') || undefined;
}

class Starting {
  readonly #reals = new Map<string, Real>();
  readonly #agents = new Map<string, ChildProcess>();
  readonly #pids = new Map<string, number>();
  readonly #agentOptions = new Map<string, string>();
  readonly #networks = new Map<string, FaultSwitch>();
  readonly #proxies: TcpProxy[] = [];
  readonly #presence = new Presence();
  readonly #client: HubClient;
  readonly #agentsPort: number;
  readonly #stateDir: string;
  readonly #options: FleetOptions;

  constructor(client: HubClient, agentsPort: number, stateDir: string, options: FleetOptions) {
    this.#client = client;
    this.#agentsPort = agentsPort;
    this.#stateDir = stateDir;
    this.#options = options;
  }

  async add(name: string, minor: '1.33' | '1.34'): Promise<void> {
    const apiServerFlags = this.#options.audited === true ? this.#auditFlags(name) : [];
    const real = await startReal(minor, { nodes: NODES, apiServerFlags });
    this.#reals.set(name, real);
    const agentsPort = this.#options.proxied === true ? await this.#network(name) : this.#agentsPort;
    const problem = await applyRights(real.client, USUAL_RIGHTS);
    if (problem !== undefined) throw new Error(problem);
    const options = { hub: `https://127.0.0.1:${agentsPort}`, name, kubeconfig: real.kubeconfigPath, labels: {} };
    this.#agentOptions.set(name, JSON.stringify({ ...options, serviceAccount: AGENT_ACCOUNT }));
    const body = { uses: 1, labels: { region: name } };
    const { token } = await this.#client.call(routes.joinTokens.create, { body });
    await this.#startAgent(name, { LDC_JOIN_TOKEN: token });
    await this.#presence.watch(name, real.client);
  }

  parts(): Omit<RealFleet, 'client' | 'hubPid' | 'ends'> {
    const names = [...this.#reals.keys()];
    return {
      reals: this.#reals,
      agents: this.#pids,
      kube: new Map([...this.#reals].map(([name, { client }]) => [name, client])),
      networks: this.#networks,
      auditLogs: new Map(this.#options.audited === true ? names.map((name) => [name, this.#auditLog(name)]) : []),
      presence: this.#presence,
      restartAgent: async (name) => {
        await stopped(this.#agents.get(name));
        await this.#startAgent(name, {});
      },
    };
  }

  async close(): Promise<void> {
    this.#presence.stop();
    await Promise.all([...this.#agents.values()].map(stopped));
    await Promise.all(this.#proxies.map((proxy) => proxy.close()));
    await Promise.all([...this.#reals.values()].map((real) => real.close()));
  }

  async #startAgent(name: string, environment: NodeJS.ProcessEnv): Promise<void> {
    const child = await startAgent(
      this.#agentOptions.get(name) ?? '',
      environment,
      join(this.#stateDir, `${name}.log`),
    );
    this.#agents.set(name, child);
    this.#pids.set(name, child.pid ?? 0);
  }
  async #network(name: string): Promise<number> {
    const faults = new FaultSwitch();
    this.#networks.set(name, faults);
    const target = () => ({ host: '127.0.0.1', port: this.#agentsPort });
    const proxy = await startTcpProxy({ port: 0, target, faults, clock: systemClock });
    this.#proxies.push(proxy);
    return proxy.port;
  }
  #auditLog(name: string): string {
    return join(this.#stateDir, `${name}.audit.log`);
  }
  #auditFlags(name: string): readonly string[] {
    const policy = join(this.#stateDir, 'audit-policy.json');
    writeFileSync(policy, JSON.stringify({ ...AUDIT_POLICY, rules: [{ level: 'Metadata' }] }));
    return [`--audit-policy-file=${policy}`, `--audit-log-path=${this.#auditLog(name)}`];
  }
}

function startAgent(options: string, environment: NodeJS.ProcessEnv, logFile: string): Promise<ChildProcess> {
  const log = openSync(logFile, 'a', 0o600);
  const child = fork(programEntry, ['part', 'agent', options], {
    stdio: ['ignore', log, log, 'ipc'],
    execArgv: [...agentNodeOptions],
    env: { ...process.env, ...agentEnvironment(process.env), ...environment },
  });
  return new Promise((resolve, reject) => {
    child.once('message', () => resolve(child));
    child.once('exit', (code) => reject(new Error(`an agent ended with exit code ${code}: see ${logFile}`)));
  });
}

function stopped(child: ChildProcess | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('exit', () => resolve());
    child.kill('SIGCONT'); // a measure may have left it stopped
    child.kill('SIGTERM');
    setTimeout(() => child.kill('SIGKILL'), STOP_MS).unref();
  });
}
