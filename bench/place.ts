/** `node bench/place.ts [STACKS] [CLUSTERS]`: how many stacks a second are placed, each decision seeing the ones before. JSON on stdout. */
import { type ResolvedStack, readStack } from '../src/ldc/index.ts';
import { type ClusterView, type FleetSnapshot, place, withReserved } from '../src/placement/index.ts';
import { printFigures, spread } from './measure/figures.ts';

const REGIONS = ['eu', 'us', 'ap', 'sa', 'af'];

function clusters(count: number): ClusterView[] {
  return Array.from({ length: count }, (_, i) => ({
    name: `${REGIONS[i % REGIONS.length]}-${String(i).padStart(5, '0')}`,
    labels: { region: REGIONS[i % REGIONS.length] as string, env: i % 10 === 0 ? 'test' : 'prod', zone: `z${i % 15}` },
    taints: i % 50 === 0 ? [{ key: 'gpu', effect: 'NoSchedule' as const }] : [],
    intent: i % 97 === 0 ? ('cordoned' as const) : ('open' as const),
    health: i % 89 === 0 ? ('suspect' as const) : ('ready' as const),
    apis: ['apps/v1/Deployment', 'v1/Service', 'v1/ConfigMap'],
    allocatable: { cpuMilli: 64_000 + (i % 7) * 8_000, memoryBytes: 256 * 2 ** 30, pods: 1_000 },
    used: { cpuMilli: (i % 13) * 1_000, memoryBytes: (i % 11) * 2 ** 30, pods: i % 100 },
    reserved: { cpuMilli: 0, memoryBytes: 0, pods: 0 },
    locations: [],
  }));
}

function stack(index: number): ResolvedStack {
  const name = `stack-${index}`;
  const text = `apiVersion: ldc.dev/v1
kind: Stack
metadata: { name: ${name} }
spec:
  namespace: ${name}
  functions:
    - { name: api, manifests: [ m.yaml ], availability: { locations: { min: 2, max: 3, spread: region }, survive: { lose: region } } }
  placement: { clusters: { matchLabels: { env: prod } } }
`;
  const manifests = `apiVersion: apps/v1
kind: Deployment
metadata: { name: api }
spec: { replicas: 2, template: { spec: { containers: [ { name: c, image: i, resources: { requests: { cpu: ${100 + (index % 5) * 100}m, memory: 128Mi } } } ] } } }
`;
  const { resolved } = readStack({ path: name, text, files: new Map([['m.yaml', manifests]]) });
  if (resolved === undefined) throw new Error('the bench’s own stack is invalid');
  return resolved;
}

const [stackCount = 1_000, clusterCount = 1_000] = process.argv.slice(2).map(Number);
const stacks = Array.from({ length: stackCount }, (_, i) => stack(i));
let snapshot: FleetSnapshot = { clusters: clusters(clusterCount) };
const times: number[] = [];
let unmet = 0;
const started = performance.now();
for (const resolved of stacks) {
  const before = performance.now();
  const { locations, unmet: missing } = place({ stack: resolved, snapshot, current: [] });
  snapshot = withReserved(
    snapshot,
    locations.map((location) => ({
      location,
      id: `${resolved.name}/${location.name}@${location.cluster}`,
      amounts: { cpuMilli: 600, memoryBytes: 2 ** 28, pods: 2 },
    })),
  );
  times.push(performance.now() - before);
  unmet += missing.length;
}
const seconds = (performance.now() - started) / 1_000;
const used = snapshot.clusters.filter((cluster) => cluster.locations.length > 0).length;
printFigures('place', {
  target: '>= 2000 decisions/s',
  stacks: stackCount,
  clusters: clusterCount,
  decisionsPerSecond: Math.round(stackCount / seconds),
  decisionMs: spread(times, 3),
  unmet,
  clustersUsed: used,
});
