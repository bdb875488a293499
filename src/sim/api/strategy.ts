/** What the built-in kinds do to an object on its way into storage: initial status, isolation of status, owned fields. */
import { isObject, type Json, jsonEqual, type KubeObject } from '../../base/index.ts';
import { changesIntent, countsGenerations, keepServerMetadata, kubeTime } from '../objects/index.ts';
import { throughWire } from '../schema/index.ts';
import type { ResourceInfo } from '../types.ts';
import { type Fields, part } from './cluster.ts';
import { qualified } from './status.ts';

/** What of a new object is the client's to say: everything but status, and the label that every namespace has. */
export function asSent(resource: ResourceInfo, object: KubeObject): KubeObject {
  const cleared = resource.subresources.includes('status') && object.kind !== 'Node' ? withoutStatus(object) : object;
  if (qualified(resource) !== 'namespaces') return cleared;
  const labels = { ...cleared.metadata.labels, 'kubernetes.io/metadata.name': cleared.metadata.name };
  return { ...cleared, metadata: { ...cleared.metadata, labels } };
}

/** The object as it is first stored; identity (uid, times) is set already. */
export function prepareCreate(resource: ResourceInfo, object: KubeObject, custom: boolean, nowMs: number): KubeObject {
  const { metadata } = object;
  const counted = countsGenerations(qualified(resource), custom) ? { ...metadata, generation: 1 } : metadata;
  return initial({ ...object, metadata: counted }, nowMs);
}

function withoutStatus(object: KubeObject): KubeObject {
  const { status: _status, ...rest } = object;
  return rest as KubeObject;
}

function initial(object: KubeObject, nowMs: number): KubeObject {
  const spec = part(object, 'spec');
  switch (`${object.apiVersion} ${object.kind}`) {
    case 'v1 Namespace': {
      const finalizers = unique([...strings(spec.finalizers), 'kubernetes']);
      return {
        ...object,
        spec: { ...spec, finalizers },
        status: { phase: 'Active' },
      };
    }
    case 'v1 Pod':
      return { ...object, spec: ended(spec), status: { phase: 'Pending', qosClass: qosClass(spec) } };
    case 'v1 PersistentVolumeClaim':
      return { ...object, status: { phase: 'Pending' } };
    case 'v1 PersistentVolume':
      return { ...object, status: { phase: 'Pending', lastPhaseTransitionTime: kubeTime(nowMs) } };
    case 'v1 Node':
      return ownNode(object);
    case 'v1 Service':
      return { ...object, status: { loadBalancer: {} } };
    case 'batch/v1 Job':
      return ownedJob(object, spec);
    case 'apiextensions.k8s.io/v1 CustomResourceDefinition':
      return withStoredVersions(object, []);
    default:
      return object;
  }
}

/**
 * A definition whose status knows the version that its objects are stored in from now on, beside those that some may still be
 * stored in. Of several storage versions the first counts; validation refuses them.
 */
function withStoredVersions(definition: KubeObject, before: readonly string[]): KubeObject {
  const stored = list(part(definition, 'spec').versions)
    .map(fields)
    .filter(({ storage }) => storage === true);
  const storedVersions = unique([...before, ...stored.slice(0, 1).map(({ name }) => String(name))]);
  return { ...definition, status: { ...part(definition, 'status'), storedVersions } };
}

/** What a definition's objects are stored in is the server's to say; through `/status` a person who has migrated them may. */
function withServerVersions(definition: KubeObject, subresource: string): KubeObject {
  const before = strings(part(definition, 'status').storedVersions);
  return subresource === 'status' && before.length > 0 ? definition : withStoredVersions(definition, before);
}

/** A grace below zero is the shortest that there is. */
function ended(spec: Fields): Fields {
  const grace = spec.terminationGracePeriodSeconds;
  return typeof grace === 'number' && grace < 0 ? { ...spec, terminationGracePeriodSeconds: 1 } : spec;
}

/** A Job finds its pods by its own uid, so that two Jobs never share one. */
function ownedJob(object: KubeObject, spec: Fields): KubeObject {
  const uid = object.metadata.uid ?? '';
  if (spec.manualSelector === true || uid === '') return object;
  const template = fields(spec.template);
  const metadata = fields(template.metadata);
  const labels = {
    ...fields(metadata.labels),
    'batch.kubernetes.io/controller-uid': uid,
    'batch.kubernetes.io/job-name': object.metadata.name,
    'controller-uid': uid,
    'job-name': object.metadata.name,
  };
  const selector = {
    matchLabels: { ...fields(fields(spec.selector).matchLabels), 'batch.kubernetes.io/controller-uid': uid },
  };
  const named = object.metadata.labels === undefined ? { ...object, metadata: { ...object.metadata, labels } } : object;
  return { ...named, spec: { ...spec, selector, template: { ...template, metadata: { ...metadata, labels } } } };
}

/** A node says itself what it has. Without a controller of nodes it is not tainted as not ready either. */
function ownNode(object: KubeObject): KubeObject {
  const status = part(object, 'status');
  const allocatable = status.allocatable ?? status.capacity;
  return allocatable === undefined ? object : { ...object, status: { ...status, allocatable } };
}

export function fields(value: Json | undefined): Fields {
  return isObject(value) ? value : {};
}

function strings(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? (value as readonly string[]) : [];
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}

