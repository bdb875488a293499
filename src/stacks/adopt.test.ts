/** Records follow what agents hold: newer is adopted, older is not, what nobody holds is missing, and twice is once. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Digest, digestOf, SimulatedClock, seededRandom, silentLogger } from '../base/index.ts';
import type { Held } from '../hub-agent/types.ts';
import { memoryDisk, memoryStore } from '../store/index.ts';
import { type AdoptionReport, adoptionEntries, adoptions } from './adopt.ts';
import { createStacksProjector } from './project.ts';
import {
  bodies,
  collections,
  type LocationRecord,
  locationsOf,
  locationsOn,
  present,
  revisionRecord,
  stackRecord,
} from './records.ts';

const shop = { project: 'default', name: 'shop' };
const bundleOf = (cluster: string, revision: number, content = ''): Digest => digestOf({ cluster, revision, content });

function held(cluster: string, revision: number, content = '', name = 'web'): Held {
  const location = { stack: shop, kind: 'function' as const, name, cluster };
  return { location, revision, bundle: bundleOf(cluster, revision, content) };
}

function openStore() {
  const store = memoryStore({
    ...{ clock: new SimulatedClock(), random: seededRandom(1), logger: silentLogger, disk: memoryDisk() },
    projectors: [createStacksProjector(() => store.blobs)],
  });
  return store;
}

/** A hub whose backup remembers revision `revision` on those clusters. */
async function remembering(revision: number, clusters: readonly string[]) {
  const store = openStore();
  const written = { labels: {}, functions: [{ name: 'web', min: 1, max: 2 }], databases: [] };
  const source = { resolved: digestOf('content'), source: 's' };
  const tx = 'stack/default/shop';
  const data = { stack: shop, revision, ...written, ...source };
  await store.journal.append([{ tx, type: 'stack.revision', actor: 'a', data }]);
  const created = { stack: shop, kind: 'deploy', revision, plan: digestOf('none') };
  const locations = clusters.map((cluster) => held(cluster, revision)) as never;
  await store.journal.append([{ tx: 'tx-1', type: 'tx.created', actor: 'a', data: created }]);
  await store.journal.append([{ tx: 'tx-1', type: 'tx.committed', actor: 'a', data: { stack: shop, locations } }]);
  return store;
}

type Remembering = Awaited<ReturnType<typeof remembering>>;

function found({ documents }: Remembering, reports: readonly AdoptionReport[], has = (_bundle: Digest) => true) {
  return adoptions(documents, reports, has);
}

async function adopt(store: Remembering, reports: readonly AdoptionReport[]) {
  const clusters = reports.map(({ cluster }) => cluster);
  await store.journal.append([{ tx: 'hub', type: 'hub.rearmed', actor: 'a', data: { clusters } }]);
  for (const each of found(store, reports)) await store.journal.append(adoptionEntries(each, 'a test', 'a'));
}

const report = (cluster: string, ...locations: readonly Held[]): AdoptionReport => ({
  cluster,
  held: locations,
  fetched: locations.filter(({ revision }) => revision > 1).map(({ bundle }) => bundle),
});

