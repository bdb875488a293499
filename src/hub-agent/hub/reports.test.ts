/** Which agents a hub asks what they hold: all while it only watches, then those it was armed without, then none. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  createIds,
  type Digest,
  digestOf,
  done,
  SimulatedClock,
  seededRandom,
  silentLogger,
} from '../../base/index.ts';
import type { Command } from '../../protocol/index.ts';
import { memoryDisk, memoryStore } from '../../store/index.ts';
import type { Held } from '../types.ts';
import { clusterProjector } from './entries.ts';
import { AWAITED_REPORTS, createReports, HELD_REPORTS, type HeldReport } from './reports.ts';
import type { Session } from './session.ts';

const CONTENT = { what: 'a bundle' };
const bundle = digestOf(CONTENT);
const location = { stack: { project: 'default', name: 'shop' }, kind: 'function' as const, name: 'web', cluster: 'eu' };
const held: readonly Held[] = [{ location: { ...location, cluster: 'another' }, revision: 2, bundle }];

function setUp() {
  const clock = new SimulatedClock();
  const random = seededRandom(1);
  const store = memoryStore({
    ...{ clock, random, logger: silentLogger, disk: memoryDisk() },
    projectors: [clusterProjector],
  });
  const asked: Command[] = [];
  const reported: HeldReport[] = [];
  const session = {
    cluster: 'eu',
    async execute(command: Command) {
      asked.push(command);
      await store.blobs.put(CONTENT); // as the session does with what came along
      return done({ kind: 'recallBundle' as const, bundle: bundle as Digest });
    },
    forget: () => {},
  } as unknown as Session;
  const open = (observeOnly: boolean) =>
    createReports({
      ...{ store, clock, ids: createIds(clock, random), logger: silentLogger, observeOnly },
      onReport: async (_cluster, report) => void reported.push(report),
    });
  const kept = () => store.documents.get(HELD_REPORTS, 'eu')?.body as unknown as HeldReport | undefined;
  return { clock, store, asked, reported, session, open, kept };
}

const joined = {
  tx: 'cluster/eu',
  type: 'cluster.joined',
  actor: 'a',
  data: { name: 'eu', publicKey: 'k', labels: {} },
};

describe('hub: reports of what agents hold', () => {
  it('watching, it keeps each and fetches what it does not have; a second line forgets nothing of that', async () => {
    const { clock, asked, reported, session, open, kept } = setUp();
    for (let line = 0; line < 2; line++) {
      open(true).heard(session, held);
      await clock.advance(0);
    }
    assert.equal(asked.length, 1, 'it has the bundle by then');
    assert.deepEqual(kept()?.fetched, [bundle]);
    assert.equal(kept()?.held[0]?.location.cluster, 'eu', 'an agent speaks of its own cluster only');
    assert.deepEqual(reported, [], 'nothing is taken over before it is armed');
  });

  it('acting, it asks only whom it was armed without, and says so', async () => {
    const { clock, store, asked, reported, session, open, kept } = setUp();
    const reports = open(false);
    assert.equal(reports.awaits('eu'), false);
    reports.heard(session, held);
    await clock.advance(0);
    assert.deepEqual(asked, []);
    assert.equal(kept(), undefined);
    await store.documents.write([{ collection: AWAITED_REPORTS, key: 'eu', body: {} }]);
    assert.equal(reports.awaits('eu'), true);
    reports.heard(session, held);
    await clock.advance(0);
    assert.equal(asked.length, 1);
    assert.equal(reported.length, 1);
  });

  it('a cluster that the lost hub had taken in after the backup is heard when it joins again', async () => {
    const { clock, store, reported, session, open } = setUp();
    await store.journal.append([{ tx: 'hub', type: 'hub.rearmed', actor: 'a', data: {} }]);
    await clock.advance(5);
    await store.journal.append([joined]);
    const reports = open(false);
    reports.heard(session, held);
    await clock.advance(0);
    assert.equal(reported.length, 1);
    reports.heard(session, held);
    await clock.advance(0);
    assert.equal(reported.length, 1, 'nothing of it is news any more');
  });
});
