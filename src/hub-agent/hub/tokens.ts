/** Join tokens: `ldc1.<id>.<secret>.<SHA-256 of the hub's CA>`. Only a hash of the secret is stored. */
import { timingSafeEqual } from 'node:crypto';
import {
  type Clock,
  done,
  type Ids,
  limits,
  type Outcome,
  type Random,
  refused,
  type Store,
  sha256Hex,
  timestamp,
} from '../../base/index.ts';
import type { JoinToken, Registry } from '../types.ts';
import { type StoredToken, TOKEN_USES, TOKENS, type TokenUse, tokenUseKey } from './entries.ts';

export type TokenOptions = Parameters<Registry['createToken']>[0];

export interface Tokens {
  create(options: TokenOptions): Promise<Outcome<{ token: string; record: JoinToken }>>;
  list(): readonly JoinToken[];
  revoke(id: string, actor: string): Promise<Outcome<null>>;
  /** Holds one use for that public key and cluster; `release` when the join did not come about. */
  use(text: string, publicKey: string, cluster: string): Outcome<{ token: StoredToken; release: () => void }>;
}

export function createTokens(options: {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly random: Random;
  readonly caDigest: string;
}): Tokens {
  const { store, clock, ids, random, caDigest } = options;
  const held = createHeldUses();
  const stored = (id: string) => store.documents.get(TOKENS, id)?.body as unknown as StoredToken | undefined;
  const usedBefore = (key: string) => store.documents.get(TOKEN_USES, key)?.body as unknown as TokenUse | undefined;

  return {
    async create({ uses, ttlMs, labels, actor, cluster }) {
      const wrong = wrongOf(uses, ttlMs);
      if (wrong !== undefined) return wrong;
      const id = ids.next('join');
      const secret = Buffer.from(random.bytes(32)).toString('base64url');
      const expiresAt = timestamp(clock.now() + ttlMs);
      const data = { id, hash: sha256Hex(secret), expiresAt, uses, labels, cluster: cluster ?? null };
      await store.journal.append([{ tx: 'hub', type: 'cluster.tokenCreated', actor, data }]);
      const record = view(stored(id) as StoredToken);
      return done({ token: `ldc1.${id}.${secret}.${caDigest}`, record });
    },
    list: () => store.documents.list(TOKENS).map((document) => view(document.body as unknown as StoredToken)),
    async revoke(id, actor) {
      if (stored(id) === undefined)
        return unfit('notFound', `there is no join token ${id}`, 'GET /api/v1/join-tokens lists all');
      await store.journal.append([{ tx: 'hub', type: 'cluster.tokenRevoked', actor, data: { id } }]);
      return done(null);
    },
    use(text, publicKey, cluster) {
      const [version, id = '', secret = ''] = text.split('.');
      const token = version === 'ldc1' ? stored(id) : undefined;
      if (token === undefined || !sameHash(token.hash, sha256Hex(secret))) {
        return unfit('token', 'this join token is not known here');
      }
      if (Date.parse(token.expiresAt) <= clock.now()) {
        return unfit('tokenExpired', `join token ${id} expired at ${token.expiresAt}`);
      }
      if (token.cluster !== null && token.cluster !== cluster) {
        return unfit(
          'token',
          `join token ${id} is for cluster ${token.cluster}, not ${cluster}`,
          'join under that name, or make a token for this one',
        );
      }
      const key = tokenUseKey(cluster, publicKey, id);
      const before = usedBefore(key);
      if (before?.spent === true) {
        return unfit('tokenUsed', `join token ${id} was used by ${cluster}, which was removed since`);
      }
      const isNew = before === undefined && !held.has(id, key);
      if (isNew && !held.leavesRoom(token, (one) => usedBefore(one) !== undefined)) {
        return unfit('tokenUsed', `join token ${id} has no use left`);
      }
      return done({ token, release: held.hold(id, key) });
    },
  };
}

/** What of a token cannot be meant. */
function wrongOf(uses: number, ttlMs: number): ReturnType<typeof unfit> | undefined {
  if (!Number.isInteger(uses) || uses < 1 || uses > limits.clustersMax) {
    return unfit(
      'invalid',
      `uses must be a whole number from 1 to ${limits.clustersMax}`,
      'one for each cluster that is to join',
    );
  }
  if (ttlMs > 0 && ttlMs <= limits.joinTokenTtlMsMax) return undefined;
  return unfit(
    'invalid',
    `a token may live from 1 ms to ${limits.joinTokenTtlMsMax / 3_600_000} h`,
    'ask for less, and for another one when it has run out',
  );
}

/** Uses that are being journaled, by token: two agents must not share the last one. One use may be asked for several times at once. */
function createHeldUses() {
  const held = new Map<string, Map<string, number>>();
  return {
    /** A use that is held may have been stored a moment ago: which of them were is looked up only where it matters. */
    leavesRoom({ id, uses, used }: StoredToken, isStored: (use: string) => boolean): boolean {
      const coming = held.get(id) ?? new Map<string, number>();
      if (used + coming.size < uses) return true;
      return used + [...coming.keys()].filter((use) => !isStored(use)).length < uses;
    },
    has: (id: string, use: string): boolean => held.get(id)?.has(use) ?? false,
    /** Answers how to let go of it. */
    hold(id: string, use: string): () => void {
      const uses = held.get(id) ?? new Map<string, number>();
      held.set(id, uses.set(use, (uses.get(use) ?? 0) + 1));
      return () => {
        const left = (uses.get(use) ?? 1) - 1;
        if (left > 0) uses.set(use, left);
        else uses.delete(use);
        if (uses.size === 0) held.delete(id);
      };
    },
  };
}

const NEW_TOKEN = 'make a new one with `ldc cluster token`';

function sameHash(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

function view(token: StoredToken): JoinToken {
  const { id, createdAt, expiresAt, createdBy, labels } = token;
  return { id, createdAt, expiresAt, usesLeft: token.uses - token.used, createdBy, labels };
}

function unfit(kind: string, message: string, hint = NEW_TOKEN): Outcome<never> {
  return refused({ kind, message, hint });
}
