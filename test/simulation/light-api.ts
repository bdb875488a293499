/**
 * A light API server: the object store, the server-side apply and the ownership of src/sim (the very code of embedded clusters)
 * for a few kinds, without HTTP, wire forms, defaults, validation and RBAC. What it does not know it refuses loudly: `strange`
 * lists it, and a simulation in which anything is listed fails. `light-api.test.ts` compares it with the whole server.
 */
import {
  type Cancel,
  type Clock,
  isObject,
  type Json,
  type JsonObject,
  type KubeObject,
} from '../../src/base/index.ts';
import type { ApiAnswer, ApiRequest, WatchEnd, WatchEvent } from '../../src/kubernetes/index.ts';
import { ResourceRegistry } from '../../src/sim/api/resources.ts';
import {
  ApiError,
  alreadyExists,
  applyConflict,
  conflict,
  modified,
  notFound,
  success,
} from '../../src/sim/api/status.ts';
import { apply, trackUpdate } from '../../src/sim/apply/index.ts';
import { keepServerMetadata, kubeTime, ObjectStore, type StoredChange, uuid } from '../../src/sim/objects/index.ts';
import { jsonPatch, mergePatch } from '../../src/sim/patch/index.ts';
import type { ResourceInfo } from '../../src/sim/types.ts';

/** group, version, plural: all that is served. */
const SERVED = [
  ['', 'v1', 'configmaps'],
  ['', 'v1', 'namespaces'],
  ['', 'v1', 'nodes'],
  ['', 'v1', 'pods'],
  ['', 'v1', 'secrets'],
  ['apiextensions.k8s.io', 'v1', 'customresourcedefinitions'],
  ['coordination.k8s.io', 'v1', 'leases'],
] as const;
const registry = new ResourceRegistry();
const served = SERVED.map(([group, version, plural]) => registry.find(group, version, plural) as ResourceInfo);
const GROUPS = [...new Set(served.map(({ group }) => group))].filter((group) => group !== '');
const EVERYTHING = { verbs: ['*'], apiGroups: ['*'], resources: ['*'] };
/** Beside server-side apply. */
const PATCHES: { readonly [contentType: string]: typeof mergePatch } = {
  'application/merge-patch+json': mergePatch,
  'application/json-patch+json': jsonPatch,
};
/** A namespace is seen terminating for so long. */
const TERMINATING_MS = 40;

interface Target {
  readonly resource: ResourceInfo;
  readonly bucket: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
}

export interface LightApiOptions {
  readonly clock: Clock;
  /** For uids. */
  readonly bytes: (count: number) => Uint8Array;
}

/** A write that has taken effect. */
export interface ApiWrite {
  readonly verb: 'create' | 'update' | 'delete';
  readonly bucket: string;
  readonly before: KubeObject | undefined;
  readonly after: KubeObject | undefined;
}

export class LightApi {
  readonly store = new ObjectStore();
  /** What was asked and is not known here. */
  readonly strange: string[] = [];
  onWrite: (write: ApiWrite) => void = () => {};
  readonly #options: LightApiOptions;

