/**
 * What went on in the recorded cluster beside the recorded exchanges: the recorder's own unrecorded calls, and what the
 * controller manager, the scheduler and kwok wrote. Their part is taken from the recording, so that the API server alone is judged.
 */
import { isObject, type Json, type JsonObject, type KubeObject } from '../src/base/index.ts';
import type { ApiServer } from '../src/sim/api/index.ts';
import type { Trace } from './golden-replay.ts';

const KCM = 'kube-controller-manager';

export const WIDGETS: KubeObject = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: {
      plural: 'widgets',
      singular: 'widget',
      kind: 'Widget',
      listKind: 'WidgetList',
      shortNames: ['wd'],
      categories: ['all'],
    },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        additionalPrinterColumns: [
          { name: 'Size', type: 'string', jsonPath: '.spec.size' },
          { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
        ],
        subresources: {
          status: {},
          scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' },
        },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                required: ['size'],
                properties: {
                  items: {
                    type: 'array',
                    items: {
                      type: 'object',
                      required: ['name'],
                      properties: { name: { type: 'string' }, value: { type: 'string' } },
                    },
                    'x-kubernetes-list-map-keys': ['name'],
                    'x-kubernetes-list-type': 'map',
                  },
                  replicas: { type: 'integer', default: 1, minimum: 0 },
                  size: { description: 'How big.', type: 'string', enum: ['small', 'large'] },
                },
                'x-kubernetes-validations': [{ rule: 'self.replicas <= 10', message: 'at most 10' }],
              },
              status: { type: 'object', properties: { phase: { type: 'string' }, replicas: { type: 'integer' } } },
            },
          },
        },
      },
    ],
  },
};

function configMap(name: string, extra: JsonObject = {}, data?: JsonObject): KubeObject {
  const metadata = { name, namespace: 'golden', ...extra };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, ...(data === undefined ? {} : { data }) } as KubeObject;
}

/** The recorded state of the Deployment, as its controller had written it by then. */
function deploymentStatus(server: ApiServer, recorded: Json): void {
  const live = server.door.get('deployments.apps', 'golden', 'd');
  if (live === undefined || !isObject(recorded) || !isObject(recorded.metadata) || recorded.kind !== 'Deployment')
    return;
  const { annotations } = recorded.metadata as { annotations?: { [key: string]: string } };
  const metadata = { ...live.metadata, ...(annotations === undefined ? {} : { annotations }) };
  server.door.update('deployments.apps', { ...live, metadata, status: recorded.status }, KCM, 'status');
}

/** Creates a recorded pod as its creator did and lets kwok's status follow. */
function recordedPod(server: ApiServer, pod: JsonObject, creator: string): void {
  const { metadata, spec, status } = pod as unknown as KubeObject;
  const owners = metadata.ownerReferences as readonly JsonObject[] | undefined;
  const {
    managedFields: _managed,
    uid: _uid,
    resourceVersion: _version,
    creationTimestamp: _created,
    generation: _generation,
    ...own
  } = metadata;
  const { nodeName, ...unbound } = spec as JsonObject;
  const bare = withoutAdmission(unbound);
  const owned =
    owners === undefined
      ? own
      : { ...own, ownerReferences: owners.map((owner) => ({ ...owner, uid: ownerUid(server, owner) })) };
  server.door.create('pods', { apiVersion: 'v1', kind: 'Pod', metadata: owned, spec: bare } as KubeObject, creator);
  const live = server.door.get('pods', own.namespace, own.name);
  if (live === undefined) throw new Error(`the recorded pod ${own.name} was refused`);
  const bound = server.store.put('pods', { ...live, spec: { ...(live.spec as JsonObject), nodeName } });
  const before = { ...bound, status: { ...(bound.status as JsonObject), ...scheduled(status as JsonObject) } };
  const placed = server.store.put('pods', before);
  server.door.update('pods', { ...placed, status: status as Json }, 'kwok', 'status');
}

/** The ReplicaSet behind a recorded pod, made when it is not there. */
function ownerUid(server: ApiServer, owner: JsonObject): string {
  const name = String(owner.name);
  if (server.door.get('replicasets.apps', 'golden', name) === undefined) {
    const labels = { app: 'd' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'example.invalid/b:1' }] } };
    const spec = { replicas: 1, selector: { matchLabels: labels }, template };
    server.door.create(
      'replicasets.apps',
      { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name, namespace: 'golden' }, spec },
      KCM,
    );
  }
  return server.door.get('replicasets.apps', 'golden', name)?.metadata.uid ?? '';
}

