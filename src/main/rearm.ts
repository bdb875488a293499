/**
 * `ldc hub rearm`: lets a restored hub act again. What it had unfinished is ended without an act, what its agents said they hold
 * is adopted, and its next epoch is above all of theirs. All of it is journaled in one batch before the hub may act.
 */
import { type NewEntry, silentLogger, systemClock, systemRandom } from '../base/index.ts';
import { AWAITED_REPORTS, HELD_REPORTS, type HeldReport } from '../hub-agent/hub/index.ts';
import { abandonUnfinished } from '../saga/index.ts';
import { type Adoption, type AdoptionReport, adoptionEntries, adoptions } from '../stacks/index.ts';
import { existingState, openStore, rearmStore, type SqliteStore } from '../store/index.ts';
import { type MasterKeySource, masterKeyOf } from './hub.ts';
import { projectorsOver } from './rooms.ts';

export interface RearmOptions {
  readonly dir: string;
  readonly reason: string;
  readonly masterKey: MasterKeySource;
  readonly say: (text: string) => void;
}

const ACTOR = 'user:local';

/** Answers the exit code. @throws StoreError `locked` while the hub runs, `key` without its master key */
export async function rearm({ dir, reason, masterKey, say }: RearmOptions): Promise<number> {
  existingState(dir);
  const store: SqliteStore = openStore({
    dir,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    masterKey: masterKeyOf(masterKey, systemRandom),
    projectors: projectorsOver(() => store.blobs),
  });
  try {
    const reports = reportsIn(store);
    const awaited = awaitedBy(store, reports);
    const epochAbove = highestEpoch(store);
    const facts = { reason, epochAbove, awaited };
    if (store.observeOnly) await takeOver(store, reports, facts, say);
    else await store.journal.append([rearmed([], { ...facts, awaited: [] })]);
    await store.close();
    const wasWatching = rearmStore({ dir, epochAbove });
    say(wasWatching ? closing(facts, reports.length) : `this hub acts already; its next epoch is above ${epochAbove}`);
    return 0;
  } finally {
    await store.close();
  }
}

interface Facts {
  readonly reason: string;
  readonly epochAbove: number;
  readonly awaited: readonly string[];
}

async function takeOver(
  store: SqliteStore,
  reports: readonly AdoptionReport[],
  facts: Facts,
  say: (text: string) => void,
): Promise<void> {
  const { journal, documents, blobs } = store;
  const ended = await abandonUnfinished({ journal, documents, blobs, logger: silentLogger }, facts.reason, ACTOR);
  for (const [id, entries] of ended) {
    await journal.append(entries);
    say(`${id} was unfinished in the backup and is closed: the lost hub has gone on with it`);
  }
  // what was owed and stale is forgotten before anything is adopted: what comes of it later is this hub's own
  await journal.append([rearmed(reports, facts)]);
  const found = adoptions(documents, reports, (bundle) => blobs.get(bundle) !== undefined);
  for (const adoption of found) {
    for (const entry of adoptionEntries(adoption, facts.reason, ACTOR)) await journal.append([entry]);
    for (const line of adoptionText(adoption)) say(line);
  }
  const keep = new Set(found.flatMap(({ withheld }) => withheld.map(({ location }) => location.cluster)));
  await documents.write([
    ...reports
      .filter(({ cluster }) => !keep.has(cluster))
      .flatMap(({ cluster: key }) => [
        { collection: HELD_REPORTS, key, body: null },
        { collection: AWAITED_REPORTS, key, body: null },
      ]),
    ...[...facts.awaited, ...keep].map((key) => ({ collection: AWAITED_REPORTS, key, body: { cluster: key } })),
  ]);
}

function rearmed(reports: readonly AdoptionReport[], { reason, epochAbove, awaited }: Facts): NewEntry {
  const clusters = [...reports.map(({ cluster }) => cluster), ...awaited].sort();
  return {
    tx: 'hub',
    type: 'hub.rearmed',
    actor: ACTOR,
    data: { reason, epochAbove, clusters, awaited: [...awaited] },
  };
}

function reportsIn({ documents }: SqliteStore): readonly AdoptionReport[] {
  return documents.list(HELD_REPORTS).map(({ key, body }) => ({ cluster: key, ...(body as unknown as HeldReport) }));
}

/** Clusters that this hub knows and that have not said what they hold. */
function awaitedBy({ documents, observeOnly }: SqliteStore, reports: readonly AdoptionReport[]): readonly string[] {
  const known = observeOnly ? documents.list('cluster').map(({ key }) => key) : [];
  return known.filter((cluster) => !reports.some((report) => report.cluster === cluster));
}

function highestEpoch({ documents, epoch }: SqliteStore): number {
  const seen = documents.list('clusterFacts').map(({ body }) => Number(body.highestEpoch ?? 0));
  return seen.reduce((highest, one) => Math.max(highest, one), epoch);
}

function adoptionText({ stack, revision, defined, adopted, missing, withheld }: Adoption): readonly string[] {
  const name = `${stack.project}/${stack.name}`;
  const on = (records: Adoption['adopted']) => records.map(({ location: at }) => `${at.name}@${at.cluster}`).join(', ');
  const revisions = [...new Set(adopted.map((one) => one.revision))].sort((a, b) => a - b).join(', ');
  const lines: string[] = [];
  if (adopted.length > 0) lines.push(`${name}: adopted at revision ${revisions}: ${on(adopted)}`);
  if (adopted.length > 0 && !defined)
    lines.push(`${name}: the definition of revision ${revision} is not in the backup: apply it from its source`);
  if (missing.length > 0) lines.push(`${name}: missing, the next apply brings back: ${on(missing)}`);
  if (withheld.length > 0)
    lines.push(
      `${name}: not adopted, for the bundle could not be had; its cluster is asked again when it connects: ${on(withheld)}`,
    );
  return lines;
}

function closing({ epochAbove, awaited }: Facts, reports: number): string {
  const heard = `${reports} ${reports === 1 ? 'agent has' : 'agents have'} said what they hold`;
  const still =
    awaited.length === 0
      ? ''
      : `\nnot heard: ${awaited.join(', ')}. They keep what they hold, and it is adopted when they connect; if one then says that this hub is older than one it knew, stop the hub and rearm it again`;
  return `this hub may act again: ${heard}; its next epoch is above ${epochAbove}${still}`;
}
