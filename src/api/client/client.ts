import { Agent, fetch, type RequestInit, type Response } from 'undici';
import { backoffMs, type Clock, type Entry, isObject, type Random } from '../../base/index.ts';
import type { AnswerOf, AnyRoute, BodyOf, Page, ParamsOf, QueryOf, Route } from '../contract/index.ts';
import { type ProblemDetails, problemDetails } from '../contract/problem.ts';
import { HubProblem, HubUnreachable, unreachableHub } from './error.ts';
import { parseEvents } from './sse.ts';

export interface Connection {
  /** `https://127.0.0.1:7420` */
  readonly hub: string;
  readonly token: string;
  /** PEM of the hub's CA; absent: what the system trusts. */
  readonly ca?: string;
}

export interface ClientPorts {
  readonly clock: Clock;
  readonly random: Random;
}

/** What a call takes: only the parts that its route has something in. */
export interface CallInput<R> {
  readonly params?: ParamsOf<R>;
  readonly query?: Partial<QueryInput<QueryOf<R>>>;
  readonly body?: Partial<NonNullable<BodyOf<R>>>;
  readonly idempotencyKey?: string;
  readonly ifMatch?: string;
  readonly signal?: AbortSignal;
}

/** A query holds text; flags and numbers are written as text. */
type QueryInput<Q> = { readonly [K in keyof Q]: Q[K] | string | undefined };

export interface FollowInput {
  /** The sequence number or position of the last event that was seen. */
  readonly after?: number;
  readonly signal?: AbortSignal;
  /** Told of each broken line, before the wait for the next try. */
  readonly onBreak?: (problem: HubUnreachable, attempt: number) => void;
}

export interface HubClient {
  /**
   * A line that breaks in mid-call is tried again where that is harmless.
   * @throws HubProblem when the hub refuses, HubUnreachable when it does not answer.
   */
  call<P, Q, B, A>(route: Route<P, Q, B, A>, input?: CallInput<Route<P, Q, B, A>>): Promise<A>;
  /** All pages, one item at a time. */
  pages<P, Q, B, T>(route: Route<P, Q, B, Page<T>>, input?: CallInput<Route<P, Q, B, Page<T>>>): AsyncGenerator<T>;
  /** All items of all pages. */
  all<P, Q, B, T>(route: Route<P, Q, B, Page<T>>, input?: CallInput<Route<P, Q, B, Page<T>>>): Promise<T[]>;
  /**
   * Events as they happen; comes back after a broken line where it was. Ends when the hub says that nothing more can
   * come, or with the signal. @throws HubProblem when the hub refuses.
   */
  follow<P, Q, B, A>(route: Route<P, Q, B, A>, params: P, input?: FollowInput): AsyncGenerator<Entry>;
  /**
   * What a route tells as NDJSON, value by value, as fast as it is read. It does not come back after a broken line: what
   * was told meanwhile is not to be had again. @throws HubProblem when the hub refuses, HubUnreachable when the line breaks.
   */
  told<P, Q, B, A, T>(
    route: Route<P, Q, B, A & { readonly items: readonly T[] }>,
    input?: CallInput<Route<P, Q, B, A & { readonly items: readonly T[] }>>,
  ): AsyncGenerator<T>;
  close(): Promise<void>;
}

/** A line that is cut in mid-call: reads, and changes with an Idempotency-Key, are asked again; what never left is, always. */
const CALL_ATTEMPTS = 3;
/** A busy hub makes some hundreds of connections a second, fewer on a loaded machine: the calls of a burst wait for one another's. */
const CALL_CONNECTIONS_MAX = 64;
/** Until a connection stands, with its handshake. */
const CONNECT_MS_MAX = 10_000;
const CALL_TIMEOUT_MS = 120_000;
/** The hub sends a comment each 15 s. */
const SILENCE_MS_MAX = 45_000;