/** The scheduler's condition is written by `pods/binding` and belongs to no manager. */
function scheduled(status: JsonObject): JsonObject {
  const conditions = (Array.isArray(status.conditions) ? status.conditions : []) as readonly JsonObject[];
  return { conditions: conditions.filter(({ type }) => type === 'PodScheduled') };
}

function withoutAdmission(spec: JsonObject): JsonObject {
  const {
    volumes: _volumes,
    tolerations: _tolerations,
    priority: _priority,
    preemptionPolicy: _policy,
    serviceAccount: _a,
    serviceAccountName: _b,
    ...rest
  } = spec;
  const containers = (spec.containers as readonly JsonObject[]).map(
    ({ volumeMounts: _mounts, ...container }) => container,
  );
  return { ...rest, containers };
}

/** What happened before each trace, by its number. */
export function before(server: ApiServer, trace: Trace, traces: readonly Trace[]): void {
  const { door, store } = server;
  const number = Number(trace.file.slice(0, 3));
  const bodyOf = (index: number) => traces[index - 1]?.response.body as JsonObject;
  if (number >= 51 && number <= 71) deploymentStatus(server, trace.response.body);
  if (number === 68) deploymentStatus(server, withReplicas(bodyOf(66), 6));
  if (number === 69) deploymentStatus(server, withReplicas(bodyOf(66), 6));
  switch (number) {
    case 5:
      door.create('customresourcedefinitions.apiextensions.k8s.io', WIDGETS, 'golden');
      break;
    case 72:
      for (const pod of bodyOf(72).items as readonly JsonObject[]) recordedPod(server, pod, KCM);
      break;
    case 90:
      for (const name of ['g1-node-0', 'g1-node-1']) recordedNode(server, name);
      break;
    case 104:
      break;
    case 111:
      door.create('configmaps', configMap('fin', { finalizers: ['example.com/hold'] }), 'unknown');
      break;
    case 142:
      break;
    case 145:
      recordedPod(server, bodyOf(145), 'unknown');
      break;
    case 149:
      door.create('configmaps', configMap('held', { finalizers: ['example.com/hold'] }), 'unknown');
      break;
    case 151:
      for (const pod of door.list('pods', { namespace: 'golden' })) {
        door.delete('pods', 'golden', pod.metadata.name, { gracePeriodSeconds: 0 });
      }
      break;
    case 152:
      store.compact();
      break;
  }
}

function withReplicas(recorded: JsonObject, replicas: number): JsonObject {
  return { ...recorded, status: { ...(recorded.status as JsonObject), replicas } };
}

function recordedNode(server: ApiServer, name: string): void {
  const labels = { 'node-role.kubernetes.io/agent': '', 'kubernetes.io/hostname': name };
  server.door.create('nodes', { apiVersion: 'v1', kind: 'Node', metadata: { name, labels } }, 'golden');
  const live = server.door.get('nodes', undefined, name);
  if (live === undefined) return;
  const nodeInfo = {
    kubeletVersion: 'kwok-0.8.0',
    osImage: '',
    kernelVersion: 'kwok-0.8.0',
    containerRuntimeVersion: 'kwok-0.8.0',
  };
  const conditions = [{ type: 'Ready', status: 'True' }];
  const addresses = [{ type: 'InternalIP', address: '127.0.0.1' }];
  server.door.update('nodes', { ...live, status: { nodeInfo, conditions, addresses } }, 'kwok', 'status');
}

/** What happened while a recorded watch was open: one step after the other. */
export function during(server: ApiServer, trace: Trace): readonly (() => void)[] {
  const { door } = server;
  const relabel = (labels: JsonObject | undefined) => () => {
    const live = door.get('configmaps', 'golden', 'a');
    if (live === undefined) return;
    const { labels: _labels, ...metadata } = live.metadata;
    door.update(
      'configmaps',
      { ...live, metadata: { ...metadata, ...(labels === undefined ? {} : { labels }) } } as KubeObject,
      'unknown',
    );
  };
  switch (Number(trace.file.slice(0, 3))) {
    case 99:
      return [
        () => void door.create('configmaps', configMap('wa', {}, { a: '1' }), 'unknown'),
        () => void door.update('configmaps', configMap('wa', {}, { a: '2' }), 'unknown'),
        () => void door.delete('configmaps', 'golden', 'wa'),
      ];
    case 104:
      return [relabel({ l: 'y' }), relabel({ l: 'x' })];
    case 105:
      return [
        () => {
          const live = door.get('widgets.example.com', 'golden', 'w');
          if (live === undefined) return;
          const status = { ...(live.status as JsonObject), phase: 'Watched' };
          door.update('widgets.example.com', { ...live, status }, 'unknown', 'status');
        },
      ];
    default:
      return [];
  }
}
