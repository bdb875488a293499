/** Folds revisions and the outcomes of transactions into what is wanted where. Pure but for reading plans by digest. */
import {
  type Blobs,
  type Digest,
  type DocumentChange,
  type DocumentReader,
  type Entry,
  isObject,
  type JsonObject,
  type Projector,
} from '../base/index.ts';
import { type LocationId, locationId, type Plan, type StackRef } from '../plan/index.ts';
import { stackAdopted, staleForgotten } from './adopted.ts';
import {
  collections,
  GONE,
  KEPT,
  type LocationRecord,
  locationsOf,
  locationsOn,
  type Outline,
  onClusterKey,
  type RevisionRecord,
  revisionKey,
  revisionRecord,
  type StackRecord,
  type StackTransaction,
  type StaleRecord,
  stackId,
  stackRecord,
  staleOn,
} from './records.ts';

/** @param blobs answers plans and long lists that entries name by digest; content-addressed, so the fold stays repeatable */
export function createStacksProjector(blobs: () => Pick<Blobs, 'get'>): Projector {
  return (entry, documents) => {
    switch (entry.type) {
      case 'stack.revision':
        return revisionWritten(entry, documents);
      case 'cluster.renamed':
        return clusterRenamed(entry, documents);
      case 'cluster.removed':
        return clusterRemoved(entry, documents);
      case 'stack.adopted':
        return stackAdopted(entry, documents);
      case 'hub.rearmed':
        return staleForgotten(entry, documents);
      case 'stack.revisionDropped':
        return revisionEnded(
          documents,
          entry.data.stack as unknown as StackRef,
          Number(entry.data.revision),
          'rolledBack',
        );
      case 'tx.created':
        return transactionCreated(entry, documents);
      case 'tx.replanned':
      case 'tx.amended':
        return transactionReplanned(entry, documents, blobs());
      case 'tx.committed':
        return transactionCommitted(entry, documents, blobs());
      case 'tx.rolledBack':
        return transactionRolledBack(entry, documents);
      case 'tx.sealed':
        return transactionSealed(entry, documents);
      default:
        return [];
    }
  };
}

/** What is wanted on a cluster is wanted there by its new name. Its bundle stays: in it the name decides nothing. */
function clusterRenamed({ data }: Entry, documents: DocumentReader): readonly DocumentChange[] {
  const { name, to } = data;
  if (typeof to !== 'string') return [];
  return locationsOn(documents, String(name)).flatMap((record) => {
    const location = { ...record.location, cluster: to };
    const body = { ...record, location } as unknown as JsonObject;
    return [
      { collection: collections.location, key: locationId(record.location), body: null },
      { collection: collections.locationOn, key: onClusterKey(record.location), body: null },
      { collection: collections.location, key: locationId(location), body },
      { collection: collections.locationOn, key: onClusterKey(location), body },
    ];
  });
}

/** Nobody is there to take the copies away that were due to go. */
function clusterRemoved({ data }: Entry, documents: DocumentReader): readonly DocumentChange[] {
  return staleOn(documents, String(data.name)).map(({ location }) => ({
    collection: collections.stale,
    key: onClusterKey(location),
    body: null,
  }));
}

/** The entry written before a transaction is handed in: which content the revision number stands for. */
export interface RevisionWritten extends Outline {
  readonly stack: StackRef;
  readonly revision: number;
  readonly resolved: Digest;
  readonly source: string;
}

function revisionWritten(entry: Entry, documents: DocumentReader): readonly DocumentChange[] {
  const data = entry.data as unknown as RevisionWritten;
  const { labels, functions, databases, stack } = data;
  const before = stackRecord(documents, stack);
  const record: StackRecord = before ?? {
    ...{ ...stack, labels, functions, databases },
    ...{ revision: 0, latest: 0, state: 'new', transactions: [], updatedAt: entry.ts },
  };
  const revision: RevisionRecord = {
    ...data,
    createdAt: entry.ts,
    actor: entry.actor,
    transaction: '',
    state: 'pending',
  };
  return [
    stackChange({ ...record, latest: Math.max(record.latest, data.revision), updatedAt: entry.ts }),
    {
      collection: collections.revision,
      key: revisionKey(stack, data.revision),
      body: { ...revision } as unknown as JsonObject,
    },
  ];
}

