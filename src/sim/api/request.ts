/** What a request asks for: path, verb and options, parsed as the real server does before anything else looks at them. */
import { ApiError, badRequest, invalid } from './status.ts';

export interface RequestTarget {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly namespace?: string;
  /** Empty: the collection. */
  readonly name: string;
  /** Empty: the object itself. */
  readonly subresource: string;
}

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

/** The target of a resource path, or undefined for everything else (`/version`, `/api`, `/apis/apps/v1`, …). */
export function parseTarget(path: string): RequestTarget | undefined {
  const parts = path.split('/').slice(1).map(decodeURIComponent);
  if (parts.at(-1) === '') parts.pop();
  const [root = '', ...rest] = parts;
  if (root !== 'api' && root !== 'apis') return undefined;
  const group = root === 'apis' ? (rest.shift() ?? '') : '';
  const version = rest.shift() ?? '';
  const [first, second, third] = rest;
  if (first === undefined) return undefined;
  if (first === 'namespaces' && second !== undefined && third !== undefined && !isNamespaceSubresource(group, third)) {
    const [, , plural = '', name = '', ...sub] = rest;
    return { group, version, plural, namespace: second, name, subresource: sub.join('/') };
  }
  const [plural = '', name = '', ...sub] = rest;
  return { group, version, plural, name, subresource: sub.join('/') };
}

function isNamespaceSubresource(group: string, part: string): boolean {
  return group === '' && (part === 'status' || part === 'finalize');
}

/** The verb in the sense of RBAC, or undefined for a method that no resource has. */
export function verbOf(method: string, target: RequestTarget, query: URLSearchParams): Verb | undefined {
  switch (method) {
    case 'GET':
    case 'HEAD':
      if (isTrue(query.get('watch')) && target.subresource === '') return 'watch';
      return target.name === '' ? 'list' : 'get';
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return target.name === '' ? 'deletecollection' : 'delete';
    default:
      return undefined;
  }
}

export function isTrue(value: string | null): boolean {
  return value !== null && value !== 'false' && value !== '0';
}

/** Options shared by all writes. */
export interface WriteOptions {
  readonly dryRun: boolean;
  readonly manager: string;
  readonly fieldValidation: FieldValidation;
  readonly force: boolean;
}

const MANAGER_BYTES_MAX = 128;

/**
 * @param kind names the options in errors: `CreateOptions`, `PatchOptions`, …
 * @throws ApiError 422 for values that the real server refuses.
 */
export function writeOptions(query: URLSearchParams, userAgent: string, kind: string): WriteOptions {
  const dryRun = query.getAll('dryRun');
  for (const value of dryRun) {
    if (value !== 'All')
      throw optionError(
        kind,
        'dryRun',
        'FieldValueNotSupported',
        `Unsupported value: ${JSON.stringify(dryRun)}: supported values: "All"`,
      );
  }
  const named = query.get('fieldManager') ?? '';
  if (named.length > MANAGER_BYTES_MAX) {
    throw optionError(
      kind,
      'fieldManager',
      'FieldValueTooLong',
      `Too long: may not be more than ${MANAGER_BYTES_MAX} bytes`,
    );
  }
  const validation = query.get('fieldValidation') ?? '';
  if (!['', 'Strict', 'Warn', 'Ignore'].includes(validation)) {
    const supported = 'supported values: "", "Ignore", "Strict", "Warn"';
    throw optionError(
      kind,
      'fieldValidation',
      'FieldValueNotSupported',
      `Unsupported value: ${JSON.stringify(validation)}: ${supported}`,
    );
  }
  return {
    dryRun: dryRun.length > 0,
    manager: named === '' ? managerFromAgent(userAgent) : named,
    fieldValidation: validation === '' ? 'Warn' : (validation as FieldValidation),
    force: isTrue(query.get('force')),
  };
}

