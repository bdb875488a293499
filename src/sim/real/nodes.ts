/** The Node objects that kwok speaks for. */
import type { JsonObject } from '../../base/index.ts';
import type { Client } from '../../kubernetes/types.ts';
import { KWOK_NODE } from './flags.ts';
import type { ControlPlaneOptions } from './types.ts';

export type SimulatedNode = NonNullable<ControlPlaneOptions['simulatedNodes']>[number];

/** Registers the nodes that are not there yet. @throws Error when the API server takes one not */
export async function registerNodes(nodes: readonly SimulatedNode[], version: string, client: Client): Promise<void> {
  for (const node of nodes) {
    const answer = await client.request({ method: 'POST', path: '/api/v1/nodes', body: nodeObject(node, version) });
    if (answer.kind === 'answered' && (answer.status === 201 || answer.status === 409)) continue;
    const why = answer.kind === 'answered' ? JSON.stringify(answer.body) : answer.reason;
    throw new Error(`node ${node.name} could not be registered: ${why}`);
  }
}

/** Conditions are left to kwok: it sets them as soon as it sees the node, and again after it was away. */
function nodeObject({ name, labels, capacity }: SimulatedNode, version: string): JsonObject {
  const [annotation = '', value = ''] = KWOK_NODE.split('=');
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const operatingSystem = process.platform;
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: {
        'kubernetes.io/hostname': name,
        'kubernetes.io/os': operatingSystem,
        'kubernetes.io/arch': architecture,
        ...labels,
      },
      annotations: { [annotation]: value, 'node.alpha.kubernetes.io/ttl': '0' },
    },
    status: {
      capacity: { ...capacity },
      allocatable: { ...capacity },
      addresses: [
        { type: 'InternalIP', address: '127.0.0.1' },
        { type: 'Hostname', address: name },
      ],
      nodeInfo: {
        machineID: '',
        systemUUID: '',
        bootID: '',
        kernelVersion: '',
        osImage: 'simulated node',
        containerRuntimeVersion: 'kwok://0.8.0',
        kubeletVersion: version,
        kubeProxyVersion: '',
        operatingSystem,
        architecture,
      },
    },
  };
}
