/** Service account tokens: JSON web tokens (RFC 7519, ES256) signed by the cluster's key and bound to the account's uid. */
import { type KeyObject, sign, verify } from 'node:crypto';
import { isObject, type JsonObject } from '../../base/index.ts';
import { uuid } from '../objects/index.ts';
import type { Cluster, User } from './cluster.ts';

export const ISSUER = 'https://kubernetes.default.svc';

export interface TokenRequest {
  readonly namespace: string;
  readonly account: string;
  readonly uid: string;
  readonly audiences: readonly string[];
  readonly seconds: number;
  /** An object whose deletion ends the token, such as a Pod. */
  readonly bound?: { readonly kind: string; readonly name: string; readonly uid: string };
}

export function issueToken(cluster: Cluster, key: KeyObject, request: TokenRequest): string {
  const nowSeconds = Math.floor(cluster.clock.now() / 1000);
  const { namespace, account, uid, bound } = request;
  const claims = {
    aud: request.audiences,
    exp: nowSeconds + request.seconds,
    iat: nowSeconds,
    iss: ISSUER,
    jti: uuid(cluster.random.bytes(16)),
    'kubernetes.io': {
      namespace,
      serviceaccount: { name: account, uid },
      ...(bound === undefined ? {} : { [bound.kind.toLowerCase()]: { name: bound.name, uid: bound.uid } }),
    },
    nbf: nowSeconds,
    sub: `system:serviceaccount:${namespace}:${account}`,
  };
  const text = `${encode({ alg: 'ES256', typ: 'JWT' })}.${encode(claims)}`;
  return `${text}.${sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

export type Verified =
  | { readonly kind: 'user'; readonly user: User; readonly audiences: readonly string[] }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'audience'; readonly has: readonly string[] };

/** Whose token this is: signed here, in time, its account still there with the same uid, and meant for one of `audiences`. */
export function verifyToken(cluster: Cluster, key: KeyObject, token: string, audiences: readonly string[]): Verified {
  const claims = signedClaims(key, token);
  if (claims === undefined) return { kind: 'unknown' };
  const nowSeconds = cluster.clock.now() / 1000;
  if (claims.iss !== ISSUER || typeof claims.exp !== 'number' || claims.exp < nowSeconds) return { kind: 'unknown' };
  const scope = isObject(claims['kubernetes.io']) ? claims['kubernetes.io'] : {};
  const account = isObject(scope.serviceaccount) ? scope.serviceaccount : {};
  const namespace = String(scope.namespace);
  const stored = cluster.store.get('serviceaccounts', namespace, String(account.name));
  if (stored?.metadata.uid !== account.uid || !boundObjectExists(cluster, namespace, scope)) return { kind: 'unknown' };
  const has = Array.isArray(claims.aud) ? claims.aud.map(String) : [];
  const shared = has.filter((audience) => audiences.includes(audience));
  if (shared.length === 0) return { kind: 'audience', has };
  const user: User = {
    name: String(claims.sub),
    uid: String(account.uid),
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
    extra: { 'authentication.kubernetes.io/credential-id': [`JTI=${String(claims.jti)}`] },
  };
  return { kind: 'user', user, audiences: shared };
}

function boundObjectExists(cluster: Cluster, namespace: string, scope: JsonObject): boolean {
  return ['pod', 'secret'].every((kind) => {
    const bound = scope[kind];
    return !isObject(bound) || cluster.store.get(`${kind}s`, namespace, String(bound.name))?.metadata.uid === bound.uid;
  });
}

function signedClaims(key: KeyObject, token: string): JsonObject | undefined {
  const [head, claims, signature, ...more] = token.split('.');
  if (head === undefined || claims === undefined || signature === undefined || more.length > 0) return undefined;
  const data = Buffer.from(`${head}.${claims}`);
  if (!verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url')))
    return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(claims, 'base64url').toString('utf8'));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
