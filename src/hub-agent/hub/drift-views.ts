/** Views of the drifts in the journal: which of them it has, and the last ones of each stack. */
import {
  type DocumentChange,
  type DocumentReader,
  type Entry,
  isObject,
  type Json,
  type JsonObject,
  limits,
  type Projector,
} from '../../base/index.ts';

/** Ids of the drifts of a cluster that were journaled last, so that one that is sent again is known; key = cluster. */
export const DRIFT_IDS = 'driftId';
/** The last drifts of a stack on one cluster, newest first; key = `project/stack/cluster`. */
export const DRIFTS = 'drift';

/** An agent sends again at most what it keeps. */
const IDS_MAX = 2 * limits.agentDriftsKeptMax;
const LAST_MAX = 10;

/** Folds `cluster.drift`, `cluster.renamed` and `cluster.removed`. */
export const projectDrift: Projector = (entry, documents) => {
  const cluster = String(entry.data.name ?? '');
  if (entry.type === 'cluster.removed') return [{ collection: DRIFT_IDS, key: cluster, body: null }];
  if (entry.type === 'cluster.renamed') return renamed(cluster, entry.data.to, documents);
  if (entry.type !== 'cluster.drift') return [];
  const key = stackKey(String(entry.data.location), cluster);
  const last = documents.get(DRIFTS, key)?.body.items;
  const items = [itemOf(entry), ...(Array.isArray(last) ? last : [])].slice(0, LAST_MAX);
  const changes = [{ collection: DRIFTS, key, body: { items } }];
  const { id } = entry.data;
  if (typeof id !== 'string') return changes;
  const ids = [...knownDrifts(documents, cluster), id].slice(-IDS_MAX);
  return [...changes, { collection: DRIFT_IDS, key: cluster, body: { ids } }];
};

/** What it sends again is known by its new name, too; what was told of it before stays under the old one. */
function renamed(cluster: string, to: Json | undefined, documents: DocumentReader): readonly DocumentChange[] {
  const ids = documents.get(DRIFT_IDS, cluster)?.body;
  if (typeof to !== 'string' || ids === undefined) return [];
  return [
    { collection: DRIFT_IDS, key: cluster, body: null },
    { collection: DRIFT_IDS, key: to, body: ids },
  ];
}

export function knownDrifts(documents: DocumentReader, cluster: string): readonly Json[] {
  const ids = documents.get(DRIFT_IDS, cluster)?.body.ids;
  return Array.isArray(ids) ? ids : [];
}

/** The last drifts of a stack on all clusters, newest first. */
export function driftsOf(documents: DocumentReader, stack: { readonly project: string; readonly name: string }) {
  return documents
    .list(DRIFTS, { prefix: `${stack.project}/${stack.name}/` })
    .flatMap(({ body }) => (Array.isArray(body.items) ? body.items.filter(isObject) : []))
    .sort((a, b) => (String(a.at) < String(b.at) ? 1 : -1));
}

function itemOf({ ts, data }: Entry): JsonObject {
  const { name, objects: _receipts, id: _id, ...shown } = data;
  return { ...shown, cluster: name as Json, at: data.at ?? ts, journaledAt: ts };
}

/** `project/stack/name@cluster` → `project/stack/cluster`. */
function stackKey(location: string, cluster: string): string {
  return `${location.split('/', 2).join('/')}/${cluster}`;
}
