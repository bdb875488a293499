import { type Json, jsonEqual, type KubeObject } from '../../base/index.ts';
import {
  type Container,
  controllerOf,
  controllerReference,
  isFinished,
  isReady,
  isTerminating,
  keyOf,
  type Labels,
  matchesLabels,
  type Pod,
  splitKey,
} from '../kinds/index.ts';
import { ApiFailure, type Context, enqueueOwners, MANAGER, queueOf, remove, written } from './controller.ts';
import type { WorkQueue } from './work-queue.ts';

const COMPONENT = 'endpointslice-controller';
const SLICES = 'endpointslices.discovery.k8s.io';
/** Endpoints of one slice, as kube-controller-manager's default. */
const SLICE_MAX = 100;

export type ServicePort = {
  readonly name?: string;
  readonly port: number;
  readonly targetPort?: number | string;
  readonly protocol?: string;
  readonly appProtocol?: string;
};
export interface Service extends KubeObject {
  readonly spec: {
    readonly type?: string;
    readonly selector?: { readonly [key: string]: string };
    readonly ports?: readonly ServicePort[];
    readonly publishNotReadyAddresses?: boolean;
  };
}

/** Keeps EndpointSlices and the older Endpoints of each Service with a selector. */
export function startEndpoints(context: Context): WorkQueue {
  const services = context.informers.of<Service>('services');
  const pods = context.informers.of<Pod>('pods');
  const queue = queueOf(context, COMPONENT, (key) => {
    const { namespace, name } = splitKey(key);
    const service = services.get(namespace, name);
    if (service !== undefined && !isTerminating(service)) reconcile(context, service);
    else removeEndpoints(context, namespace, name);
    return undefined;
  });
  services.onChange((service) => queue.add(keyOf(service)));
  enqueueOwners(context.informers.of(SLICES), 'Service', queue);
  pods.onChange((pod, before) => {
    for (const service of services.inNamespace(pod.metadata.namespace)) {
      const { selector } = service.spec;
      if (selector === undefined || Object.keys(selector).length === 0) continue;
      const touched = [pod, before].some((state) => state && matchesLabels(selector, state.metadata.labels as Labels));
      if (touched) queue.add(keyOf(service));
    }
  });
  return queue;
}

function reconcile(context: Context, service: Service): void {
  const { selector } = service.spec;
  if (service.spec.type === 'ExternalName' || selector === undefined || Object.keys(selector).length === 0) return;
  const pods = context.informers
    .of<Pod>('pods')
    .inNamespace(service.metadata.namespace)
    .filter((pod) => matchesLabels(selector, pod.metadata.labels as Labels) && pod.status?.podIP && !isFinished(pod))
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  writeSlices(context, service, groupByPorts(service, pods));
  writeEndpoints(context, service, groupByPorts(service, pods));
}

type Group = { readonly ports: readonly { readonly [field: string]: Json | undefined }[]; readonly pods: Pod[] };

/** Pods whose target ports have the same numbers share a slice: a named target port may differ from pod to pod. */
export function groupByPorts(service: Service, pods: readonly Pod[]): readonly Group[] {
  const groups = new Map<string, Group>();
  for (const pod of pods) {
    const ports = (service.spec.ports ?? []).flatMap((port) => {
      const number = targetPort(port, pod.spec.containers);
      const { name = '', protocol = 'TCP', appProtocol } = port;
      return number === undefined ? [] : [{ name, protocol, port: number, ...(appProtocol ? { appProtocol } : {}) }];
    });
    const key = JSON.stringify(ports);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { ports, pods: [pod] });
    else group.pods.push(pod);
  }
  return [...groups.values()];
}

function targetPort(
  { port, targetPort: target = port }: ServicePort,
  containers: readonly Container[],
): number | undefined {
  if (typeof target === 'number') return target;
  return containers.flatMap(({ ports }) => ports ?? []).find(({ name }) => name === target)?.containerPort;
}

function endpointOf(pod: Pod, publishNotReady: boolean) {
  const terminating = isTerminating(pod);
  const serving = isReady(pod);
  return {
    addresses: [pod.status?.podIP ?? ''],
    conditions: { ready: publishNotReady || (serving && !terminating), serving, terminating },
    ...(pod.spec.nodeName === undefined ? {} : { nodeName: pod.spec.nodeName }),
    targetRef: referenceTo(pod),
  };
}

