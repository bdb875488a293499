/** Create and update: the one way in which anything enters the store, over HTTP or through the door. */
import { type Json, jsonEqual, type KubeObject, type ObjectMeta } from '../../base/index.ts';
import { trackUpdate } from '../apply/index.ts';
import { finalizerErrors, isFinished, kubeTime, uidErrors, uuid } from '../objects/index.ts';
import { applyDefaults, validate } from '../schema/index.ts';
import { admitCreate, admitUpdate, completeCreate, judgeCreate, judgeUpdate } from './admission.ts';
import type { Call, Cluster } from './cluster.ts';
import { hookedCreate, hookedUpdate } from './hooked.ts';
import { warnOfOddPods } from './odd-pods.ts';
import { ApiError, alreadyExists, badRequest, invalid, modified, notFound } from './status.ts';
import { asSent, onWire, prepareCreate, prepareUpdate, withGeneration, withServerCounts } from './strategy.ts';
import { toStorage, toVersion } from './views.ts';

const NAME_SUFFIX = 'bcdfghjklmnpqrstvwxz2456789';
const NAME_BASE_MAX = 58;

/** The object that a call names, in the version of the call, or undefined. */
export function find(cluster: Cluster, call: Pick<Call, 'resource' | 'namespace' | 'name'>): KubeObject | undefined {
  const stored = cluster.store.get(cluster.registry.bucketOf(call.resource), call.namespace, call.name);
  return stored === undefined ? undefined : toVersion(call.resource, stored);
}

/** @throws ApiError 404. */
export function mustFind(cluster: Cluster, call: Pick<Call, 'resource' | 'namespace' | 'name'>): KubeObject {
  const found = find(cluster, call);
  if (found === undefined) throw notFound(call.resource, call.name);
  return found;
}

/**
 * Creates the object and answers it as stored.
 * @param applied the object comes from server-side apply and carries its managedFields.
 * @throws ApiError 400, 403, 404 (namespace), 409 (already there), 422.
 */
export function create(cluster: Cluster, call: Call, sent: KubeObject, applied = false): KubeObject {
  const { resource, namespace } = call;
  const custom = cluster.registry.isCustom(resource);
  if (resource.namespaced && namespace === undefined)
    throw badRequest('an empty namespace may not be set during creation');
  checkNamespace(call, sent);
  const named = withIdentity(cluster, call, sent);
  const name = named.metadata.name;
  // a real server has no reason for this one, and so it is its own fault
  if (sent.metadata.resourceVersion)
    throw new ApiError(500, undefined, 'resourceVersion should not be set on objects to be created');
  const defaulted = onWire(applyDefaults(asSent(resource, named), resource), resource);
  const tracked = applied ? defaulted : track(cluster, call, undefined, defaulted);
  const namedCall = { ...call, name };
  const admitted = hookedCreate(cluster, call, sent, admitCreate(cluster, namedCall, tracked));
  const prepared = prepareCreate(resource, admitted, custom, cluster.clock.now());
  const next = completeCreate(cluster, namedCall, prepared);
  const errors = validate(next, resource);
  if (errors.length > 0) throw invalid(resource, name, errors);
  warnOfOddPods(call, next, undefined);
  judgeCreate(cluster, namedCall, next);
  const present = find(cluster, { resource, name, ...(namespace === undefined ? {} : { namespace }) });
  if (present !== undefined) throw alreadyExists(resource, name, present.metadata.deletionTimestamp !== undefined);
  const final = onWire(next, resource);
  if (call.dryRun) return final;
  const stored = cluster.store.put(
    cluster.registry.bucketOf(resource),
    toStorage(cluster.registry.storageOf(resource), final),
  );
  return toVersion(resource, stored);
}

function checkNamespace(call: Pick<Call, 'resource' | 'namespace'>, sent: KubeObject): void {
  const given = sent.metadata.namespace;
  if (given === undefined || given === '' || given === call.namespace) return;
  throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
}

function withIdentity(cluster: Cluster, call: Call, sent: KubeObject): KubeObject {
  const { generateName } = sent.metadata;
  const given = sent.metadata.name ?? '';
  const name =
    given === '' && typeof generateName === 'string' && generateName !== ''
      ? generatedName(cluster, call, generateName)
      : given;
  const {
    resourceVersion: _version,
    deletionTimestamp: _deleted,
    deletionGracePeriodSeconds: _grace,
    generation: _generation,
    selfLink: _link,
    managedFields,
    ...metadata
  } = sent.metadata;
  const own: ObjectMeta = {
    ...metadata,
    ...(managedFields === undefined ? {} : { managedFields }),
    name,
    ...(call.namespace === undefined ? {} : { namespace: call.namespace }),
    uid: uuid(cluster.random.bytes(16)),
    creationTimestamp: kubeTime(cluster.clock.now()),
  };
  return { ...sent, metadata: own };
}

