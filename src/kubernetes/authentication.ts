/** Who we are at an API server: a kubeconfig or the pod's service account, read by client-node, which is loaded only here. */

import type { RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import type { Dispatcher } from 'undici';
import type { Clock } from '../base/index.ts';
import { sha256Hex } from '../base/index.ts';

/** How to reach and convince one API server, for a while. */
export interface Access {
  /** Such as `https://10.0.0.1:6443`, no trailing slash. */
  readonly server: string;
  readonly headers: { readonly [name: string]: string };
  readonly dispatcher: Dispatcher | undefined;
}

export interface Authentication {
  /** Read anew when it is older than a minute (tokens and certificates rotate), or when `fresh` is asked for after a 401. */
  access(fresh: boolean): Promise<Access>;
  /** The same server as another: the bearer of that token, with nothing of our own credentials. */
  bearing(token: TokenSource): Authentication;
  close(): Promise<void>;
}

/** A bearer token that is good now; `fresh`: another one than before, which the server no longer takes. */
export type TokenSource = (fresh: boolean) => Promise<string>;

/** Where the credentials come from. */
export type Credentials =
  | {
      readonly kind: 'kubeconfig';
      readonly text: string;
      /** Default: the kubeconfig's current context. */
      readonly context?: string;
    }
  | { readonly kind: 'inCluster' };

const ACCESS_MS_MAX = 60_000;

/** @throws Error with a sentence when the kubeconfig cannot be used. */
export async function authenticate(credentials: Credentials, clock: Clock): Promise<Authentication> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  if (credentials.kind === 'inCluster') config.loadFromCluster();
  else {
    config.loadFromString(credentials.text);
    if (credentials.context !== undefined) setContext(config, credentials.context);
  }
  return authenticationOf(config, clock);
}

function setContext(config: KubeConfig, context: string): void {
  const known = config.getContexts().map(({ name }) => name);
  if (!known.includes(context)) throw new Error(`the kubeconfig has no context ${context}; it has ${known.join(', ')}`);
  config.setCurrentContext(context);
}

async function authenticationOf(config: KubeConfig, clock: Clock): Promise<Authentication> {
  const { RequestContext, HttpMethod } = await import('@kubernetes/client-node');
  const server = config.getCurrentCluster()?.server.replace(/\/+$/, '');
  if (server === undefined) throw new Error('the kubeconfig has no current context with a cluster');
  let held: { access: Access; material: string; atMs: number } | undefined;

  async function read(): Promise<Access> {
    const tls: RequestOptions = {};
    await config.applyToHTTPSOptions(tls);
    const material = sha256Hex(JSON.stringify([tls.ca, tls.cert, tls.key].map((part) => (part ? String(part) : ''))));
    const context = new RequestContext(`${server}/`, HttpMethod.GET);
    await config.applySecurityAuthentication(context);
    // the same certificate means the same pool: client-node makes a new one, and with it a handshake, for each request
    const dispatcher = held?.material === material ? held.access.dispatcher : context.getDispatcher();
    if (held !== undefined && dispatcher !== held.access.dispatcher) void held.access.dispatcher?.close();
    const access: Access = { server: server as string, headers: context.getHeaders(), dispatcher };
    held = { access, material, atMs: clock.monotonic() };
    return access;
  }
  let bare: Promise<Authentication> | undefined;
  const anonymous = () => {
    bare ??= withoutUser(config, clock);
    return bare;
  };
  return {
    async access(fresh) {
      if (!fresh && held !== undefined && clock.monotonic() - held.atMs < ACCESS_MS_MAX) return held.access;
      return read();
    },
    bearing: (token) => bearer(anonymous, token),
    async close() {
      await bare?.then((one) => one.close());
      await held?.access.dispatcher?.destroy();
    },
  };
}

/** With nothing but the token, over connections that all bearers of one server share. */
function bearer(anonymous: () => Promise<Authentication>, token: TokenSource): Authentication {
  return {
    async access(fresh) {
      const [access, text] = await Promise.all([anonymous().then((one) => one.access(false)), token(fresh)]);
      return { ...access, headers: { ...access.headers, authorization: `Bearer ${text}` } };
    },
    bearing: (other) => bearer(anonymous, other),
    close: async () => {},
  };
}

/** The same cluster for nobody: no certificate is shown there. */
async function withoutUser(config: KubeConfig, clock: Clock): Promise<Authentication> {
  const { KubeConfig: Config } = await import('@kubernetes/client-node');
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error('the kubeconfig has no current context with a cluster');
  const bare = new Config();
  bare.loadFromClusterAndUser(cluster, { name: 'bearer' });
  return authenticationOf(bare, clock);
}
