/**
 * What a restored hub takes over from what its agents hold (DESIGN §5). Pure: reports and what is remembered in, entries of
 * `stack/<project>/<name>` out. Nothing here moves anything: the records follow the clusters, never the other way round.
 */
import type { Digest, DocumentReader, Json, NewEntry } from '../base/index.ts';
import type { Held } from '../hub-agent/types.ts';
import { type LocationId, locationId, type StackRef } from '../plan/index.ts';
import type { StackAdopted } from './adopted.ts';
import {
  bodies,
  collections,
  type LocationRecord,
  onClusterKey,
  revisionRecord,
  stackId,
  stackRecord,
} from './records.ts';
import type { Room } from './room.ts';

/** What one agent has said that it holds; `fetched`: bundles that the backup did not have. */
export interface AdoptionReport {
  readonly cluster: string;
  readonly held: readonly Held[];
  readonly fetched: readonly Digest[];
}

/** What happens to one stack. */
export interface Adoption {
  readonly stack: StackRef;
  /** Committed from now on: the highest that any of its locations holds, or the remembered one if that is higher. */
  readonly revision: number;
  /** Whether this hub has the definition of that revision; without it the stack has to be applied again before it can be moved. */
  readonly defined: boolean;
  /** Held at a newer revision, with another bundle, or where the hub remembered nothing. */
  readonly adopted: readonly LocationRecord[];
  /** Remembered, and held by nobody there: the next apply brings them back. */
  readonly missing: readonly LocationRecord[];
  /** Moved away from there since the hub was armed: to be removed as it is held, which is not as it was remembered. */
  readonly stale: readonly LocationRecord[];
  /** Held, but its bundle could not be had from the cluster: left as it is, for the next rearm. */
  readonly withheld: readonly LocationRecord[];
}

/** An entry holds 65,535 bytes; a location takes some 300. */
const LOCATIONS_PER_ENTRY = 100;

/**
 * @param has whether the hub has a bundle by now; what it has not cannot be planned with
 * @param acting the hub has been armed before this report came: what it has moved away since stays moved away
 */
export function adoptions(
  documents: DocumentReader,
  reports: readonly AdoptionReport[],
  has: (bundle: Digest) => boolean,
  { acting = false }: { readonly acting?: boolean } = {},
): readonly Adoption[] {
  const staleOf = ({ location }: LocationRecord) =>
    acting ? documents.get(collections.stale, onClusterKey(location))?.body : undefined;
  const fetched = new Set(reports.flatMap((report) => report.fetched));
  const reported = new Set(reports.map(({ cluster }) => cluster));
  const held = new Map<LocationId, LocationRecord>();
  for (const report of reports) for (const one of report.held) held.set(locationId(one.location), one);
  const remembered = bodies<LocationRecord>(documents, collections.location);
  const known = new Map(remembered.map((record) => [locationId(record.location), record]));
  const stacks = new Map<string, StackRef>();
  for (const { location } of [...held.values(), ...remembered]) stacks.set(stackId(location.stack), location.stack);
  return [...stacks.values()]
    .map((stack): Adoption => {
      const ours = ({ location }: LocationRecord) => stackId(location.stack) === stackId(stack);
      const differing = [...held.values()]
        .filter(ours)
        .filter((one) => isNews(one, known.get(locationId(one.location))));
      const had = differing.filter(({ bundle }) => has(bundle));
      const adopted = had.filter((one) => staleOf(one) === undefined);
      const stale = had.filter((one) => staleOf(one) !== undefined && staleOf(one)?.bundle !== one.bundle);
      const missing = remembered
        .filter(ours)
        .filter(({ location }) => reported.has(location.cluster) && !held.has(locationId(location)))
        .filter((record) => record.missing !== true);
      const before = stackRecord(documents, stack)?.revision ?? 0;
      const revision = Math.max(before, ...adopted.map((one) => one.revision));
      const withheld = differing.filter(({ bundle }) => !has(bundle));
      const defined = isDefined(stack, revision, [...held.values()].filter(ours), fetched, documents);
      return { stack, revision, defined, adopted, missing, stale, withheld };
    })
    .filter((one) => one.adopted.length + one.missing.length + one.stale.length + one.withheld.length > 0)
    .sort((a, b) => (stackId(a.stack) < stackId(b.stack) ? -1 : 1));
}

/** An older revision than the remembered one is no news: its agent has missed something, as any other hub would find. */
function isNews(held: LocationRecord, known: LocationRecord | undefined): boolean {
  if (known === undefined || known.missing === true) return true;
  if (held.revision !== known.revision) return held.revision > known.revision;
  return held.bundle !== known.bundle;
}

/** The same number may stand for another content since the backup: then bundles of it were not known here. */
function isDefined(
  stack: StackRef,
  revision: number,
  held: readonly LocationRecord[],
  fetched: ReadonlySet<Digest>,
  documents: DocumentReader,
): boolean {
  const record = revisionRecord(documents, stack, revision);
  if (record === undefined || record.adopted === true) return false;
  return !held.some((one) => one.revision === revision && fetched.has(one.bundle));
}

function recordOf({ location, revision, bundle }: LocationRecord): LocationRecord {
  return { location, revision, bundle };
}

/** As the stack's chain says it, in pieces that fit; each alone is true. */
export function adoptionEntries(adoption: Adoption, reason: string, actor: string): readonly NewEntry[] {
  const { stack, revision, defined, adopted, missing, stale } = adoption;
  const entries: NewEntry[] = [];
  const count = Math.max(adopted.length, missing.length, stale.length);
  for (let from = 0; from < count; from += LOCATIONS_PER_ENTRY) {
    const data: StackAdopted = {
      stack: { project: stack.project, name: stack.name },
      revision,
      defined,
      locations: adopted.slice(from, from + LOCATIONS_PER_ENTRY).map(recordOf),
      stale: stale.slice(from, from + LOCATIONS_PER_ENTRY).map(recordOf),
      missing: missing.slice(from, from + LOCATIONS_PER_ENTRY).map(({ location }) => location),
      reason,
    };
    const tx = `stack/${stackId(stack)}`;
    entries.push({ tx, type: 'stack.adopted', actor, data: data as unknown as { [key: string]: Json } });
  }
  return entries;
}

/** Takes over what one cluster, unheard when the hub was armed, says that it holds; each stack between its other changes. */
export async function adoptLate(report: AdoptionReport, reason: string, room: Room): Promise<readonly Adoption[]> {
  const { documents, blobs, journal } = room.store;
  const now = () => adoptions(documents, [report], (bundle) => blobs.get(bundle) !== undefined, { acting: true });
  const found: Adoption[] = [];
  for (const { stack } of now()) {
    await room.serially(stack, async () => {
      const adoption = now().find((one) => stackId(one.stack) === stackId(stack));
      if (adoption === undefined) return;
      for (const entry of adoptionEntries(adoption, reason, 'hub')) await journal.append([entry]);
      found.push(adoption);
    });
  }
  return found;
}
