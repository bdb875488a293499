/**
 * As whom the agent acts: as itself, or as the ServiceAccount that a stack names. It impersonates nobody: it asks for a
 * short-lived token (`serviceaccounts/token`, a right that can be given for single accounts) and shows nothing else.
 */
import { type Clock, isObject, type Json } from '../../base/index.ts';
import { type Access, type Client, createAccess, type Discovery, verdictOf } from '../../kubernetes/index.ts';
import type { Bundle } from './bundle.ts';
import { Halted, refuse } from './halted.ts';
import { createObjects, halt, type Objects } from './objects.ts';

export type ServiceAccountRef = NonNullable<Bundle['serviceAccount']>;

/** Whoever acts, and with what. */
export interface Identity {
  /** Absent: the agent itself. */
  readonly serviceAccount?: ServiceAccountRef;
  readonly client: Client;
  readonly objects: Objects;
  readonly access: Access;
}

export interface Identities {
  readonly itself: Identity;
  /** Without asking for a token yet: what it then cannot get, it cannot reach. */
  of(account: ServiceAccountRef | undefined): Identity;
  /** Halts as refused when there is no such account, or the agent may not act as it. */
  as(account: ServiceAccountRef | undefined): Promise<Identity>;
}

/** The least that an API server grants. */
const TOKEN_SECONDS = 600;
/** What is not used for so long may be forgotten, its token with it. */
const FORGOTTEN_MS = 2 * TOKEN_SECONDS * 1_000;
/** As many accounts are remembered; beyond it, the one that was used longest ago is forgotten. */
const KNOWN_MAX = 256;
/** RFC 1123 subdomain. The hub may send anything; here it becomes part of a path. */
const NAME = /^[a-z0-9]([-a-z0-9]{0,251}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,251}[a-z0-9])?)*$/;
/** A token is left so long before its end: a clock may be off, and what was begun with it has to end. */
const LEFT_MS = 120_000;

interface Other {
  readonly identity: Identity;
  readonly token: Token;
  readonly usedMs: number;
}

export function createIdentities(client: Client, discovery: Discovery, clock: Clock): Identities {
  const identityOf = (own: Client, asking = own): Identity => {
    return { client: own, objects: createObjects(asking, discovery, clock), access: createAccess(asking, clock) };
  };
  const itself = identityOf(client);
  /** By account, the one used last at the end. Who holds an identity goes on with it when it is forgotten here. */
  const others = new Map<string, Other>();

  function forget(nowMs: number): void {
    for (const [key, { usedMs }] of others) {
      if (others.size < KNOWN_MAX && nowMs - usedMs < FORGOTTEN_MS) return;
      others.delete(key);
    }
  }
  function other(account: ServiceAccountRef): Other {
    const key = accountText(account);
    const known = others.get(key);
    const usedMs = clock.monotonic();
    others.delete(key);
    forget(usedMs);
    const entry = known === undefined ? make(account, usedMs) : { ...known, usedMs };
    others.set(key, entry);
    return entry;
  }
  function make(account: ServiceAccountRef, usedMs: number): Other {
    if (![account.namespace, account.name].every((name) => name.length <= 253 && NAME.test(name))) {
      return refuse(noAccount(account));
    }
    const token = createToken(client, clock, account);
    const bearing = client.bearing?.(token.get);
    if (bearing === undefined) return refuse(mayNot(account, 'its connection to the cluster has no way to'));
    const identity = { ...identityOf(bearing, refusedWith(token, bearing)), serviceAccount: account };
    return { identity, token, usedMs };
  }
  return {
    itself,
    of: (account) => (account === undefined ? itself : other(account).identity),
    async as(account) {
      if (account === undefined) return itself;
      const { identity, token } = other(account);
      await token.get(false); // says what is wrong here, where it is a refusal and not a line that is down
      return identity;
    },
  };
}

/** A client that acts as an account, by tokens that `client` makes. @throws Error when that one has no way to */
export function clientAs(client: Client, clock: Clock, account: ServiceAccountRef): Client {
  const bearing = client.bearing?.(createToken(client, clock, account).get);
  if (bearing === undefined) throw new Error(`this connection cannot act as ServiceAccount ${accountText(account)}`);
  return bearing;
}