function transactionCreated(entry: Entry, documents: DocumentReader): readonly DocumentChange[] {
  const { stack, kind, revision } = entry.data as unknown as StackTransaction;
  const plan = planDigestOf(entry.data);
  const known: StackTransaction = { stack, kind, revision, plan, dropped: [] };
  const changes: DocumentChange[] = [
    { collection: collections.transaction, key: entry.tx, body: { ...known } as unknown as JsonObject },
  ];
  const record = stackRecord(documents, stack);
  if (record === undefined) return changes;
  changes.push(stackChange({ ...record, transactions: [...record.transactions, entry.tx], updatedAt: entry.ts }));
  const written = revisionRecord(documents, stack, revision);
  if (written?.state === 'pending') changes.push(revisionChange({ ...written, transaction: entry.tx }));
  return changes;
}

/** Another plan goes on in its place: what it removes, and what stays wanted, is read from the newest one. */
function transactionReplanned(
  entry: Entry,
  documents: DocumentReader,
  blobs: Pick<Blobs, 'get'>,
): readonly DocumentChange[] {
  const known = transactionOf(entry, documents);
  if (known === undefined) return [];
  const plan = planDigestOf(entry.data) ?? known.plan;
  // a plan made anew has its own removals; an amended one keeps its steps and names those that will not run
  const dropped = entry.type === 'tx.amended' ? [...known.dropped, ...droppedRemovals(entry.data, blobs)] : [];
  return [
    { collection: collections.transaction, key: entry.tx, body: { ...known, plan, dropped } as unknown as JsonObject },
  ];
}

/** `{value: ids}`, or `{blob: digest}` when they are many. */
function droppedRemovals(data: JsonObject, blobs: Pick<Blobs, 'get'>): readonly string[] {
  if (!isObject(data.dropped)) return [];
  const ids = typeof data.dropped.blob === 'string' ? blobs.get(data.dropped.blob as Digest) : data.dropped.value;
  return Array.isArray(ids) ? ids.map(String).filter((id) => id.startsWith('remove:')) : [];
}

function transactionCommitted(
  entry: Entry,
  documents: DocumentReader,
  blobs: Pick<Blobs, 'get'>,
): readonly DocumentChange[] {
  const known = transactionOf(entry, documents);
  if (known === undefined) return [];
  const plan = planOf(entry.data, known, blobs);
  if (known.kind === 'settle')
    return [...settled(plan, documents), ...withoutTransaction(entry, known.stack, documents)];
  const wanted = wantedOf(entry.data, plan, blobs);
  return [...locationChanges(entry, known, wanted, plan, documents), ...committedRevision(entry, known, documents)];
}

/** What is wanted now replaces what was; what nobody removed (its cluster was away) becomes stale. */
function locationChanges(
  entry: Entry,
  known: StackTransaction,
  wanted: readonly LocationRecord[],
  plan: Plan | undefined,
  documents: DocumentReader,
): readonly DocumentChange[] {
  const changes: DocumentChange[] = [];
  const next = new Map(wanted.map((record) => [locationId(record.location), record]));
  const removed = removedBy(plan, known.dropped);
  for (const before of locationsOf(documents, known.stack)) {
    const id = locationId(before.location);
    if (next.has(id)) continue;
    changes.push({ collection: collections.location, key: id, body: null });
    changes.push({ collection: collections.locationOn, key: onClusterKey(before.location), body: null });
    if (removed.has(id) || before.missing === true || documents.get(GONE, before.location.cluster) !== undefined)
      continue;
    const stale: StaleRecord = { ...before, transaction: entry.tx, since: entry.ts };
    changes.push({
      collection: collections.stale,
      key: onClusterKey(before.location),
      body: { ...stale } as unknown as JsonObject,
    });
  }
  for (const [id, record] of next) {
    const { location, revision, bundle } = record;
    const body = { location, revision, bundle } as unknown as JsonObject;
    changes.push({ collection: collections.location, key: id, body });
    changes.push({ collection: collections.locationOn, key: onClusterKey(location), body });
    // what is wanted there again is stale no more
    changes.push({ collection: collections.stale, key: onClusterKey(location), body: null });
  }
  // what was left there for a person is the stack's own again
  const kept = documents.list(KEPT).filter(({ body }) => next.has(String(body.location)));
  return [...changes, ...kept.map(({ key }) => ({ collection: KEPT, key, body: null }))];
}

