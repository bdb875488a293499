/** The errors of a Kubernetes API server, word for word: each is a Status object and an HTTP status. */
import type { Json, JsonObject } from '../../base/index.ts';
import type { ApplyConflict, FieldError, ResourceInfo } from '../types.ts';

export interface StatusCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

/** A refused call. Thrown inside this folder only; the handler and the door turn it into an answer. */
export class ApiError extends Error {
  readonly code: number;
  readonly body: JsonObject;
  readonly headers: { readonly [name: string]: string };

  constructor(
    code: number,
    reason: string | undefined,
    message: string,
    details?: StatusDetails,
    metadata: JsonObject = {},
  ) {
    super(message);
    this.code = code;
    this.body = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata,
      status: 'Failure',
      message,
      ...(reason === undefined ? {} : { reason }),
      ...(details === undefined ? {} : { details: details as unknown as Json }),
      code,
    };
    this.headers = details?.retryAfterSeconds === undefined ? {} : { 'Retry-After': String(details.retryAfterSeconds) };
  }
}

/** What identifies a resource in error texts. */
export type Named = Pick<ResourceInfo, 'group' | 'plural' | 'kind'>;

/** `deployments.apps`, `configmaps`: also the name of the bucket that stores it. */
export function qualified(resource: Pick<ResourceInfo, 'group' | 'plural'>): string {
  return resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;
}

function detailsOf(resource: Named, name?: string): StatusDetails {
  return {
    ...(name === undefined || name === '' ? {} : { name }),
    ...(resource.group === '' ? {} : { group: resource.group }),
    kind: resource.plural,
  };
}

export const badRequest = (message: string) => new ApiError(400, 'BadRequest', message);
export const unauthorized = () => new ApiError(401, 'Unauthorized', 'Unauthorized');
export const methodNotAllowed = () =>
  new ApiError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});

export function notFound(resource: Named, name: string): ApiError {
  return new ApiError(404, 'NotFound', `${qualified(resource)} "${name}" not found`, detailsOf(resource, name));
}

export function alreadyExists(resource: Named, name: string, isGoing = false): ApiError {
  const message = `${isGoing ? 'object is being deleted: ' : ''}${qualified(resource)} "${name}" already exists`;
  return new ApiError(409, 'AlreadyExists', message, detailsOf(resource, name));
}

export function conflict(resource: Named, name: string, why: string): ApiError {
  const message = `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`;
  return new ApiError(409, 'Conflict', message, detailsOf(resource, name));
}

export const modified = (resource: Named, name: string) =>
  conflict(
    resource,
    name,
    'the object has been modified; please apply your changes to the latest version and try again',
  );

export function forbidden(resource: Named, name: string, why: string, causes?: readonly StatusCause[]): ApiError {
  const subject = name === '' ? qualified(resource) : `${qualified(resource)} "${name}"`;
  const details = { ...detailsOf(resource, name), ...(causes === undefined ? {} : { causes }) };
  return new ApiError(403, 'Forbidden', `${subject} is forbidden: ${why}`, details);
}

/** A 422 with its causes; equal errors are worded once, as the real server does. */
export function invalid(
  kind: { readonly group: string; readonly kind: string },
  name: string,
  errors: readonly FieldError[],
): ApiError {
  const texts = [...new Set(errors.map((error) => `${error.field}: ${error.message}`))];
  const group = kind.group === 'events.k8s.io' ? '' : kind.group; // refused as the core form of the same object
  const subject = group === '' ? kind.kind : `${kind.kind}.${group}`;
  const message = `${subject} "${name}" is invalid: ${texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`}`;
  return new ApiError(422, 'Invalid', message, {
    ...(name === '' ? {} : { name }),
    ...(group === '' ? {} : { group }),
    ...(kind.kind === '' ? {} : { kind: kind.kind }),
    causes: errors.map(({ reason, message: text, field }) => ({ reason, message: text, field })),
  });
}

/** A 409 of server-side apply: conflicts grouped by manager, as kubectl shows them. */
export function applyConflict(conflicts: readonly ApplyConflict[]): ApiError {
  const managers = new Map<string, ApplyConflict[]>();
  for (const one of conflicts) {
    const who = `"${one.manager}"${one.details}`;
    managers.set(who, [...(managers.get(who) ?? []), one]);
  }
  const texts = [...managers].map(([who, fields]) =>
    conflicts.length === 1
      ? `conflict with ${who}: ${fields[0]?.field}`
      : `conflicts with ${who}:\n${fields.map(({ field }) => `- ${field}`).join('\n')}`,
  );
  const count = conflicts.length === 1 ? '1 conflict' : `${conflicts.length} conflicts`;
  return new ApiError(409, 'Conflict', `Apply failed with ${count}: ${texts.join('\n')}`, {
    causes: conflicts.map(({ manager, details, field }) => ({
      reason: 'FieldManagerConflict',
      message: `conflict with "${manager}"${details}`,
      field,
    })),
  });
}

export function expired(message: string, metadata?: JsonObject): ApiError {
  return new ApiError(410, 'Expired', message, undefined, metadata);
}

export function unsupportedMediaType(accepted: readonly string[]): ApiError {
  return new ApiError(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
  );
}

export function notAcceptable(): ApiError {
  const available = 'application/json, application/yaml, application/vnd.kubernetes.protobuf';
  return new ApiError(406, 'NotAcceptable', `406: Not Acceptable\n\nAvailable representations: ${available}`, {});
}

/** The answer to a finished deletion. */
export function success(resource: Named, name: string, uid: string | undefined): JsonObject {
  const details = { ...detailsOf(resource, name), ...(uid === undefined ? {} : { uid }) };
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details: details as unknown as Json };
}