function referenceTo({ metadata: { namespace, name, uid } }: Pod) {
  return { kind: 'Pod', namespace, name, uid };
}

function writeSlices(context: Context, service: Service, groups: readonly Group[]): void {
  const publish = service.spec.publishNotReadyAddresses === true;
  const wanted = groups.flatMap(({ ports, pods }) => {
    const endpoints = pods.map((pod) => endpointOf(pod, publish));
    const parts = [];
    for (let at = 0; at < endpoints.length; at += SLICE_MAX)
      parts.push({ ports, endpoints: endpoints.slice(at, at + SLICE_MAX) });
    return parts;
  });
  const slices = wanted.length > 0 ? wanted : [{ ports: [], endpoints: [] }];
  const existing = context.informers.of(SLICES).ownedBy(service.metadata.uid);
  const free = [...existing].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  for (const slice of slices) writeSlice(context, service, slice, free.shift());
  for (const surplus of free) remove(context, SLICES, surplus);
}

function writeSlice(context: Context, service: Service, slice: object, live: KubeObject | undefined): void {
  if (live !== undefined) {
    const next = { ...live, ...slice } as KubeObject;
    if (!jsonEqual(next as never, live as never)) written(context.door.update(SLICES, next, MANAGER));
    return;
  }
  const { name, namespace = '', uid } = service.metadata;
  const labels = {
    ...(service.metadata.labels as Labels),
    'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    'kubernetes.io/service-name': name,
  };
  const suffix = freeSuffix(context, namespace, name);
  const metadata = { generateName: `${name}-`, name: `${name}-${suffix}`, namespace, labels };
  const ownerReferences = [controllerReference(service)];
  const object = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv4', ...slice };
  written(
    context.door.create(SLICES, { ...object, metadata: { ...metadata, ownerReferences } } as KubeObject, MANAGER),
  );
  if (uid === undefined) throw new ApiFailure(409, 'Conflict', 'the service has no uid yet');
}

function freeSuffix(context: Context, namespace: string, name: string): string {
  const slices = context.informers.of(SLICES);
  for (;;) {
    const suffix = Array.from(context.random.bytes(5), (byte) => 'bcdfghjklmnpqrstvwxz2456789'[byte % 27]).join('');
    if (slices.get(namespace, `${name}-${suffix}`) === undefined) return suffix;
  }
}

/** The older view of the same: one object, ready and not-ready addresses apart. */
function writeEndpoints({ door }: Context, service: Service, groups: readonly Group[]): void {
  const publish = service.spec.publishNotReadyAddresses === true;
  const subsets = groups
    .map(({ ports, pods }) => {
      const address = (pod: Pod) => ({
        ip: pod.status?.podIP ?? '',
        nodeName: pod.spec.nodeName,
        targetRef: referenceTo(pod),
      });
      const living = pods.filter((pod) => !isTerminating(pod));
      const ready = living.filter((pod) => publish || isReady(pod)).map(address);
      const waiting = living.filter((pod) => !publish && !isReady(pod)).map(address);
      return {
        ...(ready.length > 0 ? { addresses: ready } : {}),
        ...(waiting.length > 0 ? { notReadyAddresses: waiting } : {}),
        ports: ports.map(({ name, ...port }) => (name === '' ? port : { name, ...port })),
      };
    })
    .filter((subset) => 'addresses' in subset || 'notReadyAddresses' in subset);
  const { name, namespace = '' } = service.metadata;
  const live = door.get('endpoints', namespace, name);
  const labels = {
    ...(service.metadata.labels as Labels),
    'endpoints.kubernetes.io/managed-by': 'endpoint-controller',
  };
  if (live === undefined) {
    const object = { apiVersion: 'v1', kind: 'Endpoints', metadata: { name, namespace, labels } };
    written(door.create('endpoints', { ...object, ...(subsets.length > 0 ? { subsets } : {}) } as KubeObject, MANAGER));
  } else if (!jsonEqual((live.subsets ?? []) as never, subsets as never)) {
    written(door.update('endpoints', { ...live, subsets } as KubeObject, MANAGER));
  }
}

function removeEndpoints(context: Context, namespace: string | undefined, name: string): void {
  const live = context.door.get('endpoints', namespace, name);
  if (live !== undefined && controllerOf(live) === undefined) remove(context, 'endpoints', live);
}