interface Token {
  get(fresh: boolean): Promise<string>;
  /** Why the last one was refused; undefined: it was not. */
  refusal(): Halted | undefined;
}

/**
 * The account, or the right to its token, may go while something is done: to a client no token is a line that is down, which
 * is waited for; here it is told as what it is. Halts as refused.
 */
function refusedWith(token: Token, client: Client): Client {
  return {
    ...client,
    async request(request) {
      const answer = await client.request(request);
      const refusal = answer.kind === 'unreachable' ? token.refusal() : undefined;
      if (refusal !== undefined) throw refusal;
      return answer;
    },
  };
}

function createToken(client: Client, clock: Clock, account: ServiceAccountRef): Token {
  let held: { readonly token: string; readonly untilMs: number } | undefined;
  let asking: Promise<string> | undefined;
  let refusal: Halted | undefined;

  async function ask(): Promise<string> {
    const askedMs = clock.monotonic();
    const answer = await client.request({
      method: 'POST',
      path: `/api/v1/namespaces/${encodeURIComponent(account.namespace)}/serviceaccounts/${encodeURIComponent(account.name)}/token`,
      body: {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { expirationSeconds: TOKEN_SECONDS },
      },
    });
    const verdict = verdictOf(answer, `the token of ServiceAccount ${accountText(account)}`);
    if (verdict.kind === 'notFound') return refuse(absent(account));
    if (verdict.kind === 'refused' && verdict.status === 403)
      return refuse(mayNot(account, 'it may not create its token'));
    if (verdict.kind !== 'ok') return halt(verdict);
    const token = tokenIn(verdict.body);
    held = { token, untilMs: askedMs + TOKEN_SECONDS * 1_000 - LEFT_MS };
    return token;
  }
  return {
    refusal: () => refusal,
    get(fresh) {
      if (!fresh && held !== undefined && clock.monotonic() < held.untilMs) return Promise.resolve(held.token);
      asking ??= ask()
        .then(
          (token) => {
            refusal = undefined;
            return token;
          },
          (error: unknown) => {
            refusal = error instanceof Halted && error.outcome.kind === 'refused' ? error : undefined;
            if (refusal !== undefined) held = undefined;
            throw error;
          },
        )
        .finally(() => {
          asking = undefined;
        });
      return asking;
    },
  };
}

function tokenIn(body: Json): string {
  const token = isObject(body) && isObject(body.status) ? body.status.token : undefined;
  if (typeof token === 'string') return token;
  return refuse({
    kind: 'protocol',
    message: 'the API server answered a request for a token without one',
    hint: 'look at what stands before the API server: a proxy may cut its answers',
  });
}

function noAccount(account: ServiceAccountRef) {
  return {
    kind: 'noServiceAccount',
    message: `${JSON.stringify(accountText(account))} is no name of a ServiceAccount`,
    hint: 'correct spec.serviceAccount: a-z, 0-9, "-" and "."',
  };
}

function absent(account: ServiceAccountRef) {
  const { namespace, name } = account;
  return {
    kind: 'noServiceAccount',
    message: `there is no ServiceAccount ${accountText(account)}, as which the stack is to be applied`,
    where: `ServiceAccount ${accountText(account)}`,
    hint: `it has to be there before the stack: kubectl create namespace ${namespace}; kubectl -n ${namespace} create serviceaccount ${name}; then a Role and its RoleBinding`,
  };
}

function mayNot(account: ServiceAccountRef, why: string) {
  const { namespace, name } = account;
  return {
    kind: 'mayNotActAs',
    message: `the agent may not act as ServiceAccount ${accountText(account)}: ${why}`,
    where: `ServiceAccount ${accountText(account)}`,
    hint: `allow it there: kubectl -n ${namespace} create role ldc-agent-token --verb=create --resource=serviceaccounts/token --resource-name=${name}; kubectl -n ${namespace} create rolebinding ldc-agent-token --role=ldc-agent-token --serviceaccount=ldc-system:ldc-agent`,
  };
}

/** `shop/deployer`. */
export function accountText({ namespace, name }: ServiceAccountRef): string {
  return `${namespace}/${name}`;
}
