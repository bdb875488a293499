/** `serviceaccounts/token`: a token for an account, for a while and for an audience. */
import { isObject, type Json } from '../../base/index.ts';
import { trackUpdate } from '../apply/index.ts';
import { kubeTime } from '../objects/index.ts';
import type { ResourceInfo } from '../types.ts';
import { json, readBody, send } from './answer.ts';
import { decodeObject } from './body.ts';
import { type Call, part } from './cluster.ts';
import type { Serving } from './handler.ts';
import type { ResourceRequest } from './resource-requests.ts';
import { badRequest, conflict, invalid, methodNotAllowed, notFound } from './status.ts';
import { fields } from './strategy.ts';
import { ISSUER, issueToken } from './tokens.ts';
import { mustFind } from './writer.ts';

const SECONDS_DEFAULT = 3600;
const SECONDS_MIN = 600;
const SECONDS_MAX = 2 ** 32;

/** @throws ApiError 400, 404, 409, 422. */
export async function serveTokenRequest(serving: Serving, asked: ResourceRequest, call: Call): Promise<void> {
  if (asked.verb !== 'create') throw methodNotAllowed();
  const { cluster } = serving;
  const account = mustFind(cluster, call);
  const resource = tokenResource(serving, call);
  const request = decodeObject(cluster.registry, call, resource, await readBody(asked.request));
  const spec = part(request, 'spec');
  const seconds = secondsOf(spec.expirationSeconds);
  const audiences = Array.isArray(spec.audiences) && spec.audiences.length > 0 ? spec.audiences.map(String) : [ISSUER];
  const bound = boundObject(serving, call, spec.boundObjectRef);
  const { namespace = '', name, uid = '' } = account.metadata;
  const token = issueToken(cluster, serving.pki.tokenKey, {
    namespace,
    account: name,
    uid,
    audiences,
    seconds,
    ...(bound === undefined ? {} : { bound }),
  });
  const now = cluster.clock.now();
  const answer = {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: { name, namespace, uid, creationTimestamp: kubeTime(now) },
    spec: { audiences, expirationSeconds: seconds, boundObjectRef: spec.boundObjectRef ?? null },
  };
  const tracked = trackUpdate({
    live: undefined,
    next: request,
    manager: call.manager,
    subresource: 'token',
    time: kubeTime(now),
    resource,
  });
  const { managedFields } = tracked.metadata;
  const metadata = managedFields === undefined ? answer.metadata : { ...answer.metadata, managedFields };
  const status = { token, expirationTimestamp: kubeTime(now + seconds * 1000) };
  send(asked.response, json(201, { ...answer, metadata, status } as Json));
}

function tokenResource(serving: Serving, call: Call): ResourceInfo {
  const known = serving.cluster.registry.byKind('authentication.k8s.io', 'v1', 'TokenReview');
  const { schema: _schema, ...rest } = known ?? call.resource;
  return {
    ...rest,
    group: 'authentication.k8s.io',
    version: 'v1',
    kind: 'TokenRequest',
    schema: { ref: 'io.k8s.api.authentication.v1.TokenRequest' },
  };
}

function secondsOf(value: Json | undefined): number {
  const seconds = typeof value === 'number' ? value : SECONDS_DEFAULT;
  const refuse = (message: string) =>
    invalid({ group: 'authentication.k8s.io', kind: 'TokenRequest' }, '', [
      {
        reason: 'FieldValueInvalid',
        field: 'spec.expirationSeconds',
        message: `Invalid value: ${seconds}: ${message}`,
      },
    ]);
  if (seconds < SECONDS_MIN) throw refuse('may not specify a duration less than 10 minutes');
  if (seconds > SECONDS_MAX) throw refuse('may not specify a duration larger than 2^32 seconds');
  return seconds;
}

/** What a token may live and die with. */
const BINDABLE: { readonly [kind: string]: string } = { Node: 'nodes', Pod: 'pods', Secret: 'secrets' };

function boundObject({ cluster }: Serving, call: Call, reference: Json | undefined) {
  if (!isObject(reference)) return undefined;
  const { kind, name, uid } = fields(reference);
  const bucket = BINDABLE[String(kind)];
  if (bucket === undefined) throw badRequest(`cannot bind token to object of type /v1, Kind=${String(kind)}`);
  const found = cluster.store.get(bucket, kind === 'Node' ? undefined : call.namespace, String(name));
  if (found === undefined) throw notFound({ group: '', plural: bucket, kind: String(kind) }, String(name));
  if (uid !== undefined && uid !== found.metadata.uid)
    throw conflict(
      { group: '', plural: bucket, kind: String(kind) },
      String(name),
      'the UID in the bound object reference does not match the UID in record',
    );
  return { kind: String(kind), name: String(name), uid: found.metadata.uid ?? '' };
}
