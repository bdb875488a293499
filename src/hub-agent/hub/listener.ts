/** The agents' port: TLS 1.3 by the hub's own CA, a client certificate for everything but enrolling. */
import type { X509Certificate } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { WebSocketServer } from 'ws';
import { z } from 'zod';
import { type Clock, type Logger, limits, type Outcome, type Refusal, sha256Hex } from '../../base/index.ts';
import { type Channel, SOCKET_OPTIONS, socketChannel } from '../../protocol/index.ts';
import type { AgentIdentity, Enrolled } from '../types.ts';
import type { Joining } from './joining.ts';
import type { ServerCertificate } from './server-certificate.ts';

const BODY_BYTES_MAX = 64 * 1024;
/** Patience with a peer that has said nothing yet; long enough for ten thousand agents that come back at once. */
const PATIENCE = {
  handshakeTimeout: 30_000,
  headersTimeout: 15_000,
  requestTimeout: 20_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 5_000,
} as const;
/** Lines of one cluster that are open at once: the one that works, and those that replace it. */
const LINES_PER_CLUSTER_MAX = 4;
/** Every cluster's lines while they are replaced, and as many again for those that enrol. */
const CONNECTIONS_MAX = limits.clustersMax * 2 + 1_000;
const enrolBody = z.object({
  token: z.string().max(500),
  cluster: z.string().max(63),
  csr: z.string().max(20_000),
  uid: z.string().min(1).max(100).optional(),
});
const renewBody = z.object({ csr: z.string().max(20_000) });

const TLS = { minVersion: 'TLSv1.3' } as const;

export interface Listener {
  /** Connections from now on see this certificate; those that are open stay. */
  show(fresh: ServerCertificate): void;
  /** @throws Error with a sentence when the port is in use. */
  start(): Promise<{ readonly port: number }>;
  stop(): Promise<void>;
}

interface ListenerOptions {
  readonly host: string;
  readonly port: number;
  readonly server: ServerCertificate;
  readonly joining: Joining;
  readonly clock: Clock;
  readonly logger: Logger;
  accept(identity: AgentIdentity, channel: Channel): void;
}

export function createListener(options: ListenerOptions): Listener {
  const { joining, clock, logger } = options;
  const sockets = new WebSocketServer({ noServer: true, ...SOCKET_OPTIONS });
  const server: Server = createServer({
    ...options.server,
    requestCert: true,
    rejectUnauthorized: false, // enrolling comes without; everything else is refused below
    ...TLS,
    // a list of protocols would be copied for each socket, and every copy holds a pooled buffer in memory
    ALPNCallback: ({ protocols }) => protocols.find((protocol) => protocol === 'http/1.1'),
    ...PATIENCE,
  });
  server.maxConnections = CONNECTIONS_MAX;
  /** All of them, those in the middle of a handshake too: the server itself knows only what has spoken HTTP. */
  const connections = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  server.on('tlsClientError', (error) => logger.debug({ error: error.message }, 'TLS handshake failed'));
  server.on('request', (request, response) => void answer(request, response));
  server.on('upgrade', upgrades(sockets, options));

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
    const identity = identityOf(request.socket as TLSSocket, clock.now(), joining);
    if (request.url !== '/renew' || identity === undefined || !joining.known(identity)) {
      return refusedWith('unknownAgent', 'no client certificate that is valid here');
    }
    const body = renewBody.safeParse(parse(text));
    return body.success ? joining.renew(identity, body.data.csr) : refusedWith('invalid', 'csr is needed');
  }

  return {
    show: (fresh) => server.setSecureContext({ ...fresh, ...TLS }),
    start: () => listen(server, options.host, options.port),
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const client of sockets.clients) client.terminate();
      for (const socket of connections) socket.destroy();
      await closed;
    },
  };
}

