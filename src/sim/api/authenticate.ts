/** Who sends a request: a client certificate, a bearer token, nobody in particular; and whom they act for. */

import type { KeyObject } from 'node:crypto';
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type DetailedPeerCertificate, TLSSocket } from 'node:tls';
import type { Cluster, User } from './cluster.ts';
import { unauthorized } from './status.ts';
import { ISSUER, verifyToken } from './tokens.ts';

const AUTHENTICATED = 'system:authenticated';
const ANONYMOUS: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

/** Fixed bearer tokens and what they stand for. */
export type StaticTokens = ReadonlyMap<string, User>;

/**
 * The user behind a request.
 * @throws ApiError 401 for credentials that are there but wrong.
 */
export function authenticate(
  cluster: Cluster,
  tokenKey: KeyObject,
  tokens: StaticTokens,
  request: IncomingMessage,
): User {
  const certified = fromCertificate(request);
  if (certified !== undefined) return certified;
  const header = request.headers.authorization;
  if (header === undefined || header === '') return ANONYMOUS;
  const token = /^Bearer\s+(\S+)$/i.exec(header)?.[1];
  const user = token === undefined ? undefined : fromToken(cluster, tokenKey, tokens, token);
  if (user === undefined) throw unauthorized();
  return user;
}

export function fromToken(
  cluster: Cluster,
  tokenKey: KeyObject,
  tokens: StaticTokens,
  token: string,
): User | undefined {
  for (const [known, user] of tokens) if (sameSecret(known, token)) return withAuthenticated(user);
  const verified = verifyToken(cluster, tokenKey, token, [ISSUER]);
  return verified.kind === 'user' ? verified.user : undefined;
}

/** Compares in a time that does not depend on where the two differ. */
function sameSecret(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}

function withAuthenticated(user: User): User {
  return user.groups.includes(AUTHENTICATED) ? user : { ...user, groups: [...user.groups, AUTHENTICATED] };
}

function fromCertificate(request: IncomingMessage): User | undefined {
  const { socket } = request;
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const certificate: DetailedPeerCertificate = socket.getPeerCertificate(true);
  const name = oneOf(certificate.subject?.CN);
  if (name === undefined) return undefined;
  const digest = createHash('sha256').update(certificate.raw).digest('hex');
  return {
    name,
    groups: [...manyOf(certificate.subject.O), AUTHENTICATED],
    extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${digest}`] },
  };
}

function oneOf(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0];
}

function manyOf(value: string | readonly string[] | undefined): readonly string[] {
  return value === undefined ? [] : typeof value === 'string' ? [value] : value;
}

/** Whom a request asks to act as. */
export interface Impersonation {
  readonly target: User;
  /** Named in the request, each of which needs its own right. */
  readonly groups: readonly string[];
}

/** The user that the request asks to act as, or undefined. The caller checks the right to do so. */
export function impersonated(request: IncomingMessage): Impersonation | undefined {
  const name = oneOf(request.headers['impersonate-user']);
  if (name === undefined) return undefined;
  const groups = request.headersDistinct['impersonate-group'] ?? [];
  const uid = oneOf(request.headers['impersonate-uid']);
  const extra = Object.entries(request.headersDistinct)
    .filter(([key]) => key.startsWith('impersonate-extra-'))
    .map(([key, values]) => [decodeURIComponent(key.slice('impersonate-extra-'.length)), values ?? []] as const);
  const all = impersonatedGroups(name, groups);
  const target: User = {
    name,
    groups: name === ANONYMOUS.name ? ANONYMOUS.groups : withAuthenticated({ name, groups: all }).groups,
    ...(uid === undefined ? {} : { uid }),
    ...(extra.length === 0 ? {} : { extra: Object.fromEntries(extra) }),
  };
  return { target, groups };
}

/** Groups without a user are the real server's own fault, in plain text; undefined: there are none. */
export function groupsOfNobody({ headers, headersDistinct, url }: IncomingMessage): string | undefined {
  const groups = headersDistinct['impersonate-group'] ?? [];
  if (groups.length === 0 || headers['impersonate-user'] !== undefined) return undefined;
  const path = JSON.stringify((url ?? '').split('?')[0]);
  const shown = groups.map((group) => `{Group  ${group}    }`).join(' ');
  return `Internal Server Error: ${path}: requested [${shown}] without impersonating a user\n`;
}

/** A service account that is acted for has its groups unless others are named. */
function impersonatedGroups(name: string, groups: readonly string[]): readonly string[] {
  const match = /^system:serviceaccount:([^:]+):[^:]+$/.exec(name);
  if (match === null || groups.length > 0) return groups;
  return ['system:serviceaccounts', `system:serviceaccounts:${match[1]}`];
}
