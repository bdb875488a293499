/** DELETE of one object and of collections. */
import { isObject, type Json, type JsonObject, type KubeObject } from '../../base/index.ts';
import { deletionStep, FOREGROUND, graceSecondsOf, kubeTime } from '../objects/index.ts';
import type { DeleteOptions } from '../types.ts';
import { asked } from './admit-webhooks.ts';
import { type Call, type Cluster, part } from './cluster.ts';
import { deletedDefinition } from './definitions.ts';
import { optionError } from './request.ts';
import { reviewed } from './reviewed.ts';
import { ApiError, forbidden, success } from './status.ts';
import { toStorage, toVersion } from './views.ts';
import { mustFind } from './writer.ts';

/** Kinds whose deletion answers the object that went, not a Status. */
const ANSWERS_OBJECT = new Set([
  'pods',
  'services',
  'persistentvolumes',
  'persistentvolumeclaims',
  'serviceaccounts',
  'resourcequotas',
  'podtemplates',
  'storageclasses.storage.k8s.io',
]);

const DEFINITIONS = 'customresourcedefinitions.apiextensions.k8s.io';
const LASTING = new Set(['default', 'kube-system', 'kube-public']);

/** Kinds that leave what they own behind unless told otherwise: they are older than garbage collection. */
const KEEPS_DEPENDENTS = new Set(['replicationcontrollers', 'jobs.batch']);

function keeps(bucket: string, object: KubeObject): boolean {
  return KEEPS_DEPENDENTS.has(bucket) && !(object.metadata.finalizers ?? []).includes(FOREGROUND);
}

export interface Deletion extends DeleteOptions {
  readonly dryRun?: boolean;
}

/**
 * Deletes the object, or marks it when something has to happen first.
 * @returns the object while it stays (or for kinds that answer so), else a Status.
 * @throws ApiError 404, 409.
 */
export function remove(cluster: Cluster, call: Call, options: DeleteOptions, isEviction = false): JsonObject {
  const { store, registry } = cluster;
  const { resource } = call;
  const object = mustFind(cluster, call);
  checkPreconditions(call, object, options);
  if (resource.plural === 'namespaces' && resource.group === '' && LASTING.has(call.name))
    throw forbidden(resource, call.name, 'this namespace may not be deleted');
  if (!isEviction)
    asked(cluster, shownCall(call), { operation: 'DELETE', before: object, options: shownOptions(options) });
  const bucket = registry.bucketOf(resource);
  if (bucket === DEFINITIONS && object.metadata.deletionTimestamp === undefined) {
    const marked = deletedDefinition(cluster, object);
    return asJson(call.dryRun ? marked : store.put(bucket, marked));
  }
  const grace = graceSecondsOf(resource, object, options.gracePeriodSeconds);
  const policy = options.propagationPolicy ?? (keeps(bucket, object) ? 'Orphan' : undefined);
  const chosen = policy === undefined ? options : { ...options, propagationPolicy: policy };
  const step = deletionStep(object, chosen, grace, cluster.clock.now());
  switch (step.kind) {
    case 'waiting':
      return asJson(object);
    case 'mark': {
      const marked = terminating(step.object);
      if (call.dryRun) return asJson(marked);
      return asJson(toVersion(resource, store.put(bucket, toStorage(registry.storageOf(resource), marked))));
    }
    case 'remove': {
      if (!call.dryRun) store.remove(bucket, call.namespace, call.name);
      return ANSWERS_OBJECT.has(bucket)
        ? asJson(lastState(object, cluster.clock.now()))
        : success(resource, call.name, object.metadata.uid);
    }
  }
}

/** One of a collection is shown without a name of the request. */
function shownCall(call: Call): Call {
  return call.isOfMany === true ? { ...call, name: '' } : call;
}