/** Opens a line for an agent that is known here, and for nobody else. */
function upgrades(sockets: WebSocketServer, { joining, clock, logger, accept }: ListenerOptions) {
  /** Open lines by cluster. */
  const lines = new Map<string, number>();
  const count = (cluster: string, change: number) => {
    const now = (lines.get(cluster) ?? 0) + change;
    if (now > 0) lines.set(cluster, now);
    else lines.delete(cluster);
  };
  return (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // from here on nobody else listens: without this, a peer that resets the connection would end the hub
    const broken = (error: Error) => {
      logger.debug({ error: error.message }, 'a line broke before it was open');
      socket.destroy();
    };
    socket.on('error', broken);
    const identity = identityOf(request.socket as TLSSocket, clock.now(), joining);
    if (request.url !== '/agent' || identity === undefined || !joining.known(identity)) {
      const refusal = strange(request.socket as TLSSocket, identity, joining);
      logger.warn({ cluster: identity?.cluster ?? null, refusal: refusal.message }, 'an agent was refused');
      return refuse(socket, '403 Forbidden', refusal);
    }
    const { cluster } = identity;
    if ((lines.get(cluster) ?? 0) >= LINES_PER_CLUSTER_MAX) {
      logger.warn({ cluster }, 'an agent was refused: too many lines of it are open');
      return refuse(socket, '429 Too Many Requests');
    }
    count(cluster, 1);
    socket.once('close', () => count(cluster, -1));
    sockets.handleUpgrade(request, socket, head, (opened) => {
      socket.off('error', broken);
      accept(identity, socketChannel(opened));
    });
  };
}

/** Answers an upgrade that is not to be, and lets go of the connection whether or not the peer reads. */
function refuse(socket: Duplex, status: string, refusal?: Refusal): void {
  const body = refusal === undefined ? '' : JSON.stringify({ refusal });
  const head = `Connection: close\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}`;
  socket.end(`HTTP/1.1 ${status}\r\n${head}\r\n\r\n${body}`, () => socket.destroy());
}

function listen(server: Server, host: string, port: number): Promise<{ readonly port: number }> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new Error(
              `port ${port} of ${host} (agents) is in use\n  next: end what listens there, or choose another --port: agents have the one after it`,
            )
          : error,
      ),
    );
    server.listen(port, host, () => resolve({ port: (server.address() as AddressInfo).port }));
  });
}

/** Why a peer is not served: an expired certificate is told apart, for its agent was only away too long. */
function strange(socket: TLSSocket, identity: AgentIdentity | undefined, joining: Joining): Refusal {
  if (identity !== undefined) return joining.strange(identity);
  const peer = socket.getPeerX509Certificate();
  const isExpired = (socket.authorizationError as unknown) === 'CERT_HAS_EXPIRED' || socket.authorized;
  if (peer === undefined || !isExpired) return NO_CERTIFICATE;
  return {
    kind: 'certificateExpired',
    message: `the certificate of this agent ran out at ${peer.validTo}: it was away for too long to renew it`,
    hint: 'start the agent with a new token (`ldc cluster token`), or `ldc cluster join NAME --kubeconfig FILE`; it keeps its key and what it holds',
  };
}

const NO_CERTIFICATE: Refusal = {
  kind: 'unknownAgent',
  message: 'no client certificate that is valid here',
  hint: 'join the cluster: `ldc cluster join NAME --kubeconfig FILE`, or by a token',
};

/** The cluster and key of the peer's certificate; undefined without a valid one. Never from what the client wrote elsewhere. */
function identityOf(
  socket: TLSSocket,
  nowMs: number,
  { current }: Pick<Joining, 'current'>,
): AgentIdentity | undefined {
  const peer: X509Certificate | undefined = socket.authorized ? socket.getPeerX509Certificate() : undefined;
  // a resumed session skips the handshake's own check of the date
  if (peer === undefined || Date.parse(peer.validTo) <= nowMs) return undefined;
  const cluster = /^CN=(.+)$/m.exec(peer.subject)?.[1];
  if (cluster === undefined) return undefined;
  return current({ cluster, publicKey: sha256Hex(peer.publicKey.export({ type: 'spki', format: 'der' })) });
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
  return {
    kind: 'refused',
    refusal: { kind, message, hint: 'it is no agent of this release that asks so: `ldc agent` does it' },
  };
}

function respond(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}
