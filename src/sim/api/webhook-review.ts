/** What a webhook is sent, and what its answer means: AdmissionReview of admission.k8s.io/v1. */
import { isObject, type Json, type JsonObject, type KubeObject } from '../../base/index.ts';
import { jsonPatch } from '../patch/index.ts';
import { decodeProblem } from '../schema/index.ts';
import type { ResourceInfo } from '../types.ts';
import type { Call, Cluster, Fields } from './cluster.ts';
import { ApiError } from './status.ts';
import { fields } from './strategy.ts';
import { toStorage, toVersion } from './views.ts';
import type { Reply } from './webhook-call.ts';
import type { Attempt, Concern, Webhook } from './webhook-match.ts';

const REVIEW = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' };
const SCALE = { group: 'autoscaling', version: 'v1', kind: 'Scale' };

/** The kind under which something is written: a subresource may have one of its own. */
function kindOf({ group, version, kind }: ResourceInfo, object: KubeObject | undefined): JsonObject {
  return object?.kind === SCALE.kind && kind !== SCALE.kind ? SCALE : { group, version, kind };
}

/** The `request` of a review but for its uid, objects in the version that the webhook wants. */
export function requestOf(cluster: Cluster, attempt: Attempt, { resource }: Concern): JsonObject {
  const { call, operation, object, before, options } = attempt;
  const isNamespace = call.resource.plural === 'namespaces' && call.resource.group === '';
  const namespace = isNamespace ? call.name : call.namespace;
  const shown = (one: KubeObject | undefined): Json =>
    one === undefined ? null : (inVersion(cluster, call, resource, one) as unknown as Json);
  const named = ({ group, version, plural }: ResourceInfo): JsonObject => ({ group, version, resource: plural });
  const sub = call.subresource === '' ? {} : { subResource: call.subresource, requestSubResource: call.subresource };
  const { name: username, uid, groups, extra } = call.user;
  const userInfo = {
    username,
    ...(uid === undefined ? {} : { uid }),
    groups,
    ...(extra === undefined ? {} : { extra }),
  };
  return {
    kind: kindOf(resource, object ?? before),
    resource: named(resource),
    ...sub,
    requestKind: kindOf(call.resource, object ?? before),
    requestResource: named(call.resource),
    ...(call.name === '' ? {} : { name: call.name }),
    ...(namespace === undefined ? {} : { namespace }),
    operation,
    userInfo: userInfo as unknown as Json,
    object: shown(object),
    oldObject: shown(before),
    dryRun: call.dryRun,
    options,
  };
}

function inVersion(cluster: Cluster, call: Call, resource: ResourceInfo, object: KubeObject): KubeObject {
  if (resource === call.resource || object.kind !== call.resource.kind) return object;
  return toVersion(resource, toStorage(cluster.registry.storageOf(resource), object));
}

export function reviewOf(uid: string, request: JsonObject): JsonObject {
  return { ...REVIEW, request: { uid, ...request } };
}

/** What the webhook said, or why that counts as no call at all. */
export type Verdict =
  | { readonly kind: 'allowed'; readonly warnings: readonly string[]; readonly patch?: Json }
  | { readonly kind: 'denied'; readonly warnings: readonly string[]; readonly error: ApiError }
  | { readonly kind: 'failed'; readonly why: string };

export function verdictOf({ name, role }: Webhook, uid: string, reply: Reply): Verdict {
  if (reply.kind === 'failed') return { kind: 'failed', why: reply.why };
  const broken = (why: string): Verdict => ({ kind: 'failed', why: `received invalid webhook response: ${why}` });
  const { response, apiVersion, kind } = fields(reply.body);
  if (!isObject(response)) return broken('webhook response was absent');
  if (response.uid !== uid)
    return broken(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? '')}`);
  if (apiVersion !== REVIEW.apiVersion || kind !== REVIEW.kind) {
    const got = `${String(apiVersion ?? '/')}, Kind=${String(kind ?? '')}`;
    return broken(`expected webhook response of ${REVIEW.apiVersion}, Kind=${REVIEW.kind}, got ${got}`);
  }
  const { patch, patchType } = response;
  const hasPatch = typeof patch === 'string' && patch !== '';
  if (role === 'validating' && (hasPatch || patchType !== undefined))
    return broken(`validating webhook may not return response.${hasPatch ? 'patch' : 'patchType'}`);
  if (hasPatch && patchType === undefined) return broken('webhook returned response.patch but not response.patchType');
  if (!hasPatch && patchType !== undefined) return broken('webhook returned response.patchType but not response.patch');
  if (hasPatch && patchType !== 'JSONPatch')
    return broken(`webhook returned invalid response.patchType of ${JSON.stringify(patchType)}`);
  const warnings = Array.isArray(response.warnings) ? response.warnings.map(String) : [];
  if (response.allowed !== true) return { kind: 'denied', warnings, error: denial(name, response.status) };
  if (!hasPatch) return { kind: 'allowed', warnings };
  try {
    return { kind: 'allowed', warnings, patch: JSON.parse(Buffer.from(patch, 'base64').toString('utf8')) as Json };
  } catch {
    throw internal('invalid character in a patch');
  }
}

function denial(name: string, given: Json | undefined): ApiError {
  const { message, reason, code, details } = fields(given);
  const denied = `admission webhook ${JSON.stringify(name)} denied the request`;
  const why = message || reason;
  const status = typeof code === 'number' && code >= 400 ? code : 400;
  return new ApiError(
    status,
    typeof reason === 'string' && reason !== '' ? reason : undefined,
    why ? `${denied}: ${String(why)}` : `${denied} without explanation`,
    isObject(details) ? details : undefined,
  );
}

export function internal(why: string): ApiError {
  return new ApiError(500, 'InternalError', `Internal error occurred: ${why}`, { causes: [{ message: why }] });
}

/** The object with a webhook's patch, back in the version of the call. @throws ApiError 500 for a patch that does not hold. */
export function withPatch(cluster: Cluster, call: Call, { resource }: Concern, object: KubeObject, patch: Json) {
  const operations: readonly Json[] = Array.isArray(patch) ? patch : [];
  let value = inVersion(cluster, call, resource, object) as unknown as Json;
  for (const operation of operations) {
    const outcome = jsonPatch(value, [operation]);
    if (outcome.kind === 'invalid') throw internal(misfit(value, fields(operation)));
    value = outcome.value;
  }
  const problem = resource.schema === undefined ? undefined : decodeProblem(value, resource.schema);
  if (problem !== undefined) throw internal(problem);
  return inVersion(cluster, { ...call, resource }, call.resource, value as unknown as KubeObject);
}

/** Why an operation does not hold, in the words of a real server's library. */
function misfit(document: Json, { op, path }: Fields): string {
  const at = String(path);
  const steps = at.split('/').slice(1);
  const key = steps.pop() ?? '';
  const parent = steps.reduce<Json | undefined>((value, step) => fields(value)[step], document);
  const missing = parent === undefined ? `doc is missing path: ${JSON.stringify(at)}` : `doc is missing key: ${at}`;
  switch (op) {
    case 'remove':
      return parent === undefined
        ? `remove operation does not apply: ${missing}: missing value`
        : `error in remove for path: '${at}': Unable to remove nonexistent key: ${key}: missing value`;
    case 'test':
      return `testing value ${at} failed: test failed`;
    default:
      return `${String(op)} operation does not apply: ${missing}: missing value`;
  }
}
