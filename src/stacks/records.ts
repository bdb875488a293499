/** The documents of this room: what is wanted where, by stack and by cluster. All are projections of the journal. */
import type { Digest, DocumentReader } from '../base/index.ts';
import { type Location, locationId, type StackRef, type TransactionKind } from '../plan/index.ts';
import type { RevisionView } from './types.ts';

export const collections = {
  /** `project/name` → StackRecord */
  stack: 'stack',
  /** `project/name/0000000012` → RevisionRecord */
  revision: 'revision',
  /** LocationId → LocationRecord: what is wanted; committed transactions alone change it. */
  location: 'location',
  /** `cluster/LocationId` → the same LocationRecord, for questions about one cluster. */
  locationOn: 'locationOn',
  /** `cluster/LocationId` → StaleRecord: copies that must go when their cluster returns. */
  stale: 'stale',
  /** Transaction id → StackTransaction, until it is sealed. */
  transaction: 'stackTransaction',
} as const;

/** The engine's collection of owed work: `cluster/transaction/step`. */
export const OWED = 'owed';

/** Collection of hub-agent (key = cluster): what agents have said that they hold, while the hub only watches. */
export const HELD_REPORTS = 'heldReport';

/** The engine's collection of clusters that were removed, by name, until one of that name joins. */
export const GONE = 'goneCluster';

/** The engine's collection of objects that a removal has left for a person: `cluster/LocationId/object`. */
export const KEPT = 'kept';

/** What a summary needs to know of a revision's functions without its manifests. */
export interface Outline {
  readonly labels: { readonly [key: string]: string };
  readonly functions: readonly { readonly name: string; readonly min: number; readonly max: number | 'all' }[];
  readonly databases: readonly { readonly name: string; readonly driver: string }[];
}

export interface StackRecord extends Outline {
  readonly project: string;
  readonly name: string;
  /** The committed revision; 0 when none is. */
  readonly revision: number;
  /** The highest revision ever allotted. */
  readonly latest: number;
  readonly state: 'new' | 'live' | 'retired';
  /** Unfinished transactions, oldest first. */
  readonly transactions: readonly string[];
  /** The committed one that decided where it is wanted now; absent: written before this was kept. */
  readonly placedBy?: string;
  readonly updatedAt: string;
}

export interface RevisionRecord extends Outline {
  readonly stack: StackRef;
  readonly revision: number;
  /** Blob of the resolved stack, its Secret values cut: what the revision says, whatever its text looked like. */
  readonly resolved: Digest;
  /** Where the SecretStore keeps the source as it was sent. */
  readonly source: string;
  readonly createdAt: string;
  readonly actor: string;
  readonly transaction: string;
  readonly state: RevisionView['state'];
  /** Adopted from clusters after a restore: `resolved` and `source` name nothing that is here. */
  readonly adopted?: true;
}

export interface LocationRecord {
  readonly location: Location;
  readonly revision: number;
  readonly bundle: Digest;
  /** After a restore its cluster did not hold it: told to no agent and counted by no plan, until an apply brings it back. */
  readonly missing?: true;
}

export interface StaleRecord extends LocationRecord {
  /** The transaction that moved it away. */
  readonly transaction: string;
  readonly since: string;
}

export interface StackTransaction {
  readonly stack: StackRef;
  readonly kind: TransactionKind;
  readonly revision: number;
  readonly plan: Digest | null;
  /** Removals that an amendment took out of the plan. */
  readonly dropped: readonly string[];
}

export function stackId(stack: StackRef): string {
  return `${stack.project}/${stack.name}`;
}

export function onClusterKey(location: Location): string {
  return `${location.cluster}/${locationId(location)}`;
}

/** Zero-filled, so that keys sort as numbers do. */
export function revisionKey(stack: StackRef, revision: number): string {
  return `${stackId(stack)}/${String(revision).padStart(10, '0')}`;
}

export function stackRecord(documents: DocumentReader, stack: StackRef): StackRecord | undefined {
  return documents.get(collections.stack, stackId(stack))?.body as StackRecord | undefined;
}

export function revisionRecord(
  documents: DocumentReader,
  stack: StackRef,
  revision: number,
): RevisionRecord | undefined {
  return documents.get(collections.revision, revisionKey(stack, revision))?.body as unknown as
    | RevisionRecord
    | undefined;
}

/** What is wanted of a stack, by location. */
export function locationsOf(documents: DocumentReader, stack: StackRef): readonly LocationRecord[] {
  return bodies<LocationRecord>(documents, collections.location, `${stackId(stack)}/`);
}

/** What of them plans may start from: those that are there, as far as the hub knows. */
export function present(records: readonly LocationRecord[]): readonly LocationRecord[] {
  return records.filter(({ missing }) => missing !== true);
}

/** What is wanted on a cluster, of every stack: what main sends to its agent as desired. */
export function locationsOn(documents: DocumentReader, cluster: string): readonly LocationRecord[] {
  return bodies<LocationRecord>(documents, collections.locationOn, `${cluster}/`);
}

export function staleOn(documents: DocumentReader, cluster: string): readonly StaleRecord[] {
  return bodies<StaleRecord>(documents, collections.stale, `${cluster}/`);
}

/** Every body under a prefix, in key order. */
export function bodies<T>(documents: DocumentReader, collection: string, prefix = ''): readonly T[] {
  return documents.list(collection, { prefix }).map((document) => document.body as unknown as T);
}
