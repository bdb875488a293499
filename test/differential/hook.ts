/**
 * A webhook of admission on loopback that answers what the path says, for scripts and cases:
 * `/answer/BASE64URL` the response (its uid comes by itself), `/raw/STATUS/BASE64URL` these very bytes, `/echo` a refusal that
 * holds the request, `/hang` nothing.
 */
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { canonical, isObject, type Json, type JsonObject, systemClock, systemRandom } from '../../src/base/index.ts';
import { openPki } from '../../src/sim/api/pki.ts';

export interface Hook {
  /** `https://127.0.0.1:<port>` */
  readonly url: string;
  /** The authority as `caBundle` takes it. */
  readonly caBundle: string;
  /** The `request` of each review, in order. */
  readonly asked: readonly JsonObject[];
  close(): Promise<void>;
}

export const answerPath = (response: Json): string =>
  `/answer/${Buffer.from(JSON.stringify(response)).toString('base64url')}`;
export const rawPath = (status: number, body: string): string =>
  `/raw/${status}/${Buffer.from(body).toString('base64url')}`;
/** A patch as a response carries it. */
export const patched = (...operations: readonly JsonObject[]): JsonObject => ({
  allowed: true,
  patchType: 'JSONPatch',
  patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
});

export async function startHook(): Promise<Hook> {
  const pki = await openPki('hook', undefined, systemClock, systemRandom);
  const asked: JsonObject[] = [];
  const server = createServer({ cert: pki.server.certPem, key: pki.server.keyPem }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const review = JSON.parse(Buffer.concat(chunks).toString('utf8')) as JsonObject;
      const about = (isObject(review.request) ? review.request : {}) as JsonObject;
      asked.push(about);
      const [, kind = '', first = '', second = ''] = new URL(request.url ?? '/', 'https://hook').pathname.split('/');
      if (kind === 'hang') return;
      const [status, body] = kind === 'raw' ? [Number(first), decoded(second)] : [200, reviewed(kind, first, about)];
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    caBundle: Buffer.from(pki.caPem).toString('base64'),
    asked,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

const decoded = (text: string): string => Buffer.from(text, 'base64url').toString('utf8');

function reviewed(kind: string, encoded: string, about: JsonObject): string {
  const uid = String(about.uid);
  const response =
    kind === 'echo'
      ? { uid, allowed: false, status: { code: 403, reason: 'Forbidden', message: canonical(comparable(about)) } }
      : { uid, ...(JSON.parse(decoded(encoded)) as JsonObject) };
  return JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response });
}

const UNSHARED: { readonly [key: string]: Json } = {
  resourceVersion: '<revision>',
  clusterIP: '<ip>',
  clusterIPs: ['<ip>'],
};

/** Entries are sorted by whole seconds. */
function inOrder(key: string, value: Json): Json {
  if (key !== 'managedFields' || !Array.isArray(value)) return value;
  return [...(value as readonly Json[])].sort((a, b) => (canonical(a) < canonical(b) ? -1 : 1));
}

/** Without what no two requests share. */
function comparable(value: Json): Json {
  if (Array.isArray(value)) return value.map((item) => comparable(item as Json));
  if (!isObject(value)) return value;
  // 1.33 sends an empty time of creation where there is none
  const isNone = ([key, item]: readonly [string, unknown]) =>
    item === undefined || (key === 'creationTimestamp' && item === null);
  const entries = Object.entries(value).filter((entry) => !isNone(entry));
  return Object.fromEntries(
    entries.map(([key, item]) => [key, UNSHARED[key] ?? inOrder(key, comparable(item as Json))]),
  );
}
