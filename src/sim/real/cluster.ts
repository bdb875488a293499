/** A real control plane as a cluster of a local installation. */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Logger, Random } from '../../base/index.ts';
import type { Client } from '../../kubernetes/types.ts';
import { endpointsOf, type Gateway, startGateway } from '../gateway/index.ts';
import type { NodeSpec } from '../kubelet/index.ts';
import type { ClusterFault } from '../local-cluster.ts';
import type { Ports } from '../ports.ts';
import { type Ground, startGround } from './ground.ts';
import { type Inside, startInside } from './inside.ts';
import { dialledAddress } from './pod-addresses.ts';
import { keptPorts } from './ports.ts';
import { KUBELET_NODE, webhookConfiguration } from './steering.ts';
import type { Binaries, ControlPlane, ControlPlanePart, RealCluster } from './types.ts';

export interface RealClusterPlan {
  readonly name: string;
  readonly labels: { readonly [key: string]: string };
}

export interface RealClusterOptions {
  readonly binaries: Binaries;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** A client for a kubeconfig (YAML text). */
  readonly clientFor: (kubeconfig: string) => Client | Promise<Client>;
  /** Sizes of the nodes of our kubelet; kwok plays as many of the same. Default two of 8 cores, 16 GiB and 110 pods. */
  readonly nodes?: readonly NodeSpec['capacity'][];
  /** First wait of a crash loop; default 10 s, as in Kubernetes. */
  readonly crashBackoffMs?: number;
}

const CAPACITY = { cpu: '8', memory: '16Gi', pods: '110' };
const NO_ROOM = { cpu: '0', memory: '0', pods: '0' };
const STOP_GRACE_MS = 1_000;
const PORTS = ['api', 'services', 'logs', 'webhook', 'wayOut'] as const;
/** A loopback address where nobody listens, for an endpoint that is not of this machine. */
const NOBODY = '127.255.255.254';
/** What others need comes first. */
const PARTS: readonly ControlPlanePart[] = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kwok',
];

/** Starts one real control plane with all that a cluster of a local installation has, on the state in `folder`. */
export async function startRealCluster(
  plan: RealClusterPlan,
  folder: string,
  options: RealClusterOptions,
): Promise<RealCluster> {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const ports = await keptPorts(folder, PORTS, options.clock);
  const nodes = nodesOf(plan, options);
  const ground = await startGround({ ...options, ...plan, folder, ports, simulatedNodes: nodes.simulated });
  let client: Client | undefined;
  let cluster: Running | undefined;
  try {
    client = await options.clientFor(ground.controlPlane.adminKubeconfig);
    const gateway = await startGateway({
      clock: options.clock,
      ports,
      apiServer: () => (cluster?.up ? { host: '127.0.0.1', port: ground.controlPlane.apiPort } : undefined),
      endpoints: (wanted) => cluster?.endpoints(wanted),
    });
    cluster = new Running(plan, folder, options, { ports, nodes, ground, client, gateway });
    await cluster.startInside();
    return cluster;
  } catch (error) {
    if (cluster !== undefined) await cluster.close();
    else await Promise.all([client?.close(), ground.close()]);
    throw error;
  }
}

interface Parts {
  readonly ports: Ports<(typeof PORTS)[number]>;
  readonly nodes: Nodes;
  readonly ground: Ground;
  readonly client: Client;
  readonly gateway: Gateway;
}

class Running implements RealCluster {
  readonly name: string;
  readonly labels: { readonly [key: string]: string };
  readonly kubeconfigPath: string;
  readonly client: Client;
  readonly gateway: Gateway;
  readonly servicesUrl: string;
  readonly controlPlane: ControlPlane;
  readonly #folder: string;
  readonly #options: RealClusterOptions;
  readonly #parts: Parts;
  #inside: Inside | undefined;
  #full = false;

  constructor({ name, labels }: RealClusterPlan, folder: string, options: RealClusterOptions, parts: Parts) {
    const { gateway, ground, client } = parts;
    this.name = name;
    this.labels = labels;
    this.client = client;
    this.gateway = gateway;
    this.controlPlane = ground.controlPlane;
    this.servicesUrl = `http://127.0.0.1:${gateway.servicesPort}`;
    this.kubeconfigPath = join(folder, 'kubeconfig.yaml');
    this.#folder = folder;
    this.#options = options;
    this.#parts = parts;
    writeKubeconfig(this.kubeconfigPath, this.controlPlane.kubeconfigFor(`https://127.0.0.1:${gateway.apiPort}`));
  }

