import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import type { z } from 'zod';
import { errorText, type Json, type JsonObject, keyedDigest, type Refusal } from '../../base/index.ts';
import type { AnyRoute } from '../contract/index.ts';
import type { Services } from '../services.ts';
import { type Caller, permits, type Tokens } from '../tokens.ts';
import { type AuditedCall, audit, isAudited } from './audit.ts';
import type { Binding, Call, Reply } from './binding.ts';
import { entityTag, matchesTag } from './etag.ts';
import { createIdempotency, type Idempotency, type KeptAnswer } from './idempotency.ts';
import { HttpProblem, problemOf, refusalProblem } from './problem.ts';

type MountServices = Pick<Services, 'journal' | 'documents' | 'clock' | 'logger' | 'fingerprintKey' | 'observeOnly'>;

/** Serves each binding: who calls, may they, is what they send right; do it; journal it; answer. */
export function mount(app: Express, bindings: readonly Binding[], services: MountServices, tokens: Tokens): void {
  const { documents, clock, fingerprintKey } = services;
  const idempotency = createIdempotency({ documents, clock, key: fingerprintKey });
  for (const binding of bindings) {
    const { route } = binding;
    const serve = async (request: Request, response: Response) => {
      const caller = authenticate(request, tokens);
      const stillAllowed = () => bearerOf(request, tokens) !== undefined;
      const trail = new Trail(route, caller, request, response);
      try {
        await authorise(route, caller);
        if (route.changes && services.observeOnly === true) throw refusalProblem(OBSERVING);
        await readBody(route, request, response);
        await answer(binding, request, response, { caller, stillAllowed, trail, idempotency, services });
      } catch (error) {
        const problem = problemOf(error);
        if (isAudited(route) && !trail.journaled)
          await trail.write(services, problem?.status ?? 500, problem?.refusal ?? null);
        throw error;
      }
    };
    const path = route.path.replace(/\{(\w+)\}/g, ':$1');
    app[METHODS[route.method]](path, (request: Request, response: Response, next: NextFunction) => {
      serve(request, response).catch(next);
    });
  }
  refuseOtherMethods(app, bindings);
}

const OBSERVING: Refusal = {
  kind: 'observeOnly',
  message: 'this hub was restored from a backup and only observes',
  hint: 'compare what it shows with the clusters, stop it, then `ldc hub rearm --reason …` and start it again',
};

const METHODS = { GET: 'get', POST: 'post', PATCH: 'patch', DELETE: 'delete' } as const;

/** What is served by another method says so, and is not called missing. */
function refuseOtherMethods(app: Express, bindings: readonly Binding[]): void {
  const methods = Map.groupBy(bindings, ({ route }) => route.path);
  for (const [path, served] of methods) {
    const allow = served.map(({ route }) => route.method).join(', ');
    app.all(path.replace(/\{(\w+)\}/g, ':$1'), (request: Request) => {
      throw new HttpProblem(
        405,
        { kind: 'methodNotAllowed', message: `${request.method} is not served here`, hint: `served: ${allow}` },
        { headers: { allow } },
      );
    });
  }
}

interface Context {
  readonly caller: Caller;
  readonly stillAllowed: () => boolean;
  readonly trail: Trail;
  readonly idempotency: Idempotency;
  readonly services: MountServices;
}

async function answer(binding: Binding, request: Request, response: Response, context: Context): Promise<void> {
  const { route } = binding;
  const { trail, services } = context;
  const call: Call<AnyRoute> = {
    params: parse(route.params, request.params, 'path'),
    query: parse(route.query, request.query, 'query'),
    body: route.body === undefined ? undefined : (parse(route.body, request.body, 'body') as never),
    caller: context.caller,
    ifMatch: request.get('if-match'),
    stillAllowed: context.stillAllowed,
  };
  trail.saw(call, services.fingerprintKey);
  const form = chosenForm(route, request);
  if (form !== 'application/json' && binding.stream !== undefined) {
    if (isAudited(route)) await trail.write(services, 200, null);
    return binding.stream(call, form, request, response);
  }
  const { status, body, version } = await perform(binding, call, request, response, context);
  if (isAudited(route)) await trail.write(services, status, null);
  if (version !== undefined) {
    const tag = entityTag(version, body);
    response.set('etag', tag);
    // asked here and not left to express: fetch() sends Cache-Control: no-cache along, which express obeys
    if (route.method === 'GET' && matchesTag(request.get('if-none-match'), tag)) return void response.status(304).end();
  }
  response.status(status).json(body);
}

async function perform(
  binding: Binding,
  call: Call<AnyRoute>,
  request: Request,
  response: Response,
  { caller, trail, idempotency, services }: Context,
): Promise<KeptAnswer & { readonly version?: string }> {
  const { route } = binding;
  let reply: Reply<unknown> | undefined;
  const act = async () => {
    reply = await binding.handle(call);
    trail.transaction = reply.transaction ?? null;
    if (reply.location !== undefined) response.set('location', reply.location);
    return { status: reply.status ?? route.status, body: checked(route, reply.answer, services) };
  };
  const key = route.changes ? request.get('idempotency-key') : undefined;
  if (key === undefined) {
    const answered = await act();
    return { ...answered, ...(reply?.version === undefined ? {} : { version: reply.version }) };
  }
  if (!/^[\x21-\x7e]{1,200}$/.test(key))
    throw invalid('Idempotency-Key must be 1 to 200 printable characters without spaces');
  const { params, query, body } = call;
  const whole = JSON.stringify([route.id, params, query, body ?? null, call.ifMatch ?? null]);
  const kept = await idempotency.once(caller.tokenId, key, whole, !route.secretAnswer, act);
  if (kept.replayed) response.set('idempotency-replayed', 'true');
  return { status: kept.status, body: kept.body };
}

