import { timingSafeEqual } from 'node:crypto';
import {
  type Clock,
  type Document,
  type Documents,
  type Ids,
  type JsonObject,
  type Random,
  sha256Hex,
  timestamp,
} from '../base/index.ts';
import type { Role, TokenView } from './contract/index.ts';

/** Who calls, as the routes and the journal know it. */
export interface Caller {
  /** `user:<name>` */
  readonly actor: string;
  readonly tokenId: string;
  readonly roles: readonly Role[];
}

/** Bearer tokens: stored only as the SHA-256 of 256 random bits, in collection `apiToken` by id. */
export interface Tokens {
  /** Resolves once the token is durable; its text is not kept. `ttlMs` absent: valid until revoked. */
  issue(given: { name: string; roles: readonly Role[]; ttlMs?: number | undefined }): Promise<{
    readonly token: string;
    readonly record: TokenView;
  }>;
  /** undefined: unknown, expired or revoked, without saying which. */
  authenticate(token: string): Caller | undefined;
  list(after: string | undefined, limit: number): readonly TokenView[];
  /** Whether there was such a token. It is refused from the next call on. */
  revoke(id: string): Promise<boolean>;
}

const COLLECTION = 'apiToken';
const PREFIX = 'ldc';
/** Compared with when the id is unknown, so that both ways take as long. */
const NOBODY = '0'.repeat(64);

export function createTokens(ports: { documents: Documents; clock: Clock; random: Random; ids: Ids }): Tokens {
  const { documents, clock, random, ids } = ports;
  return {
    async issue({ name, roles, ttlMs }) {
      const id = ids.next('token');
      const secret = Buffer.from(random.bytes(32)).toString('base64url');
      const now = clock.now();
      const record: TokenView = {
        id,
        name,
        roles,
        createdAt: timestamp(now),
        expiresAt: ttlMs === undefined ? null : timestamp(now + ttlMs),
      };
      await documents.write([{ collection: COLLECTION, key: id, body: { ...record, hash: sha256Hex(secret) } }]);
      return { token: `${PREFIX}.${id}.${secret}`, record };
    },
    authenticate(token) {
      const [prefix, id, secret, ...rest] = token.split('.');
      if (prefix !== PREFIX || !id || !secret || rest.length > 0) return undefined;
      const document = documents.get(COLLECTION, id);
      const hash = typeof document?.body.hash === 'string' ? document.body.hash : NOBODY;
      const same = timingSafeEqual(Buffer.from(sha256Hex(secret)), Buffer.from(hash));
      if (!same || document === undefined) return undefined;
      const { name, roles, expiresAt } = viewOf(document);
      if (expiresAt !== null && expiresAt <= timestamp(clock.now())) return undefined;
      return { actor: `user:${name}`, tokenId: id, roles };
    },
    list: (after, limit) => documents.list(COLLECTION, { ...(after ? { after } : {}), limit }).map(viewOf),
    async revoke(id) {
      if (documents.get(COLLECTION, id) === undefined) return false;
      await documents.write([{ collection: COLLECTION, key: id, body: null }]);
      return true;
    },
  };
}

function viewOf(document: Document): TokenView {
  const { hash: _, ...view } = document.body as JsonObject & TokenView & { hash: string };
  return view;
}

/** Whether a caller may do what needs this role: every role includes viewer, admin includes all. */
export function permits(roles: readonly Role[], needed: Role): boolean {
  return roles.includes(needed) || roles.includes('admin') || (needed === 'viewer' && roles.length > 0);
}