  get kubernetes(): string {
    return this.controlPlane.version;
  }

  get up(): boolean {
    return this.#inside !== undefined;
  }

  get fault(): ClusterFault {
    if (!this.up) return 'crashed';
    return this.#full ? 'full' : this.gateway.fault.kind;
  }

  endpoints(wanted: Parameters<ReturnType<typeof endpointsOf>>[0]): ReturnType<ReturnType<typeof endpointsOf>> {
    if (this.#inside === undefined) return [];
    return endpointsOf(this.#inside.services, (address) => dialledAddress(address) ?? NOBODY)(wanted);
  }

  insideKubeconfig(): string {
    return this.controlPlane.adminKubeconfig;
  }

  processCount(): number {
    return this.#inside?.kubelet.processCount() ?? 0;
  }

  async startInside(): Promise<void> {
    const { clock, random, logger, crashBackoffMs } = this.#options;
    const { ports, nodes, ground, client, gateway } = this.#parts;
    this.#inside = await startInside({
      folder: this.#folder,
      client,
      nodes: nodes.own,
      simulatedNodes: nodes.simulated.map((node) => node.name),
      version: this.controlPlane.version,
      logsPort: ports.logs,
      pki: ground.pki,
      kubeletClientPem: ground.kubeletClientPem,
      webhook: webhookConfiguration(ports.webhook, ground.pki.caPem),
      clock,
      random,
      logger: logger.child({ cluster: this.name }),
      // no cluster network here: services are reached from inside through this address
      env: { LDC_SERVICES: `http://127.0.0.1:${gateway.insideServicesPort}` },
      ...(crashBackoffMs === undefined ? {} : { crashBackoffMs }),
    });
  }

  cut(): void {
    this.gateway.cut();
  }

  slow(latencyMs: number): void {
    this.gateway.slow(latencyMs);
  }

  refuse(): void {
    this.gateway.refuse();
  }

  async crash(): Promise<void> {
    const inside = this.#inside;
    this.#inside = undefined;
    await Promise.all([inside?.close(0), ...PARTS.map((part) => this.controlPlane.kill(part))]);
  }

  async full(): Promise<void> {
    this.#full = true;
    await this.#setRoom(() => NO_ROOM);
  }

  async heal(): Promise<void> {
    for (const part of PARTS) {
      this.controlPlane.resume(part);
      await this.controlPlane.start(part);
    }
    if (!this.up) await this.startInside();
    if (this.#full) await this.#setRoom(({ capacity }) => capacity);
    this.#full = false;
    this.gateway.heal();
  }

  async close(): Promise<void> {
    await this.#inside?.close(STOP_GRACE_MS);
    this.#inside = undefined;
    await Promise.all([this.client.close(), this.gateway.close(), this.#parts.ground.close()]);
  }

  async #setRoom(room: (node: NodeSpec) => NodeSpec['capacity']): Promise<void> {
    const { own, simulated } = this.#parts.nodes;
    for (const node of [...own, ...simulated]) await this.#inside?.kubelet.nodes.setAllocatable(node.name, room(node));
  }
}

interface Nodes {
  /** Our kubelet's, where the catalogue's images run as processes; under the names that an embedded cluster's nodes have. */
  readonly own: readonly NodeSpec[];
  /** kwok's, for every other pod. */
  readonly simulated: readonly NodeSpec[];
}

function nodesOf({ name, labels }: RealClusterPlan, { nodes = [CAPACITY, CAPACITY] }: RealClusterOptions): Nodes {
  const topology = {
    ...(labels.region === undefined ? {} : { 'topology.kubernetes.io/region': labels.region }),
    ...(labels.zone === undefined ? {} : { 'topology.kubernetes.io/zone': labels.zone }),
  };
  return {
    own: nodes.map((capacity, index) => ({
      name: `${name}-node-${index + 1}`,
      labels: { ...topology, [KUBELET_NODE]: 'true' },
      taints: [{ key: KUBELET_NODE, effect: 'NoSchedule' }],
      capacity,
    })),
    simulated: nodes.map((capacity, index) => ({ name: `${name}-kwok-${index + 1}`, labels: topology, capacity })),
  };
}

/** By rename, so that nobody reads half of it. */
function writeKubeconfig(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
