/** One call of a webhook over HTTPS, and why it could not be made, in the words of a real server's. */
import { request as dial } from 'node:https';
import { isIPv4 } from 'node:net';
import { errorText, type Json, type JsonObject } from '../../base/index.ts';
import { type Cluster, type Fields, part } from './cluster.ts';
import { fields } from './strategy.ts';
import type { Webhook } from './webhook-match.ts';

/** What came back; `failed`: nothing that is an answer. */
export type Reply =
  | { readonly kind: 'answered'; readonly body: Json }
  | { readonly kind: 'failed'; readonly why: string };

/** Where a webhook is, or why it is nowhere. */
export type Target =
  | {
      readonly kind: 'there';
      readonly host: string;
      readonly port: number;
      readonly path: string;
      readonly serverName: string;
      readonly shown: string;
    }
  | { readonly kind: 'nowhere'; readonly why: string };

const ANSWER_BYTES_MAX = 7 * 1024 * 1024;
const TIMEOUT_S = 10;

const timeoutOf = ({ said }: Webhook): number =>
  typeof said.timeoutSeconds === 'number' ? said.timeoutSeconds : TIMEOUT_S;

/** Known without dialling. Only loopback is ever dialled: an embedded cluster has no network beyond it. */
export function targetOf(cluster: Cluster, webhook: Webhook): Target {
  const client = fields(webhook.said.clientConfig);
  if (typeof client.url !== 'string') return serviceTarget(cluster, webhook, fields(client.service));
  const url = new URL(client.url);
  const shown = `https://${url.host}${url.pathname}?timeout=${timeoutOf(webhook)}s`;
  const port = url.port === '' ? 443 : Number(url.port);
  const host = url.hostname === 'localhost' ? '127.0.0.1' : url.hostname;
  if (host.startsWith('127.') && isIPv4(host)) {
    return { kind: 'there', host, port, path: url.pathname, serverName: url.hostname, shown };
  }
  const why = isIPv4(host)
    ? `dial tcp ${host}:${port}: connect: connection refused`
    : `dial tcp: lookup ${host}: no such host`;
  return nowhere(shown, why);
}

function nowhere(shown: string, why: string): Target {
  return { kind: 'nowhere', why: `failed to call webhook: Post "${shown}": ${why}` };
}

function serviceTarget(cluster: Cluster, webhook: Webhook, service: Fields): Target {
  const [name, namespace] = [String(service.name), String(service.namespace)];
  const port = typeof service.port === 'number' ? service.port : 443;
  const path = `/${String(service.path ?? '').replace(/^\//, '')}`;
  const serverName = `${name}.${namespace}.svc`;
  const shown = `https://${serverName}:${port}${path}?timeout=${timeoutOf(webhook)}s`;
  const found = cluster.store.get('services', namespace, name);
  if (found === undefined) return nowhere(shown, `service "${name}" not found`);
  const spec = part(found, 'spec');
  const ports = (Array.isArray(spec.ports) ? (spec.ports as readonly Json[]) : []).map(fields);
  const wanted = ports.find((one) => one.port === port);
  if (wanted === undefined) return nowhere(shown, `no service port ${port} found for service "${name}"`);
  const endpoint = endpointOf(cluster, namespace, name, wanted.name);
  if (endpoint === undefined) {
    return nowhere(shown, `dial tcp ${String(spec.clusterIP)}:${port}: connect: connection refused`);
  }
  return { kind: 'there', ...endpoint, path, serverName, shown };
}

/** A ready endpoint of the Service's port. */
function endpointOf({ store }: Cluster, namespace: string, service: string, portName: Json | undefined) {
  for (const slice of store.list('endpointslices.discovery.k8s.io', namespace)) {
    if (slice.metadata.labels?.['kubernetes.io/service-name'] !== service) continue;
    const ports = (Array.isArray(slice.ports) ? (slice.ports as readonly Json[]) : []).map(fields);
    const port = ports.find((one) => (one.name ?? '') === (portName ?? ''))?.port;
    const endpoints = (Array.isArray(slice.endpoints) ? (slice.endpoints as readonly Json[]) : []).map(fields);
    const [host] = endpoints.flatMap(({ addresses, conditions }) =>
      fields(conditions).ready !== false && Array.isArray(addresses) ? addresses.map(String) : [],
    );
    if (typeof port === 'number' && host?.startsWith('127.')) return { host, port };
  }
  return undefined;
}

