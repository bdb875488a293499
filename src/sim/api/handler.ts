/** One HTTP request from socket to answer: who, may they, what, and the form of the answer. */
import type { KeyObject } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { errorText } from '../../base/index.ts';
import { uuid } from '../objects/index.ts';
import { json, send, text } from './answer.ts';
import { authenticate, groupsOfNobody, impersonated, type StaticTokens } from './authenticate.ts';
import { authorizeImpersonation, authorizePath, authorizeResource, namedBySelector } from './authorize.ts';
import type { Cluster, User } from './cluster.ts';
import { servePath } from './paths.ts';
import type { Pki } from './pki.ts';
import type { LogSource } from './pod-log.ts';
import { negotiate } from './representation.ts';
import { parseTarget, type RequestTarget, verbOf } from './request.ts';
import { serveResource } from './resource-requests.ts';
import { ApiError, badRequest, methodNotAllowed } from './status.ts';

/** What the HTTP side needs beside the cluster itself. */
export interface Serving {
  readonly cluster: Cluster;
  readonly pki: Pki;
  readonly tokenKey: KeyObject;
  readonly tokens: StaticTokens;
  readonly logs: LogSource | undefined;
  /** `127.0.0.1:6443`, for the discovery document. */
  readonly address: () => string;
}

/** Never rejects: every failure becomes a Status. */
export async function handle(serving: Serving, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.setHeader('Audit-Id', uuid(serving.cluster.random.bytes(16)));
  response.setHeader('Cache-Control', 'no-cache, private');
  response.sendDate = true;
  try {
    await route(serving, request, response);
  } catch (error) {
    refuse(serving, response, error);
  }
}

function refuse(serving: Serving, response: ServerResponse, error: unknown): void {
  const known = error instanceof ApiError ? error : internal(serving, error);
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (known.code === 403 && known.message.includes(' cannot ')) response.setHeader('X-Content-Type-Options', 'nosniff');
  send(response, json(known.code, known.body, known.headers), prefersYaml(response.req));
}

function prefersYaml({ headers }: IncomingMessage): boolean {
  try {
    return negotiate(headers.accept ?? '', { tables: true, discovery: true }).kind === 'yaml';
  } catch {
    return false;
  }
}

function internal(serving: Serving, error: unknown): ApiError {
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  serving.cluster.logger.error({ cluster: serving.cluster.name, error: detail }, 'a request failed');
  const message = `Internal error occurred: ${errorText(error)}`;
  return new ApiError(500, 'InternalError', message, { causes: [{ message: errorText(error) }] });
}

async function route(serving: Serving, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'https://localhost');
  const method = request.method ?? 'GET';
  const unnamed = groupsOfNobody(request);
  if (unnamed !== undefined) return send(response, text(500, unnamed));
  const user = userOf(serving, request);
  const target = targetOf(url.pathname);
  if (target === undefined) {
    authorizePath(serving.cluster, user, url.pathname, method);
    return servePath(serving, request, response, url);
  }
  const verb = verbOf(method, target, url.searchParams);
  if (verb === undefined) throw methodNotAllowed();
  authorizeResource(serving.cluster, user, namedBySelector(target, verb, url.searchParams.get('fieldSelector')), verb);
  const resource = serving.cluster.registry.find(target.group, target.version, target.plural);
  if (resource === undefined) {
    if (serving.cluster.registry.versionsOf(target.group).length === 0)
      return send(response, text(404, '404 page not found\n'));
    throw new ApiError(404, 'NotFound', 'the server could not find the requested resource', {});
  }
  await serveResource(serving, { user, target, verb, resource, url, request, response });
}

function targetOf(path: string): RequestTarget | undefined {
  try {
    return parseTarget(path);
  } catch {
    throw badRequest('the path is no valid percent-encoding');
  }
}

function userOf(serving: Serving, request: IncomingMessage): User {
  const { cluster, tokenKey, tokens } = serving;
  const user = authenticate(cluster, tokenKey, tokens, request);
  const other = impersonated(request);
  if (other === undefined) return user;
  authorizeImpersonation(cluster, user, other);
  return other.target;
}
