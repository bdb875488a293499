/**
 * The credentials that nearly everybody has: certificates and tokens, in a kubeconfig or in files. Read here, because
 * client-node costs an agent 30 MiB; what it does beside (exec plugins, proxies, providers, impersonation) is left to it.
 */
import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { Agent } from 'undici';
import { isObject, type JsonObject, sha256Hex } from '../base/index.ts';
import type { Kubeconfig, Proof, Source } from './credentials.ts';

/** A server or a user as a kubeconfig states it. */
type Stated = JsonObject;

const SERVER_KEYS = ['server', 'certificate-authority', 'certificate-authority-data', 'insecure-skip-tls-verify'];
const SERVER_KEYS_TOO = ['tls-server-name', 'disable-compression', 'extensions'];
const USER_KEYS = [
  'client-certificate',
  'client-certificate-data',
  'client-key',
  'client-key-data',
  'token',
  'tokenFile',
];

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Undefined: it is not that plain (or not right), and client-node is to read it. */
export async function plainSource(credentials: Kubeconfig): Promise<Source | undefined> {
  const { parse } = await import('yaml');
  const config = attempt(() => parse(credentials.text, { merge: true }) as unknown);
  if (!isObject(config)) return undefined;
  const context = named(config.contexts, credentials.context ?? config['current-context'])?.context;
  if (!isObject(context)) return undefined;
  const cluster = named(config.clusters, context.cluster)?.cluster;
  const user = named(config.users, context.user)?.user ?? {};
  if (!isObject(cluster) || !isObject(user)) return undefined;
  const { server } = cluster;
  if (typeof server !== 'string' || !server.startsWith('https:')) return undefined;
  if (!holdsOnly(cluster, [...SERVER_KEYS, ...SERVER_KEYS_TOO]) || !holdsOnly(user, USER_KEYS)) return undefined;
  // a number or a boolean is what YAML has made of a token without quotes: its text may have been another one
  if (USER_KEYS.some((key) => textAt(user, key) !== undefined && typeof user[key] !== 'string')) return undefined;
  return sourceOf(server.replace(/\/+$/, ''), cluster, user);
}

/** A pod's service account. @throws Error outside a pod */
export function podSource(host: string | undefined, port: string | undefined): Source {
  if (!host || !port)
    throw new Error('this is no pod of a cluster (KUBERNETES_SERVICE_HOST is not set): give a kubeconfig');
  const server = `https://${isIPv6(host) ? `[${host}]` : host}:${port}`;
  return sourceOf(server, { 'certificate-authority': `${ACCOUNT}/ca.crt` }, { tokenFile: `${ACCOUNT}/token` });
}

function sourceOf(server: string, cluster: Stated, user: Stated): Source {
  return {
    server,
    async read() {
      const serverName = textAt(cluster, 'tls-server-name');
      return proofOf(tokenOf(user), {
        ...{ ca: pemAt(cluster, 'certificate-authority') },
        ...{ cert: pemAt(user, 'client-certificate'), key: pemAt(user, 'client-key') },
        ...(cluster['insecure-skip-tls-verify'] === true ? { rejectUnauthorized: false } : {}),
        ...(serverName === undefined ? {} : { servername: serverName }),
      });
    },
    anonymous: () => sourceOf(server, cluster, {}),
  };
}

interface Tls {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly rejectUnauthorized?: boolean;
  readonly servername?: string;
}

/** A load balancer may forget a quiet connection after a minute: half of that, as client-go has it. */
const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelay: 30_000 };

function proofOf(token: string | undefined, tls: Tls): Proof {
  const { ca, cert, key, ...rest } = tls;
  const given = Object.entries({ ca, cert, key }).filter(([, pem]) => pem !== undefined);
  return {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    material: sha256Hex(JSON.stringify(given)),
    connect: () => new Agent({ connect: { ...Object.fromEntries(given), ...rest, ...KEEP_ALIVE } }),
  };
}

/** A file's token is the newer one: whoever rotates it rewrites the file. */
function tokenOf(user: Stated): string | undefined {
  const file = textAt(user, 'tokenFile');
  return file === undefined ? textAt(user, 'token') : readFileSync(file, 'utf8').trim();
}

/** `<key>-data` (base64) goes before the file that `<key>` names. */
function pemAt(stated: Stated, key: string): string | undefined {
  const data = textAt(stated, `${key}-data`);
  if (data !== undefined) return Buffer.from(data, 'base64').toString('utf8');
  const file = textAt(stated, key);
  return file === undefined ? undefined : readFileSync(file, 'utf8');
}

function textAt(stated: Stated, key: string): string | undefined {
  const value = stated[key];
  return value === undefined || value === null || value === '' ? undefined : String(value);
}

function holdsOnly(stated: Stated, keys: readonly string[]): boolean {
  return Object.keys(stated).every((key) => keys.includes(key) || textAt(stated, key) === undefined);
}

function named(list: unknown, name: unknown): JsonObject | undefined {
  return Array.isArray(list) ? list.filter(isObject).find((one) => one.name === name) : undefined;
}

function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch {
    return undefined; // client-node says what is wrong with it
  }
}