describe('stacks: adoption after a restore', () => {
  it('takes over what is newer, and the next revision is above it', async () => {
    const store = await remembering(1, ['eu', 'us']);
    await adopt(store, [report('eu', held('eu', 3)), report('us', held('us', 2))]);
    const record = stackRecord(store.documents, shop);
    assert.equal(record?.revision, 3);
    assert.equal(record?.latest, 3);
    assert.deepEqual(
      locationsOf(store.documents, shop).map(({ revision }) => revision),
      [3, 2],
    );
    assert.equal(revisionRecord(store.documents, shop, 3)?.adopted, true);
    assert.equal(revisionRecord(store.documents, shop, 1)?.state, 'superseded');
  });

  it('leaves alone what is the same or older, and what its cluster has not said', async () => {
    const store = await remembering(3, ['eu', 'us', 'ap']);
    assert.deepEqual(found(store, [report('eu', held('eu', 3)), report('us', held('us', 2))]), []);
  });

  it('the same number with other content is adopted, and its definition is not taken for the remembered one', async () => {
    const store = await remembering(1, ['eu']);
    const other = held('eu', 1, 'other');
    const [adoption] = found(store, [{ cluster: 'eu', held: [other], fetched: [other.bundle] }]);
    assert.equal(adoption?.defined, false);
    assert.deepEqual(adoption?.adopted, [other]);
  });

  it('what nobody holds is missing: kept on record, told to no one, planned with by no one', async () => {
    const store = await remembering(1, ['eu', 'us']);
    await adopt(store, [report('eu'), report('us', held('us', 1))]);
    const records = locationsOf(store.documents, shop);
    assert.deepEqual(
      records.map(({ location, missing }) => [location.cluster, missing]),
      [
        ['eu', true],
        ['us', undefined],
      ],
    );
    assert.deepEqual(present(records), [records[1]]);
    assert.deepEqual(present(locationsOn(store.documents, 'eu')), []);
    assert.deepEqual(bodies(store.documents, collections.stale), []);
    await adopt(store, [report('eu', held('eu', 1))]);
    assert.equal(present(locationsOf(store.documents, shop)).length, 2, 'held again it is no longer missing');
  });

  it('what was stale and is held is wanted: it may be the only copy by now', async () => {
    const store = await remembering(1, ['eu']);
    const stale = { ...held('us', 1), transaction: 'tx-1', since: '' } as never;
    await store.documents.write([{ collection: collections.stale, key: 'us/default/shop/web@us', body: stale }]);
    await adopt(store, [report('eu', held('eu', 1)), report('us', held('us', 1))]);
    assert.deepEqual(bodies(store.documents, collections.stale), []);
    assert.equal(locationsOf(store.documents, shop).length, 2);
  });

  it('what cannot be planned with is not adopted', async () => {
    const store = await remembering(1, ['eu']);
    const [adoption] = found(store, [report('eu', held('eu', 2))], () => false);
    assert.deepEqual(adoption?.adopted, []);
    assert.deepEqual(adoption?.withheld, [held('eu', 2)]);
    assert.equal(adoption?.revision, 1);
    assert.deepEqual(adoptionEntries(adoption, 'r', 'a'), []);
  });

  it('a stack that only its clusters know becomes one of the hub', async () => {
    const store = openStore();
    await adopt(store, [report('eu', held('eu', 5, '', 'web'), held('eu', 5, '', 'api'))]);
    const record = stackRecord(store.documents, shop);
    assert.equal(record?.state, 'live');
    assert.deepEqual(
      record?.functions.map(({ name }) => name),
      ['api', 'web'],
    );
  });

  it('property: many locations fit their entries; afterwards nothing is left to adopt', async () => {
    const cluster = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 }));
    await fc.assert(
      fc.asyncProperty(fc.array(cluster, { minLength: 1, maxLength: 250 }), async (clusters) => {
        const names = clusters.map((_, index) => `c${index}`);
        const store = await remembering(
          2,
          names.filter((_, index) => clusters[index]?.[0] !== 0),
        );
        const reports = clusters.map(([, revision], index) => {
          const name = names[index] ?? '';
          return report(name, ...(revision === 0 ? [] : [held(name, revision)]));
        });
        await adopt(store, reports);
        assert.deepEqual(found(store, reports), []);
        const records = new Map(locationsOf(store.documents, shop).map((one) => [one.location.cluster, one]));
        for (const { cluster: name, held: has } of reports) {
          const record: LocationRecord | undefined = records.get(name);
          const [mine] = has;
          if (mine !== undefined) assert.ok((record?.revision ?? 0) >= mine.revision && record?.missing !== true);
          else assert.ok(record === undefined || record.missing === true);
        }
      }),
      { numRuns: 25, seed: 11 },
    );
  });
});
