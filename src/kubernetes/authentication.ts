/** Who we are at an API server: a kubeconfig or the pod's service account, kept while it is good. */
import type { Dispatcher } from 'undici';
import type { Clock } from '../base/index.ts';
import type { Credentials, Source } from './credentials.ts';
import { plainSource, podSource } from './plain-source.ts';

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
  /** A request over it was answered. */
  heard(access: Access): void;
  /** A request over it, sent at `sentMs` (Clock.monotonic()), was not answered in its time. */
  unheard(access: Access, sentMs: number): void;
  /** Its connections take no answers any more: the next request gets others, and what is under way ends where it is. */
  spoilt(access: Access): void;
  close(): Promise<void>;
}

/** A bearer token that is good now; `fresh`: another one than before, which the server no longer takes. */
export type TokenSource = (fresh: boolean) => Promise<string>;

const ACCESS_MS_MAX = 60_000;
/**
 * Connections over which nothing has been answered for so long are given up. A line that was cut without a word (a firewall, a
 * load balancer that was replaced) is held by the kernel for a quarter of an hour, and over HTTP/2 everything shares it.
 */
const UNHEARD_MS_MAX = 5_000;

/** @throws Error with a sentence when the credentials cannot be used. */
export async function authenticate(credentials: Credentials, clock: Clock): Promise<Authentication> {
  return authenticationOf(await sourceOf(credentials), clock);
}

async function sourceOf(credentials: Credentials): Promise<Source> {
  if (credentials.kind === 'inCluster') return podSource(credentials.host, credentials.port);
  const plain = await plainSource(credentials);
  if (plain !== undefined) return plain;
  const { clientNodeSource } = await import('./client-node-source.ts');
  return clientNodeSource(credentials);
}

function authenticationOf(source: Source, clock: Clock): Authentication {
  let held: { access: Access; material: string; atMs: number } | undefined;
  let heardMs = Number.NEGATIVE_INFINITY;
  /** When the first request was sent that has not been answered, nor any after it. */
  let unheardSinceMs: number | undefined;
  /** Replaced, with requests and watches still under way. */
  const retired = new Set<Dispatcher>();

  function retire(dispatcher: Dispatcher | undefined): void {
    if (dispatcher === undefined) return;
    retired.add(dispatcher);
    void dispatcher.close().finally(() => retired.delete(dispatcher));
  }

  async function read(): Promise<Access> {
    const { headers, material, connect } = await source.read();
    // the same certificate means the same pool: a new one would mean a handshake for each request
    const same = held?.material === material;
    const dispatcher = same ? held?.access.dispatcher : connect();
    if (!same) retire(held?.access.dispatcher);
    const access: Access = { server: source.server, headers, dispatcher };
    held = { access, material, atMs: clock.monotonic() };
    return access;
  }
  let bare: Authentication | undefined;
  const anonymous = () => {
    bare ??= authenticationOf(source.anonymous(), clock);
    return bare;
  };
  return {
    async access(fresh) {
      if (!fresh && held !== undefined && clock.monotonic() - held.atMs < ACCESS_MS_MAX) return held.access;
      return read();
    },
    bearing: (token) => bearer(anonymous, token),
    heard({ dispatcher }) {
      if (dispatcher !== held?.access.dispatcher) return;
      heardMs = clock.monotonic();
      unheardSinceMs = undefined;
    },
    unheard({ dispatcher }, sentMs) {
      // one slow answer among others is the server's matter, not the line's
      if (dispatcher === undefined || dispatcher !== held?.access.dispatcher || sentMs < heardMs) return;
      unheardSinceMs ??= sentMs;
      if (clock.monotonic() - unheardSinceMs < UNHEARD_MS_MAX) return;
      held = undefined;
      unheardSinceMs = undefined;
      for (const one of [dispatcher, ...retired]) void one.destroy();
    },
    spoilt({ dispatcher }) {
      if (dispatcher === undefined || dispatcher !== held?.access.dispatcher) return;
      held = undefined;
      unheardSinceMs = undefined;
      retire(dispatcher);
    },
    async close() {
      await bare?.close();
      await Promise.all([held?.access.dispatcher, ...retired].map((one) => one?.destroy()));
    },
  };
}

/** With nothing but the token, over connections that all bearers of one server share. */
function bearer(anonymous: () => Authentication, token: TokenSource): Authentication {
  return {
    async access(fresh) {
      const [access, text] = await Promise.all([anonymous().access(false), token(fresh)]);
      return { ...access, headers: { ...access.headers, authorization: `Bearer ${text}` } };
    },
    bearing: (other) => bearer(anonymous, other),
    heard: (access) => anonymous().heard(access),
    unheard: (access, sentMs) => anonymous().unheard(access, sentMs),
    spoilt: (access) => anonymous().spoilt(access),
    close: async () => {},
  };
}
