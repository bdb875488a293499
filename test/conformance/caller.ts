/** One identity at one API server: requests by path, and what their answers must be. */
import assert from 'node:assert/strict';
import type { Json, JsonObject, KubeObject } from '../../src/base/index.ts';
import type { ApiAnswer, ApiRequest, Client } from '../../src/kubernetes/index.ts';

export type Answered = Extract<ApiAnswer, { kind: 'answered' }>;
export type Query = NonNullable<ApiRequest['query']>;

export const PATCH = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

export interface ApplyOptions {
  readonly manager?: string;
  readonly force?: boolean;
  readonly dryRun?: boolean;
}

/** What a refusal must say. `message` is the whole text, or a pattern of it; `causes` are compared as they are. */
export interface Refused {
  readonly reason?: string;
  readonly message?: string | RegExp;
  readonly details?: JsonObject;
  readonly causes?: readonly JsonObject[];
}

export interface Caller {
  readonly client: Client;
  request(request: ApiRequest): Promise<Answered>;
  get(path: string, query?: Query): Promise<Answered>;
  post(path: string, body: KubeObject | JsonObject, query?: Query): Promise<Answered>;
  put(path: string, body: KubeObject | JsonObject, query?: Query): Promise<Answered>;
  patch(path: string, type: keyof typeof PATCH, body: Json, query?: Query): Promise<Answered>;
  apply(path: string, body: KubeObject | JsonObject, options?: ApplyOptions): Promise<Answered>;
  remove(path: string, options?: JsonObject, query?: Query): Promise<Answered>;
}

/** An answer always comes: a server that is silent fails the case. */
export function callerOf(client: Client): Caller {
  async function request(request: ApiRequest): Promise<Answered> {
    const answer = await client.request(request);
    if (answer.kind === 'answered') return answer;
    throw new assert.AssertionError({ message: `${request.method} ${request.path}: ${answer.reason}` });
  }
  const withQuery = (query: Query | undefined) => (query === undefined ? {} : { query });
  return {
    client,
    request,
    get: (path, query) => request({ method: 'GET', path, ...withQuery(query) }),
    post: (path, body, query) => request({ method: 'POST', path, body, ...withQuery(query) }),
    put: (path, body, query) => request({ method: 'PUT', path, body, ...withQuery(query) }),
    patch: (path, type, body, query) =>
      request({ method: 'PATCH', path, body, contentType: PATCH[type], ...withQuery(query) }),
    apply: (path, body, { manager = 'alpha', force = false, dryRun = false } = {}) =>
      request({
        method: 'PATCH',
        path,
        body,
        contentType: PATCH.apply,
        query: { fieldManager: manager, force, ...(dryRun ? { dryRun: 'All' } : {}) },
      }),
    remove: (path, options, query) =>
      request({
        method: 'DELETE',
        path,
        ...(options === undefined ? {} : { body: { kind: 'DeleteOptions', apiVersion: 'v1', ...options } }),
        ...withQuery(query),
      }),
  };
}

/** The object of an answer that must be a success; of this very status when one is given. */
export function accepted(answer: Answered, status?: number): KubeObject {
  const shown = JSON.stringify(answer.body).slice(0, 600);
  if (status === undefined) assert.ok(answer.status < 300, `refused with ${answer.status}: ${shown}`);
  else assert.equal(answer.status, status, shown);
  return answer.body as unknown as KubeObject;
}

/** The Status of an answer that must be a refusal of this kind. */
export function refused(answer: Answered, code: number, wanted: Refused = {}): JsonObject {
  const status = answer.body as JsonObject;
  assert.equal(answer.status, code, JSON.stringify(status).slice(0, 600));
  assert.equal(status.kind, 'Status');
  assert.equal(status.status, 'Failure');
  assert.equal(status.code, code);
  if (wanted.reason !== undefined) assert.equal(status.reason, wanted.reason);
  if (typeof wanted.message === 'string') assert.equal(status.message, wanted.message);
  if (wanted.message instanceof RegExp) assert.match(String(status.message), wanted.message);
  const { causes, ...details } = (status.details ?? {}) as JsonObject;
  if (wanted.details !== undefined) assert.deepEqual(details, wanted.details);
  if (wanted.causes !== undefined) assert.deepEqual(causes, wanted.causes);
  return status;
}

/** A part of an object, for reading: missing parts are empty. */
export function part(object: KubeObject | JsonObject, ...path: readonly (string | number)[]): JsonObject {
  return (at(object, ...path) ?? {}) as JsonObject;
}

/** A value deep in an object, or undefined. */
export function at(object: KubeObject | JsonObject, ...path: readonly (string | number)[]): Json | undefined {
  let value: unknown = object;
  for (const step of path) value = (value as Record<string, unknown> | undefined | null)?.[String(step)];
  return value as Json | undefined;
}

export function items(answer: Answered): readonly KubeObject[] {
  return (at(accepted(answer, 200), 'items') ?? []) as unknown as readonly KubeObject[];
}

export function names(answer: Answered): readonly string[] {
  return items(answer).map((item) => item.metadata.name);
}