/** Guaranteed: all limits equal requests for cpu and memory; BestEffort: none named; else Burstable. */
export function qosClass(spec: Fields): string {
  const containers = [...list(spec.containers), ...list(spec.initContainers)];
  const named = containers.map((container) => fields(fields(container).resources));
  const has = (value: Json | undefined) =>
    Object.keys(fields(value)).some((name) => name === 'cpu' || name === 'memory');
  if (!named.some((resources) => has(resources.requests) || has(resources.limits))) return 'BestEffort';
  const guaranteed = named.every((resources) => {
    const limits = fields(resources.limits);
    const requests = { ...limits, ...fields(resources.requests) };
    return ['cpu', 'memory'].every(
      (name) => limits[name] !== undefined && String(limits[name]) === String(requests[name]),
    );
  });
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

/** The update as it may take effect: status and spec are apart, the server keeps what it owns. */
export function prepareUpdate(
  resource: ResourceInfo,
  live: KubeObject,
  sent: KubeObject,
  subresource: string,
  custom: boolean,
  nowMs: number,
): KubeObject {
  const metadata = keepServerMetadata(live.metadata, sent.metadata);
  if (subresource === 'binding') return { ...sent, metadata };
  if (subresource === 'status') return statusUpdate(live, { ...sent, metadata }, custom);
  if (subresource === 'approval') return approvalUpdate(live, sent, kubeTime(nowMs));
  const isolated = resource.subresources.includes('status') ? withStatusOf(live, sent) : sent;
  const next = { ...isolated, metadata };
  return qualified(resource) === 'daemonsets.apps' ? withSentTemplateGeneration(next) : next;
}

export const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation';

/** Who leaves the count out has sent 0 in the type that the server keeps: so they own it, though the count stays what it is. */
function withSentTemplateGeneration(sent: KubeObject): KubeObject {
  const annotations = { [TEMPLATE_GENERATION]: '0', ...sent.metadata.annotations };
  return { ...sent, metadata: { ...sent.metadata, annotations } };
}

/** What the server keeps of its own in an object, whatever was sent. */
export function withServerCounts(
  resource: ResourceInfo,
  live: KubeObject,
  next: KubeObject,
  subresource: string,
): KubeObject {
  switch (qualified(resource)) {
    case 'daemonsets.apps':
      return withTemplateGeneration(live, next, false);
    case 'customresourcedefinitions.apiextensions.k8s.io':
      return withServerVersions(next, subresource);
    default:
      return next;
  }
}

/** A DaemonSet counts its templates in an annotation that is the server's own. */
function withTemplateGeneration(live: KubeObject, next: KubeObject, moved: boolean): KubeObject {
  const count = Number(live.metadata.annotations?.[TEMPLATE_GENERATION] ?? 0) + (moved ? 1 : 0);
  const annotations = { ...next.metadata.annotations, [TEMPLATE_GENERATION]: String(count) };
  return { ...next, metadata: { ...next.metadata, annotations } };
}

/** The generation after an update of the main resource; status never moves it. */
export function withGeneration(
  resource: ResourceInfo,
  live: KubeObject,
  next: KubeObject,
  custom: boolean,
): KubeObject {
  const bucket = qualified(resource);
  if (!countsGenerations(bucket, custom)) return next;
  const moved = changesIntent(bucket, live, next, custom && !resource.subresources.includes('status'));
  const generation = (live.metadata.generation ?? 0) + (moved ? 1 : 0);
  const counted = { ...next, metadata: { ...next.metadata, generation } };
  if (bucket !== 'daemonsets.apps' || !moved) return counted;
  const sameTemplate = jsonEqual(part(live, 'spec').template ?? null, part(next, 'spec').template ?? null);
  return withTemplateGeneration(live, counted, !sameTemplate);
}

function withStatusOf(live: KubeObject, sent: KubeObject): KubeObject {
  const cleared = withoutStatus(sent);
  return live.status === undefined ? cleared : { ...cleared, status: live.status };
}

/** Status and, for built-in kinds, annotations too: their controllers write both in one call. Labels stay with the main resource. */
function statusUpdate(live: KubeObject, sent: KubeObject, custom: boolean): KubeObject {
  const { managedFields } = sent.metadata;
  const labels = live.metadata.labels === undefined ? {} : { labels: live.metadata.labels };
  const { labels: _labels, ownerReferences: _owners, ...rest } = sent.metadata;
  const owners = live.metadata.ownerReferences === undefined ? {} : { ownerReferences: live.metadata.ownerReferences };
  const nodeLike = live.kind === 'Node' ? { labels: sent.metadata.labels } : labels;
  const metadata = custom
    ? { ...live.metadata, ...(managedFields === undefined ? {} : { managedFields }) }
    : { ...rest, ...nodeLike, ...owners };
  const next = { ...withoutStatus(live), metadata } as KubeObject;
  return sent.status === undefined ? next : { ...next, status: sent.status };
}

/** Only conditions are taken from an approval; the server dates those that are new or have changed. */
function approvalUpdate(live: KubeObject, sent: KubeObject, now: string): KubeObject {
  const before = list(part(live, 'status').conditions).map(fields);
  const conditions = list(part(sent, 'status').conditions)
    .map(fields)
    .map((condition) => {
      const known = before.find((one) => one.type === condition.type);
      const sinceKnown =
        known !== undefined && known.status === condition.status ? known.lastTransitionTime : undefined;
      return {
        ...condition,
        lastUpdateTime: condition.lastUpdateTime ?? now,
        lastTransitionTime: condition.lastTransitionTime ?? sinceKnown ?? now,
      };
    });
  return { ...live, status: { ...part(live, 'status'), conditions } };
}

export function onWire(object: KubeObject, resource: ResourceInfo): KubeObject {
  return resource.schema === undefined
    ? object
    : (throughWire(object as unknown as { readonly [key: string]: Json }, resource.schema) as unknown as KubeObject);
}
