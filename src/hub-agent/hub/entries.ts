/** What the hub journals about clusters and tokens, and the projector that folds it into documents. */
import type { DocumentChange, DocumentReader, Entry, JsonObject, Projector } from '../../base/index.ts';
import type { ClusterRecord } from '../types.ts';
import { projectDrift } from './drift-views.ts';

/** Collection of ClusterRecord without what its agent says of it; key = name. */
export const CLUSTERS = 'cluster';
/** What an agent last said of its cluster (a record of its own, not a view of the journal); key = name. */
export const FACTS = 'clusterFacts';
export const TOKENS = 'joinToken';
/** Which cluster is known under which name; key = uid of its namespace kube-system, body `{cluster}`. */
export const CLUSTER_UIDS = 'clusterUid';
/** Clusters that were removed; key = the public key of its agent, body `{cluster, at}`: it is told so when it comes back. */
export const REMOVED = 'clusterRemoved';

/** A token as it is stored: only a hash of its secret. */
export interface StoredToken {
  readonly id: string;
  readonly hash: string;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly createdBy: string;
  readonly uses: number;
  /** Who used it (tokenUse): the same cluster with the same key may repeat. */
  readonly used: readonly string[];
  /** Those of `used` whose cluster was removed since: they may not come back by it. */
  readonly spent: readonly string[];
  readonly labels: { readonly [key: string]: string };
  /** When set, only a cluster of this name may join by it. */
  readonly cluster: string | null;
}

/** One use of a token: bound to the name as well, or one leaked token would take every name with one key. */
export function tokenUse(cluster: string, publicKey: string): string {
  return `${cluster} ${publicKey}`;
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
      return [{ collection: TOKENS, key: String(data.id), body: null }];
    case 'cluster.joined': {
      const used = documents.get(TOKENS, String(data.token));
      const changes: DocumentChange[] = [{ collection: CLUSTERS, key: name, body: joined(entry, before) }];
      if (used !== undefined) changes.push({ collection: TOKENS, key: used.key, body: usedBy(used.body, data) });
      changes.push({ collection: REMOVED, key: String(data.publicKey), body: null });
      return [...changes, ...identified(name, data.uid)];
    }
    case 'cluster.labelled':
      if (before === undefined) return [];
      return [{ collection: CLUSTERS, key: name, body: { ...before, labels: data.labels, taints: data.taints } }];
    case 'cluster.identified':
      if (before === undefined) return [];
      return [{ collection: CLUSTERS, key: name, body: { ...before, uid: data.uid } }, ...identified(name, data.uid)];
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

function identified(cluster: string, uid: unknown): readonly DocumentChange[] {
  return typeof uid === 'string' ? [{ collection: CLUSTER_UIDS, key: uid, body: { cluster } }] : [];
}

/** Its uid is free for another name; its agent is remembered, so that it can be told. */
function forgotten({ ts }: Entry, before: JsonObject | undefined): readonly DocumentChange[] {
  if (before === undefined) return [];
  const { name, publicKey, uid } = before as unknown as ClusterRecord;
  const changes: DocumentChange[] = [{ collection: REMOVED, key: publicKey, body: { cluster: name, at: ts } }];
  if (typeof uid === 'string') changes.push({ collection: CLUSTER_UIDS, key: uid, body: null });
  return changes;
}

function token(entry: Entry): JsonObject {
  return { ...entry.data, createdAt: entry.ts, createdBy: entry.actor, used: [], spent: [] };
}

function usedBy(body: JsonObject, data: JsonObject): JsonObject {
  const { used } = body as unknown as StoredToken;
  const use = tokenUse(String(data.name), String(data.publicKey));
  return { ...body, used: used.includes(use) ? used : [...used, use] };
}

/** The tokens by which a removed cluster joined: its agent still holds one, and must not join anew by it unasked. */
function spentBy(name: string, cluster: JsonObject | undefined, documents: DocumentReader): readonly DocumentChange[] {
  const use = tokenUse(name, String(cluster?.publicKey));
  return documents.list(TOKENS).flatMap(({ key, body }) => {
    const { used, spent } = body as unknown as StoredToken;
    return used.includes(use) ? [{ collection: TOKENS, key, body: { ...body, spent: [...spent, use] } }] : [];
  });
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