function shownOptions({ uid, resourceVersion, propagationPolicy, gracePeriodSeconds }: DeleteOptions): JsonObject {
  const preconditions = {
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
  return {
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(Object.keys(preconditions).length === 0 ? {} : { preconditions }),
    ...(propagationPolicy === undefined ? {} : { propagationPolicy }),
  };
}

/** A pod is answered as it would have been marked. */
function lastState(object: KubeObject, nowMs: number): KubeObject {
  const { metadata } = object;
  if (object.kind !== 'Pod' || metadata.deletionTimestamp !== undefined) return object;
  const generation = (metadata.generation ?? 0) + 1;
  const marks = { generation, deletionTimestamp: kubeTime(nowMs), deletionGracePeriodSeconds: 0 };
  return { ...object, metadata: { ...metadata, ...marks } };
}

function asJson(object: KubeObject): JsonObject {
  return object as unknown as JsonObject;
}

function terminating(object: KubeObject): KubeObject {
  if (object.kind !== 'Namespace' || object.apiVersion !== 'v1') return object;
  return { ...object, status: { ...part(object, 'status'), phase: 'Terminating' } };
}

/** Events of either group are stored as those of the core, and named so. */
function groupOf({ resource }: Call): string {
  return resource.group === 'events.k8s.io' ? '' : resource.group;
}

function qualifiedKind(call: Call): string {
  const group = groupOf(call);
  return group === '' ? call.resource.kind : `${call.resource.kind}.${group}`;
}

function checkPreconditions(call: Call, object: KubeObject, options: DeleteOptions): void {
  const { uid, resourceVersion } = object.metadata;
  const refuse = (why: string) =>
    new ApiError(409, 'Conflict', `Operation cannot be fulfilled on ${qualifiedKind(call)} "${call.name}": ${why}`, {
      name: call.name,
      ...(groupOf(call) === '' ? {} : { group: groupOf(call) }),
      kind: call.resource.kind,
    });
  if (options.uid !== undefined && options.uid !== uid) {
    throw refuse(
      `the UID in the precondition (${options.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
    );
  }
  if (options.resourceVersion !== undefined && options.resourceVersion !== resourceVersion) {
    throw refuse(
      `the ResourceVersion in the precondition (${options.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`,
    );
  }
}

/** Deletes every given object; the answer is the list of what was there. */
export async function removeAll(
  cluster: Cluster,
  call: Call,
  objects: readonly KubeObject[],
  options: DeleteOptions,
): Promise<void> {
  for (const object of objects) {
    const { namespace, name } = object.metadata;
    const one = { ...call, name, isOfMany: true, ...(namespace === undefined ? {} : { namespace }) };
    try {
      await reviewed(cluster, one, (on, asking) => remove(on, asking, options));
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 404) throw error;
    }
  }
}

const POLICIES = new Set(['Background', 'Foreground', 'Orphan']);

/**
 * The options of a DELETE from its body and query.
 * @throws ApiError 400, 422.
 */
export function deleteOptions(body: Json | undefined, query: URLSearchParams): Deletion {
  const sent = isObject(body) ? body : {};
  const policy = text(sent.propagationPolicy) ?? query.get('propagationPolicy') ?? undefined;
  if (policy !== undefined && !POLICIES.has(policy)) {
    const supported = '"Foreground", "Background", "Orphan", "nil"';
    const message = `Unsupported value: ${JSON.stringify(policy)}: supported values: ${supported}`;
    throw optionError('DeleteOptions', 'propagationPolicy', 'FieldValueNotSupported', message);
  }
  if (policy !== undefined && typeof sent.orphanDependents === 'boolean') {
    const why = 'orphanDependents and deletionPropagation cannot be both set';
    const message = `Invalid value: ${JSON.stringify(policy)}: ${why}`;
    throw optionError('DeleteOptions', 'propagationPolicy', 'FieldValueInvalid', message);
  }
  const dryRuns = Array.isArray(sent.dryRun) ? (sent.dryRun as readonly Json[]) : [];
  if (dryRuns.some((value) => value !== 'All')) {
    const message = `Unsupported value: ${JSON.stringify(dryRuns)}: supported values: "All"`;
    throw optionError('DeleteOptions', 'dryRun', 'FieldValueNotSupported', message);
  }
  const orphan =
    typeof sent.orphanDependents === 'boolean' ? (sent.orphanDependents ? 'Orphan' : 'Background') : undefined;
  const propagation = policy ?? orphan;
  const preconditions = isObject(sent.preconditions) ? sent.preconditions : {};
  const uid = text(preconditions.uid);
  const resourceVersion = text(preconditions.resourceVersion);
  const grace =
    typeof sent.gracePeriodSeconds === 'number' ? sent.gracePeriodSeconds : numberOf(query.get('gracePeriodSeconds'));
  const dryRun = query.getAll('dryRun').includes('All') || dryRuns.length > 0;
  return {
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(propagation === undefined ? {} : { propagationPolicy: propagation as 'Background' | 'Foreground' | 'Orphan' }),
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace }),
    dryRun,
  };
}

function text(value: Json | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function numberOf(value: string | null): number | undefined {
  return value === null || value === '' ? undefined : Number(value);
}
