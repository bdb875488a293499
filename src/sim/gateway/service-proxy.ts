import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Target } from './tcp-proxy.ts';

/** Which Service a request wants. `port` is a number or a name; undefined: the Service's first. */
export interface ServiceRequest {
  readonly namespace: string;
  readonly service: string;
  readonly port?: string;
  /** What the service itself is asked for. */
  readonly path: string;
}

/** Ready endpoints of a Service's port now; undefined: there is no such Service or port. */
export type Endpoints = (wanted: ServiceRequest) => readonly Target[] | undefined;

export interface ServiceProxy {
  readonly port: number;
  close(): Promise<void>;
}

const ATTEMPT_TIMEOUT_MS = 30_000;

/** An HTTP proxy that sends each request to the next ready endpoint of the Service it names; 503 when there is none. */
export async function startServiceProxy(endpoints: Endpoints): Promise<ServiceProxy> {
  const turns = new Map<string, number>();
  const server = createServer((request, response) => {
    const wanted = serviceOf(request.url ?? '/', request.headers.host ?? '');
    if (wanted === undefined) {
      refuse(response, 404, 'name a Service: /<namespace>/<service>[:port]/…, or Host <service>.<namespace>');
      return;
    }
    const ready = endpoints(wanted);
    const name = `${wanted.namespace}/${wanted.service}`;
    if (ready === undefined) {
      refuse(response, 404, `no Service ${name} with such a port`);
      return;
    }
    const turn = (turns.get(name) ?? -1) + 1;
    turns.set(name, turn);
    const target = ready[turn % ready.length];
    if (target === undefined) refuse(response, 503, `Service ${name} has no ready endpoint`);
    else forward(request, response, target, wanted.path);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Host `service.namespace[.svc…][:port]` names it, else the path's first two parts do. */
export function serviceOf(url: string, host: string): ServiceRequest | undefined {
  const [name = ''] = host.split(':');
  const parts = name.split('.');
  const isAddress = /^[\d.]+$/.test(name) || name === 'localhost' || parts.length < 2;
  if (!isAddress) return { service: parts[0] as string, namespace: parts[1] as string, path: url };
  const match = /^\/([a-z0-9-]+)\/([a-z0-9-]+)(?::([a-z0-9-]+))?(\/[^?]*)?(\?.*)?$/.exec(url);
  if (match === null) return undefined;
  const [, namespace = '', service = '', port, path = '/', query = ''] = match;
  return { namespace, service, ...(port === undefined ? {} : { port }), path: path + query };
}

function forward(request: IncomingMessage, response: ServerResponse, { host, port }: Target, path: string): void {
  const { connection: _, ...headers } = request.headers;
  const options = {
    host,
    port,
    path,
    method: request.method ?? 'GET',
    headers,
    timeout: ATTEMPT_TIMEOUT_MS,
    agent: false,
  };
  const onward = httpRequest({ ...options, headers: { ...headers, connection: 'close' } }, (answer) => {
    const { connection: _c, 'keep-alive': _k, ...rest } = answer.headers;
    response.writeHead(answer.statusCode ?? 502, rest);
    answer.pipe(response);
  });
  onward.once('timeout', () => onward.destroy(new Error('no answer in time')));
  onward.once('error', (error) => {
    if (response.headersSent) response.destroy();
    else refuse(response, 502, `endpoint ${host}:${port}: ${error.message}`);
  });
  response.once('close', () => onward.destroy());
  request.pipe(onward);
}

function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'content-type': 'text/plain' }).end(`${message}\n`);
}
