/** The two doors of this room: an apply request, and the tracking of every other write. */
import { errorText, isObject, type Json, type KubeObject } from '../../base/index.ts';
import { throughWire } from '../schema/index.ts';
import type { ApplyConflict, ApplyResult, ResourceInfo } from '../types.ts';
import { problemOf } from './check.ts';
import { compare } from './compare.ts';
import { difference, emptySet, type FieldSet, insert, isEmptySet, newSet, paths, union } from './field-set.ts';
import { fieldsOf } from './fields-of.ts';
import { lastAppliedOf, withLastApplied } from './last-applied.ts';
import { capped } from './limit.ts';
import {
  asksForReset,
  type Manager,
  type Managers,
  managerId,
  readManagers,
  readManagersOrNone,
  withManagedFields,
  withManager,
  writeManagers,
} from './managers.ts';
import { afterApply, afterUpdate, atomOfResource, type Conflict, Unconvertible, type Versions } from './ownership.ts';
import { pathText } from './path.ts';
import { rewritten } from './rewritten.ts';

/** The manager of what was there before the first apply. */
const BEFORE_FIRST_APPLY = 'before-first-apply';

interface Request {
  /** The manager's name; '' counts as `unknown`. */
  readonly manager: string;
  /** Absent: the object itself. */
  readonly subresource?: string | undefined;
  /** RFC 3339, whole seconds. */
  readonly time: string;
  readonly resource: ResourceInfo;
  /** All served versions of the kind, when it has several (CRDs). Default: every version looks like `resource`. */
  readonly versions?: readonly ResourceInfo[] | undefined;
}

export interface ApplyRequest extends Request {
  /** Absent: the object is to be created. */
  readonly live?: KubeObject | undefined;
  readonly applied: KubeObject;
  readonly force: boolean;
}

export interface UpdateRequest extends Request {
  /** Absent: the object is being created. */
  readonly live?: KubeObject | undefined;
  readonly next: KubeObject;
  /** What `next` was before it took its wire form, for the ownership of what that form no longer shows. Default: `next`. */
  readonly sent?: KubeObject;
}

/** Paths that identify an object or that the server alone sets: nobody owns them. */
const UNOWNED: FieldSet = pathSet(
  ['apiVersion'],
  ['kind'],
  ['metadata'],
  ...['name', 'namespace', 'creationTimestamp', 'selfLink', 'uid', 'clusterName', 'generation', 'managedFields'].map(
    (field) => ['metadata', field],
  ),
  ['metadata', 'resourceVersion'],
);

function pathSet(...all: string[][]): FieldSet {
  const set = newSet();
  for (const path of all)
    insert(
      set,
      path.map((name) => `f:${name}`),
    );
  return set;
}

const STATUS = pathSet(['status']);
/** Kinds of which a client's later writes cannot change the spec either. */
const MAIN_RESETS: ReadonlyMap<string, FieldSet> = new Map([
  ['certificates.k8s.io/CertificateSigningRequest', pathSet(['spec'], ['status'])],
]);
const SPEC = pathSet(['spec']);
/** What the status endpoint of a kind leaves alone beside the spec. */
const STATUS_RESETS: ReadonlyMap<string, FieldSet> = new Map([
  ['apps/Deployment', pathSet(['spec'], ['metadata', 'labels'])],
  ['/Pod', pathSet(['spec'], ['metadata', 'deletionTimestamp'], ['metadata', 'ownerReferences'])],
]);

function resetFields(resource: ResourceInfo, subresource: string): FieldSet {
  if (subresource === 'status') return STATUS_RESETS.get(`${resource.group}/${resource.kind}`) ?? SPEC;
  if (subresource !== '' || !resource.subresources.includes('status')) return emptySet;
  return MAIN_RESETS.get(`${resource.group}/${resource.kind}`) ?? STATUS;
}

function apiVersionOf(resource: ResourceInfo): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

function versionsOf(request: Request): Versions {
  const { resource, versions } = request;
  const own = apiVersionOf(resource);
  return {
    atomOf: (apiVersion) => {
      if (versions === undefined || apiVersion === own) return atomOfResource(resource.schema);
      const other = versions.find((version) => apiVersionOf(version) === apiVersion);
      return other === undefined ? undefined : atomOfResource(other.schema);
    },
    reset: resetFields(resource, request.subresource ?? ''),
  };
}

/** An object of this kind in which nothing was said: what a new object is compared with. */
function emptyObject(resource: ResourceInfo): KubeObject {
  const head = { apiVersion: apiVersionOf(resource), kind: resource.kind };
  if (resource.schema === undefined || resource.schema.ref === undefined) return head as unknown as KubeObject;
  return throughWire(head, resource.schema) as unknown as KubeObject;
}

