/** What the hub journals about clusters and tokens, and the projector that folds it into documents. */
import type { DocumentChange, DocumentReader, Entry, JsonObject, Projector } from '../../base/index.ts';
import type { ClusterRecord } from '../types.ts';
import { projectDrift } from './drift-views.ts';

/** Collection of ClusterRecord without what its agent says of it; key = name. */
export const CLUSTERS = 'cluster';
/** What an agent last said of its cluster (a record of its own, not a view of the journal); key = name. */
export const FACTS = 'clusterFacts';
export const TOKENS = 'joinToken';
/** Who used a token: one document a use, so that a join costs the same however many went before; key = tokenUseKey, body TokenUse. */
export const TOKEN_USES = 'joinTokenUse';
/** Which cluster is known under which name; key = uid of its namespace kube-system, body `{cluster}`. */
export const CLUSTER_UIDS = 'clusterUid';
/** Clusters that were removed; key = the public key of its agent, body `{cluster, at}`: it is told so when it comes back. */
export const REMOVED = 'clusterRemoved';

/** Whose key that is; key = the public key of an agent, body `{cluster}`: the name in its certificate may be one that its cluster had before. */
export const KEYS = 'clusterKey';

/** A token as it is stored: only a hash of its secret. */
export interface StoredToken {
  readonly id: string;
  readonly hash: string;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly createdBy: string;
  readonly uses: number;
  /** How many used it: the same cluster with the same key may repeat, and counts once. */
  readonly used: number;
  readonly labels: { readonly [key: string]: string };
  /** When set, only a cluster of this name may join by it. */
  readonly cluster: string | null;
}

export interface TokenUse {
  readonly token: string;
  /** Its cluster was removed since: it may not come back by this token. */
  readonly spent: boolean;
}

/** `cluster key/token`: bound to the name as well, or one leaked token would take every name with one key. */
export function tokenUseKey(cluster: string, publicKey: string, token: string): string {
  return `${usesPrefix(cluster, publicKey)}${token}`;
}

function usesPrefix(cluster: string, publicKey: string): string {
  return `${cluster} ${publicKey}/`;
}

/** Folds `cluster.*` entries into the collections `cluster`, `joinToken`, `drift` and `driftId`. */
export const clusterProjector: Projector = (entry, documents) => [
  ...projectCluster(entry, documents),
  ...projectDrift(entry, documents),
];

const projectCluster: Projector = (entry, documents) => {
  const { data } = entry;
  const name = String(data.name ?? '');
  const before = documents.get(CLUSTERS, name)?.body;
  switch (entry.type) {
    case 'cluster.tokenCreated':
      return [{ collection: TOKENS, key: String(data.id), body: token(entry) }];
    case 'cluster.tokenRevoked':
      return tokenRevoked(String(data.id), documents);
    case 'cluster.joined': {
      const changes: DocumentChange[] = [
        { collection: CLUSTERS, key: name, body: joined(entry, before) },
        { collection: REMOVED, key: String(data.publicKey), body: null },
        ...keyOf(name, String(data.publicKey), before),
      ];
      return [...changes, ...tokenUsed(data, documents), ...identified(name, data.uid)];
    }
    case 'cluster.labelled':
      if (before === undefined) return [];
      return [{ collection: CLUSTERS, key: name, body: { ...before, labels: data.labels, taints: data.taints } }];
    case 'cluster.identified':
      if (before === undefined) return [];
      return [{ collection: CLUSTERS, key: name, body: { ...before, uid: data.uid } }, ...identified(name, data.uid)];
    case 'cluster.renamed':
      return typeof data.to === 'string' && before !== undefined ? renamed(before, data.to, documents) : [];
    case 'cluster.removed':
      return [
        { collection: CLUSTERS, key: name, body: null },
        ...forgotten(entry, before),
        ...spentBy(name, before, documents),
      ];
    default:
      return [];
  }
};

function keyOf(cluster: string, publicKey: string, before: JsonObject | undefined): readonly DocumentChange[] {
  const now = { collection: KEYS, key: publicKey, body: { cluster } };
  const former = before?.publicKey;
  if (typeof former !== 'string' || former === publicKey) return [now];
  return [{ collection: KEYS, key: former, body: null }, now];
}

