/** PATCH in its four forms. */

import { isObject, type Json, type JsonObject, type KubeObject } from '../../base/index.ts';
import { goText } from '../apply/index.ts';
import { jsonPatch, mergePatch, strategicMergePatch } from '../patch/index.ts';
import { conversionProblem, decodeProblem, decodeStrict } from '../schema/index.ts';
import { applyPatch } from './apply-patch.ts';
import { type Body, goSyntaxError, type Origin, strictly } from './body.ts';
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
  const { value, duplicates } = decodePatch(body);
  const { object } = update(cluster, call, (live) => patched(call, live, body.type, value, duplicates));
  return { object, created: false };
}

function decodePatch({ type, bytes }: Body): ReturnType<typeof decodeStrict> {
  try {
    return decodeStrict(bytes.toString('utf8'));
  } catch (error) {
    const prefix = type === 'application/merge-patch+json' ? 'error decoding patch: ' : '';
    throw badRequest(`${prefix}${goSyntaxError(error)}`);
  }
}

/** The live object with the patch applied and checked as a body would be. */
export function patched(
  call: Call,
  live: KubeObject,
  type: string,
  value: Json,
  duplicates: readonly string[] = [],
): KubeObject {
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
  const object = { ...next, metadata };
  return strictly(call, call.resource, object, duplicates, originOf(type, value, object));
}

/** A patch that leaves what its kind cannot be: the whole of it is said to be invalid. */
function originOf(type: string, patch: Json, object: KubeObject): Origin {
  const strategic = type === 'application/strategic-merge-patch+json';
  return {
    problem: strategic ? conversionProblem : decodeProblem,
    refuse: (why) => {
      const shown = strategic ? goText(consumed(patch)) : JSON.stringify(object);
      const message = `Invalid value: ${JSON.stringify(shown)}: ${why}`;
      return new ApiError(422, 'Invalid', ` "" is invalid: patch: ${message}`, {
        causes: [{ reason: 'FieldValueInvalid', message, field: 'patch' }],
      });
    },
  };
}

const ELEMENT_ORDER = '$setElementOrder/';

/** A strategic merge patch as the merge leaves it behind: lists that came with an order are taken out of it. */
function consumed(patch: Json): Json {
  if (!isObject(patch)) return patch;
  const ordered = (key: string) => key.startsWith(ELEMENT_ORDER) || patch[`${ELEMENT_ORDER}${key}`] !== undefined;
  const left = Object.entries(patch).filter(([key, value]) => value !== undefined && !ordered(key));
  return Object.fromEntries(left.map(([key, value]) => [key, consumed(value as Json)])) as JsonObject;
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
