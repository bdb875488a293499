/** Starts and holds one real control plane. */
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Clock, isObject, systemRandom } from '../../base/index.ts';
import { endLeftovers } from '../../base/process-record.ts';
import { type Client, connect, createSlots } from '../../kubernetes/index.ts';
import { adminKubeconfig, openPki, type Pki } from '../api/pki.ts';

import { flagsOf, PORT_NAMES, type Ports, STAGES_FILE } from './flags.ts';
import { registerNodes } from './nodes.ts';
import { Part } from './part.ts';
import { keptPorts } from './ports.ts';
import { answersOk } from './probe.ts';
import { STAGES } from './stages.ts';
import type { ControlPlane, ControlPlaneOptions, ControlPlanePart } from './types.ts';

const API_ONLY = ['etcd', 'kube-apiserver'] as const;
const ALL_PARTS = [...API_ONLY, 'kube-controller-manager', 'kube-scheduler', 'kwok'] as const;
/** etcd closes its files; the others hold nothing that is not in etcd, and are killed. */
const ETCD_STOP_GRACE_MS = 3_000;
const BOOTSTRAP_TIMEOUT_MS = 60_000;
const BOOTSTRAP_POLL_MS = 50;

/** A start takes some five seconds of CPU: more at once only makes each later. */
const starts = createSlots(2);

/**
 * Starts a control plane on the state in `folder`, after ending what a killed predecessor left running there. Resolves when it
 * answers, its namespaces and the default ServiceAccount are there, and its simulated nodes are registered.
 * @throws Error with the part, the end of its log and what to do
 */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const folder = resolve(options.folder);
  const parts = options.extent === 'api' ? API_ONLY : ALL_PARTS;
  requirePrograms(parts, options);
  for (const name of ['log', 'run']) mkdirSync(join(folder, name), { recursive: true, mode: 0o700 });
  await endLeftovers(join(folder, 'processes'), options.clock, 'group');
  const ports = await keptPorts(folder, PORT_NAMES, options.clock);
  const pki = await openPki(options.name, join(folder, 'pki'), options.clock, systemRandom);
  await pki.issue('front-proxy', 'CN=front-proxy', 'client');
  writeFileSync(join(folder, 'pki', 'sa.pub'), pki.tokenPublicKey.export({ type: 'spki', format: 'pem' }));
  const kubeconfig = adminKubeconfig(options.name, `https://127.0.0.1:${ports.api}`, pki).yaml;
  writeFileSync(join(folder, 'admin.kubeconfig'), kubeconfig, { mode: 0o600 });
  writeFileSync(join(folder, STAGES_FILE), STAGES.map((stage) => JSON.stringify(stage)).join('\n---\n'));
  const client = await connect({ kind: 'kubeconfig', text: kubeconfig }, options.clock);
  const started = new Running({ ...options, folder }, parts, ports, pki, client);
  await starts.take();
  try {
    await started.up();
    await started.bootstrapped();
  } catch (error) {
    await started.close();
    throw error;
  } finally {
    starts.give();
  }
  return started;
}

function requirePrograms(parts: readonly ControlPlanePart[], { binaries, name }: ControlPlaneOptions): void {
  const missing = parts.filter((part) => !existsSync(binaries.program[part]));
  if (missing.length === 0) return;
  throw new Error(
    `control plane ${name} needs ${missing.join(', ')}: no such file ${missing.map((part) => binaries.program[part]).join(', ')}\n  next: npm run kube:build, or put them into KUBEBUILDER_ASSETS`,
  );
}

class Running implements ControlPlane {
  readonly name: string;
  readonly version: string;
  readonly folder: string;
  readonly apiPort: number;
  readonly adminKubeconfig: string;
  readonly pki: Pki;
  readonly #options: ControlPlaneOptions;
  readonly #parts: ReadonlyMap<ControlPlanePart, Part>;
  readonly #client: Client;
  readonly #clock: Clock;

