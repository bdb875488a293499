/** The way to the hub over the network: TLS 1.3 by the hub's own CA, whatever address or gateway lies between. */
import { X509Certificate } from 'node:crypto';
import { request as httpsRequest } from 'node:https';

import { type ConnectionOptions, connect as tlsConnect } from 'node:tls';
import { type ClientOptions, WebSocket } from 'ws';
import {
  type Clock,
  done,
  errorText,
  isObject,
  type Json,
  type Outcome,
  type Refusal,
  refused,
} from '../../base/index.ts';
import { SOCKET_OPTIONS, socketChannel } from '../../protocol/index.ts';
import { caDigestOf, certificateDigest, HUB_SERVER_NAME } from '../hub-identity.ts';
import type { Enrolled, HubDoor } from '../types.ts';

const DIAL_MS_MAX = 10_000;

/** `url`: where the agents' port is reached, such as `https://hub.example:7421` or a gateway's address. */
export function networkDoor(url: string, clock: Clock): HubDoor {
  const { hostname, port } = new URL(url);
  const target = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 443) };
  /** Resumed handshakes cost half of a full one: a fleet that comes back at once needs that. */
  let session: Buffer | undefined;

  return {
    async enrol({ token, cluster, csr, uid }) {
      const digest = caDigestOf(token);
      if (digest === undefined) return refused(NO_TOKEN);
      const ca = await fetchAuthority(target, digest, clock);
      if (ca.kind !== 'done') return ca;
      return post(
        target,
        '/enrol',
        { token, cluster, csr, ...(uid === undefined ? {} : { uid }) },
        { ca: ca.value },
        clock,
      );
    },
    renew: (identity, csr) =>
      post(target, '/renew', { csr }, { ca: identity.ca, cert: identity.certificate, key: identity.key }, clock),
    open(identity, signal) {
      return new Promise((resolve) => {
        const options: ClientOptions & ConnectionOptions = {
          ...SOCKET_OPTIONS,
          ca: identity.ca,
          cert: identity.certificate,
          key: identity.key,
          servername: HUB_SERVER_NAME,
          minVersion: 'TLSv1.3',
          ...(session === undefined ? {} : { session }),
        };
        const socket = new WebSocket(`wss://${hostname}:${target.port}/agent`, options);
        const abort = () => socket.terminate();
        signal.addEventListener('abort', abort, { once: true });
        const settle = (outcome: Awaited<ReturnType<HubDoor['open']>>) => {
          signal.removeEventListener('abort', abort);
          resolve(outcome);
        };
        socket.on('upgrade', (response) => {
          response.socket.on('session', (fresh: Buffer) => {
            session = fresh;
          });
        });
        socket.on('open', () => settle(done(socketChannel(socket))));
        socket.on('unexpected-response', (_request, response) => {
          void refusalIn(response).then((refusal) => {
            socket.terminate();
            if (response.statusCode === 403) return settle(refused(refusal ?? NOT_KNOWN));
            settle({ kind: 'retry', afterMs: 1_000, reason: `the hub answered ${response.statusCode}` });
          });
        });
        socket.on('error', (error) => {
          session = undefined;
          settle({ kind: 'retry', afterMs: 1_000, reason: reasonOf(error) });
        });
      });
    },
  };
}

const WRONG_TIME = ['CERT_NOT_YET_VALID', 'CERT_HAS_EXPIRED'];

/** A certificate that is not good yet, or no more, is a matter of clocks: both are said, for a person looks at this one only. */
function reasonOf(error: NodeJS.ErrnoException): string {
  if (!WRONG_TIME.includes(error.code ?? '')) return error.message;
  return `the hub's ${error.message} by the clock of this machine: compare it with the hub's (they may be an hour apart)`;
}

const NO_TOKEN: Refusal = {
  kind: 'token',
  message: 'this is no join token (it starts with ldc1.)',
  hint: 'copy it whole, or make a new one with `ldc cluster token`',
};

const NOT_KNOWN: Refusal = {
  kind: 'unknownAgent',
  message: 'the hub does not know this agent: its cluster was removed, or its certificate is not valid there',
  hint: 'join it again with a new token: `ldc cluster token`',
};

const REFUSAL_BYTES_MAX = 16 * 1024;