function entryOf(request: Request, operation: Manager['operation']): Omit<Manager, 'fields'> {
  return {
    name: request.manager === '' ? 'unknown' : request.manager,
    operation,
    apiVersion: apiVersionOf(request.resource),
    subresource: request.subresource ?? '',
  };
}

function updated(
  before: KubeObject,
  after: KubeObject,
  managers: Managers,
  entry: Omit<Manager, 'fields'>,
  request: Request & { readonly sent?: KubeObject },
): Map<string, Manager> {
  const versions = { ...versionsOf(request), ...rewrittenIn(request, after) };
  const found = afterUpdate(before, after, managers, entry.apiVersion, versions);
  const own = difference(found.changed, UNOWNED);
  if (isEmptySet(own)) return capped(found.managers);
  const earlier = found.managers.get(managerId(entry))?.fields ?? emptySet;
  return capped(withManager(found.managers, { ...entry, fields: union(own, earlier), time: request.time }));
}

function rewrittenIn(
  { sent, resource }: Request & { readonly sent?: KubeObject },
  after: KubeObject,
): Pick<Versions, 'rewritten'> {
  if (sent === undefined || resource.schema?.ref === undefined) return {};
  return { rewritten: difference(rewritten(sent as Json, after as Json, atomOfResource(resource.schema)), UNOWNED) };
}

function managersBefore(request: UpdateRequest): Map<string, Manager> {
  const live = request.live?.metadata.managedFields;
  if ((request.subresource ?? '') !== '') return readManagersOrNone(live);
  const next = request.next.metadata?.managedFields;
  if (asksForReset(next)) return new Map();
  const given = readManagersOrNone(next);
  return given.size > 0 ? given : readManagersOrNone(live);
}

/**
 * The object to be written (create, put, patch), with its managedFields as they are afterwards. Both objects are complete
 * and defaulted. An object whose ownership was reset stays untracked until the first apply.
 */
export function trackUpdate(request: UpdateRequest): KubeObject {
  const managers = managersBefore(request);
  const next = withManagedFields(request.next, undefined);
  if (managers.size === 0 && request.live?.metadata.uid !== undefined) return next;
  const live = withManagedFields(request.live ?? emptyObject(request.resource), undefined);
  const atom = atomOfResource(request.resource.schema);
  // What does not fit the schema (any more) cannot be tracked; the write itself goes on.
  if (problemOf(next as Json, atom, true) !== undefined || problemOf(live as Json, atom, true) !== undefined)
    return next;
  try {
    const after = updated(live, next, managers, entryOf(request, 'Update'), request);
    return withManagedFields(next, writeManagers(after));
  } catch (error) {
    if (error instanceof Unconvertible) return next;
    throw error;
  }
}

type Invalid = Extract<ApplyResult, { kind: 'invalid' }>;

function badRequest(message: string): Invalid {
  return { kind: 'invalid', status: 400, reason: 'BadRequest', message };
}

function gvk(resource: Pick<ResourceInfo, 'group' | 'version' | 'kind'>): string {
  return `${resource.group}/${resource.version}, Kind=${resource.kind}`;
}

/** `namespace/name; group/version, Kind=kind`, as failures name an object. */
function objectText(object: KubeObject, resource: ResourceInfo): string {
  return `${object.metadata?.namespace ?? ''}/${object.metadata?.name ?? ''}; ${gvk(resource)}`;
}

function refusal(request: ApplyRequest): Invalid | undefined {
  const { applied, resource } = request;
  if (applied.apiVersion !== apiVersionOf(resource) || applied.kind !== resource.kind) {
    const [version, group = ''] = String(applied.apiVersion).split('/').reverse();
    return badRequest(`invalid object type: ${gvk({ group, version: version ?? '', kind: String(applied.kind) })}`);
  }
  const managedFields = applied.metadata?.managedFields;
  if (managedFields !== undefined && managedFields !== null) return badRequest('metadata.managedFields must be nil');
  const atom = atomOfResource(resource.schema);
  const { live } = request;
  const broken = live === undefined ? undefined : problemOf(live as Json, atom, true);
  if (live !== undefined && broken !== undefined && isUnowned(live)) {
    const message = `failed to create manager for existing fields: failed to convert new object (${objectText(live, resource)}) to smd typed: ${broken}`;
    return { kind: 'invalid', status: 500, message };
  }
  const problem = problemOf(applied as Json, atom);
  if (problem !== undefined) return untyped('patch', applied, resource, problem);
  return live === undefined || broken === undefined ? undefined : untyped('live', live, resource, broken);
}

function isUnowned(live: KubeObject): boolean {
  const { managedFields } = live.metadata;
  return !Array.isArray(managedFields) || managedFields.length === 0;
}

