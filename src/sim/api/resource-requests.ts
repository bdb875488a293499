/** Requests for resources, by verb and subresource. Authorization is behind us. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Json, JsonObject, KubeObject } from '../../base/index.ts';
import type { ResourceInfo } from '../types.ts';
import { asked as askWebhooks } from './admit-webhooks.ts';
import { json, optionalJson, readBody, send } from './answer.ts';
import { requireManager } from './apply-patch.ts';
import { authorizeResource, targetOf } from './authorize.ts';
import { type Body, decodeObject } from './body.ts';
import type { Call, User } from './cluster.ts';
import { deleteOptions, remove, removeAll } from './deleter.ts';
import type { Serving } from './handler.ts';
import { checkPatchType, patch } from './patcher.ts';
import { listPage, selection, tooLarge } from './reader.ts';
import { eventEncoder, renderList, renderObject } from './render.ts';
import { replacing } from './replacing.ts';
import { negotiate, type Representation } from './representation.ts';
import { listOptions, type RequestTarget, type Verb, writeOptions } from './request.ts';
import { reviewed } from './reviewed.ts';
import { review } from './reviews.ts';
import { ApiError, methodNotAllowed, qualified } from './status.ts';
import { serveSubresource } from './subresources.ts';
import { watch } from './watcher.ts';
import { create, mustFind, update } from './writer.ts';

export interface ResourceRequest {
  readonly user: User;
  readonly target: RequestTarget;
  readonly verb: Verb;
  readonly resource: ResourceInfo;
  readonly url: URL;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

const FUTURE_WAIT_MS = 3_000;

const OPTIONS: { readonly [verb in Verb]?: string } = {
  create: 'CreateOptions',
  update: 'UpdateOptions',
  patch: 'PatchOptions',
  delete: 'DeleteOptions',
  deletecollection: 'DeleteOptions',
};

/** What every request for such a kind is warned of. */
const DEPRECATED: { readonly [resource: string]: string } = {
  componentstatuses: 'v1 ComponentStatus is deprecated in v1.19+',
  endpoints: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
};

const PODS_KEPT =
  'child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning';

/** Objects that are written as they are: their own `/status` and the like go the way of the main resource. */
const PLAIN_SUBRESOURCES = new Set(['', 'status', 'approval']);

/** @throws ApiError whatever the call is refused for. */
export async function serveResource(serving: Serving, asked: ResourceRequest): Promise<void> {
  const { resource, target, verb, request, url } = asked;
  const main = target.subresource === '';
  const form = negotiate(request.headers.accept ?? '*/*', { tables: true, discovery: false });
  if (!main && !resource.subresources.some((name) => name === target.subresource)) throw notServed(resource, target);
  if (main && !resource.verbs.includes(verb) && !(verb === 'watch' && resource.verbs.includes('list')))
    throw methodNotAllowed();
  if (main && (verb === 'create') !== (target.name === '') && ['create', 'update', 'patch', 'delete'].includes(verb))
    throw methodNotAllowed();
  if (resource.namespaced && target.namespace === undefined && !['list', 'watch'].includes(verb))
    throw methodNotAllowed();
  const warnings = new Set<string>();
  const options = writeOptions(url.searchParams, request.headers['user-agent'] ?? '', OPTIONS[verb] ?? 'GetOptions');
  const call: Call = {
    ...options,
    user: asked.user,
    resource,
    ...(target.namespace === undefined ? {} : { namespace: target.namespace }),
    name: target.name,
    subresource: target.subresource,
    asked: optionsAsked(url.searchParams),
    warn: (warning) => {
      warnings.add(warning);
      asked.response.setHeader(
        'Warning',
        [...warnings].map((one) => `299 - ${JSON.stringify(one)}`),
      );
    },
  };
  const deprecated = DEPRECATED[qualified(resource)];
  if (deprecated !== undefined) call.warn(deprecated);
  if (!PLAIN_SUBRESOURCES.has(target.subresource)) return serveSubresource(serving, asked, call, form);
  await byVerb(serving, asked, call, form);
}

function optionsAsked(query: URLSearchParams): JsonObject {
  const given = ['fieldManager', 'fieldValidation'].map((name) => [name, query.get(name) ?? ''] as const);
  return Object.fromEntries(given.filter(([, value]) => value !== ''));
}

/** A subresource that the kind does not have is an unknown path to a real server; a known one that is not built says so. */
function notServed(resource: ResourceInfo, target: RequestTarget): ApiError {
  const known = ['exec', 'attach', 'portforward', 'proxy', 'ephemeralcontainers', 'resize'];
  if (resource.plural === 'pods' && known.includes(target.subresource.split('/')[0] ?? '')) {
    return new ApiError(501, 'NotImplemented', `pods/${target.subresource} is not served by an embedded cluster`, {
      name: target.name,
      kind: resource.plural,
    });
  }
  return new ApiError(404, 'NotFound', 'the server could not find the requested resource', {});
}

