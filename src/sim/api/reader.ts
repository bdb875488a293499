/** Lists: selectors, pages, and the resourceVersion that a list stands for. */
import { isObject, type JsonObject, type KubeObject } from '../../base/index.ts';
import { keyOfObject } from '../objects/index.ts';
import type { ResourceInfo } from '../types.ts';
import type { Call, Cluster } from './cluster.ts';
import type { ListOptions } from './request.ts';
import { fieldSelector, labelSelector, type Predicate } from './selectors.ts';
import { ApiError, badRequest, expired } from './status.ts';
import { toVersion } from './views.ts';

export interface Page {
  readonly items: readonly KubeObject[];
  readonly metadata: JsonObject;
}

/** Which objects of a collection a list or watch is about. */
export interface Selection {
  readonly namespace?: string;
  readonly matches: Predicate;
  /** Whether a selector narrows the collection: then the rest of a list is not counted. */
  readonly selective: boolean;
}

/** @throws ApiError 400 for selectors that cannot be read. */
export function selection(
  cluster: Cluster,
  call: Pick<Call, 'resource' | 'namespace' | 'name'>,
  options: ListOptions,
): Selection {
  const labels = labelSelector(options.labelSelector);
  const custom = selectableFields(cluster, call.resource);
  const fields = fieldSelector(options.fieldSelector, call.resource, custom);
  const { name, namespace } = call;
  return {
    ...(namespace === undefined ? {} : { namespace }),
    matches: (object) =>
      (name === '' || object.metadata.name === name) && (labels?.(object) ?? true) && (fields?.(object) ?? true),
    selective: labels !== undefined || fields !== undefined,
  };
}

function selectableFields(cluster: Cluster, resource: ResourceInfo): readonly string[] | undefined {
  const crd = cluster.registry.crdOf(resource);
  if (crd === undefined) return undefined;
  if (!isObject(crd.spec) || !Array.isArray(crd.spec.versions)) return [];
  const version = (crd.spec.versions as readonly JsonObject[]).find(({ name }) => name === resource.version);
  const selectable = Array.isArray(version?.selectableFields)
    ? (version.selectableFields as readonly JsonObject[])
    : [];
  return selectable.map(({ jsonPath }) => String(jsonPath).replace(/^\./, ''));
}

/**
 * One page of a list.
 * @throws ApiError 400 (token), 410 (too old). The caller answers a revision of the future (504) before.
 */
export function listPage(cluster: Cluster, call: Call, options: ListOptions): Page {
  const chosen = selection(cluster, call, options);
  const { store, registry } = cluster;
  const token = options.continueToken === '' ? undefined : parseToken(options.continueToken);
  const exact = options.resourceVersionMatch === 'Exact' ? Number(options.resourceVersion) : undefined;
  const revision =
    token === undefined ? (exact ?? store.revision) : token.revision < 0 ? store.revision : token.revision;
  const all = store.listAt(registry.bucketOf(call.resource), revision);
  if (all === undefined || revision < store.oldestRevision) throw tooOld(token);
  const wanted = all
    .filter((object) => chosen.namespace === undefined || object.metadata.namespace === chosen.namespace)
    .filter((object) => token === undefined || keyOfObject(object) >= token.start)
    .map((object) => toVersion(call.resource, object))
    .filter(chosen.matches);
  const limited = options.limit > 0 && wanted.length > options.limit;
  const items = limited ? wanted.slice(0, options.limit) : wanted;
  const last = items.at(-1);
  if (!limited || last === undefined) return { items, metadata: { resourceVersion: String(revision) } };
  const next = formatToken({ revision, start: `${keyOfObject(last)}\0` });
  const remaining = chosen.selective ? {} : { remainingItemCount: wanted.length - items.length };
  return { items, metadata: { resourceVersion: String(revision), continue: next, ...remaining } };
}

interface Token {
  /** -1: go on from `start` in what is there now; the list is then not of one moment. */
  readonly revision: number;
  readonly start: string;
}

function formatToken({ revision, start }: Token): string {
  return Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision, start })).toString('base64url');
}

/** The first character as Go quotes it. */
function goCharacter(text: string): string {
  const code = text.charCodeAt(0);
  if (code < 0x20 || code === 0x7f) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code > 0x7f && code <= 0xa0 ? `\\u${code.toString(16).padStart(4, '0')}` : text.slice(0, 1);
}

function parseToken(text: string): Token {
  const decoded = Buffer.from(text, 'base64url').toString('latin1');
  const refuse = (why: string) => badRequest(`invalid continue token: continue key is not valid: ${why}`);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    throw refuse(`invalid character '${goCharacter(decoded)}' looking for beginning of value`);
  }
  if (!isObject(value) || value.v !== 'meta.k8s.io/v1')
    throw refuse(
      `server does not recognize this encoded version ${JSON.stringify(isObject(value) ? (value.v ?? '') : '')}`,
    );
  if (typeof value.rv !== 'number' || typeof value.start !== 'string' || value.start === '')
    throw refuse('incorrect encoded start resourceVersion (version meta.k8s.io/v1)');
  return { revision: value.rv, start: value.start };
}

const CONTINUE_TOO_OLD =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue ' +
  'parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided ' +
  'token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was ' +
  'returned and now may show up in the list.';

function tooOld(token: Token | undefined): ApiError {
  if (token === undefined) return expired('The resourceVersion for the provided list is too old.');
  return expired(CONTINUE_TOO_OLD, { continue: formatToken({ revision: -1, start: token.start }) });
}

/** A list or watch of a revision that does not exist yet. */
export function tooLarge(wanted: string, current: number): ApiError {
  return new ApiError(504, 'Timeout', `Timeout: Too large resource version: ${wanted}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}