function untyped(which: 'patch' | 'live', object: KubeObject, resource: ResourceInfo, problem: string): Invalid {
  const message = `failed to create typed ${which} object (${objectText(object, resource)}): ${problem}`;
  return { kind: 'invalid', status: 500, message };
}

/** The managers of the live object; when it has none, whatever is there belongs to a manager of its own. */
function managersOfLive(request: ApplyRequest, live: KubeObject): Map<string, Manager> {
  const managers = readManagers(request.live?.metadata.managedFields);
  if (managers.size > 0 || request.live === undefined) return managers;
  const entry = { ...entryOf(request, 'Update'), name: BEFORE_FIRST_APPLY };
  return updated(emptyObject(request.resource), live, managers, entry, request);
}

/**
 * Server-side apply of one configuration. `merged`: the object to default, validate and store, managedFields included;
 * a request that changes nothing leaves the times alone. Conflicts are ordered by manager, then path.
 */
export function apply(request: ApplyRequest): ApplyResult {
  const refused = refusal(request);
  if (refused !== undefined) return refused;
  try {
    return laid(request, withManagedFields(request.live ?? emptyObject(request.resource), undefined));
  } catch (error) {
    if (error instanceof Unconvertible) return { kind: 'invalid', status: 500, message: error.message };
    throw error;
  }
}

function laid(request: ApplyRequest, live: KubeObject): ApplyResult {
  let managers: Map<string, Manager>;
  try {
    managers = managersOfLive(request, live);
  } catch (error) {
    return { kind: 'invalid', status: 500, message: `failed to decode managed fields: ${errorText(error)}` };
  }
  const entry = entryOf(request, 'Apply');
  const versions = versionsOf(request);
  const attempt = (force: boolean) =>
    afterApply(live as Json, request.applied as Json, managers, entry, force, versions);
  let result = attempt(request.force);
  if (result.kind === 'conflicts' && entry.name === 'kubectl') {
    const open = beyondLastApplied(result.conflicts, live, request);
    if (open.length > 0) return { kind: 'conflict', conflicts: conflictsText(open) };
    result = attempt(true);
  }
  if (result.kind === 'conflicts') return { kind: 'conflict', conflicts: conflictsText(result.conflicts) };
  return { kind: 'merged', object: finished(request, live, result, entry) };
}

function finished(
  request: ApplyRequest,
  live: KubeObject,
  result: { readonly object?: Json; readonly managers: Map<string, Manager> },
  entry: Omit<Manager, 'fields'>,
): KubeObject {
  const own = result.managers.get(managerId(entry));
  let managers = result.managers;
  if (own !== undefined) {
    const time = result.object === undefined ? own.time : request.time;
    const fields = difference(own.fields, UNOWNED);
    managers = withManager(managers, { ...own, fields, ...(time === undefined ? {} : { time }) });
  }
  const merged = isObject(result.object) ? (result.object as unknown as KubeObject) : live;
  const synced =
    entry.name === 'kubectl' && entry.subresource === '' ? withLastApplied(merged, request.applied) : merged;
  const { schema } = request.resource;
  const sent = schema === undefined ? synced : (throughWire(synced as never, schema) as unknown as KubeObject);
  return withManagedFields(sent, writeManagers(managers));
}

/** Conflicts that kubectl's earlier client-side apply does not explain: fields it wrote and nobody changed since are its own. */
function beyondLastApplied(conflicts: readonly Conflict[], live: KubeObject, request: ApplyRequest): Conflict[] {
  const atom = atomOfResource(request.resource.schema);
  const last = lastAppliedOf(live, apiVersionOf(request.resource));
  if (last === undefined || problemOf(last, atom) !== undefined) return [...conflicts];
  const { added, modified, removed } = compare(last, live as Json, atom);
  const own = [modified, added, removed].reduce(difference, fieldsOf(last, atom));
  return conflicts
    .map(({ manager, fields }) => ({ manager, fields: difference(fields, own) }))
    .filter(({ fields }) => !isEmptySet(fields));
}

function conflictsText(conflicts: readonly Conflict[]): ApplyConflict[] {
  const sorted = [...conflicts].sort((a, b) => (managerId(a.manager) < managerId(b.manager) ? -1 : 1));
  return sorted.flatMap(({ manager, fields }) =>
    paths(fields).map((path) => ({ manager: manager.name, field: pathText(path), details: details(manager) })),
  );
}

function details(manager: Manager): string {
  const subresource = manager.subresource === '' ? '' : ` with subresource "${manager.subresource}"`;
  return manager.operation === 'Update' ? `${subresource} using ${manager.apiVersion}` : subresource;
}
