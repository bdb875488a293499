/** What the whole-system tests deploy, and the independent look at what a cluster holds. */
import assert from 'node:assert/strict';
import { systemClock as clock, isObject, type Json, type JsonObject, type KubeObject } from '../src/base/index.ts';
import { type Client, collectionPath, createDiscovery, listAll } from '../src/kubernetes/index.ts';
import type { StackSource } from '../src/stacks/index.ts';

export interface StackShape {
  readonly name: string;
  /** Default: the stack's name. */
  readonly namespace?: string;
  readonly functions: { readonly [name: string]: FunctionShape };
  readonly placement?: JsonObject;
  readonly rollout?: JsonObject;
}

export interface FunctionShape {
  readonly objects: readonly KubeObject[];
  readonly needs?: readonly string[];
  /** `availability.locations`; default one location. */
  readonly locations?: JsonObject;
  readonly more?: JsonObject;
}

/** A stack as the CLI would send it. JSON is YAML too. */
export function stackOf({ name, namespace = name, functions, placement, rollout }: StackShape): StackSource {
  const parts = Object.entries(functions).map(([function_, { needs, locations, more }]) => ({
    name: function_,
    manifests: [`./${function_}.yaml`],
    ...(needs === undefined ? {} : { needs }),
    ...(locations === undefined ? {} : { availability: { locations } }),
    ...more,
  }));
  const stack = {
    apiVersion: 'ldc.dev/v1',
    kind: 'Stack',
    metadata: { name },
    spec: {
      namespace,
      functions: parts,
      ...(placement === undefined ? {} : { placement }),
      rollout: { waves: ['100%'], soak: '0s', minReady: '0s', deadline: '60s', ...rollout },
    },
  };
  const files = Object.entries(functions).map(([function_, { objects }]) => [
    `${function_}.yaml`,
    objects.map((object) => JSON.stringify(object)).join('\n---\n'),
  ]);
  return { path: `${name}/stack.yaml`, stack: JSON.stringify(stack), files: Object.fromEntries(files) };
}

/** On every cluster that fits. */
export const EVERYWHERE = { min: 2, max: 2 } as const;

export function configMap(name: string, data: { readonly [key: string]: string }): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data };
}

export function secret(name: string, values: { readonly [key: string]: string }): KubeObject {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData: values };
}

export function service(name: string, port = 80): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { selector: { app: name }, ports: [{ port }] },
  };
}

/** Pods without processes. `outcome` as the annotation `sim.ldc.dev/outcome` has it. */
export function deployment(
  name: string,
  { replicas = 1, version = '1', outcome, cpu = '10m' }: DeploymentShape = {},
): KubeObject {
  const labels = { app: name };
  const annotations = outcome === undefined ? {} : { annotations: { 'sim.ldc.dev/outcome': outcome } };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels, ...annotations },
        spec: {
          containers: [{ name: 'app', image: `sample:${version}`, resources: { requests: { cpu, memory: '16Mi' } } }],
        },
      },
    },
  };
}

export interface DeploymentShape {
  readonly replicas?: number;
  readonly version?: string;
  readonly outcome?: 'neverReady' | 'crash' | 'pullError' | 'slow';
  readonly cpu?: string;
}

/** What controllers and agents make by themselves, and what passes. */
const PASSING = new Set([
  ...['Event', 'Lease', 'Node', 'Pod', 'ReplicaSet', 'ControllerRevision', 'Endpoints', 'EndpointSlice', 'APIService'],
  ...['CSINode', 'ComponentStatus', 'PodMetrics', 'NodeMetrics'],
]);
const SYSTEM = new Set(['ldc-system', 'kube-system', 'kube-public', 'kube-node-lease']);

/** Every object of a cluster by name, as full as it is, but for what a server counts by itself. */
export async function dump(client: Client): Promise<{ readonly [object: string]: Json }> {
  const discovery = createDiscovery(client, clock);
  const seen: { [object: string]: Json } = {};
  for (const served of (await discovery.all()) ?? assert.fail('the API server says what it serves')) {
    const at = served.lastIndexOf('/');
    const found = await discovery.kind(served.slice(0, at), served.slice(at + 1));
    if (found.kind !== 'served' || !found.info.verbs.includes('list') || PASSING.has(found.info.kind)) continue;
    const listed = await listAll(client, { path: collectionPath(found.info), ...found.info });
    assert.equal(listed.kind, 'listed', served);
    if (listed.kind !== 'listed') continue;
    for (const object of listed.objects.filter(isLasting)) {
      const { namespace = '', name } = object.metadata;
      seen[`${served} ${namespace}/${name}`] = withoutCounts(object);
    }
  }
  return seen;
}

function isLasting({ metadata }: KubeObject): boolean {
  return !SYSTEM.has(metadata.namespace ?? metadata.name) && metadata.ownerReferences === undefined;
}

function withoutCounts({ status: _status, metadata, ...rest }: KubeObject): Json {
  const { resourceVersion: _rv, generation: _g, managedFields, annotations, ...kept } = metadata;
  const { 'deployment.kubernetes.io/revision': _r, ...notes } = annotations ?? {};
  const owners = (Array.isArray(managedFields) ? managedFields : [])
    .filter(isObject)
    .filter((one) => one.subresource !== 'status')
    .map(({ time: _time, ...owner }) => owner)
    .toSorted((a, b) => String(a.manager).localeCompare(String(b.manager)));
  return { ...rest, metadata: { ...kept, annotations: notes, managedFields: owners } } as Json;
}

/** One object, or undefined when there is none. */
export async function read(client: Client, path: string): Promise<KubeObject | undefined> {
  const answer = await client.request({ method: 'GET', path });
  assert.ok(answer.kind === 'answered' && (answer.status === 200 || answer.status === 404), JSON.stringify(answer));
  return answer.status === 200 ? (answer.body as unknown as KubeObject) : undefined;
}

/** What `kubectl apply --server-side --field-manager` would do. */
export async function put(client: Client, path: string, body: KubeObject, manager = 'someone'): Promise<KubeObject> {
  return write(client, {
    method: 'PATCH',
    path,
    body,
    query: { fieldManager: manager, force: true },
    contentType: 'application/apply-patch+yaml',
  });
}

export async function write(client: Client, request: Parameters<Client['request']>[0]): Promise<KubeObject> {
  const answer = await client.request(request);
  assert.ok(
    answer.kind === 'answered' && answer.status < 300,
    `${request.method} ${request.path}: ${JSON.stringify(answer)}`,
  );
  return answer.body as unknown as KubeObject;
}

/** A namespace that was there before ldc. */
export async function makeNamespace(client: Client, name: string): Promise<void> {
  await put(client, `/api/v1/namespaces/${name}`, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
}
