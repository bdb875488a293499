/** Folds `stack.adopted` and `hub.rearmed`: what is recorded follows what the agents of a restored hub hold. */
import {
  type Digest,
  type DocumentChange,
  type DocumentReader,
  digestOf,
  type Entry,
  type Json,
  type JsonObject,
} from '../base/index.ts';
import { type Location, locationId, type StackRef } from '../plan/index.ts';
import {
  collections,
  KEPT,
  type LocationRecord,
  type Outline,
  onClusterKey,
  type RevisionRecord,
  revisionKey,
  revisionRecord,
  type StackRecord,
  stackId,
  stackRecord,
} from './records.ts';

export interface StackAdopted {
  readonly stack: StackRef;
  /** Committed from now on. */
  readonly revision: number;
  /** Whether this hub has the definition that the number stands for. */
  readonly defined: boolean;
  readonly locations: readonly LocationRecord[];
  readonly missing: readonly Location[];
  /** Held otherwise than remembered, where it is to be removed. */
  readonly stale: readonly LocationRecord[];
  readonly reason: string;
}

export function stackAdopted(entry: Entry, documents: DocumentReader): readonly DocumentChange[] {
  const data = entry.data as unknown as StackAdopted;
  return [
    ...data.locations.flatMap((record) => adoptedLocation(record, documents)),
    ...data.missing.flatMap((location) => missingLocation(location, documents)),
    ...data.stale.flatMap((record) => staleLocation(record, documents)),
    ...stackChanges(entry, data, documents),
  ];
}

/** What these clusters still had to give up is not known any more: what they hold of it was adopted, the rest is gone. */
export function staleForgotten({ data }: Entry, documents: DocumentReader): readonly DocumentChange[] {
  const clusters = Array.isArray(data.clusters) ? data.clusters : [];
  return clusters.flatMap((cluster) =>
    documents
      .list(collections.stale, { prefix: `${cluster}/` })
      .map(({ key }) => ({ collection: collections.stale, key, body: null })),
  );
}

function adoptedLocation(record: LocationRecord, documents: DocumentReader): readonly DocumentChange[] {
  const { location, revision, bundle } = record;
  const id = locationId(location);
  const kept = documents.list(KEPT, { prefix: `${onClusterKey(location)}/` });
  return [
    ...recorded({ location, revision, bundle }),
    { collection: collections.stale, key: onClusterKey(location), body: null },
    ...kept.filter(({ body }) => body.location === id).map(({ key }) => ({ collection: KEPT, key, body: null })),
  ];
}

function missingLocation(location: Location, documents: DocumentReader): readonly DocumentChange[] {
  const known = documents.get(collections.location, locationId(location))?.body;
  return known === undefined ? [] : recorded({ ...(known as unknown as LocationRecord), missing: true });
}

function staleLocation({ location, revision, bundle }: LocationRecord, documents: DocumentReader) {
  const key = onClusterKey(location);
  const known = documents.get(collections.stale, key)?.body;
  if (known === undefined) return [];
  return [{ collection: collections.stale, key, body: { ...known, revision, bundle } as JsonObject }];
}

function recorded(record: LocationRecord): readonly DocumentChange[] {
  const body = { ...record } as unknown as JsonObject;
  return [
    { collection: collections.location, key: locationId(record.location), body },
    { collection: collections.locationOn, key: onClusterKey(record.location), body },
  ];
}

function stackChanges(entry: Entry, data: StackAdopted, documents: DocumentReader): readonly DocumentChange[] {
  const { stack, revision, defined } = data;
  const before = stackRecord(documents, stack);
  const written = revisionRecord(documents, stack, revision);
  const outline: Outline =
    defined && written !== undefined ? outlineIn(written) : widened(before ?? EMPTY, data.locations);
  const record: StackRecord = {
    ...{ project: stack.project, name: stack.name, transactions: before?.transactions ?? [] },
    ...outline,
    revision,
    latest: Math.max(before?.latest ?? 0, revision),
    state: revision === 0 ? 'new' : 'live',
    updatedAt: entry.ts,
  };
  const changes: DocumentChange[] = [
    { collection: collections.stack, key: stackId(stack), body: { ...record } as unknown as JsonObject },
  ];
  if (before !== undefined && before.revision !== 0 && before.revision !== revision) {
    const old = revisionRecord(documents, stack, before.revision);
    if (old !== undefined) changes.push(revisionChange({ ...old, state: 'superseded' }));
  }
  if (revision === 0) return changes;
  const now = defined && written !== undefined ? written : undefinedRevision(entry, data, outline);
  return [...changes, revisionChange({ ...now, state: 'committed' })];
}

/** A number that stands for what the clusters hold; the definition behind it is not here. */
function undefinedRevision(entry: Entry, { stack, revision }: StackAdopted, outline: Outline): RevisionRecord {
  const resolved: Digest = digestOf({ adopted: { stack, revision } } as unknown as Json);
  return {
    ...outline,
    ...{ stack, revision, resolved, source: '', transaction: '', adopted: true },
    ...{ createdAt: entry.ts, actor: entry.actor, state: 'committed' },
  };
}

const EMPTY: Outline = { labels: {}, functions: [], databases: [] };

function outlineIn({ labels, functions, databases }: Outline): Outline {
  return { labels, functions, databases };
}

/** With the functions that only the clusters know: of each, one location is asked for until its definition is here again. */
function widened(outline: Outline, locations: readonly LocationRecord[]): Outline {
  const known = new Set(outline.functions.map(({ name }) => name));
  const more = new Set(
    locations.filter(({ location }) => location.kind === 'function').map((one) => one.location.name),
  );
  const added = [...more].filter((name) => !known.has(name)).sort();
  return {
    ...outlineIn(outline),
    functions: [...outline.functions, ...added.map((name) => ({ name, min: 1, max: 1 }))],
  };
}

function revisionChange(record: RevisionRecord): DocumentChange {
  const key = revisionKey(record.stack, record.revision);
  return { collection: collections.revision, key, body: { ...record } as unknown as JsonObject };
}
