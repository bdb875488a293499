import type { ClusterView } from '../../api/client/index.ts';
import { age, duration, table } from './table.ts';

export function clusterTable(items: readonly ClusterView[], nowMs: number): string {
  if (items.length === 0) return 'no clusters; `ldc cluster join NAME --kubeconfig FILE` adds one\n';
  const rows = items.map((cluster) => [
    cluster.name,
    cluster.health,
    cluster.intent,
    cluster.connected ? 'yes' : 'no',
    cluster.labels.region ?? '-',
    String(cluster.locations.wanted),
    cluster.locations.owed === 0 ? '-' : String(cluster.locations.owed),
    cluster.kubernetesVersion ?? '-',
    age(Date.parse(cluster.joinedAt), nowMs),
  ]);
  return table(['CLUSTER', 'HEALTH', 'INTENT', 'CONNECTED', 'REGION', 'LOCATIONS', 'OWED', 'VERSION', 'AGE'], rows);
}

export function clusterText(cluster: ClusterView): string {
  const labels = Object.entries(cluster.labels).map(([key, value]) => `${key}=${value}`);
  const taints = cluster.taints.map(({ key, value, effect }) => `${key}=${value}:${effect}`);
  const intent = cluster.intentReason === null ? cluster.intent : `${cluster.intent} (${cluster.intentReason})`;
  const beat = cluster.lastHeartbeatAgoMs === null ? 'none yet' : `${duration(cluster.lastHeartbeatAgoMs)} ago`;
  const rows: [string, string][] = [
    ['cluster', cluster.name],
    ['health', cluster.since === null ? cluster.health : `${cluster.health} since ${cluster.since}`],
    ['intent', intent],
    ['agent', `${cluster.connected ? 'connected' : 'not connected'}, last heartbeat ${beat}`],
    ['versions', `kubernetes ${cluster.kubernetesVersion ?? '?'}, agent ${cluster.agentVersion ?? '?'}`],
    ['labels', labels.join(', ') || '-'],
    ['taints', taints.join(', ') || '-'],
    ['locations', `${cluster.locations.wanted} wanted, ${cluster.locations.owed} owed`],
    ['capacity', capacityText(cluster)],
    ['joined', cluster.joinedAt],
    ...cluster.kept.map(({ object, location, why }): [string, string] => ['kept', `${object} of ${location}: ${why}`]),
  ];
  return rows.map(([name, value]) => `${name.padEnd(12)}${value}\n`).join('');
}

function capacityText({ capacity }: ClusterView): string {
  if (capacity === null) return 'not known yet';
  const { allocatable, requested, readyNodes, nodes } = capacity;
  const share = (used: number, all: number, unit: string) => `${round(used)} of ${round(all)} ${unit}`;
  const gib = 1024 ** 3;
  return [
    share(requested.cpuMilli / 1000, allocatable.cpuMilli / 1000, 'CPU'),
    share(requested.memoryBytes / gib, allocatable.memoryBytes / gib, 'GiB'),
    share(requested.pods, allocatable.pods, 'pods'),
    `${readyNodes} of ${nodes} nodes ready`,
  ].join(', ');
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10);
}
