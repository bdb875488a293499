/** PATCH in its four forms. */

import { isObject, type Json, type KubeObject } from '../../base/index.ts';
import { jsonPatch, mergePatch, strategicMergePatch } from '../patch/index.ts';
import { applyPatch } from './apply-patch.ts';
import { type Body, decodeJson, strictly } from './body.ts';
import type { Call, Cluster } from './cluster.ts';
import { ApiError, badRequest, unsupportedMediaType } from './status.ts';
import { update } from './writer.ts';

const BUILTIN_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
];
const CUSTOM_TYPES = BUILTIN_TYPES.filter((type) => !type.includes('strategic'));

export interface Patched {
  readonly object: KubeObject;
  readonly created: boolean;
}

/** @throws ApiError 415 for a type of patch that the resource does not know. */
export function checkPatchType(type: string, custom: boolean): void {
  if (!BUILTIN_TYPES.includes(type)) throw new ApiError(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {});
  const accepted = custom ? CUSTOM_TYPES : BUILTIN_TYPES;
  if (!accepted.includes(type)) throw unsupportedMediaType(accepted);
}

/**
 * Applies the patch to the object as it is now; only server-side apply creates one that is not there.
 * @throws ApiError 400, 403, 404, 409, 415, 422.
 */
export function patch(cluster: Cluster, call: Call, body: Body): Patched {
  checkPatchType(body.type, cluster.registry.isCustom(call.resource));
  if (body.type === 'application/apply-patch+yaml') return applyPatch(cluster, call, body);
  const { value } = decodeJson(body.bytes, call.resource.kind);
  const { object } = update(cluster, call, (live) => patched(call, live, body.type, value));
  return { object, created: false };
}

/** The live object with the patch applied and checked as a body would be. */
export function patched(call: Call, live: KubeObject, type: string, value: Json): KubeObject {
  const result = outcome(call, live as unknown as Json, type, value);
  if (result.kind === 'invalid') {
    throw new ApiError(result.status, result.reason, result.message, result.status === 422 ? {} : undefined);
  }
  if (!isObject(result.value)) throw badRequest('the patch leaves no object');
  const next = result.value as unknown as KubeObject;
  const { apiVersion, kind } = live;
  if (next.apiVersion !== apiVersion || next.kind !== kind) {
    const shown = `${next.apiVersion}, Kind=${next.kind}`;
    throw badRequest(`the API version and kind of an object cannot be patched: ${shown}`);
  }
  const metadata = isObject(next.metadata) ? next.metadata : live.metadata;
  return strictly(call, call.resource, { ...next, metadata });
}

function outcome(call: Call, live: Json, type: string, value: Json) {
  switch (type) {
    case 'application/json-patch+json':
      return jsonPatch(live, value);
    case 'application/strategic-merge-patch+json':
      return strategicMergePatch(live, value, call.resource.schema ?? {});
    default:
      return mergePatch(live, value);
  }
}
