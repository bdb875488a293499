/** The fleet of a local installation: its clusters, embedded or real, their gateways and their agents, all held by one process. */
import { pathToFileURL } from 'node:url';
import { createIds, errorText, type JsonObject } from '../base/index.ts';
import { type Agent, clientAs, createAgent, readClusterUid, type ServiceProbe } from '../hub-agent/agent/index.ts';
import { AGENT_ACCOUNT } from '../hub-agent/manifests/index.ts';
import { connect } from '../kubernetes/index.ts';
import { type Fleet, type LocalCluster, startLocalFleet } from '../sim/index.ts';
import { binariesOf, clusterPlans } from './control-planes.ts';
import type { HubPorts } from './hub.ts';
import { applyRights, USUAL_RIGHTS } from './install-rights.ts';
import type { FleetCluster, FleetOptions } from './part-types.ts';

/** An embedded or real API server that has just come up answers within a moment. */
const RIGHTS_ATTEMPTS = 10;
const RIGHTS_RETRY_MS = 500;

interface Join {
  readonly cluster: string;
  /** Where agents reach the hub; dialled through the cluster's gateway, so that a cut holds for it. */
  readonly agentsUrl: string;
  /** Only for a cluster that has not joined yet. */
  readonly token?: string;
}

export interface FleetPart {
  /** The clusters themselves, for who shares this process with them. */
  readonly fleet: Fleet;
  readonly clusters: readonly FleetCluster[];
  readonly handlers: {
    readonly clusters: () => readonly JsonObject[];
    readonly join: (given: Join) => Promise<null>;
    readonly fault: (given: { cluster: string; fault: string; latencyMs?: number }) => Promise<JsonObject>;
  };
  stop(): Promise<void>;
}

export async function startFleetPart(options: FleetOptions, ports: HubPorts): Promise<FleetPart> {
  const plans = clusterPlans(options);
  const fleet = await startLocalFleet({
    ...ports,
    stateDir: options.stateDir,
    clusters: plans,
    binaries: (minor) => binariesOf(minor, (line) => ports.logger.info({ line }, 'control planes')),
    ...(options.nodes === undefined ? {} : { nodes: options.nodes }),
    clientFor: (kubeconfig) => connect({ kind: 'kubeconfig', text: kubeconfig }, ports.clock),
  });
  const uids = await Promise.all(fleet.clusters.map(({ client }) => readClusterUid(client)));
  const agents = new Map<string, Agent>();
  const ids = createIds(ports.clock, ports.random);
  let stopping = false;

  async function join({ cluster: name, agentsUrl, token }: Join): Promise<null> {
    const cluster = required(fleet, name);
    await agents.get(name)?.stop();
    const url = new URL(agentsUrl);
    const way = await cluster.gateway.egress(url.hostname, Number(url.port));
    await giveRights(cluster, { ...USUAL_RIGHTS, kinds: options.kinds ?? [] }, ports);
    // one that is made now would be stopped by nobody, and ask on for ever of a cluster that is gone
    if (stopping) throw new Error('the clusters are being stopped');
    const agent = createAgent({
      ...ports,
      ids,
      client: clientAs(cluster.client, ports.clock, AGENT_ACCOUNT),
      administrator: cluster.client,
      hub: { url: `https://127.0.0.1:${way}` },
      holder: `fleet-${name}`,
      probe: insideProbe(cluster),
      version: options.version,
      logger: ports.logger.child({ part: 'agent', cluster: name }),
      ...(token === undefined ? {} : { join: { token, name } }),
    });
    agents.set(name, agent);
    await agent.start();
    return null;
  }

  return {
    fleet,
    clusters: fleet.clusters.map((cluster, index) => ({
      name: cluster.name,
      uid: uids[index],
      labels: cluster.labels,
      kubeconfig: cluster.kubeconfigPath,
      servicesUrl: cluster.servicesUrl,
      kubernetes: cluster.kubernetes,
    })),
    handlers: {
      clusters: () => fleet.clusters.map(show),
      join,
      async fault({ cluster: name, fault, latencyMs }) {
        const cluster = fleet.get(name);
        if (cluster === undefined) return { notFound: true };
        await applyFault(cluster, fault, latencyMs ?? 200);
        return show(cluster);
      },
    },
    async stop() {
      stopping = true;
      await Promise.all([...agents.values()].map((agent) => agent.stop()));
      await fleet.close();
    },
  };
}

/** The rights that any agent has: what a stack may do here it may do on a cluster that was joined, and not more. */
async function giveRights(
  { name, client }: LocalCluster,
  rights: typeof USUAL_RIGHTS,
  { clock, logger }: HubPorts,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const problem = await applyRights(client, rights);
    if (problem === undefined) return;
    // one that is down keeps the rights that it has, if it ever had any: its agent waits for it and says what is missing
    if (attempt === RIGHTS_ATTEMPTS) return logger.warn({ cluster: name, problem }, 'the agent has no rights anew');
    await clock.sleep(RIGHTS_RETRY_MS);
  }
}

/** Services as they are reached inside the cluster; an embedded API server has no proxy, and these clusters no network. */
function insideProbe(cluster: LocalCluster): ServiceProbe {
  return async ({ namespace, service, port, path }, timeoutMs) => {
    const url = `http://127.0.0.1:${cluster.gateway.insideServicesPort}/${namespace}/${service}:${port}${path}`;
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
      await response.arrayBuffer();
      return { kind: 'answered', status: response.status };
    } catch (error) {
      return { kind: 'unreachable', reason: errorText(error) };
    }
  };
}

function required(fleet: Fleet, name: string): LocalCluster {
  const cluster = fleet.get(name);
  if (cluster === undefined) throw new Error(`no cluster of this machine is named ${name}`);
  return cluster;
}

function show(cluster: LocalCluster): JsonObject {
  return {
    name: cluster.name,
    fault: cluster.fault,
    kubeconfig: pathToFileURL(cluster.kubeconfigPath).pathname,
    services: cluster.servicesUrl,
  };
}

async function applyFault(cluster: LocalCluster, fault: string, latencyMs: number): Promise<void> {
  switch (fault) {
    case 'cut':
      return cluster.cut();
    case 'slow':
      return cluster.slow(latencyMs);
    case 'crash':
      return cluster.crash();
    case 'full':
      return cluster.full();
    case 'heal':
      return cluster.heal();
    default:
      throw new Error(`no fault is named ${fault}`);
  }
}
