/** The subresources that are not simply the object again: scale, log, eviction, binding, token, finalize. */
import { isObject, type Json, type JsonObject, type KubeObject } from '../../base/index.ts';
import { asked } from './admit-webhooks.ts';
import { json, optionalJson, readBody, send } from './answer.ts';
import { requireManager } from './apply-patch.ts';
import { bindPod } from './binding.ts';
import { type Body, decodeAny, decodeApplied, decodeJson } from './body.ts';
import { type Call, part } from './cluster.ts';
import { remove } from './deleter.ts';
import { evict } from './eviction.ts';
import type { Serving } from './handler.ts';
import { checkPatchType, patched } from './patcher.ts';
import { logQuery, noKubelet } from './pod-log.ts';
import type { Representation } from './representation.ts';
import type { ResourceRequest } from './resource-requests.ts';
import { reviewed } from './reviewed.ts';
import { appliedScale, rescaled, scaleOf } from './scale.ts';
import { badRequest, methodNotAllowed } from './status.ts';
import { fields } from './strategy.ts';
import { scaleTable } from './table.ts';
import { serveTokenRequest } from './token-request.ts';
import { mustFind, update } from './writer.ts';

/** @throws ApiError whatever the call is refused for. */
export async function serveSubresource(
  serving: Serving,
  asked: ResourceRequest,
  call: Call,
  form: Representation,
): Promise<void> {
  switch (call.subresource) {
    case 'scale':
      return serveScale(serving, asked, call, form);
    case 'log':
      return serveLog(serving, asked, call);
    case 'eviction':
      return serveEviction(serving, asked, call);
    case 'binding':
      return serveBinding(serving, asked, call);
    case 'token':
      return serveTokenRequest(serving, asked, call);
    case 'finalize':
      return serveFinalize(serving, asked, call);
    default:
      throw methodNotAllowed();
  }
}

async function serveScale(
  { cluster }: Serving,
  asked: ResourceRequest,
  call: Call,
  form: Representation,
): Promise<void> {
  const answer = (object: KubeObject) => {
    const scale = scaleOf(cluster, call.resource, object);
    const includeObject = asked.url.searchParams.get('includeObject') ?? '';
    const shown = form.kind === 'table' ? scaleTable(cluster, form.version, scale as never, includeObject) : scale;
    send(asked.response, json(200, shown));
  };
  if (asked.verb === 'get') return answer(mustFind(cluster, call));
  const body = await readBody(asked.request);
  if (asked.verb !== 'update' && asked.verb !== 'patch') throw methodNotAllowed();
  if (body.type === 'application/apply-patch+yaml') requireManager(asked.url.searchParams);
  const change = asked.verb === 'update' ? replaced(cluster, call, body) : scalePatch(cluster, call, body);
  answer(
    (await reviewed(cluster, call, (on, asking) => update(on, asking, shownScale(on, asking, change), true))).object,
  );
}

type Change = (live: KubeObject) => KubeObject;

function replaced(cluster: Serving['cluster'], call: Call, body: Body): Change {
  const scale = asObject(decodeAny(cluster.registry, body, 'Scale').value);
  return (live) => rescaled(cluster, call, live, scale);
}

function scalePatch(cluster: Serving['cluster'], call: Call, body: Body): Change {
  checkPatchType(body.type, cluster.registry.isCustom(call.resource));
  if (body.type === 'application/apply-patch+yaml') {
    const value = decodeApplied(body.bytes);
    return (live) => appliedScale(cluster, call, live, value);
  }
  return (live) => rescaled(cluster, call, live, patchedScale(asScale(cluster, call, live), call, body));
}

function asScale(cluster: Serving['cluster'], call: Call, live: KubeObject): KubeObject {
  return scaleOf(cluster, call.resource, live) as unknown as KubeObject;
}