/** Who the token of a request stands for now. */
export function bearerOf(request: Request, tokens: Tokens): Caller | undefined {
  const bearer = /^Bearer +([\x21-\x7e]{1,300})$/i.exec(request.get('authorization') ?? '')?.[1];
  return bearer === undefined ? undefined : tokens.authenticate(bearer);
}

/** @throws HttpProblem 401 */
function authenticate(request: Request, tokens: Tokens): Caller {
  const caller = bearerOf(request, tokens);
  if (caller !== undefined) return caller;
  const none = request.get('authorization') === undefined;
  throw new HttpProblem(
    401,
    {
      kind: 'unauthenticated',
      message: none ? 'the call has no bearer token' : 'the token is not valid, or no longer',
      hint: 'give a valid one (CLI: --token or LDC_TOKEN; REST: `Authorization: Bearer TOKEN`); `ldc dev` writes one to its dev.json, an admin can make one',
    },
    { headers: { 'www-authenticate': 'Bearer realm="ldc"' } },
  );
}

async function authorise(route: AnyRoute, caller: Caller): Promise<void> {
  if (route.role === null || permits(caller.roles, route.role)) return;
  throw new HttpProblem(403, {
    kind: 'forbidden',
    message: `this needs the role ${route.role}; the token has ${caller.roles.join(', ') || 'none'}`,
    where: route.id,
    hint: 'use a token that has the role',
  });
}

/** Reads a JSON body up to the route's limit, which holds for what gzip unpacks to as well; more is refused while it arrives. */
function readBody(route: AnyRoute, request: Request, response: Response): Promise<void> {
  const hasBody = request.headers['transfer-encoding'] !== undefined || Number(request.get('content-length') ?? 0) > 0;
  if (route.body === undefined || !hasBody) return Promise.resolve();
  if (!request.is('application/json'))
    throw new HttpProblem(415, {
      kind: 'unsupportedMediaType',
      message: 'the body must be application/json',
      hint: 'send Content-Type: application/json',
    });
  const read = express.json({ limit: route.bodyBytesMax, strict: false });
  return new Promise((resolve, reject) => {
    read(request, response, (error?: unknown) => (error === undefined ? resolve() : reject(error)));
  });
}

function parse<T>(schema: z.ZodType<T>, value: unknown, part: 'path' | 'query' | 'body'): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.slice(0, 50).map((issue) => ({
    at: [part, ...issue.path.map(String)].join('.'),
    message: issue.message,
  }));
  throw invalid(issues.map(({ at, message }) => `${at}: ${message}`).join('; '), issues);
}

function invalid(message: string, details?: Json): HttpProblem {
  return new HttpProblem(400, {
    kind: 'invalidRequest',
    message,
    hint: 'GET /openapi.json says what each call takes',
    ...(details === undefined ? {} : { details }),
  });
}

/** What leaves is what the contract says, and nothing beside it. A breach is a fault of ours. */
function checked(route: AnyRoute, value: unknown, services: MountServices): Json {
  const result = route.answer.safeParse(value);
  if (result.success) return result.data as Json;
  const at = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).slice(0, 5);
  services.logger.error({ operation: route.id, at }, 'an answer breaks its contract');
  throw new Error(`the answer of ${route.id} breaks its contract`);
}

function chosenForm(route: AnyRoute, request: Request): string {
  const offered = ['application/json', ...route.forms];
  const form = request.accepts(offered);
  if (typeof form === 'string') return form;
  throw new HttpProblem(406, {
    kind: 'notAcceptable',
    message: `this is answered as ${offered.join(', ')} only`,
    hint: 'send an Accept header with one of them, or none',
  });
}

/** Gathers what the audit trail is to say of one call. */
class Trail {
  transaction: string | null = null;
  journaled = false;
  readonly #call: Pick<AuditedCall, 'route' | 'caller' | 'requestId' | 'sourceIp'>;
  #seen: Pick<AuditedCall, 'params' | 'query' | 'bodyDigest' | 'userReason'> = {
    params: {},
    query: {},
    bodyDigest: null,
    userReason: null,
  };

  constructor(route: AnyRoute, caller: Caller, request: Request, response: Response) {
    const requestId = String(response.locals.requestId);
    this.#call = { route, caller, requestId, sourceIp: request.socket.remoteAddress ?? 'unknown' };
  }

  saw(call: Call<AnyRoute>, key: Uint8Array): void {
    const body: unknown = call.body;
    const said = { ...(call.query as object), ...(typeof body === 'object' && body !== null ? body : {}) };
    this.#seen = {
      params: call.params as JsonObject,
      query: call.query as JsonObject,
      bodyDigest: body === undefined ? null : keyedDigest(key, JSON.stringify(body)),
      userReason: 'reason' in said && typeof said.reason === 'string' ? said.reason : null,
    };
  }

  async write(services: MountServices, status: number, refusal: Refusal | null): Promise<void> {
    const { transaction } = this;
    try {
      await audit(services.journal, {
        ...this.#call,
        ...this.#seen,
        status,
        refusal: refusal?.kind ?? null,
        transaction,
      });
      this.journaled = true;
    } catch (error) {
      services.logger.error(
        { operation: this.#call.route.id, error: errorText(error) },
        'a call could not be journaled',
      );
      throw error;
    }
  }
}
