/** Replays the recorded exchanges of a real API server against an embedded one and says where the answers differ. */
import { readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import { isObject, type Json } from '../src/base/index.ts';

export interface Trace {
  readonly file: string;
  readonly name: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers: { readonly [name: string]: string };
    readonly body: Json;
  };
  readonly response: {
    readonly status: number;
    readonly headers: { readonly [name: string]: string };
    readonly body: Json;
  };
}

export function readTraces(dir: URL): readonly Trace[] {
  const files = readdirSync(dir)
    .filter((file) => /^\d{3}-.*\.json$/.test(file))
    .sort();
  return files.map((file) => ({
    file: file.replace('.json', ''),
    ...JSON.parse(readFileSync(new URL(file, dir), 'utf8')),
  }));
}

export interface Credentials {
  readonly token?: string;
  readonly certificate?: { readonly certPem: string; readonly keyPem: string };
}

export interface Sent {
  readonly status: number;
  readonly headers: { readonly [name: string]: string | string[] | undefined };
  readonly body: Json;
}

/** One HTTPS exchange; the body is parsed where it is JSON, and a watch becomes the list of its events. */
export function exchange(
  url: string,
  caPem: string,
  credentials: Credentials,
  method: string,
  headers: { readonly [name: string]: string },
  body: string | undefined,
  onOpen: () => void = () => {},
): Promise<Sent> {
  const { token, certificate } = credentials;
  const options = {
    method,
    ca: caPem,
    agent: false,
    headers: {
      ...headers,
      ...(body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }),
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
    },
    ...(certificate === undefined ? {} : { cert: certificate.certPem, key: certificate.keyPem }),
  };
  return new Promise((resolve, reject) => {
    const call = request(url, options, (response) => {
      onOpen();
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: parseBody(text, url.includes('watch=true')),
        });
      });
    });
    call.on('error', reject);
    call.end(body);
  });
}

function parseBody(text: string, isWatch: boolean): Json {
  try {
    if (isWatch && text.startsWith('{"type"'))
      return text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Json);
    return text === '' && isWatch ? [] : (JSON.parse(text) as Json);
  } catch {
    return text;
  }
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g;
const BY_KEY: { readonly [key: string]: string } = {
  resourceVersion: '<revision>',
  continue: '<token>',
  token: '<token>',
  certificate: '<certificate>',
  'ca.crt': '<certificate>',
  request: '<request>',
  serverAddress: '<address>',
};

/** The same value with everything that legitimately differs between two servers replaced. */
export function normalise(value: Json | undefined, key = ''): Json {
  if (typeof value === 'string') return normaliseText(value, key);
  if (Array.isArray(value)) return value.map((item: Json) => normalise(item, key === 'cells' ? 'cell' : ''));
  if (isObject(value))
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [normaliseText(name, ''), normalise(item, name)]),
    );
  return value ?? null;
}

function normaliseText(text: string, key: string): string {
  const fixed = BY_KEY[key];
  if (fixed !== undefined) return fixed;
  if (key === 'cell' && /^\d+[smhd]\d*[smhd]?$/.test(text)) return '<age>';
  return text
    .replace(UUID, '<uid>')
    .replace(TIME, '<time>')
    .replace(/X509SHA256=[0-9a-f]{64}/, 'X509SHA256=<digest>')
    .replace(/\b(gen|kube-api-access|d-[0-9a-f]{8,10})-[bcdfghjklmnpqrstvwxz2456789]{5}\b/g, '$1-<suffix>')
    .replace(/too old resource version: (\d+) \(\d+\)/, 'too old resource version: $1 (<revision>)')
    .replace(/ResourceVersion in record \(\d+\)/, 'ResourceVersion in record (<revision>)')
    .replace(/(Too large resource version: \d+, current:) \d+/, '$1 <revision>')
    .replace(/Key: \/g1\//, 'Key: /registry/') // the recorded server kept its objects in etcd under its own name
    .replace(/hash=[0-9A-F]+/g, 'hash=<hash>');
}

/** The paths at which two values differ, with both sides shown short. */
export function differences(expected: Json | undefined, actual: Json | undefined, path = ''): readonly string[] {
  if (Array.isArray(expected) && Array.isArray(actual)) {
    const length = Math.max(expected.length, actual.length);
    return Array.from({ length }, (_, index) =>
      differences(expected[index], actual[index], `${path}[${index}]`),
    ).flat();
  }
  if (isObject(expected) && isObject(actual)) {
    const keys = [...new Set([...Object.keys(expected), ...Object.keys(actual)])];
    return keys.flatMap((key) => differences(expected[key], actual[key], `${path}.${key}`));
  }
  return JSON.stringify(expected) === JSON.stringify(actual)
    ? []
    : [`${path}: expected ${short(expected)}, got ${short(actual)}`];
}

function short(value: Json | undefined): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}

/** Recorded identities and what they are here: learned from answers, put into later requests. */
export class Identities {
  readonly #known = new Map<string, string>();

  learn(expected: Json | undefined, actual: Json | undefined, key = ''): void {
    if (typeof expected === 'string' && typeof actual === 'string') {
      if (key === 'uid' || key === 'resourceVersion') this.#known.set(`${key} ${expected}`, actual);
      return;
    }
    if (Array.isArray(expected) && Array.isArray(actual)) {
      for (const [index, item] of expected.entries()) this.learn(item, actual[index]);
    }
    if (!isObject(expected) || !isObject(actual)) return;
    for (const [name, item] of Object.entries(expected)) this.learn(item, actual[name], name);
  }

  translate(value: Json | undefined, key = ''): Json {
    if (typeof value === 'string') return this.#known.get(`${key} ${value}`) ?? value;
    if (Array.isArray(value)) return value.map((item: Json) => this.translate(item));
    if (!isObject(value)) return value ?? null;
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, this.translate(item, name)]));
  }
}
