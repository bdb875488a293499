/** The agents' port: TLS 1.3 by the hub's own CA, a client certificate for everything but enrolling. */
import type { X509Certificate } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { WebSocketServer } from 'ws';
import { z } from 'zod';
import { type Clock, type Logger, type Outcome, type Refusal, sha256Hex } from '../../base/index.ts';
import { type Channel, SOCKET_OPTIONS, socketChannel } from '../../protocol/index.ts';
import type { KeyAndCertificate } from '../certificates.ts';
import type { AgentIdentity, Enrolled } from '../types.ts';
import type { Joining } from './joining.ts';

const BODY_BYTES_MAX = 64 * 1024;
const enrolBody = z.object({ token: z.string().max(500), cluster: z.string().max(63), csr: z.string().max(20_000) });
const renewBody = z.object({ csr: z.string().max(20_000) });

export interface Listener {
  /** @throws Error with a sentence when the port is in use. */
  start(): Promise<{ readonly port: number }>;
  stop(): Promise<void>;
}

export function createListener(options: {
  readonly host: string;
  readonly port: number;
  readonly server: KeyAndCertificate;
  readonly caPem: string;
  readonly joining: Joining;
  readonly clock: Clock;
  readonly logger: Logger;
  accept(identity: AgentIdentity, channel: Channel): void;
}): Listener {
  const { joining, clock, logger } = options;
  const sockets = new WebSocketServer({ noServer: true, ...SOCKET_OPTIONS });
  const server: Server = createServer({
    key: options.server.key,
    cert: `${options.server.certificate}\n${options.caPem}`, // the CA goes along: a joining agent compares it with its token
    ca: options.caPem,
    requestCert: true,
    rejectUnauthorized: false, // enrolling comes without; everything else is refused below
    minVersion: 'TLSv1.3',
  });
  server.on('tlsClientError', (error) => logger.debug({ error: error.message }, 'TLS handshake failed'));
  server.on('request', (request, response) => void answer(request, response));
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const identity = identityOf(request.socket as TLSSocket, clock.now());
    if (request.url !== '/agent' || identity === undefined || !joining.known(identity)) {
      logger.warn({ cluster: identity?.cluster ?? null }, 'an agent was refused: no certificate that is valid here');
      socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (opened) => options.accept(identity, socketChannel(opened)));
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const outcome = await route(request).catch((error: Error): Outcome<Enrolled> => {
      logger.error({ error: error.message }, 'enrolment failed');
      return { kind: 'retry', afterMs: 1_000, reason: 'the hub could not store it; try again' };
    });
    if (outcome.kind === 'done') return respond(response, 200, outcome.value);
    if (outcome.kind === 'refused') return respond(response, 403, { refusal: outcome.refusal });
    respond(response, 503, { reason: outcome.reason });
  }

  async function route(request: IncomingMessage): Promise<Outcome<Enrolled>> {
    const text = request.method === 'POST' ? await readBody(request) : undefined;
    if (text === undefined) return refusedWith('notFound', 'agents POST to /enrol or /renew, or open /agent');
    if (request.url === '/enrol') {
      const body = enrolBody.safeParse(parse(text));
      return body.success ? joining.enrol(body.data) : refusedWith('invalid', 'token, cluster and csr are needed');
    }
    const identity = identityOf(request.socket as TLSSocket, clock.now());
    if (request.url !== '/renew' || identity === undefined || !joining.known(identity)) {
      return refusedWith('unknownAgent', 'no client certificate that is valid here');
    }
    const body = renewBody.safeParse(parse(text));
    return body.success ? joining.renew(identity, body.data.csr) : refusedWith('invalid', 'csr is needed');
  }

  return {
    start: () => listen(server, options.host, options.port),
    async stop() {
      for (const client of sockets.clients) client.terminate();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<{ readonly port: number }> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new Error(`port ${port} on ${host} is in use: end what holds it, or choose another`)
          : error,
      ),
    );
    server.listen(port, host, () => resolve({ port: (server.address() as AddressInfo).port }));
  });
}

/** The cluster and key of the peer's certificate; undefined without a valid one. Never from what the client wrote elsewhere. */
function identityOf(socket: TLSSocket, nowMs: number): AgentIdentity | undefined {
  const peer: X509Certificate | undefined = socket.authorized ? socket.getPeerX509Certificate() : undefined;
  // a resumed session skips the handshake's own check of the date
  if (peer === undefined || Date.parse(peer.validTo) <= nowMs) return undefined;
  const cluster = /^CN=(.+)$/m.exec(peer.subject)?.[1];
  if (cluster === undefined) return undefined;
  return { cluster, publicKey: sha256Hex(peer.publicKey.export({ type: 'spki', format: 'der' })) };
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length;
    if (bytes > BODY_BYTES_MAX) return undefined;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refusedWith(kind: string, message: string): { kind: 'refused'; refusal: Refusal } {
  return { kind: 'refused', refusal: { kind, message } };
}

function respond(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