function patchedScale(scale: KubeObject, call: Call, body: Body): JsonObject {
  const { schema: _schema, ...plain } = call.resource;
  const { value } = decodeJson(body.bytes, 'Scale');
  return patched({ ...call, resource: plain }, scale, body.type, value) as unknown as JsonObject;
}

function asObject(value: Json): JsonObject {
  if (!isObject(value)) throw badRequest('the body is no object');
  return value;
}

async function serveLog(serving: Serving, asked: ResourceRequest, call: Call): Promise<void> {
  const query = logQuery(mustFind(serving.cluster, call), asked.url.searchParams);
  const gone = new AbortController();
  asked.response.on('close', () => gone.abort());
  const chunks = await serving.logs?.(query, gone.signal);
  if (chunks === undefined) throw noKubelet(call.name);
  if ('refused' in chunks) throw badRequest(chunks.refused);
  asked.response.setHeader('Content-Type', 'text/plain');
  asked.response.flushHeaders();
  for await (const chunk of chunks) {
    if (gone.signal.aborted) return;
    if (!asked.response.write(chunk)) await drained(asked.response);
  }
  asked.response.end();
}

function drained(response: ResourceRequest['response']): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      response.off('drain', go);
      response.off('close', go);
      resolve();
    };
    response.once('drain', go);
    response.once('close', go);
  });
}

async function serveEviction(serving: Serving, asked: ResourceRequest, call: Call): Promise<void> {
  if (asked.verb !== 'create') throw methodNotAllowed();
  const { value } = decodeAny(serving.cluster.registry, await readBody(asked.request), 'Eviction');
  const pod = mustFind(serving.cluster, call);
  const options = fields(isObject(value) ? value.deleteOptions : undefined);
  await reviewed(serving.cluster, call, (on, asking) => admitAside(on, asking, value));
  evict(serving.cluster, call, pod);
  const grace =
    typeof options.gracePeriodSeconds === 'number' ? { gracePeriodSeconds: options.gracePeriodSeconds } : {};
  remove(serving.cluster, { ...call, subresource: '' }, grace, true);
  send(asked.response, json(201, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }));
}

/** The change of an object's replicas, shown to webhooks as one of its Scale. */
function shownScale(cluster: Serving['cluster'], call: Call, change: Change): Change {
  return (live) => {
    const next = change(live);
    const [object, before] = [asScale(cluster, call, next), asScale(cluster, call, live)];
    asked(cluster, call, { operation: 'UPDATE', object, before });
    return next;
  };
}

/** What is made beside an object is shown to webhooks as it is. */
function admitAside(cluster: Serving['cluster'], call: Call, value: Json): void {
  asked(cluster, call, { operation: 'CREATE', object: value as unknown as KubeObject });
}

/** The scheduler's word: the pod belongs to a node. @throws ApiError 409 when it already does. */
async function serveBinding({ cluster }: Serving, asked: ResourceRequest, call: Call): Promise<void> {
  if (asked.verb !== 'create') throw methodNotAllowed();
  const { value } = decodeAny(cluster.registry, await readBody(asked.request), 'Binding');
  const node = fields(asObject(value).target).name;
  if (typeof node !== 'string' || node === '') throw badRequest('target.name: Required value');
  await reviewed(cluster, call, (on, asking) => admitAside(on, asking, value));
  bindPod(cluster, call, node);
  send(asked.response, json(201, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }));
}

/** Only `spec.finalizers` of a namespace are taken from the body. */
async function serveFinalize({ cluster }: Serving, asked: ResourceRequest, call: Call): Promise<void> {
  if (asked.verb !== 'update') throw methodNotAllowed();
  const body = optionalJson(await readBody(asked.request));
  const { finalizers = [] } = fields(fields(body).spec);
  const change = (live: KubeObject) => ({ ...live, spec: { ...part(live, 'spec'), finalizers } });
  const plain = { ...call, subresource: '' };
  const result = await reviewed(cluster, plain, (on, asking) => update(on, asking, change));
  send(asked.response, json(200, result.object as unknown as Json));
}