/** Why the hub opens no line, if it says so. */
async function refusalIn(response: AsyncIterable<Buffer>): Promise<Refusal | undefined> {
  try {
    let text = '';
    for await (const chunk of response) {
      text += chunk;
      if (text.length > REFUSAL_BYTES_MAX) return undefined;
    }
    const body: unknown = JSON.parse(text);
    return isObject(body) && isObject(body.refusal) ? (body.refusal as unknown as Refusal) : undefined;
  } catch {
    return undefined; // an older hub says nothing
  }
}

/** The hub's CA, taken from the handshake and believed only when its digest is the token's and it has signed the hub. */
function fetchAuthority(
  target: { host: string; port: number },
  digest: string,
  clock: Clock,
): Promise<Outcome<string>> {
  return new Promise((resolve) => {
    const socket = tlsConnect(
      { ...target, servername: HUB_SERVER_NAME, rejectUnauthorized: false, minVersion: 'TLSv1.3' },
      () => {
        const leaf = socket.getPeerX509Certificate();
        const issuer = leaf?.issuerCertificate ?? findIssuer(socket.getPeerCertificate(true));
        settle(judge(leaf, issuer, digest));
      },
    );
    const settle = (outcome: Outcome<string>) => {
      cancel();
      socket.destroy();
      resolve(outcome);
    };
    const cancel = clock.after(DIAL_MS_MAX, () => settle({ kind: 'retry', afterMs: 1_000, reason: 'no answer' }));
    socket.on('error', (error) => settle({ kind: 'retry', afterMs: 1_000, reason: error.message }));
  });
}

function findIssuer(peer: { issuerCertificate?: { raw?: Buffer } }): X509Certificate | undefined {
  const raw = peer.issuerCertificate?.raw;
  return raw === undefined ? undefined : new X509Certificate(raw);
}

function judge(
  leaf: X509Certificate | undefined,
  issuer: X509Certificate | undefined,
  digest: string,
): Outcome<string> {
  const pem = issuer?.toString();
  if (leaf === undefined || issuer === undefined || pem === undefined || certificateDigest(pem) !== digest) {
    return refused({
      kind: 'anotherHub',
      message: 'this is another hub than the one that made the token',
      hint: 'check the address, and that nothing between reads along',
    });
  }
  if (!leaf.verify(issuer.publicKey)) {
    return refused({
      kind: 'anotherHub',
      message: "the hub's certificate is not signed by the hub that made the token",
      hint: 'check the address of the hub, or make a token at the hub that is meant (`ldc cluster token`)',
    });
  }
  return done(pem);
}

function post(
  target: { host: string; port: number },
  path: string,
  body: Json,
  tls: ConnectionOptions,
  clock: Clock,
): Promise<Outcome<Enrolled>> {
  return new Promise((resolve) => {
    const text = JSON.stringify(body);
    const request = httpsRequest(
      {
        ...target,
        ...tls,
        servername: HUB_SERVER_NAME,
        minVersion: 'TLSv1.3',
        path,
        method: 'POST',
        agent: false,
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) },
      },
      async (response) => {
        let answer = '';
        for await (const chunk of response) answer += chunk;
        settle(outcomeOf(response.statusCode ?? 0, answer));
      },
    );
    const settle = (outcome: Outcome<Enrolled>) => {
      cancel();
      request.destroy();
      resolve(outcome);
    };
    const cancel = clock.after(DIAL_MS_MAX, () => settle({ kind: 'unknown', reason: 'no answer of the hub' }));
    request.on('error', (error) => settle({ kind: 'retry', afterMs: 1_000, reason: reasonOf(error) }));
    request.end(text);
  });
}

function outcomeOf(status: number, text: string): Outcome<Enrolled> {
  try {
    const body: unknown = JSON.parse(text);
    if (status === 200) return done(body as Enrolled);
    if (isObject(body) && isObject(body.refusal)) return refused(body.refusal as unknown as Refusal);
    return { kind: 'retry', afterMs: 1_000, reason: isObject(body) ? String(body.reason) : `HTTP ${status}` };
  } catch (error) {
    return { kind: 'retry', afterMs: 1_000, reason: `HTTP ${status}: ${errorText(error)}` };
  }
}
