import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Logger, Random } from '../../base/index.ts';
import type { Client } from '../../kubernetes/types.ts';
import { endpointsOf, type Gateway, type ServiceReader, startGateway } from '../gateway/index.ts';
import type { NodeSpec } from '../kubelet/index.ts';
import type { LocalCluster } from '../local-cluster.ts';
import { recallPorts, rememberPorts } from '../ports.ts';
import type { ApiDoor } from '../types.ts';
import { type Inside, type InsideOptions, startInside } from './inside.ts';
import type { ClusterPlan } from './regions.ts';

export interface ClusterOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** A client for a kubeconfig (YAML text). */
  readonly clientFor: (kubeconfig: string) => Client | Promise<Client>;
  /** Size of each of the cluster's nodes; default two of 8 cores, 16 GiB and 110 pods. */
  readonly nodes?: readonly NodeSpec['capacity'][];
  /** First wait of a crash loop; default 10 s, as in Kubernetes. */
  readonly crashBackoffMs?: number;
}

export interface EmbeddedCluster extends LocalCluster {
  /** The API server's in-process door; undefined while crashed. */
  readonly door: ApiDoor | undefined;
}

const CAPACITY = { cpu: '8', memory: '16Gi', pods: '110' };
const NO_ROOM = { cpu: '0', memory: '0', pods: '0' };
const STOP_GRACE_MS = 1_000;

/** Starts one embedded cluster on the state in `folder`. */
export async function startCluster(
  plan: ClusterPlan,
  folder: string,
  options: ClusterOptions,
): Promise<EmbeddedCluster> {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const { clock } = options;
  const ports = await recallPorts(folder, ['inside', 'api', 'services'], clock);
  let inside: Inside | undefined;
  const gateway = await startGateway({
    clock,
    ports,
    apiServer: () => (inside === undefined ? undefined : { host: '127.0.0.1', port: inside.api.port }),
    endpoints: (wanted) => (inside === undefined ? [] : endpointsOf(servicesOf(inside.api.door))(wanted)),
  });
  const start = (port: number) => startInside(insideOptions(plan, folder, port, gateway, options));
  inside = await start(ports.inside);
  const insidePort = inside.api.port;
  rememberPorts(folder, { inside: insidePort, api: gateway.apiPort, services: gateway.servicesPort });
  const kubeconfigPath = join(folder, 'kubeconfig.yaml');
  writeKubeconfig(kubeconfigPath, inside.api.kubeconfigFor(`https://127.0.0.1:${gateway.apiPort}`).yaml);
  const insideText = inside.api.adminKubeconfig.yaml;
  const client = await options.clientFor(insideText);
  let full = false;
  const setRoom = async (room: NodeSpec['capacity'] | undefined) => {
    for (const node of nodesOf(plan, options))
      await inside?.kubelet.nodes.setAllocatable(node.name, room ?? node.capacity);
  };
  return {
    ...plan,
    kubernetes: 'embedded',
    kubeconfigPath,
    client,
    gateway,
    servicesUrl: `http://127.0.0.1:${gateway.servicesPort}`,
    insideKubeconfig: () => insideText,
    processCount: () => inside?.kubelet.processCount() ?? 0,
    get door() {
      return inside?.api.door;
    },
    get fault() {
      return inside === undefined ? 'crashed' : full ? 'full' : gateway.fault.kind;
    },
    cut: () => gateway.cut(),
    slow: (latencyMs) => gateway.slow(latencyMs),
    refuse: () => gateway.refuse(),
    async crash() {
      const down = inside;
      inside = undefined;
      await down?.close(0);
    },
    async full() {
      full = true;
      await setRoom(NO_ROOM);
    },
    async heal() {
      inside ??= await start(insidePort);
      if (full) await setRoom(undefined);
      full = false;
      gateway.heal();
    },
    async close() {
      await inside?.close(STOP_GRACE_MS);
      inside = undefined;
      await Promise.all([client.close(), gateway.close()]);
    },
  };
}

function insideOptions(
  { name, labels }: ClusterPlan,
  folder: string,
  port: number,
  gateway: Gateway,
  options: ClusterOptions,
): InsideOptions {
  const { clock, random, clientFor, crashBackoffMs } = options;
  return {
    name,
    folder,
    port,
    nodes: nodesOf({ name, labels }, options),
    clock,
    random,
    clientFor,
    logger: options.logger.child({ cluster: name }),
    // no cluster network here: services are reached from inside through this address
    env: { LDC_SERVICES: `http://127.0.0.1:${gateway.insideServicesPort}` },
    ...(crashBackoffMs === undefined ? {} : { crashBackoffMs }),
  };
}

function nodesOf({ name, labels }: ClusterPlan, { nodes = [CAPACITY, CAPACITY] }: ClusterOptions): readonly NodeSpec[] {
  const topology = {
    ...(labels.region === undefined ? {} : { 'topology.kubernetes.io/region': labels.region }),
    ...(labels.zone === undefined ? {} : { 'topology.kubernetes.io/zone': labels.zone }),
  };
  return nodes.map((capacity, index) => ({ name: `${name}-node-${index + 1}`, labels: topology, capacity }));
}

function servicesOf(door: ApiDoor): ServiceReader {
  return {
    service: (namespace, name) => door.get('services', namespace, name),
    slices: (namespace, service) =>
      door.list('endpointslices.discovery.k8s.io', { namespace, labels: { 'kubernetes.io/service-name': service } }),
  };
}

/** By rename, so that nobody reads half of it. */
function writeKubeconfig(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
