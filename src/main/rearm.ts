/** `ldc hub rearm`: lets a restored hub act again, with an epoch above all that any agent has reported while it watched. */
import { silentLogger, systemClock, systemRandom } from '../base/index.ts';
import { openStore, rearmStore } from '../store/index.ts';
import { type MasterKeySource, masterKeyOf, projectorsOver } from './hub.ts';

export async function rearm(options: {
  readonly dir: string;
  readonly reason: string;
  readonly masterKey: MasterKeySource;
  readonly say: (text: string) => void;
}): Promise<number> {
  const { dir, reason, say } = options;
  const store = openStore({
    dir,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    masterKey: masterKeyOf(options.masterKey, systemRandom),
    projectors: projectorsOver(() => store.blobs),
  });
  const facts = store.documents.list('clusterFacts');
  const epochAbove = Math.max(
    store.epoch,
    ...facts.map(({ body }) => (typeof body.highestEpoch === 'number' ? body.highestEpoch : 0)),
  );
  await store.journal.append([
    { tx: 'hub', type: 'hub.rearmed', actor: 'user:local', data: { reason, epochAbove, clusters: facts.length } },
  ]);
  await store.close();
  const wasWatching = rearmStore({ dir, epochAbove });
  say(
    wasWatching
      ? `this hub may act again; its next epoch is above ${epochAbove}, the highest that ${facts.length} agents have reported`
      : `this hub was not restored and acts already; its next epoch is above ${epochAbove}`,
  );
  if (facts.length === 0)
    say(
      'no agent has reported yet: start the hub and wait until they have connected before you rearm it, if any are still out there',
    );
  return 0;
}