export function createClient(connection: Connection, ports: ClientPorts): HubClient {
  const hub = connection.hub.replace(/\/+$/, '');
  const options = {
    connect: { ...(connection.ca === undefined ? {} : { ca: connection.ca }), timeout: CONNECT_MS_MAX },
    bodyTimeout: SILENCE_MS_MAX,
    headersTimeout: CALL_TIMEOUT_MS,
  };
  const calls = new Agent({ ...options, connections: CALL_CONNECTIONS_MAX });
  /** Each holds its connection for as long as it is followed. */
  const streams = new Agent(options);
  const over = (dispatcher: Agent) => async (url: string, init: RequestInit) => {
    const headers = { authorization: `Bearer ${connection.token}`, ...(init.headers as Record<string, string>) };
    try {
      return await fetch(`${hub}${url}`, { ...init, headers, dispatcher });
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw unreachableHub(hub, error);
    }
  };
  const [send, sendStream] = [over(calls), over(streams)];
  const call: HubClient['call'] = async (route, input = {}) => {
    const body = route.body === undefined ? undefined : JSON.stringify(input.body ?? {});
    const repeatable = route.method === 'GET' || input.idempotencyKey !== undefined;
    for (let attempt = 1; ; attempt++) {
      try {
        const response = await send(urlOf(route as AnyRoute, input.params, input.query), {
          method: route.method,
          headers: headersOf(input, body),
          ...(body === undefined ? {} : { body }),
          ...(input.signal === undefined ? {} : { signal: input.signal }),
        });
        return (await answerOf(hub, response)) as AnswerOf<typeof route>;
      } catch (error) {
        if (!(error instanceof HubUnreachable) || attempt === CALL_ATTEMPTS) throw error;
        if (!error.unsent && !(error.kind === 'cut' && repeatable)) throw error;
        await ports.clock.sleep(backoffMs(ports.random, attempt, 200, 2_000), input.signal);
      }
    }
  };
  const pages: HubClient['pages'] = async function* (route, input = {}) {
    let after: string | undefined;
    do {
      const query = { ...input.query, ...(after === undefined ? {} : { after }) };
      const page = await call(route, { ...input, query: query as NonNullable<typeof input.query> });
      yield* page.items;
      after = page.next ?? undefined;
    } while (after !== undefined);
  };
  return {
    call,
    pages,
    async all<P, Q, B, T>(route: Route<P, Q, B, Page<T>>, input?: CallInput<Route<P, Q, B, Page<T>>>): Promise<T[]> {
      const items: T[] = [];
      for await (const item of pages(route, input)) items.push(item);
      return items;
    },
    follow: (route, params, input = {}) => follow(sendStream, hub, urlOf(route as AnyRoute, params, {}), input, ports),
    told: (route, input = {}) =>
      told(sendStream, hub, urlOf(route as AnyRoute, input.params, input.query), input.signal),
    async close() {
      await Promise.all([calls.destroy(), streams.destroy()]);
    },
  };
}

type Send = (url: string, init: RequestInit) => Promise<Response>;

async function* follow(
  send: Send,
  hub: string,
  url: string,
  { after = 0, signal, onBreak }: FollowInput,
  { clock, random }: ClientPorts,
): AsyncGenerator<Entry> {
  let last = after;
  for (let attempt = 0; !signal?.aborted; attempt++) {
    try {
      const response = await send(url, {
        headers: { accept: 'text/event-stream', 'last-event-id': String(last) },
        ...(signal === undefined ? {} : { signal }),
      });
      if (response.status !== 200) return void (await answerOf(hub, response));
      if (response.body === null) return;
      for await (const event of parseEvents(response.body as AsyncIterable<Uint8Array>)) {
        attempt = 0;
        if (event.event === 'end') return;
        yield JSON.parse(event.data) as Entry;
        if (event.id !== undefined) last = Number(event.id);
      }
    } catch (error) {
      if (signal?.aborted) return;
      if (error instanceof HubProblem && error.problem.status < 500) throw error;
      onBreak?.(unreachableHub(hub, error), attempt);
    }
    await clock.sleep(backoffMs(random, attempt, 200, 5_000), signal);
  }
}

async function* told<T>(send: Send, hub: string, url: string, signal: AbortSignal | undefined): AsyncGenerator<T> {
  const headers = { accept: 'application/x-ndjson' };
  const response = await send(url, { headers, ...(signal === undefined ? {} : { signal }) });
  if (response.status !== 200 || response.body === null) return void (await answerOf(hub, response));
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') yield JSON.parse(line) as T;
    }
  } catch (error) {
    if (!signal?.aborted) throw unreachableHub(hub, error);
  }
}

function headersOf(input: { idempotencyKey?: string; ifMatch?: string }, body: string | undefined) {
  return {
    accept: 'application/json',
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(input.idempotencyKey === undefined ? {} : { 'idempotency-key': input.idempotencyKey }),
    ...(input.ifMatch === undefined ? {} : { 'if-match': input.ifMatch }),
  };
}

function urlOf(route: AnyRoute, params: unknown, query: unknown): string {
  const path = route.path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = isObject(params) ? params[name] : undefined;
    if (typeof value !== 'string' || value === '') throw new TypeError(`${route.id} needs the parameter ${name}`);
    return encodeURIComponent(value);
  });
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) if (value !== undefined) search.set(name, String(value));
  return search.size === 0 ? path : `${path}?${search}`;
}

async function answerOf(hub: string, response: Response): Promise<unknown> {
  let body: unknown;
  try {
    body = await response.json();
  } catch (error) {
    // a body that broke off is a cut line; one that is no JSON is someone else's answer
    if (response.ok && !(error instanceof SyntaxError)) throw unreachableHub(hub, error);
  }
  if (response.ok && body !== undefined) return body;
  throw new HubProblem(problemOf(hub, response, body));
}

/** What is no problem of ours (a proxy's page) becomes one. */
function problemOf(hub: string, response: Response, body: unknown): ProblemDetails {
  const parsed = problemDetails.safeParse(body);
  if (parsed.success) return parsed.data;
  return {
    type: 'urn:ldc:problem:notAHub',
    title: response.statusText,
    status: response.status,
    detail: `${hub} answered ${response.status}, and not as a hub of ldc does`,
    instance: response.headers.get('x-request-id') ?? '',
    kind: 'notAHub',
    hint: 'check the address of the hub',
  };
}
