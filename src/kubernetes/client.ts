/** The port Client over HTTP: raw JSON, pooled connections, every failure an answer. */
import { request as send } from 'undici';
import { type Clock, errorText, isObject, type Json, type KubeObject, limits } from '../base/index.ts';
import { type Access, type Authentication, authenticate } from './authentication.ts';
import type { Credentials } from './credentials.ts';
import { createSlots } from './slots.ts';
import { cutLines, type StreamEnd, streamLines } from './stream.ts';
import type { ApiAnswer, ApiRequest, Client, WatchEnd, WatchEvent } from './types.ts';

const TIMEOUT_MS = 30_000;
/**
 * Of a body, for each of its slots: what is under way stays below the 10 MB that an HTTP/2 session of Node may hold, or answers
 * would be dropped (see `spills`).
 */
const SLOT_BYTES = 512 * 1024;
/** Of plain text; several times what is shown of a line. */
const LINE_BYTES_MAX = 64 * 1024;

/**
 * A client of the cluster that the credentials name. Nothing is sent yet.
 * @throws Error with a sentence when the credentials cannot be read.
 */
export async function connect(credentials: Credentials, clock: Clock): Promise<Client> {
  return clientOver(await authenticate(credentials, clock), clock);
}

/** The same over any authentication. */
export function clientOver(authentication: Authentication, clock: Clock): Client {
  const slots = createSlots(limits.clusterRequestsAtOnceMax);
  async function ask(request: Written): Promise<ApiAnswer> {
    let answer = await once(authentication, clock, request, false);
    // a rotated token or certificate: read it anew, once
    if (answer.kind === 'answered' && answer.status === 401) answer = await once(authentication, clock, request, true);
    // what changes something may have been done: who sent it looks before it is sent again
    if (answer.kind === 'spilled' && request.method === 'GET')
      answer = await once(authentication, clock, request, false);
    return answer.kind === 'spilled' ? { kind: 'unreachable', sent: true, reason: answer.reason } : answer;
  }
  return {
    async request(request) {
      const written = { ...request, text: request.body === undefined ? undefined : JSON.stringify(request.body) };
      if (request.urgent === true) return ask(written);
      const size = 1 + Math.floor(Buffer.byteLength(written.text ?? '') / SLOT_BYTES);
      await slots.take(size);
      try {
        return await ask(written);
      } finally {
        slots.give(size);
      }
    },
    watch: (request, onEvent) => watch(authentication, request, onEvent),
    lines: (request, onLine) => lines(authentication, request, onLine),
    bearing: (token) => clientOver(authentication.bearing(token), clock),
    close: () => authentication.close(),
  };
}

/** With its body as it is sent. */
type Written = ApiRequest & { readonly text?: string | undefined };

/** `spilled`: the server has answered, and the connection had no room for the answer; the next request gets another one. */
type Tried = ApiAnswer | { readonly kind: 'spilled'; readonly reason: string };

async function once(auth: Authentication, clock: Clock, request: Written, fresh: boolean): Promise<Tried> {
  const timeout = new AbortController();
  const timeoutMs = request.timeoutMs ?? TIMEOUT_MS;
  const cancel = clock.after(timeoutMs, () => timeout.abort());
  let access: Access | undefined;
  const sentMs = clock.monotonic();
  try {
    const signal = request.signal === undefined ? timeout.signal : AbortSignal.any([request.signal, timeout.signal]);
    access = await auth.access(fresh);
    const response = await open(access, request, signal);
    const text = await response.body.text();
    auth.heard(access);
    return answerOf(response.statusCode, response.headers, text);
  } catch (error) {
    if (timeout.signal.aborted && access !== undefined) auth.unheard(access, sentMs);
    if (spills(auth, access, error)) return { kind: 'spilled', reason: networkText(error) };
    const reason = timeout.signal.aborted ? `no answer within ${timeoutMs / 1000} s` : networkText(error);
    return { kind: 'unreachable', sent: !neverSent(error), reason };
  } finally {
    cancel();
  }
}

/**
 * Node counts what an HTTP/2 session holds (10 MB at most), drops the answers that come while it is full, and never forgets
 * what was still to be sent of a body that the server refused unread (403, 429). After a dozen such bodies of 1 MB nothing
 * would be answered over that session any more. A spilled session is replaced.
 */
function spills(auth: Authentication, access: Access | undefined, error: unknown): boolean {
  if (access === undefined || !/ENHANCE_YOUR_CALM/.test(errorText(error))) return false;
  auth.spoilt(access);
  return true;
}

