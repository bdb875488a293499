/** Server-side apply over HTTP: the checks around the merge. */
import { isObject, type Json, type KubeObject } from '../../base/index.ts';
import { apply } from '../apply/index.ts';
import { kubeTime } from '../objects/index.ts';
import type { ApplyResult } from '../types.ts';
import { authorizeResource, targetOf } from './authorize.ts';
import { type Body, decodeApplied } from './body.ts';
import type { Call, Cluster } from './cluster.ts';
import type { Patched } from './patcher.ts';
import { groupVersionText } from './resources.ts';
import { ApiError, applyConflict, badRequest, invalid, modified, notFound } from './status.ts';
import { create, find, update } from './writer.ts';

/**
 * Merges what the body wants under the manager of the call; creates the object when it is not there.
 * @throws ApiError 400, 404, 409 (another manager's fields), 422, 500 (a field that the schema does not have).
 */
export function applyPatch(cluster: Cluster, call: Call, body: Body): Patched {
  const applied = wanted(call, decodeApplied(body.bytes));
  const live = find(cluster, call);
  if (live === undefined) {
    if (call.subresource !== '') throw notFound(call.resource, call.name);
    authorizeResource(cluster, call.user, { ...targetOf(call), subresource: '' }, 'create');
    if (applied.metadata.name !== call.name) throw otherName(call, applied.metadata.name);
    if (applied.metadata.uid) throw uidOfMissing(call, applied.metadata.uid);
    // a version says nothing of what is not there; only a POST refuses it
    const { resourceVersion: _version, ...metadata } = applied.metadata;
    const object = create(cluster, call, merged(cluster, call, undefined, { ...applied, metadata }), true);
    return { object, created: true };
  }
  const { resourceVersion } = applied.metadata;
  if (resourceVersion && resourceVersion !== live.metadata.resourceVersion) throw modified(call.resource, call.name);
  return { object: update(cluster, call, () => merged(cluster, call, live, applied), true).object, created: false };
}

function otherName({ name }: Call, given: string): ApiError {
  return badRequest(`the name of the object (${given}) does not match the name on the URL (${name})`);
}

function uidOfMissing(call: Call, uid: string): ApiError {
  const message = `Operation cannot be fulfilled on ${call.resource.plural} "${call.name}": uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
  return new ApiError(409, 'Conflict', message, { name: call.name, kind: call.resource.plural });
}

/** The applied object, checked against the URL and reduced to what this endpoint may set. */
export function wanted(call: Call, value: Json): KubeObject {
  if (!isObject(value)) throw badRequest('the body of an apply is no object');
  const { resource } = call;
  const expected = groupVersionText(resource);
  if (value.apiVersion !== expected || value.kind !== resource.kind) {
    const [version = '', group = ''] = String(value.apiVersion ?? '')
      .split('/')
      .reverse();
    throw badRequest(`invalid object type: ${group}/${version}, Kind=${String(value.kind ?? '')}`);
  }
  const metadata = isObject(value.metadata) ? value.metadata : {};
  if (metadata.namespace !== undefined && metadata.namespace !== call.namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  if (metadata.managedFields !== undefined && metadata.managedFields !== null)
    throw badRequest('metadata.managedFields must be nil');
  const named = { ...value, metadata: { ...metadata, name: metadata.name ?? call.name } };
  return settable(call, named as unknown as KubeObject);
}

/** Status through the main resource, and all but status through `/status`, are not this endpoint's to set or to own. */
function settable(call: Call, object: KubeObject): KubeObject {
  const { apiVersion, kind, metadata } = object;
  if (call.subresource === 'status') {
    return { apiVersion, kind, metadata, ...(object.status === undefined ? {} : { status: object.status }) };
  }
  if (!call.resource.subresources.includes('status')) return object;
  const { status: _status, ...rest } = object;
  return rest as KubeObject;
}

function merged(cluster: Cluster, call: Call, live: KubeObject | undefined, applied: KubeObject): KubeObject {
  const { resource, manager, force, subresource } = call;
  const result = apply({ live, applied, manager, force, subresource, time: kubeTime(cluster.clock.now()), resource });
  if (result.kind !== 'merged') throw unapplied(result);
  return result.object;
}

export function unapplied(result: Exclude<ApplyResult, { kind: 'merged' }>): ApiError {
  if (result.kind === 'conflict') return applyConflict(result.conflicts);
  return new ApiError(result.status, result.reason, result.message);
}

/** @throws ApiError 422: an apply must say on whose behalf. */
export function requireManager(query: URLSearchParams): void {
  if (query.get('fieldManager')) return;
  throw invalid({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', [
    { reason: 'FieldValueRequired', field: 'fieldManager', message: 'Required value: is required for apply patch' },
  ]);
}
