import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { showsCertificate } from '../api/peer.ts';
import { type LogFile, type LogLine, logFile, readLog } from './log-file.ts';
import type { PodWorker } from './pod-worker.ts';
import type { LogServerAddress } from './types.ts';

export interface LogServer {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

export interface LogServerOptions {
  readonly find: (namespace: string, pod: string) => PodWorker | undefined;
  readonly logsDir: string;
  readonly address?: LogServerAddress;
}

/**
 * Serves containers' logs on loopback as a kubelet does:
 * `GET /containerLogs/<namespace>/<pod>/<container>?follow&tailLines&previous&timestamps&sinceSeconds&sinceTime&limitBytes`.
 */
export async function startLogServer(options: LogServerOptions): Promise<LogServer> {
  const { address } = options;
  const server = serverFor(address, (request, response) => serve(options, request, response));
  server.unref();
  await listen(server, address?.port ?? 0).catch(() => listen(server, 0));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${address === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    port,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function serverFor(address: LogServerAddress | undefined, listener: RequestListener): Server {
  if (address === undefined) return createServer(listener);
  const { certPem: cert, keyPem: key, caPem: ca } = address;
  const isApiServer = showsCertificate(address.clientPem);
  return createTlsServer({ cert, key, ca, requestCert: true, rejectUnauthorized: true }, (request, response) => {
    if (isApiServer(request.socket)) listener(request, response);
    else response.writeHead(403, { 'content-type': 'text/plain' }).end('Forbidden: ask the API server for logs');
  });
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function serve({ find, logsDir }: LogServerOptions, request: IncomingMessage, response: ServerResponse): void {
  const refuse = (status: number, message: string) =>
    response.writeHead(status, { 'content-type': 'text/plain' }).end(message);
  const asked = readTarget(request.url ?? '/');
  if (asked === undefined) return void refuse(400, 'the request target is no URL');
  const { query } = asked;
  const [, room, namespace = '', name = '', container = ''] = asked.steps;
  if (request.method !== 'GET' || room !== 'containerLogs') return void refuse(404, '404 page not found');
  const worker = find(namespace, name);
  // a kube-apiserver passes the text of a 400 on to its client, of a 404 it does not
  if (worker === undefined) return void refuse(400, `pod ${name} has no log: only images of the catalogue really run`);
  const state = worker.attemptOf(container);
  if (state === undefined) return void refuse(404, `container ${container} not found in pod ${name}_${namespace}`);
  const previous = query.get('previous') === 'true';
  // a container that waits for its next start shows its last attempt
  const attempt = state.attempt - (previous || (state.waiting && state.attempt > 0) ? 1 : 0);
  const lines = attempt < 0 ? [] : readLog(logFile(logsDir, worker.pod, container, attempt));
  if (previous && (attempt < 0 || lines.length === 0)) {
    return void refuse(400, `previous terminated container "${container}" in pod "${name}" not found`);
  }
  const show = formatOf(query);
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.write(show.text(show.select(lines)));
  const log = query.get('follow') === 'true' && !previous ? worker.openLog(container) : undefined;
  if (log === undefined) return void response.end();
  followLog(log, show.text, response);
}

/** What may wait for a slow reader; what comes beyond it is left out, and said. */
const WAITING_BYTES_MAX = 1024 * 1024;

function followLog(log: LogFile, text: (lines: readonly LogLine[]) => string, response: ServerResponse): void {
  let leftOut = 0;
  const tellLeftOut = (at: string) => {
    if (leftOut === 0) return;
    response.write(text([{ at, text: `[kubelet: ${leftOut} lines left out, which were not read in time]` }]));
    leftOut = 0;
  };
  let last = '';
  const stop = log.follow((line) => {
    if (line === undefined) {
      tellLeftOut(last);
      response.end();
      return;
    }
    last = line.at;
    if (response.writableLength > WAITING_BYTES_MAX) {
      leftOut++;
      return;
    }
    tellLeftOut(line.at);
    response.write(text([line]));
  });
  response.on('drain', () => tellLeftOut(last));
  response.once('close', stop);
}

/** undefined: not a URL, or an escape that is none. Anybody on this machine may send that. */
function readTarget(
  target: string,
): { readonly steps: readonly string[]; readonly query: URLSearchParams } | undefined {
  try {
    const url = new URL(target, 'http://kubelet');
    return { steps: url.pathname.split('/').map(decodeURIComponent), query: url.searchParams };
  } catch {
    return undefined;
  }
}

function formatOf(query: URLSearchParams) {
  const timestamps = query.get('timestamps') === 'true';
  const tail = query.get('tailLines');
  const since = query.get('sinceTime');
  const seconds = query.get('sinceSeconds');
  const limit = Number(query.get('limitBytes') ?? Number.POSITIVE_INFINITY);
  return {
    text(lines: readonly LogLine[]): string {
      const text = lines.map((line) => `${timestamps ? `${line.at} ` : ''}${line.text}\n`).join('');
      return Number.isFinite(limit) ? Buffer.from(text).subarray(0, limit).toString() : text;
    },
    select(lines: readonly LogLine[]): readonly LogLine[] {
      const newest = lines.at(-1)?.at;
      let from = since === null ? undefined : Date.parse(since);
      // counted from the newest line: the log carries its own clock
      if (seconds !== null && newest !== undefined) from = Date.parse(newest) - Number(seconds) * 1000;
      const recent = from === undefined ? lines : lines.filter(({ at }) => Date.parse(at) >= (from as number));
      return tail === null ? recent : recent.slice(Math.max(0, recent.length - Number(tail)));
    },
  };
}
