/** Who we are at an API server: a kubeconfig or the pod's service account, read by client-node, which is loaded only here. */

import type { RequestOptions } from 'node:https';
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
  close(): Promise<void>;
}

/** Where the credentials come from. */
export type Credentials = { readonly kind: 'kubeconfig'; readonly text: string } | { readonly kind: 'inCluster' };

const ACCESS_MS_MAX = 60_000;

/** @throws Error with a sentence when the kubeconfig cannot be used. */
export async function authenticate(credentials: Credentials, clock: Clock): Promise<Authentication> {
  const { KubeConfig, RequestContext, HttpMethod } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  if (credentials.kind === 'kubeconfig') config.loadFromString(credentials.text);
  else config.loadFromCluster();
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
  return {
    async access(fresh) {
      if (!fresh && held !== undefined && clock.monotonic() - held.atMs < ACCESS_MS_MAX) return held.access;
      return read();
    },
    async close() {
      await held?.access.dispatcher?.destroy();
    },
  };
}
