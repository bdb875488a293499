/** What the bench over real control planes deploys: sets of three objects, through ldc as a stack or plainly by server-side apply. */
import type { KubeObject } from '../../../src/base/index.ts';
import type { StackSource } from '../../../src/stacks/index.ts';

/** Every object of a set carries it; the bench's own watches select by it. */
export const MARK = { key: 'bench', value: 'set' } as const;
export const KINDS = [
  { path: '/apis/apps/v1/deployments', apiVersion: 'apps/v1', kind: 'Deployment' },
  { path: '/api/v1/services', apiVersion: 'v1', kind: 'Service' },
  { path: '/api/v1/configmaps', apiVersion: 'v1', kind: 'ConfigMap' },
] as const;

/** `own`: each set brings a namespace of its name. `shared`: all go into one that is there already. */
export type Variant = 'own' | 'shared';
export const SHARED_NAMESPACE = 'shared';

/** One deployable unit: three objects of one name, which is unique in the run. */
export interface BenchSet {
  readonly name: string;
  readonly namespace: string;
}

export function setOf(name: string, variant: Variant): BenchSet {
  return { name, namespace: variant === 'own' ? name : SHARED_NAMESPACE };
}

/** ConfigMap, Service and Deployment of one pod, without their namespace. */
export function objectsOf({ name }: BenchSet): readonly KubeObject[] {
  const metadata = { name, labels: { [MARK.key]: MARK.value } };
  const container = {
    name: 'web',
    image: 'example.test/web:1',
    resources: { requests: { cpu: '1m', memory: '1Mi' } },
  };
  const labels = { app: name };
  return [
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { mode: 'good' } },
    { apiVersion: 'v1', kind: 'Service', metadata, spec: { selector: labels, ports: [{ port: 80 }] } },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [container] } },
      },
    },
  ];
}

/** The set as a stack for one cluster. */
export function sourceOf(set: BenchSet): StackSource {
  return stackSource(set.name, set.namespace, objectsOf(set));
}

/** A stack of one function on one cluster: any, or the one of `region`. */
export function stackSource(
  name: string,
  namespace: string,
  objects: readonly KubeObject[],
  region?: string,
): StackSource {
  const clusters = region === undefined ? '' : `\n  placement: { clusters: { matchLabels: { region: ${region} } } }`;
  const stack = `apiVersion: ldc.dev/v1
kind: Stack
metadata: { name: ${name} }
spec:
  namespace: ${namespace}
  functions: [ { name: web, manifests: [ web.yaml ], availability: { locations: { min: 1, max: 1 } } } ]
  rollout: { waves: [ 100% ], minReady: 0s }${clusters}
`;
  const files = { 'web.yaml': objects.map((object) => JSON.stringify(object)).join('\n---\n') };
  return { path: `${name}.yaml`, stack, files };
}