  constructor(options: LightApiOptions) {
    this.#options = options;
    for (const name of ['default', 'kube-system'])
      this.create('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    this.create('nodes', {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'n1' },
      status: {
        allocatable: { cpu: '8', memory: '16Gi', pods: '110' },
        conditions: [{ type: 'Ready', status: 'True' }],
      },
    });
  }

  /** What is there by somebody else's hand, such as the node of the beginning. */
  create(bucket: string, object: KubeObject): KubeObject {
    return this.#put(bucket, undefined, this.#fresh(object, object.metadata.namespace));
  }

  handle(request: ApiRequest): ApiAnswer {
    try {
      const { status, body } = this.#answer(request);
      return { kind: 'answered', status, body: body as Json, warnings: [] };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return { kind: 'answered', status: error.code, body: error.body, warnings: [] };
    }
  }

  /** Events in order, each handed over when it happens; `onEnd` at most once. The answer ends it silently. */
  watch(request: ApiRequest, onEvent: (event: WatchEvent) => void, onEnd: (end: WatchEnd) => void): Cancel {
    const target = this.#target(request.path);
    if (target === undefined) {
      onEnd({ kind: 'failed', status: 404, message: 'the server could not find the requested resource' });
      return () => {};
    }
    const from = Number(request.query?.resourceVersion ?? this.store.revision);
    const matches = selecting(request, target.namespace);
    const tell = (change: StoredChange) => {
      for (const event of eventsOf(change, matches)) onEvent(event);
    };
    const missed = this.store.since(target.bucket, from);
    if (missed === undefined) {
      onEnd({ kind: 'expired' });
      return () => {};
    }
    for (const change of missed) tell(change);
    const unsubscribe = this.store.subscribe(target.bucket, tell);
    const seconds = Number(request.query?.timeoutSeconds ?? 1_800);
    const stop = this.#options.clock.after(seconds * 1_000, () => {
      unsubscribe();
      onEnd({ kind: 'ended' });
    });
    return () => {
      unsubscribe();
      stop();
    };
  }

  #answer(request: ApiRequest): { readonly status: number; readonly body: unknown } {
    const known = discovered(request) ?? reviewed(request);
    if (known !== undefined) return known;
    const target = this.#target(request.path);
    if (target === undefined) return this.#unknown(request);
    const live = target.name === undefined ? undefined : this.store.get(target.bucket, target.namespace, target.name);
    switch (request.method) {
      case 'GET':
        return this.#read(request, target, live);
      case 'POST':
        return this.#create(request, target);
      case 'PUT':
        return this.#replace(request, target, live);
      case 'PATCH':
        return this.#patch(request, target, live);
      case 'DELETE':
        return this.#delete(request, target, live);
    }
  }

  #unknown({ method, path, contentType }: ApiRequest): { readonly status: number; readonly body: unknown } {
    if (method !== 'GET' || !/^\/(api|apis)\//.test(path)) this.strange.push(`${method} ${contentType ?? ''} ${path}`);
    throw new ApiError(404, 'NotFound', 'the server could not find the requested resource', {});
  }

  #target(path: string): Target | undefined {
    const [root, ...rest] = path.split('/').slice(1);
    const [group, version] = root === 'api' ? ['', rest.shift()] : [rest.shift(), rest.shift()];
    const namespace = rest[0] === 'namespaces' && rest.length > 2 ? rest[1] : undefined;
    const [plural, name, ...more] = namespace === undefined ? rest : rest.slice(2);
    const resource = served.find((one) => one.group === group && one.version === version && one.plural === plural);
    if (resource === undefined || more.length > 0) return undefined;
    return { resource, bucket: registry.bucketOf(resource), namespace, name };
  }

  #read(request: ApiRequest, { resource, bucket, namespace, name }: Target, live: KubeObject | undefined) {
    if (name !== undefined) {
      if (live === undefined) throw notFound(resource, name);
      return { status: 200, body: live };
    }
    const items = this.store.list(bucket).filter(selecting(request, namespace));
    const metadata = { resourceVersion: String(this.store.revision) };
    const { kind, apiVersion } = typeOf(resource);
    return { status: 200, body: { kind: `${kind}List`, apiVersion, metadata, items } };
  }

  #create(request: ApiRequest, { resource, bucket, namespace }: Target) {
    const sent = request.body as KubeObject;
    const { name } = sent.metadata;
    if (this.store.get(bucket, namespace, name) !== undefined) throw alreadyExists(resource, name);
    this.#mustHave(namespace, resource, name);
    const next = this.#tracked(request, resource, undefined, this.#fresh(sent, namespace));
    return { status: 201, body: this.#written(request, bucket, undefined, next) };
  }

  #replace(request: ApiRequest, { resource, bucket, name = '' }: Target, live: KubeObject | undefined) {
    if (live === undefined) throw notFound(resource, name);
    const sent = request.body as KubeObject;
    const { resourceVersion } = sent.metadata;
    if (resourceVersion !== undefined && resourceVersion !== live.metadata.resourceVersion)
      throw modified(resource, name);
    const next = { ...sent, metadata: keepServerMetadata(live.metadata, sent.metadata) };
    return { status: 200, body: this.#written(request, bucket, live, this.#tracked(request, resource, live, next)) };
  }

  #patch(request: ApiRequest, target: Target, live: KubeObject | undefined) {
    const { resource, bucket, namespace, name = '' } = target;
    const patch = PATCHES[request.contentType ?? ''];
    if (patch !== undefined) {
      if (live === undefined) throw notFound(resource, name);
      const patched = patch(live as unknown as Json, request.body as Json);
      if (patched.kind !== 'patched') throw new ApiError(patched.status, patched.reason, patched.message);
      const merged = patched.value as unknown as KubeObject;
      const next = { ...merged, metadata: keepServerMetadata(live.metadata, merged.metadata) };
      return { status: 200, body: this.#written(request, bucket, live, this.#tracked(request, resource, live, next)) };
    }
    if (request.contentType !== 'application/apply-patch+yaml') return this.#unknown(request);
    const sent = request.body as KubeObject;
    const { resourceVersion, uid } = sent.metadata;
    if (live === undefined && uid !== undefined) {
      const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: `;
      throw conflict(resource, name, why);
    }
    this.#mustHave(namespace, resource, name);
    const metadata = namespace === undefined ? sent.metadata : { ...sent.metadata, namespace };
    const result = apply({
      live,
      applied: { ...sent, metadata },
      manager: String(request.query?.fieldManager ?? ''),
      force: request.query?.force === true,
      time: kubeTime(this.#options.clock.now()),
      resource,
    });
    if (result.kind === 'conflict') throw applyConflict(result.conflicts);
    if (result.kind === 'invalid') throw new ApiError(result.status, result.reason, result.message);
    if (live === undefined) {
      return { status: 201, body: this.#written(request, bucket, undefined, this.#fresh(result.object, namespace)) };
    }
    if (resourceVersion !== undefined && resourceVersion !== live.metadata.resourceVersion)
      throw modified(resource, name);
    const next = { ...result.object, metadata: keepServerMetadata(live.metadata, result.object.metadata) };
    return { status: 200, body: this.#written(request, bucket, live, next) };
  }

  #delete(request: ApiRequest, { resource, bucket, namespace, name = '' }: Target, live: KubeObject | undefined) {
    if (live === undefined) throw notFound(resource, name);
    const options = isObject(request.body as Json) ? (request.body as JsonObject) : {};
    const { uid, resourceVersion } = isObject(options.preconditions) ? options.preconditions : {};
    const found = live.metadata;
    if (typeof uid === 'string' && uid !== found.uid) {
      const why = `the UID in the precondition (${uid}) does not match the UID in record (${found.uid}). The object might have been deleted and then recreated`;
      throw conflict(resource, name, `Precondition failed: ${why}`);
    }
    if (typeof resourceVersion === 'string' && resourceVersion !== found.resourceVersion) {
      const why = `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${found.resourceVersion}). The object might have been modified`;
      throw conflict(resource, name, `Precondition failed: ${why}`);
    }
    if ((found.finalizers ?? []).length > 0 || bucket === 'namespaces') return this.#terminate(bucket, live);
    this.#remove(bucket, namespace, live);
    return { status: 200, body: success(resource, name, found.uid) };
  }

  /** Gone when its finalizers are; a namespace in a moment, with all that is in it. */
  #terminate(bucket: string, live: KubeObject) {
    if (live.metadata.deletionTimestamp !== undefined) return { status: 200, body: live };
    const metadata = { ...live.metadata, deletionTimestamp: kubeTime(this.#options.clock.now()) };
    const going = this.#put(bucket, live, { ...live, metadata });
    if (bucket === 'namespaces') this.#options.clock.after(TERMINATING_MS, () => this.#empty(live.metadata.name));
    return { status: 200, body: going };
  }

  #empty(namespace: string): void {
    for (const bucket of this.store.buckets()) {
      for (const object of this.store.list(bucket, namespace)) this.#remove(bucket, namespace, object);
    }
    const live = this.store.get('namespaces', undefined, namespace);
    if (live !== undefined) this.#remove('namespaces', undefined, live);
  }

  #mustHave(namespace: string | undefined, resource: ResourceInfo, name: string): void {
    if (namespace === undefined) return;
    const found = this.store.get('namespaces', undefined, namespace);
    if (found === undefined) throw notFound({ group: '', plural: 'namespaces', kind: 'Namespace' }, namespace);
    if (found.metadata.deletionTimestamp === undefined) return;
    const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
    throw new ApiError(403, 'Forbidden', `${resource.plural} "${name}" is forbidden: ${why}`, {
      name,
      kind: resource.plural,
    });
  }

  #fresh(object: KubeObject, namespace: string | undefined): KubeObject {
    const { clock, bytes } = this.#options;
    const own = { uid: uuid(bytes(16)), creationTimestamp: kubeTime(clock.now()) };
    return { ...object, metadata: { ...object.metadata, ...(namespace === undefined ? {} : { namespace }), ...own } };
  }

  #tracked(request: ApiRequest, resource: ResourceInfo, live: KubeObject | undefined, next: KubeObject): KubeObject {
    const manager = String(request.query?.fieldManager ?? 'ldc');
    return trackUpdate({ live, next, manager, time: kubeTime(this.#options.clock.now()), resource });
  }

  #written(request: ApiRequest, bucket: string, live: KubeObject | undefined, next: KubeObject): KubeObject {
    if (request.query?.dryRun !== undefined) return next;
    if (live !== undefined && isSame(live, next)) return live;
    const isGone = next.metadata.deletionTimestamp !== undefined && (next.metadata.finalizers ?? []).length === 0;
    const stored = this.#put(bucket, live, next);
    if (isGone && bucket !== 'namespaces') this.#remove(bucket, next.metadata.namespace, stored);
    return stored;
  }

  #put(bucket: string, before: KubeObject | undefined, next: KubeObject): KubeObject {
    const after = this.store.put(bucket, next);
    this.onWrite({ verb: before === undefined ? 'create' : 'update', bucket, before, after });
    return after;
  }

  #remove(bucket: string, namespace: string | undefined, before: KubeObject): void {
    this.store.remove(bucket, namespace, before.metadata.name);
    this.onWrite({ verb: 'delete', bucket, before, after: undefined });
  }
}

/** A write that changes nothing makes no new version, as on a real server; managers' times do not count. */
function isSame(live: KubeObject, next: KubeObject): boolean {
  const { resourceVersion: _version, ...metadata } = live.metadata;
  const { resourceVersion: _sent, ...others } = next.metadata;
  return textOf({ ...live, metadata }) === textOf({ ...next, metadata: others });
}

function textOf(value: unknown): string {
  const sorted = (_key: string, one: unknown) =>
    isObject(one as Json)
      ? Object.fromEntries(Object.entries(one as JsonObject).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one;
  return JSON.stringify(value, sorted);
}

function typeOf({ group, version, kind }: ResourceInfo) {
  return { kind, apiVersion: group === '' ? version : `${group}/${version}` };
}

function selecting({ query }: ApiRequest, namespace: string | undefined): (object: KubeObject) => boolean {
  const selector = query?.labelSelector;
  const [key, value] = typeof selector === 'string' ? selector.split('=') : [];
  return ({ metadata }) => {
    if (namespace !== undefined && metadata.namespace !== namespace) return false;
    if (key === undefined) return true;
    const found = metadata.labels?.[key];
    return value === undefined ? found !== undefined : found === value;
  };
}

/** As a watch with a selector shows it: what leaves the selection is deleted, what enters it is added. */
function eventsOf({ type, object, before }: StoredChange, matches: (object: KubeObject) => boolean): WatchEvent[] {
  const was = before !== undefined && matches(before);
  if (type === 'DELETED') return was ? [{ type, object }] : [];
  if (matches(object)) return [{ type: was ? 'MODIFIED' : 'ADDED', object }];
  return was ? [{ type: 'DELETED', object }] : [];
}

function discovered({ method, path }: ApiRequest): { readonly status: number; readonly body: unknown } | undefined {
  if (method !== 'GET') return undefined;
  if (path === '/version') return { status: 200, body: { major: '1', minor: '34', gitVersion: 'v1.34.0' } };
  const groupOf = (group: string) => {
    const versions = [{ groupVersion: `${group}/v1`, version: 'v1' }];
    return { name: group, versions, preferredVersion: versions[0] };
  };
  if (path === '/apis')
    return { status: 200, body: { kind: 'APIGroupList', apiVersion: 'v1', groups: GROUPS.map(groupOf) } };
  const [, group = '', version] = /^\/(?:api|apis\/([^/]+))(?:\/([^/]+))?$/.exec(path) ?? [];
  if (version === undefined) return GROUPS.includes(group) ? { status: 200, body: groupOf(group) } : undefined;
  const resources = served.filter((one) => one.group === group && one.version === version);
  if (resources.length === 0) return undefined;
  const groupVersion = group === '' ? version : `${group}/${version}`;
  const entries = resources.map(({ plural, namespaced, kind, verbs }) => ({ name: plural, namespaced, kind, verbs }));
  return { status: 200, body: { kind: 'APIResourceList', groupVersion, resources: entries } };
}

/** Whoever asks may do everything. */
function reviewed({ method, path, body }: ApiRequest): { readonly status: number; readonly body: unknown } | undefined {
  if (method !== 'POST' || !path.startsWith('/apis/authorization.k8s.io/v1/')) return undefined;
  const sent = body as JsonObject;
  if (path.endsWith('/selfsubjectaccessreviews')) return { status: 201, body: { ...sent, status: { allowed: true } } };
  if (!path.endsWith('/selfsubjectrulesreviews')) return undefined;
  const status = {
    resourceRules: [EVERYTHING],
    nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
    incomplete: false,
  };
  return { status: 201, body: { ...sent, status } };
}
