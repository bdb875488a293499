/** Raw HTTPS exchanges with one API server over kept connections. */
import { Agent, type RequestOptions, request } from 'node:https';
import { parse } from 'yaml';
import type { Json } from '../../src/base/index.ts';
import type { Target } from './types.ts';

export interface Sent {
  readonly status: number;
  readonly headers: { readonly [name: string]: string | string[] | undefined };
  readonly text: string;
}

export interface Ask {
  readonly method: string;
  readonly path: string;
  readonly headers: { readonly [name: string]: string };
  readonly body?: string;
}

export interface Line {
  send(ask: Ask): Promise<Sent>;
  /** Opens a watch, runs `during`, and ends it after so many events or a second without one. */
  watch(ask: Ask, events: number, during: () => Promise<void>): Promise<Sent>;
  close(): void;
}

const QUIET_MS = 1000;
const OPEN_MS = 30_000;

interface KubeconfigFile {
  readonly clusters: readonly { readonly cluster: { readonly [key: string]: string } }[];
  readonly users: readonly { readonly user: { readonly [key: string]: string } }[];
}

/** The server and the client certificate of a kubeconfig (YAML) with one cluster and one user. */
export function targetOf(kubeconfig: string): Target {
  const { clusters, users } = parse(kubeconfig) as KubeconfigFile;
  const decoded = (text: string | undefined) => Buffer.from(text ?? '', 'base64').toString();
  return {
    url: clusters[0]?.cluster.server ?? '',
    caPem: decoded(clusters[0]?.cluster['certificate-authority-data']),
    certPem: decoded(users[0]?.user['client-certificate-data']),
    keyPem: decoded(users[0]?.user['client-key-data']),
  };
}

export function openLine(target: Target): Line {
  const agent = new Agent({ keepAlive: true, ca: target.caPem, cert: target.certPem, key: target.keyPem });
  const optionsOf = ({ method, headers, body }: Ask): RequestOptions => ({
    agent,
    method,
    headers: {
      Accept: 'application/json',
      ...headers,
      ...(body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }),
    },
  });
  return {
    send: (ask) =>
      new Promise((resolve, reject) => {
        const call = request(target.url + ask.path, optionsOf(ask), (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString('utf8');
            resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
          });
        });
        call.setTimeout(OPEN_MS, () => call.destroy(new Error(`no answer to ${ask.method} ${ask.path}`)));
        call.on('error', reject);
        call.end(ask.body);
      }),
    watch: (ask, events, during) => watch(target, optionsOf(ask), ask, events, during),
    close: () => agent.destroy(),
  };
}

function watch(
  target: Target,
  options: RequestOptions,
  ask: Ask,
  events: number,
  during: () => Promise<void>,
): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const call = request(target.url + ask.path, options, (response) => {
      let text = '';
      let happened = false;
      let quiet: NodeJS.Timeout | undefined;
      const end = () => {
        clearTimeout(quiet);
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
        call.destroy();
      };
      const look = () => {
        clearTimeout(quiet);
        if (happened && text.split('\n').length > events) quiet = setTimeout(end, QUIET_MS / 10);
        else if (happened) quiet = setTimeout(end, QUIET_MS);
      };
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString('utf8');
        look();
      });
      response.on('end', end);
      response.on('error', () => {});
      during().then(() => {
        happened = true;
        look();
      }, reject);
    });
    call.on('error', reject);
    call.end();
  });
}

/** A body as JSON where it is JSON; a watch as the list of its events. */
export function parsed(text: string, isWatch: boolean): Json {
  try {
    if (!isWatch) return JSON.parse(text) as Json;
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Json);
  } catch {
    return text;
  }
}
