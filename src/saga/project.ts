/**
 * Keeps the collections `transaction` (key: id; its header), `unfinished` (key: id, while it is not sealed), `owed`
 * (key: cluster/transaction/step), `kept` (key: cluster/location/object) and `goneCluster` (key: name) in the same database transaction as the entries themselves.
 */
import {
  type Digest,
  type DocumentChange,
  type DocumentReader,
  type Entry,
  type JsonObject,
  type ObjectRef,
  type Projector,
  refText,
} from '../base/index.ts';
import type { LocationRevision } from '../plan/index.ts';
import { type DataOf, isEventType, parseEntry, type TransactionEntry } from './events.ts';
import { beginHeader, foldHeader, type Header } from './header.ts';

/** Collection `owed`: what stacks needs to plan a settle transaction once the cluster has returned. */
export interface OwedDocument {
  readonly cluster: string;
  readonly location: string;
  readonly transaction: string;
  readonly step: string;
  readonly kind: 'undo' | 'prune' | 'apply';
  readonly since: string;
  readonly stack: { readonly project: string; readonly name: string };
  /** Of undo: what to restore; null when the step had none (it creates what others need, or prunes). */
  readonly preImages: Digest | null;
  readonly bundle: Digest | null;
  readonly previous: LocationRevision | null;
  /** Of an ensure's undo. */
  readonly ensured?: DataOf<'step.owed'>['ensured'];
}

/** Collection `kept` (key: `cluster/location/object`): what a removal has left for a person, such as a volume claim. */
export interface KeptDocument {
  readonly cluster: string;
  readonly location: string;
  readonly stack: { readonly project: string; readonly name: string };
  readonly ref: ObjectRef;
  readonly why: string;
  readonly transaction: string;
  readonly since: string;
}

/** Clusters that were removed, until one of that name joins: nothing is owed there, for nobody will be there to settle it. */
export const GONE = 'goneCluster';

/** Entries that change no header and no owed document: not folded, for they are most of a chain. */
function isSilent({ type, data }: Entry): boolean {
  if (type === 'step.owed') return false;
  if (type === 'rollback.cluster') return true;
  return type.startsWith('step.') && data.pivot !== true && data.settles === undefined && data.kept === undefined;
}

export const projectTransaction: Projector = (raw, documents) => {
  if (raw.type === 'hub.rearmed') return forgotten(raw, documents);
  if (raw.type === 'cluster.renamed') return renamed(raw, documents);
  if (raw.type === 'cluster.removed') return removed(raw, documents);
  if (raw.type === 'cluster.joined') return returned(raw.tx.slice('cluster/'.length), documents);
  if (!isEventType(raw.type) || isSilent(raw)) return [];
  const entry = parseEntry(raw);
  if (entry.type === 'tx.created') {
    return [put('transaction', entry.tx, beginHeader(entry)), put('unfinished', entry.tx, { id: entry.tx })];
  }
  const before = documents.get('transaction', entry.tx)?.body as unknown as Header | undefined;
  if (before === undefined) throw new Error(`${entry.type} of ${entry.tx}, which was never created`);
  const folded = foldHeader(before, entry);
  if (folded.kind !== 'done') throw new Error(folded.kind === 'refused' ? folded.refusal.message : folded.kind);
  const changes: DocumentChange[] = folded.value === before ? [] : [put('transaction', entry.tx, folded.value)];
  return [...changes, ...others(entry, before, documents)];
};

/**
 * A restored hub cannot know what of it has been settled since its backup, and settling twice would undo what came after:
 * what was owed is forgotten, on the clusters that the entry names. What of it is still there is held, and so adopted.
 */
function forgotten({ data }: Entry, documents: DocumentReader): readonly DocumentChange[] {
  const clusters = Array.isArray(data.clusters) ? data.clusters : [];
  return clusters.flatMap((cluster) =>
    documents.list('owed', { prefix: `${cluster}/` }).map(({ key }) => ({ collection: 'owed', key, body: null })),
  );
}

/**
 * What was due on a cluster that was removed is due no more, and what was left there for a person is not ours to name: another
 * cluster of that name would be told to settle what it never held.
 */
function removed({ tx, data }: Entry, documents: DocumentReader): readonly DocumentChange[] {
  const name = String(data.name ?? tx.slice('cluster/'.length));
  const forget = (collection: string) =>
    documents.list(collection, { prefix: `${name}/` }).map(({ key }) => ({ collection, key, body: null }));
  return [...forget('owed'), ...forget('kept'), put(GONE, name, {})];
}

function returned(name: string, documents: DocumentReader): readonly DocumentChange[] {
  return documents.get(GONE, name) === undefined ? [] : [{ collection: GONE, key: name, body: null }];
}

/** What was left on a cluster for a person is still there when it has another name. Nothing is owed on one that is renamed. */
function renamed({ data }: Entry, documents: DocumentReader): readonly DocumentChange[] {
  const { name, to } = data;
  if (typeof to !== 'string') return [];
  const moved = documents.list('kept', { prefix: `${name}/` }).flatMap(({ key, body }) => {
    const kept = body as unknown as KeptDocument;
    const location = kept.location.replace(/@[^@]*$/, `@${to}`);
    return [
      { collection: 'kept', key, body: null },
      put('kept', `${to}/${location}/${refText(kept.ref)}`, { ...kept, cluster: to, location }),
    ];
  });
  return [...returned(to, documents), ...moved];
}

function others(entry: TransactionEntry, header: Header, documents: DocumentReader): readonly DocumentChange[] {
  switch (entry.type) {
    case 'step.owed': {
      const { cluster, step } = entry.data;
      if (documents.get(GONE, cluster) !== undefined) return [];
      const owed: OwedDocument = {
        ...entry.data,
        transaction: entry.tx,
        since: entry.ts,
        stack: header.stack,
      } as OwedDocument;
      return [put('owed', owedKey(cluster, entry.tx, step), owed)];
    }
    case 'step.succeeded':
      return [...settled(entry.data.settles), ...keptChanges(entry, header, documents)];
    case 'step.skipped':
      return settled(entry.data.settles);
    case 'tx.sealed':
      return [{ collection: 'unfinished', key: entry.tx, body: null }];
    default:
      return [];
  }
}

function settled(keys: readonly string[] = []): readonly DocumentChange[] {
  return keys.map((key) => ({ collection: 'owed', key, body: null }));
}

function keptChanges(
  { data, tx, ts }: TransactionEntry & { readonly type: 'step.succeeded' },
  { stack }: Header,
  documents: DocumentReader,
): readonly DocumentChange[] {
  if (data.kept === undefined) return [];
  const { of, objects, whole } = data.kept;
  const prefix = `${of.cluster}/${of.location}/`;
  const left = objects.map(({ ref, why }) => {
    const kept: KeptDocument = { ...of, stack, ref: ref as ObjectRef, why, transaction: tx, since: ts };
    return put('kept', `${prefix}${refText(ref as ObjectRef)}`, kept);
  });
  const keys = new Set(left.map(({ key }) => key));
  const gone = whole ? documents.list('kept', { prefix }).filter(({ key }) => !keys.has(key)) : [];
  return [...gone.map(({ key }) => ({ collection: 'kept', key, body: null })), ...left];
}

export function owedKey(cluster: string, transaction: string, step: string): string {
  return `${cluster}/${transaction}/${step}`;
}

function put(collection: string, key: string, body: object): DocumentChange {
  return { collection, key, body: body as JsonObject };
}