/** What a URL resolves or drops: a name or a path out of a manifest would lead to another resource than the one meant. */
const LEADS_ASIDE = /[/\\](?:\.|%2e){1,2}(?=[/\\?#]|$)|[\\\t\r\n]/i;

function open(access: Access, request: Written, signal: AbortSignal | undefined) {
  if (LEADS_ASIDE.test(request.path)) throw new Error(`${request.path} is not asked for: it leads somewhere else`);
  const url = new URL(`${access.server}${request.path}`);
  for (const [name, value] of Object.entries(request.query ?? {})) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  const body = request.text;
  const sent = send(url, {
    method: request.method,
    headers: {
      ...access.headers,
      accept: request.accept ?? 'application/json',
      'user-agent': 'ldc',
      ...(body === undefined ? {} : { 'content-type': request.contentType ?? 'application/json' }),
    },
    ...(body === undefined ? {} : { body }),
    ...(signal === undefined ? {} : { signal }),
    ...(access.dispatcher === undefined ? {} : { dispatcher: access.dispatcher }),
    headersTimeout: 0, // ours is one timeout over the whole request
    bodyTimeout: 0, // a quiet watch is no failure
  });
  return signal === undefined ? sent : untilAborted(sent, signal);
}

/** undici heeds a signal only once a connection stands; a server that hangs in its handshake would hold the caller for longer. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

type Headers = Record<string, string | string[] | undefined>;

function answerOf(status: number, headers: Headers, text: string): ApiAnswer {
  const auditId = one(headers['audit-id']);
  const retryAfter = Number(one(headers['retry-after']));
  return {
    kind: 'answered',
    status,
    body: parse(status, text),
    warnings: many(headers.warning).map(warningText),
    ...(auditId === undefined ? {} : { auditId }),
    ...(Number.isFinite(retryAfter) && retryAfter > 0 ? { retryAfterSeconds: retryAfter } : {}),
  };
}

/** The text of `299 - "…"`, in which quotes are escaped. */
function warningText(header: string): string {
  return /^\d+ \S+ "(.*)"/.exec(header)?.[1]?.replaceAll(/\\(.)/g, '$1') ?? header;
}

/** What is no JSON (a proxy's page, plain text of a log) stands in a Status of our own, or as a string when it succeeded. */
function parse(status: number, text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    if (status < 400) return text;
    return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: status, message: text.slice(0, 500) };
  }
}

async function watch(
  auth: Authentication,
  request: ApiRequest,
  onEvent: (event: WatchEvent) => void | Promise<void>,
): Promise<WatchEnd> {
  let access: Access | undefined;
  try {
    const query = { ...request.query, watch: true };
    access = await auth.access(false);
    const response = await open(access, { ...request, query }, request.signal);
    if (response.statusCode === 410) return { kind: 'expired' };
    if (response.statusCode !== 200) {
      if (response.statusCode === 401) await auth.access(true);
      return { kind: 'failed', status: response.statusCode, message: messageOf(await response.body.text()) };
    }
    const end = await streamLines(response.body, (line) => watchLine(line, onEvent));
    return watchEnd(end, request.signal);
  } catch (error) {
    spills(auth, access, error);
    if (request.signal?.aborted) return { kind: 'ended' };
    return { kind: 'unreachable', reason: networkText(error) };
  }
}

/** One line of a watch; an ERROR event ends it. */
async function watchLine(
  line: string,
  onEvent: (event: WatchEvent) => void | Promise<void>,
): Promise<WatchEnd | undefined> {
  const event: unknown = JSON.parse(line);
  if (!isObject(event) || !isObject(event.object)) return { kind: 'failed', status: 200, message: 'no watch event' };
  if (event.type === 'ERROR') {
    const code = Number(event.object.code ?? 500);
    return code === 410
      ? { kind: 'expired' }
      : { kind: 'failed', status: code, message: String(event.object.message ?? 'the server ended the watch') };
  }
  await onEvent({ type: event.type as WatchEvent['type'], object: event.object as unknown as KubeObject });
  return undefined;
}

function watchEnd(end: StreamEnd<WatchEnd>, signal: AbortSignal | undefined): WatchEnd {
  if (end.kind === 'stopped') return end.value;
  if (end.kind === 'broken' && !signal?.aborted) return { kind: 'unreachable', reason: end.reason };
  return { kind: 'ended' };
}

async function lines(auth: Authentication, request: ApiRequest, onLine: (line: string) => unknown): Promise<ApiAnswer> {
  let access: Access | undefined;
  try {
    access = await auth.access(false);
    const response = await open(access, request, request.signal);
    if (response.statusCode >= 400) {
      return answerOf(response.statusCode, response.headers, await response.body.text());
    }
    const end = await streamLines<never>(cutLines(response.body, LINE_BYTES_MAX), async (line) => {
      await onLine(line);
      return undefined;
    });
    if (end.kind === 'broken' && !request.signal?.aborted) {
      return { kind: 'unreachable', sent: true, reason: end.reason };
    }
    return answerOf(response.statusCode, response.headers, 'null');
  } catch (error) {
    spills(auth, access, error);
    return { kind: 'unreachable', sent: !neverSent(error), reason: networkText(error) };
  }
}

function messageOf(text: string): string {
  const body = parse(500, text);
  return isObject(body) && typeof body.message === 'string' ? body.message : 'no message';
}

/** Failures before the first byte of a request left this machine. */
function neverSent(error: unknown): boolean {
  const code = codeOf(error);
  return ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT', 'EHOSTUNREACH'].includes(code);
}

function networkText(error: unknown): string {
  const code = codeOf(error);
  const text = errorText(error);
  return code === '' || text.includes(code) ? text : `${code}: ${text}`;
}

function codeOf(error: unknown): string {
  const own = isObject(error) || error instanceof Error ? (error as { code?: unknown }).code : undefined;
  if (typeof own === 'string') return own;
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? '' : codeOf(cause);
}

function one(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

function many(header: string | string[] | undefined): readonly string[] {
  return header === undefined ? [] : Array.isArray(header) ? header : [header];
}
