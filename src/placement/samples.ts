/** Builders shared by the tests of this room. */
import { type ResolvedStack, readStack } from '../ldc/index.ts';
import type { ClusterView, FleetSnapshot } from './index.ts';

const APIS = ['apps/v1/Deployment', 'v1/Service', 'v1/ConfigMap', 'v1/Secret', 'batch/v1/Job'];

export function cluster(name: string, more: Partial<ClusterView> = {}): ClusterView {
  const region = name.split('-')[0] ?? name;
  return {
    name,
    labels: { region, env: 'prod', ...more.labels },
    taints: [],
    intent: 'open',
    health: 'ready',
    apis: APIS,
    allocatable: { cpuMilli: 8_000, memoryBytes: 16 * 2 ** 30, pods: 110 },
    used: { cpuMilli: 0, memoryBytes: 0, pods: 0 },
    reserved: { cpuMilli: 0, memoryBytes: 0, pods: 0 },
    locations: [],
    ...Object.fromEntries(Object.entries(more).filter(([key]) => key !== 'labels')),
  };
}

export function fleet(...clusters: readonly ClusterView[]): FleetSnapshot {
  return { clusters };
}

/** A stack of functions, each with one Deployment of 2 pods of 500m and 256Mi; `functions` maps a name to more YAML (flow). */
export function stack(functions: { readonly [name: string]: string }, spec = ''): ResolvedStack {
  const text = `apiVersion: ldc.dev/v1
kind: Stack
metadata: { name: shop }
spec:
  namespace: shop
  functions:
${Object.entries(functions)
  .map(([name, more]) => `    - { name: ${name}, manifests: [ ${name}.yaml ]${more === '' ? '' : `, ${more}`} }`)
  .join('\n')}
${spec}`;
  const files = new Map(Object.keys(functions).map((name) => [`${name}.yaml`, deployment(name)]));
  files.set('db.yaml', deployment('db'));
  const { resolved, problems } = readStack({ path: 'stack.yaml', text, files });
  if (resolved === undefined) throw new Error(JSON.stringify(problems));
  return resolved;
}

function deployment(name: string): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name} }
spec:
  replicas: 2
  template: { spec: { containers: [ { name: c, image: i, resources: { requests: { cpu: 500m, memory: 256Mi } } } ] } }
`;
}