function committedRevision(
  entry: Entry,
  known: StackTransaction,
  documents: DocumentReader,
): readonly DocumentChange[] {
  const { stack, kind, revision } = known;
  const record = stackRecord(documents, stack);
  if (record === undefined) return [];
  const transactions = record.transactions.filter((id) => id !== entry.tx);
  const shared = { ...record, transactions, placedBy: entry.tx, updatedAt: entry.ts };
  if (kind === 'retire') {
    return [stackChange({ ...shared, revision: 0, state: 'retired' }), ...superseded(documents, record, revision)];
  }
  const written = revisionRecord(documents, stack, revision);
  if (written === undefined) return [stackChange({ ...shared, revision, state: 'live' })];
  const { labels, functions, databases } = written;
  return [
    stackChange({ ...shared, labels, functions, databases, revision, state: 'live' }),
    ...superseded(documents, record, revision),
    revisionChange({ ...written, state: 'committed' }),
  ];
}

function superseded(documents: DocumentReader, record: StackRecord, by: number): readonly DocumentChange[] {
  if (record.revision === 0 || record.revision === by) return [];
  return revisionEnded(documents, record, record.revision, 'superseded');
}

function settled(plan: Plan | undefined, documents: DocumentReader): readonly DocumentChange[] {
  const removed = removedBy(plan);
  const clusters = new Set(
    (plan?.steps ?? []).flatMap(({ work }) => (work.action === 'remove' ? [work.location.cluster] : [])),
  );
  return [...clusters]
    .flatMap((cluster) => staleOn(documents, cluster))
    .filter((record) => removed.has(locationId(record.location)))
    .map((record) => ({ collection: collections.stale, key: onClusterKey(record.location), body: null }));
}

function transactionRolledBack(entry: Entry, documents: DocumentReader): readonly DocumentChange[] {
  const known = transactionOf(entry, documents);
  if (known === undefined) return [];
  const pending = revisionRecord(documents, known.stack, known.revision)?.state === 'pending';
  return [
    ...withoutTransaction(entry, known.stack, documents),
    ...(pending ? revisionEnded(documents, known.stack, known.revision, 'rolledBack') : []),
  ];
}

function transactionSealed(entry: Entry, documents: DocumentReader): readonly DocumentChange[] {
  const known = transactionOf(entry, documents);
  if (known === undefined) return [];
  const gone = { collection: collections.transaction, key: entry.tx, body: null };
  return [gone, ...withoutTransaction(entry, known.stack, documents)];
}

function withoutTransaction(entry: Entry, stack: StackRef, documents: DocumentReader): readonly DocumentChange[] {
  const record = stackRecord(documents, stack);
  if (record === undefined || !record.transactions.includes(entry.tx)) return [];
  const transactions = record.transactions.filter((id) => id !== entry.tx);
  return [stackChange({ ...record, transactions, updatedAt: entry.ts })];
}

function revisionEnded(
  documents: DocumentReader,
  stack: StackRef,
  revision: number,
  state: 'rolledBack' | 'superseded',
): readonly DocumentChange[] {
  const written = revisionRecord(documents, stack, revision);
  return written === undefined ? [] : [revisionChange({ ...written, state })];
}

function transactionOf(entry: Entry, documents: DocumentReader): StackTransaction | undefined {
  return documents.get(collections.transaction, entry.tx)?.body as unknown as StackTransaction | undefined;
}

function planDigestOf(data: JsonObject): Digest | null {
  return typeof data.plan === 'string' ? (data.plan as Digest) : null;
}

/** The plan as it ended. */
function planOf(data: JsonObject, known: StackTransaction, blobs: Pick<Blobs, 'get'>): Plan | undefined {
  const digest = planDigestOf(data) ?? known.plan;
  return digest === null ? undefined : (blobs.get(digest) as unknown as Plan | undefined);
}

/** `locations`, or by digest when they are many, or what the plan said. */
function wantedOf(data: JsonObject, plan: Plan | undefined, blobs: Pick<Blobs, 'get'>): readonly LocationRecord[] {
  if (Array.isArray(data.locations)) return data.locations as unknown as readonly LocationRecord[];
  const far = typeof data.locationsBlob === 'string' ? blobs.get(data.locationsBlob as Digest) : undefined;
  return (far as unknown as readonly LocationRecord[] | undefined) ?? plan?.locations ?? [];
}

function removedBy(plan: Plan | undefined, dropped: readonly string[] = []): ReadonlySet<LocationId> {
  const steps = (plan?.steps ?? []).filter(({ id }) => !dropped.includes(id));
  return new Set(steps.flatMap(({ work }) => (work.action === 'remove' ? [locationId(work.location)] : [])));
}

function stackChange(record: StackRecord): DocumentChange {
  return { collection: collections.stack, key: stackId(record), body: { ...record } as unknown as JsonObject };
}

function revisionChange(record: RevisionRecord): DocumentChange {
  const key = revisionKey(record.stack, record.revision);
  return { collection: collections.revision, key, body: { ...record } as unknown as JsonObject };
}