/** Sends the review. Never rejects. */
export async function callWebhook(cluster: Cluster, webhook: Webhook, review: JsonObject): Promise<Reply> {
  const target = targetOf(cluster, webhook);
  if (target.kind === 'nowhere') return { kind: 'failed', why: target.why };
  const { caBundle } = fields(webhook.said.clientConfig);
  const seconds = timeoutOf(webhook);
  const failed = (why: string): Reply => ({ kind: 'failed', why: `failed to call webhook: ${why}` });
  return new Promise((resolve) => {
    const body = JSON.stringify(review);
    const sending = dial(
      {
        host: target.host,
        port: target.port,
        path: `${target.path}?timeout=${seconds}s`,
        method: 'POST',
        agent: false,
        servername: isIPv4(target.serverName) ? '' : target.serverName,
        headers: {
          Host: target.serverName,
          Accept: 'application/json, */*',
          'Content-Type': 'application/json',
          'Content-Length': Buffer.byteLength(body),
        },
        ...(typeof caBundle === 'string' ? { ca: Buffer.from(caBundle, 'base64') } : {}),
      },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size <= ANSWER_BYTES_MAX) chunks.push(chunk);
          else sending.destroy(new Error('the answer is too long'));
        });
        response.on('error', (error) => finish(failed(`Post "${target.shown}": ${errorText(error)}`)));
        response.on('end', () => finish(answered(response.statusCode ?? 0, Buffer.concat(chunks).toString('utf8'))));
      },
    );
    const cancel = cluster.clock.after(seconds * 1000, () => {
      finish(failed(`Post "${target.shown}": context deadline exceeded`));
      sending.destroy();
    });
    const finish = (reply: Reply) => {
      cancel();
      resolve(reply);
    };
    sending.on('error', (error: NodeJS.ErrnoException) =>
      finish(failed(`Post "${target.shown}": ${wordsOf(error, target.host, target.port)}`)),
    );
    sending.end(body);
  });
}

const UNTRUSTED = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** A failed connection in Go's words. */
function wordsOf(error: NodeJS.ErrnoException, host: string, port: number): string {
  const { code = '' } = error;
  if (code === 'ECONNREFUSED') return `dial tcp ${host}:${port}: connect: connection refused`;
  if (code === 'ECONNRESET') return 'EOF';
  if (code === 'EPROTO') return 'http: server gave HTTP response to HTTPS client';
  if (code === 'CERT_HAS_EXPIRED')
    return 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid';
  if (UNTRUSTED.has(code) || code.startsWith('UNABLE_TO_GET_ISSUER'))
    return 'tls: failed to verify certificate: x509: certificate signed by unknown authority';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `tls: failed to verify certificate: x509: certificate is not valid for any names, but wanted to match ${host}`;
  return errorText(error);
}

/** What client-go says of a status without a Status. */
const UNSAID: { readonly [status: number]: string } = {
  400: 'the server rejected our request for an unknown reason',
  401: 'the server has asked for the client to provide credentials',
  404: 'the server could not find the requested resource',
  405: 'the server does not allow this method on the requested resource',
  503: 'the server is currently unable to handle the request',
};

function answered(status: number, text: string): Reply {
  const failed = (why: string): Reply => ({ kind: 'failed', why: `failed to call webhook: ${why}` });
  if (status < 200 || status > 206) {
    return failed(UNSAID[status] ?? 'an error on the server ("unknown") has prevented the request from succeeding');
  }
  try {
    return { kind: 'answered', body: JSON.parse(text) as Json };
  } catch (error) {
    return failed(`couldn't get version/kind; json parse error: ${errorText(error)}`);
  }
}
