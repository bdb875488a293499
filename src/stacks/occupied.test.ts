import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Digest, type Json, type Projector, SimulatedClock, seededRandom, silentLogger } from '../base/index.ts';
import { locationId, type StackRef } from '../plan/index.ts';
import { memoryStore } from '../store/index.ts';
import { createOccupied } from './occupied.ts';
import { collections, type LocationRecord, locationsOf, stackId } from './records.ts';

const CLUSTERS = ['a', 'b', 'c'];
const OBJECTS = ['v1/ConfigMap shop/one', 'v1/ConfigMap shop/two', 'v1/Service shop/web'];

/** A bundle's digest names its objects. */
const bundles = { refs: (digest: Digest) => new Set(digest.slice(7).split('+')) };

/** Whatever the entry says is wanted of its stack. */
const wanted: Projector = (entry, documents) => {
  const stack = entry.data.stack as unknown as StackRef;
  const before = locationsOf(documents, stack).map(({ location }) => locationId(location));
  const records = entry.data.records as unknown as readonly LocationRecord[];
  const gone = before.map((key) => ({ collection: collections.location, key, body: null }));
  const put = records.map((record) => {
    return { collection: collections.location, key: locationId(record.location), body: { ...record } as never };
  });
  return [...gone, ...put];
};

const newStore = () =>
  memoryStore({ clock: new SimulatedClock(), random: seededRandom(1), logger: silentLogger, projectors: [wanted] });

function record(stack: StackRef, cluster: string, objects: readonly string[]): LocationRecord {
  const location = { kind: 'function' as const, stack, name: 'web', cluster };
  return { location, revision: 1, bundle: `sha256:${objects.join('+')}` };
}

const moving = fc.record({
  stack: fc.constantFrom('s1', 's2', 's3'),
  clusters: fc.subarray(CLUSTERS),
  objects: fc.subarray(OBJECTS, { minLength: 1 }),
  type: fc.constantFrom('tx.committed', 'stack.adopted'),
});

describe('what is occupied', () => {
  it('property: followed entry by entry it is what it would be if it were read anew', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(moving, { maxLength: 12 }), async (moves) => {
        const store = newStore();
        const followed = createOccupied(store, bundles);
        followed.owner('a', OBJECTS[0] as string, { project: 'p', name: 's1' }); // reads a's bundles before there are any
        for (const { stack: name, clusters, objects, type } of moves) {
          const stack = { project: 'p', name };
          const records = clusters.map((cluster) => record(stack, cluster, objects)) as unknown as Json;
          await store.journal.append([{ tx: name, type, actor: 'hub', data: { stack, records } }]);
          const anew = createOccupied(store, bundles);
          assert.deepEqual(shown(followed), shown(anew));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('names no object of the stack that asks, and the other stack when both have it', async () => {
    const store = newStore();
    const occupied = createOccupied(store, bundles);
    const [mine, theirs] = ['s1', 's2'].map((name) => ({ project: 'p', name })) as [StackRef, StackRef];
    const commit = (stack: StackRef) => {
      const records = [record(stack, 'a', ['v1/Service shop/web'])] as unknown as Json;
      return store.journal.append([
        { tx: 't', type: 'tx.committed', actor: 'hub', data: { stack: { ...stack }, records } },
      ]);
    };
    await commit(mine);
    assert.equal(occupied.owner('a', 'v1/Service shop/web', mine), undefined);
    await commit(theirs);
    assert.deepEqual(occupied.owner('a', 'v1/Service shop/web', mine)?.location.stack, theirs);
    assert.equal(occupied.owner('b', 'v1/Service shop/web', mine), undefined);
  });
});

function shown(occupied: ReturnType<typeof createOccupied>) {
  const asking: readonly StackRef[] = ['s1', 's2', 'none'].map((name) => ({ project: 'p', name }));
  return {
    clusters: [...occupied.byCluster()].map(([cluster, ids]) => [cluster, [...ids].sort()]).sort(),
    // with three stacks there may be two others: whether there is one is what counts
    taken: CLUSTERS.flatMap((cluster) =>
      OBJECTS.flatMap((object) =>
        asking.map((own) => {
          const owner = occupied.owner(cluster, object, own);
          assert.notEqual(owner && stackId(owner.location.stack), stackId(own));
          return owner !== undefined;
        }),
      ),
    ),
  };
}