function identified(cluster: string, uid: unknown): readonly DocumentChange[] {
  return typeof uid === 'string' ? [{ collection: CLUSTER_UIDS, key: uid, body: { cluster } }] : [];
}

/** Its uid is free for another name; its agent is remembered, so that it can be told. */
function forgotten({ ts }: Entry, before: JsonObject | undefined): readonly DocumentChange[] {
  if (before === undefined) return [];
  const { name, publicKey, uid } = before as unknown as ClusterRecord;
  const changes: DocumentChange[] = [
    { collection: REMOVED, key: publicKey, body: { cluster: name, at: ts } },
    { collection: KEYS, key: publicKey, body: null },
  ];
  if (typeof uid === 'string') changes.push({ collection: CLUSTER_UIDS, key: uid, body: null });
  return changes;
}

/** All that this room knows of it goes over to its new name. */
function renamed(before: JsonObject, to: string, documents: DocumentReader): readonly DocumentChange[] {
  const { name, publicKey, uid } = before as unknown as ClusterRecord;
  const facts = documents.get(FACTS, name)?.body;
  const uses = documents.list(TOKEN_USES, { prefix: usesPrefix(name, publicKey) });
  return [
    { collection: CLUSTERS, key: name, body: null },
    { collection: CLUSTERS, key: to, body: { ...before, name: to } },
    { collection: KEYS, key: publicKey, body: { cluster: to } },
    ...identified(to, uid),
    ...(facts === undefined
      ? []
      : [
          { collection: FACTS, key: name, body: null },
          { collection: FACTS, key: to, body: facts },
        ]),
    ...uses.flatMap(({ key, body }) => [
      { collection: TOKEN_USES, key, body: null },
      { collection: TOKEN_USES, key: tokenUseKey(to, publicKey, String(body.token)), body },
    ]),
  ];
}

function token(entry: Entry): JsonObject {
  return { ...entry.data, createdAt: entry.ts, createdBy: entry.actor, used: 0 };
}

function tokenUsed(data: JsonObject, documents: DocumentReader): readonly DocumentChange[] {
  const id = String(data.token);
  const token = documents.get(TOKENS, id)?.body;
  const key = tokenUseKey(String(data.name), String(data.publicKey), id);
  if (token === undefined || documents.get(TOKEN_USES, key) !== undefined) return [];
  return [
    { collection: TOKENS, key: id, body: { ...token, used: Number(token.used) + 1 } },
    { collection: TOKEN_USES, key, body: { token: id, spent: false } },
  ];
}

/** Rare, so that its uses may be looked for among all. */
function tokenRevoked(id: string, documents: DocumentReader): readonly DocumentChange[] {
  const uses = documents.list(TOKEN_USES).filter(({ body }) => body.token === id);
  return [
    { collection: TOKENS, key: id, body: null },
    ...uses.map(({ key }) => ({ collection: TOKEN_USES, key, body: null })),
  ];
}

/** The tokens by which a removed cluster joined: its agent still holds one, and must not join anew by it unasked. */
function spentBy(name: string, cluster: JsonObject | undefined, documents: DocumentReader): readonly DocumentChange[] {
  const uses = documents.list(TOKEN_USES, { prefix: usesPrefix(name, String(cluster?.publicKey)) });
  return uses.map(({ key, body }) => ({ collection: TOKEN_USES, key, body: { ...body, spent: true } }));
}

/** A cluster that joins again with its key keeps what a person said of it. */
function joined(entry: Entry, before: JsonObject | undefined): JsonObject {
  const record: Pick<ClusterRecord, 'name' | 'labels' | 'taints' | 'joinedAt' | 'publicKey' | 'uid'> = {
    name: String(entry.data.name),
    labels: (entry.data.labels ?? {}) as ClusterRecord['labels'],
    taints: [],
    joinedAt: entry.ts,
    publicKey: String(entry.data.publicKey),
    uid: (entry.data.uid ?? before?.uid ?? null) as string | null,
  };
  return { ...(record as unknown as JsonObject), ...before, publicKey: record.publicKey, uid: record.uid };
}