async function byVerb(serving: Serving, asked: ResourceRequest, call: Call, form: Representation): Promise<void> {
  const { cluster } = serving;
  const { response, url } = asked;
  switch (asked.verb) {
    case 'get':
      return answerObject(serving, asked, call, form, 200, mustFind(cluster, call));
    case 'list':
      return list(serving, asked, call, form);
    case 'watch':
      return startWatch(serving, asked, call, form);
    case 'create': {
      const body = await readBody(asked.request);
      const object = decodeObject(cluster.registry, call, call.resource, body);
      const answered = review(serving, call, object);
      if (answered !== undefined) {
        await reviewed(cluster, call, (on, asking) => askWebhooks(on, asking, { operation: 'CREATE', object }));
        return send(response, json(201, answered as unknown as Json));
      }
      const made = await reviewed(cluster, call, (on, asking) => create(on, asking, object));
      return answerObject(serving, asked, call, form, 201, made);
    }
    case 'update': {
      const body = await readBody(asked.request);
      const replaced = await reviewed(cluster, call, (on, asking) =>
        replace({ ...serving, cluster: on }, asking, body),
      );
      return answerObject(serving, asked, call, form, ...replaced);
    }
    case 'patch': {
      const { object, created } = await patchRequest(serving, asked, call);
      return answerObject(serving, asked, call, form, created ? 201 : 200, object);
    }
    case 'delete': {
      const body = optionalJson(await readBody(asked.request));
      const { dryRun, ...options } = deleteOptions(body, url.searchParams);
      if (options.propagationPolicy === undefined && qualified(call.resource) === 'jobs.batch') call.warn(PODS_KEPT);
      const removing = { ...call, dryRun: dryRun === true };
      const answer = await reviewed(cluster, removing, (on, asking) => remove(on, asking, options));
      return send(response, json(200, answer));
    }
    case 'deletecollection':
      return removeCollection(serving, asked, call);
  }
}

async function patchRequest(serving: Serving, asked: ResourceRequest, call: Call) {
  const body = await readBody(asked.request);
  checkPatchType(body.type, serving.cluster.registry.isCustom(call.resource));
  if (body.type === 'application/apply-patch+yaml') requireManager(asked.url.searchParams);
  return reviewed(serving.cluster, call, (on, asking) => patch(on, asking, body));
}

/** Kinds that a PUT may create, as their registries say. */
const CREATED_BY_UPDATE = new Set([
  'leases',
  'endpoints',
  'events',
  'limitranges',
  'roles',
  'rolebindings',
  'clusterroles',
  'clusterrolebindings',
  'services',
]);

function replace(serving: Serving, call: Call, body: Body): readonly [number, KubeObject] {
  const { cluster } = serving;
  const object = decodeObject(cluster.registry, call, call.resource, body);
  try {
    return [200, update(cluster, call, (live) => replacing(cluster, call, live, object)).object];
  } catch (error) {
    const missing = error instanceof ApiError && error.code === 404;
    if (
      !missing ||
      call.subresource !== '' ||
      !CREATED_BY_UPDATE.has(call.resource.plural) ||
      object.metadata.resourceVersion
    )
      throw error;
    authorizeResource(cluster, call.user, targetOf(call), 'create');
    return [201, create(cluster, call, object)];
  }
}

function answerObject(
  serving: Serving,
  asked: ResourceRequest,
  call: Call,
  form: Representation,
  status: number,
  object: KubeObject,
): void {
  const includeObject = asked.url.searchParams.get('includeObject') ?? '';
  send(
    asked.response,
    json(status, renderObject(serving.cluster, call, form, object, includeObject)),
    form.kind === 'yaml',
  );
}

async function list(serving: Serving, asked: ResourceRequest, call: Call, form: Representation): Promise<void> {
  const options = listOptions(asked.url.searchParams, false);
  await untilKnown(serving, options.resourceVersion);
  const page = listPage(serving.cluster, call, options);
  send(
    asked.response,
    json(200, renderList(serving.cluster, call, form, page, options.includeObject)),
    form.kind === 'yaml',
  );
}

/** A revision of the future is waited for a little, as a real server does for its cache to catch up. @throws ApiError 504. */
async function untilKnown({ cluster }: Serving, wanted: string): Promise<void> {
  if (wanted === '' || Number(wanted) <= cluster.store.revision) return;
  await cluster.clock.sleep(FUTURE_WAIT_MS);
  if (Number(wanted) > cluster.store.revision) throw tooLarge(wanted, cluster.store.revision);
}

async function startWatch(serving: Serving, asked: ResourceRequest, call: Call, form: Representation): Promise<void> {
  const options = listOptions(asked.url.searchParams, true);
  selection(serving.cluster, call, options);
  asked.response.setHeader('Content-Type', 'application/json');
  await watch(
    serving.cluster,
    call,
    options,
    eventEncoder(serving.cluster, call, form, options.includeObject),
    asked.response,
  );
}

async function removeCollection(serving: Serving, asked: ResourceRequest, call: Call): Promise<void> {
  const { cluster } = serving;
  const body = optionalJson(await readBody(asked.request));
  const { dryRun, ...options } = deleteOptions(body, asked.url.searchParams);
  const page = listPage(cluster, call, { ...listOptions(asked.url.searchParams, false), limit: 0 });
  await removeAll(cluster, { ...call, dryRun: dryRun === true }, page.items, options);
  send(asked.response, json(200, renderList(cluster, call, { kind: 'json' }, page, '')));
}