/** A 422 about one of a request's own options. */
export function optionError(kind: string, field: string, reason: string, message: string): ApiError {
  return invalid({ group: 'meta.k8s.io', kind }, '', [{ reason, field, message }]);
}

/** `kubectl/v1.33.1 (linux/amd64)` → `kubectl`; `unknown` without a user agent. */
export function managerFromAgent(userAgent: string): string {
  const name = userAgent.split('/')[0] ?? '';
  return name === '' ? 'unknown' : name.slice(0, MANAGER_BYTES_MAX);
}

export interface ListOptions {
  readonly labelSelector: string;
  readonly fieldSelector: string;
  readonly limit: number;
  readonly continueToken: string;
  readonly resourceVersion: string;
  readonly resourceVersionMatch: string;
  readonly allowBookmarks: boolean;
  readonly sendInitialEvents: boolean | undefined;
  readonly timeoutSeconds: number | undefined;
  readonly includeObject: string;
}

/** @throws ApiError 400 or 422 as the real server. */
export function listOptions(query: URLSearchParams, watch: boolean): ListOptions {
  const initial = query.get('sendInitialEvents');
  const options: ListOptions = {
    labelSelector: query.get('labelSelector') ?? '',
    fieldSelector: query.get('fieldSelector') ?? '',
    limit: wholeNumber(query, 'limit') ?? 0,
    continueToken: query.get('continue') ?? '',
    resourceVersion: query.get('resourceVersion') ?? '',
    resourceVersionMatch: query.get('resourceVersionMatch') ?? '',
    allowBookmarks: isTrue(query.get('allowWatchBookmarks')),
    sendInitialEvents: initial === null || initial === '' ? undefined : isTrue(initial),
    timeoutSeconds: wholeNumber(query, 'timeoutSeconds'),
    includeObject: query.get('includeObject') ?? '',
  };
  checkListOptions(options, watch);
  return options;
}

function wholeNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^-?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

function checkListOptions(options: ListOptions, watch: boolean): void {
  const refuse = (field: string, why: string) =>
    invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', [
      { reason: 'FieldValueForbidden', field, message: `Forbidden: ${why}` },
    ]);
  const { resourceVersionMatch: match, resourceVersion, continueToken, sendInitialEvents } = options;
  if (!['', 'Exact', 'NotOlderThan'].includes(match)) {
    const message = `Unsupported value: ${JSON.stringify(match)}: supported values: "Exact", "NotOlderThan", ""`;
    throw optionError('ListOptions', 'resourceVersionMatch', 'FieldValueNotSupported', message);
  }
  if (resourceVersion !== '' && !/^\d+$/.test(resourceVersion)) {
    const shown = JSON.stringify(resourceVersion);
    const why = `resourceVersion: Invalid value: ${shown}: strconv.ParseUint: parsing ${shown}: invalid syntax`;
    throw watch ? new ApiError(500, undefined, why) : badRequest(`invalid resource version: ${why}`);
  }
  if (watch) {
    if (sendInitialEvents !== undefined && match !== 'NotOlderThan') {
      throw refuse('resourceVersionMatch', 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
    }
    if (sendInitialEvents === undefined && match !== '') {
      throw refuse(
        'resourceVersionMatch',
        'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
      );
    }
    if (sendInitialEvents === true && !options.allowBookmarks) {
      throw refuse(
        'allowWatchBookmarks',
        'sendInitialEvents is forbidden for watch unless allowWatchBookmarks is set to true',
      );
    }
    return;
  }
  if (sendInitialEvents !== undefined) throw refuse('sendInitialEvents', 'sendInitialEvents is forbidden for list');
  if (match === '') {
    if (continueToken === '' || resourceVersion === '' || resourceVersion === '0') return;
    throw badRequest('specifying resource version is not allowed when using continue');
  }
  if (resourceVersion === '')
    throw refuse('resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided');
  if (continueToken !== '')
    throw refuse('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided');
  if (match === 'Exact' && resourceVersion === '0') {
    throw refuse('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
  }
}
