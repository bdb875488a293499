/** What agents hold, kept while a restored hub watches: `ldc hub rearm` adopts it. Their bundles are fetched, read-only. */
import { type Clock, type Digest, errorText, type Ids, type Json, type Logger, type Store } from '../../base/index.ts';
import type { Held } from '../types.ts';
import { CLUSTERS } from './entries.ts';
import type { Session } from './session.ts';

/** What an agent has said that it holds, to a hub that was restored; key = cluster. A record of its own, no view of the journal. */
export const HELD_REPORTS = 'heldReport';
/** Clusters that had not reported when the hub was armed again; key = cluster. What they hold is adopted when they come back. */
export const AWAITED_REPORTS = 'awaitedReport';

export interface HeldReport {
  readonly held: readonly Held[];
  /** Bundles that this hub did not know before: what they say is newer than its memory. */
  readonly fetched: readonly Digest[];
}

const FETCH_TIMEOUT_MS = 30_000;

export interface ReportsOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly observeOnly: boolean;
  /** A cluster that this hub was armed without has said what it holds. */
  readonly onReport?: (cluster: string, report: HeldReport) => Promise<void>;
}

export interface Reports {
  /** Whether this hub does not know yet what is held there: nothing may be wished for until it does. */
  awaits(cluster: string): boolean;
  /** Keeps what a newly connected agent holds, if this hub needs to know, and fetches what it does not have. */
  heard(session: Session, held: readonly Held[]): void;
}

export function createReports(options: ReportsOptions): Reports {
  const { store, logger, observeOnly } = options;
  const awaits = (cluster: string) => observeOnly || store.documents.get(AWAITED_REPORTS, cluster) !== undefined;
  const rearmedAt = store.journal.chain('hub').findLast(({ type }) => type === 'hub.rearmed')?.ts;
  /** It had joined the lost hub after the backup, so that this one has never known it, and has joined again. */
  const cameFromLostHub = (cluster: string, held: readonly Held[]) => {
    const joinedAt = store.documents.get(CLUSTERS, cluster)?.body.joinedAt;
    if (rearmedAt === undefined || typeof joinedAt !== 'string' || joinedAt <= rearmedAt) return false;
    return held.some(({ bundle }) => store.blobs.get(bundle) === undefined);
  };
  return {
    awaits,
    heard(session, held) {
      const { cluster } = session;
      if (!awaits(cluster) && !cameFromLostHub(cluster, held)) return;
      keep(session, held, options).catch((error) =>
        logger.error({ cluster, error: errorText(error) }, 'what a cluster holds could not be kept'),
      );
    },
  };
}

async function keep(session: Session, said: readonly Held[], options: ReportsOptions): Promise<void> {
  const { store } = options;
  const { cluster } = session;
  // an agent speaks of its own cluster only, whatever name it writes
  const held = said.map((one) => ({ ...one, location: { ...one.location, cluster } }));
  const before = store.documents.get(HELD_REPORTS, cluster)?.body as unknown as HeldReport | undefined;
  const known = new Set(before?.fetched ?? []);
  const missing = held.filter(({ bundle }) => store.blobs.get(bundle) === undefined);
  const fetched = held.map(({ bundle }) => bundle).filter((bundle) => known.has(bundle));
  const report: HeldReport = { held, fetched: [...new Set([...fetched, ...missing.map(({ bundle }) => bundle)])] };
  await store.documents.write([{ collection: HELD_REPORTS, key: cluster, body: { ...report } as never }]);
  for (const one of missing) await fetchBundle(one, session, options);
  const counts = { locations: held.length, fetched: missing.length };
  options.logger.info({ cluster, ...counts }, 'what this cluster holds is kept for rearm');
  if (!options.observeOnly) await options.onReport?.(cluster, report);
}

/** What cannot be had now is asked for again on the cluster's next line; until then it is not adopted. */
async function fetchBundle(one: Held, session: Session, options: ReportsOptions): Promise<void> {
  const { store, ids, clock, logger } = options;
  const { cluster } = session;
  const id = ids.next('recall');
  const body = { kind: 'recallBundle', location: one.location } as const;
  const answer = session.execute({ id, epoch: store.epoch, body });
  const cancel = clock.after(FETCH_TIMEOUT_MS, () => session.forget(id, answer));
  const outcome = await answer.finally(cancel);
  if (store.blobs.get(one.bundle) !== undefined) return;
  const detail = outcome as unknown as Json;
  logger.warn({ cluster, bundle: one.bundle, detail }, 'a bundle could not be had from its cluster');
}