function generatedName(cluster: Cluster, call: Call, base: string): string {
  for (;;) {
    const suffix = Array.from(cluster.random.bytes(5), (byte) => NAME_SUFFIX[byte % NAME_SUFFIX.length]).join('');
    const name = `${base.slice(0, NAME_BASE_MAX)}${suffix}`;
    if (find(cluster, { ...call, name }) === undefined) return name;
  }
}

/** What an update answers: the stored object, or its last state when the update was all that its deletion waited for. */
export interface Updated {
  readonly object: KubeObject;
  readonly changed: boolean;
}

/**
 * Reads the object, lets `change` make the next one of it, and stores that under the rules of the kind.
 * Nothing else runs in between, so that a write without a resourceVersion never loses one of somebody else.
 * @throws ApiError 400, 403, 404, 409, 422.
 */
export function update(
  cluster: Cluster,
  call: Call,
  change: (live: KubeObject) => KubeObject,
  applied = false,
): Updated {
  const { resource } = call;
  const live = mustFind(cluster, call);
  const sent = change(live);
  checkIdentity(call, live, sent);
  const custom = cluster.registry.isCustom(resource);
  const prepared = prepareUpdate(resource, live, sent, call.subresource, custom, cluster.clock.now());
  const defaulted = onWire(applyDefaults(prepared, resource), resource);
  const tracked = applied ? defaulted : track(cluster, call, live, defaulted, prepared);
  const hooked = hookedUpdate(cluster, call, live, sent, tracked);
  const admitted = admitUpdate(cluster, call, live, withServerCounts(resource, live, hooked, call.subresource));
  const fixed = call.subresource === 'binding' ? admitted : live; // a binding is the one change of a pod's node
  const broken = validate(admitted, resource, fixed, call.subresource);
  const errors = [...uidErrors(live, sent), ...finalizerErrors(live, admitted), ...broken];
  if (errors.length > 0) throw invalid(resource, call.name, errors);
  judgeUpdate(cluster, call, live, admitted);
  warnOfOddPods(call, admitted, live);
  const counts = call.subresource === '' || call.subresource === 'scale';
  const next = onWire(counts ? withGeneration(resource, live, admitted, custom) : admitted, resource);
  if (isFinished(next)) return { object: finish(cluster, call, next), changed: true };
  if (sameButTimes(live, next)) return { object: live, changed: false };
  if (call.dryRun) return { object: next, changed: true };
  const stored = cluster.store.put(
    cluster.registry.bucketOf(resource),
    toStorage(cluster.registry.storageOf(resource), next),
  );
  return { object: toVersion(resource, stored), changed: true };
}

/** The last finalizer is gone: so is the object. The answer shows it as the update left it. */
function finish(cluster: Cluster, call: Call, next: KubeObject): KubeObject {
  if (!call.dryRun) cluster.store.remove(cluster.registry.bucketOf(call.resource), call.namespace, call.name);
  return next;
}

function checkIdentity(call: Call, live: KubeObject, sent: KubeObject): void {
  const { resource, name } = call;
  const { resourceVersion } = sent.metadata;
  if (sent.metadata.name !== undefined && sent.metadata.name !== '' && sent.metadata.name !== name) {
    throw badRequest(`the name of the object (${sent.metadata.name}) does not match the name on the URL (${name})`);
  }
  checkNamespace(call, sent);
  if (resourceVersion && resourceVersion !== '0' && resourceVersion !== live.metadata.resourceVersion)
    throw modified(resource, name);
}

/** Requests for certificates have no field that anybody could own: who asked and what was answered is the server's. */
const UNTRACKED = new Set(['certificatesigningrequests']);

/** Ownership is recorded of what the client sent and of its defaults, before admission and the kind's own rules add to it. */
function track(cluster: Cluster, call: Call, live: KubeObject | undefined, next: KubeObject, sent = next): KubeObject {
  if (UNTRACKED.has(call.resource.plural) || call.subresource === 'binding') return next;
  const { manager, subresource, resource } = call;
  return trackUpdate({ live, next, sent, manager, subresource, time: kubeTime(cluster.clock.now()), resource });
}

/** Whether nothing but the times of managedFields differ: such a write is none. */
function sameButTimes(live: KubeObject, next: KubeObject): boolean {
  const { managedFields: before, ...liveMetadata } = live.metadata;
  const { managedFields: after, ...nextMetadata } = next.metadata;
  if (!jsonEqual({ ...live, metadata: liveMetadata } as Json, { ...next, metadata: nextMetadata } as Json))
    return false;
  return jsonEqual(withoutTimes(before), withoutTimes(after));
}

function withoutTimes(entries: Json | undefined): Json {
  if (!Array.isArray(entries)) return [];
  return (entries as readonly { readonly [key: string]: Json }[]).map(({ time: _time, ...entry }) => entry);
}