  constructor(
    options: ControlPlaneOptions,
    parts: readonly ControlPlanePart[],
    ports: Ports,
    pki: Pki,
    client: Client,
  ) {
    this.#options = options;
    this.#clock = options.clock;
    this.#client = client;
    this.name = options.name;
    this.version = options.binaries.version;
    this.folder = options.folder;
    this.apiPort = ports.api;
    this.pki = pki;
    this.adminKubeconfig = this.kubeconfigFor(`https://127.0.0.1:${ports.api}`);
    const ready: { readonly [part in ControlPlanePart]: () => Promise<boolean> } = {
      etcd: () => answersOk(`http://127.0.0.1:${ports.etcd}/health`),
      'kube-apiserver': () => this.#apiServerReady(),
      'kube-controller-manager': () => answersOk(`https://127.0.0.1:${ports.controllers}/healthz`, pki.caPem),
      'kube-scheduler': () => answersOk(`https://127.0.0.1:${ports.scheduler}/healthz`, pki.caPem),
      kwok: () => answersOk(`http://127.0.0.1:${ports.kwok}/healthz`),
    };
    this.#parts = new Map(
      parts.map((name) => [
        name,
        new Part({
          name,
          program: options.binaries.program[name],
          args: flagsOf(name, options, ports),
          folder: this.folder,
          logFile: join(this.folder, 'log', `${name}.log`),
          records: join(this.folder, 'processes'),
          clock: options.clock,
          logger: options.logger.child({ cluster: options.name }),
          isReady: ready[name],
        }),
      ]),
    );
  }

  /** Starts whatever is down, what others need first. */
  async up(): Promise<void> {
    const [etcd, apiServer, ...others] = this.#parts.values();
    await etcd?.start();
    await apiServer?.start();
    await Promise.all(others.map((part) => part.start()));
  }

  /** Waits for what a fresh cluster makes for itself, and registers the nodes. */
  async bootstrapped(): Promise<void> {
    const wanted = ['/api/v1/namespaces/default', '/api/v1/namespaces/kube-system'];
    if (this.#parts.has('kube-controller-manager')) wanted.push('/api/v1/namespaces/default/serviceaccounts/default');
    const untilMs = this.#clock.monotonic() + BOOTSTRAP_TIMEOUT_MS;
    for (const path of wanted) {
      while (!(await this.#exists(path))) {
        if (this.#clock.monotonic() > untilMs) {
          throw new Error(
            `${this.name} has no ${path} after ${BOOTSTRAP_TIMEOUT_MS / 1000} s; logs: ${this.folder}/log`,
          );
        }
        await this.#clock.sleep(BOOTSTRAP_POLL_MS);
      }
    }
    await registerNodes(this.#options.simulatedNodes ?? [], this.version, this.#client);
  }

  kubeconfigFor(server: string): string {
    return adminKubeconfig(this.name, server, this.pki).yaml;
  }

  state(part: ControlPlanePart): 'running' | 'paused' | 'down' {
    return this.#parts.get(part)?.state ?? 'down';
  }

  pid(part: ControlPlanePart): number | undefined {
    return this.#parts.get(part)?.pid;
  }

  pause(part: ControlPlanePart): void {
    this.#part(part).pause();
  }

  resume(part: ControlPlanePart): void {
    this.#part(part).resume();
  }

  kill(part: ControlPlanePart): Promise<void> {
    return this.#part(part).kill();
  }

  start(part: ControlPlanePart): Promise<void> {
    return this.#part(part).start();
  }

  async backup(to: string): Promise<void> {
    await this.#part('etcd').stop(ETCD_STOP_GRACE_MS);
    try {
      cpSync(this.#data, to, { recursive: true });
    } finally {
      await this.#part('etcd').start();
    }
  }

  async restore(from: string): Promise<void> {
    if (!existsSync(join(from, 'member'))) throw new Error(`${from} is no copy of etcd's data`);
    await this.#down();
    rmSync(this.#data, { recursive: true, force: true });
    cpSync(from, this.#data, { recursive: true });
    await this.up();
    await this.bootstrapped();
  }

  async close(): Promise<void> {
    await this.#down();
    await this.#client.close();
  }

  get #data(): string {
    return join(this.folder, 'etcd');
  }

  async #down(): Promise<void> {
    const [etcd, ...others] = this.#parts.values();
    await Promise.all(others.map((part) => part.kill()));
    await etcd?.stop(ETCD_STOP_GRACE_MS);
  }

  #part(name: ControlPlanePart): Part {
    const part = this.#parts.get(name);
    if (part === undefined) throw new Error(`${this.name} was started without ${name}`);
    return part;
  }

  async #apiServerReady(): Promise<boolean> {
    const answer = await this.#client.request({ method: 'GET', path: '/readyz', timeoutMs: 5_000 });
    return answer.kind === 'answered' && answer.status === 200;
  }

  async #exists(path: string): Promise<boolean> {
    const answer = await this.#client.request({ method: 'GET', path, timeoutMs: 10_000 });
    return answer.kind === 'answered' && answer.status === 200 && isObject(answer.body);
  }
}
