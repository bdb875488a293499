import type { JsonObject, KubeObject } from '../../src/base/index.ts';
import type { Client } from '../../src/kubernetes/index.ts';
import { clusterOver } from './cluster.ts';
import { claims, definitions, gatewayApi, namespaces, network, policies } from './others.ts';
import { deployments, jobs, pods, sets, statefulSets, withoutQuota } from './workloads.ts';

const SCENES = {
  ...{ deployments, withoutQuota, sets, statefulSets, jobs, pods },
  ...{ claims, network, policies, definitions, gatewayApi, namespaces },
};

export interface Recording {
  /** Of the server. */
  readonly version: string;
  /** Reduced objects by state, sorted: `deployment: rolled out`. */
  readonly objects: ReadonlyMap<string, KubeObject>;
}

/** Leads every kind through its states, all scenes at once, each in a namespace of its own. Rejects when one does not come. */
export async function record(client: Client, say: (line: string) => void = () => {}): Promise<Recording> {
  const version = await versionOf(client);
  const objects = new Map<string, KubeObject>();
  const stamp = Date.now().toString(36);
  const played = Object.entries(SCENES).map(async ([name, scene]) => {
    const namespace = `rec-${name.toLowerCase()}-${stamp}`;
    const cluster = clusterOver(client, namespace, objects);
    await cluster.create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    await untilUsable(client, namespace);
    try {
      await scene(cluster);
    } finally {
      await cluster.remove(`/api/v1/namespaces/${namespace}`);
    }
    say(`${version} ${name}`);
  });
  const failed = (await Promise.allSettled(played)).filter((one) => one.status === 'rejected');
  if (failed.length > 0) throw new Error(failed.map((one) => String(one.reason)).join('\n'));
  return { version, objects: new Map([...objects].sort(([a], [b]) => (a < b ? -1 : 1))) };
}

async function versionOf(client: Client): Promise<string> {
  const answer = await client.request({ method: 'GET', path: '/version' });
  if (answer.kind !== 'answered') throw new Error(`no version: ${JSON.stringify(answer)}`);
  return String((answer.body as JsonObject).gitVersion);
}

/** Pods are refused until the namespace has its default account. */
async function untilUsable(client: Client, namespace: string): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/default`;
  for (let tries = 0; tries < 400; tries++) {
    const answer = await client.request({ method: 'GET', path });
    if (answer.kind === 'answered' && answer.status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${namespace} has no default account`);
}
