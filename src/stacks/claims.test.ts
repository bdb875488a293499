import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Digest, type Projector, SimulatedClock, seededRandom, silentLogger } from '../base/index.ts';
import type { Plan } from '../plan/index.ts';
import { memoryStore } from '../store/index.ts';
import { createClaims } from './claims.ts';
import { conflictOf } from './conflicts.ts';
import { collections, onClusterKey } from './records.ts';
import { type Bed, four, openBed, options, source } from './testbed.test.ts';

const same = (name: string, more: Parameters<typeof source>[2] = {}) =>
  source(name, [{ name: 'web', min: 4 }], { namespace: 'shared', ...more });

const taking = (name: string) => {
  const what = same(name);
  return { ...what, stack: what.stack.replace('      availability:', '      conflicts: take\n      availability:') };
};

/** Two stacks with one ClusterRole and nothing else in common, each in a namespace of its own. */
const withRole = (name: string) => {
  const what = source(name, [{ name: 'web', min: 4 }]);
  const role = 'apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: { name: reader }\nrules: []';
  return { ...what, files: { 'web.yaml': `${what.files['web.yaml']}\n---\n${role}` } };
};

async function startedBed(): Promise<Bed> {
  const bed = openBed(four());
  for (const { record } of bed.byName.values()) {
    (record as { apis: readonly string[] }).apis = [...record.apis, 'rbac.authorization.k8s.io/v1/ClusterRole'];
  }
  await bed.start();
  return bed;
}

function refusalOf(result: Awaited<ReturnType<Bed['room']['apply']>>) {
  assert.ok(result.kind === 'refused', JSON.stringify(result));
  assert.equal(result.refusal.kind, 'ownedByOtherStack', JSON.stringify(result.refusal));
  return result.refusal;
}

describe('objects of plans in flight', () => {
  const pairs = [
    ['the same objects', same],
    ['the same objects, taken by force', taking],
    ['one cluster-scoped object', withRole],
  ] as const;
  for (const [what, make] of pairs) {
    for (const order of [
      ['one', 'two'],
      ['two', 'one'],
    ] as const) {
      it(`${what}, applied at one moment (${order.join(' before ')}): one is handed in, the other names it`, async () => {
        const bed = await startedBed();
        const results = await Promise.all(order.map((name) => bed.room.apply(make(name), options)));
        const [mine, theirs] = results[0]?.kind === 'submitted' ? results : results.toReversed();
        assert.ok(mine?.kind === 'submitted', JSON.stringify(results));
        const winner = results[0]?.kind === 'submitted' ? order[0] : order[1];
        assert.ok(theirs);
        const refusal = refusalOf(theirs);
        assert.match(refusal.message, new RegExp(`stack default/${winner}`));
        assert.equal((await bed.ended(mine.transaction)).state, 'committed');
        await bed.availability.stop();
      });
    }
  }

  it('until its transaction has ended, also over a restart, another stack is told which one holds them', async () => {
    const bed = await startedBed();
    const { disk } = bed.store;
    const first = await bed.room.apply(same('one', { rollout: ', approval: required' }), options);
    assert.ok(first.kind === 'submitted');
    await bed.until('it waits', () => bed.engine.get(first.transaction)?.state === 'awaitingApproval');
    const { message, hint, details } = refusalOf(await bed.room.apply(same('two'), options));
    assert.match(message, new RegExp(`function web of stack default/one: ${first.transaction} is awaitingApproval`));
    assert.match(hint, new RegExp(`ldc tx show ${first.transaction}`));
    assert.equal((details as { readonly transaction: string }).transaction, first.transaction);
    await bed.availability.stop();
    await bed.engine.stop();

    const again = openBed([...bed.byName.values()], disk, bed.clock);
    await again.start();
    refusalOf(await again.room.apply(same('two'), options));
    await again.engine.operate(first.transaction, { verb: 'abort' }, 'user:test', null);
    assert.equal((await again.ended(first.transaction)).state, 'rolledBack');
    const second = await again.room.apply(same('two'), options);
    assert.ok(second.kind === 'submitted', JSON.stringify(second));
    assert.equal((await again.ended(second.transaction)).state, 'committed');
    await again.availability.stop();
  });

  it('of a stuck one too: what it has not undone is still there', async () => {
    const bed = await startedBed();
    bed.refuse.set('gate@eu-1', 'not ready').set('undo@eu-1', 'a webhook says no');
    const first = await bed.room.apply(same('one'), options);
    assert.ok(first.kind === 'submitted');
    assert.equal((await bed.ended(first.transaction)).state, 'stuck');
    assert.match(refusalOf(await bed.room.apply(same('two'), options)).message, /is stuck$/);
    await bed.availability.stop();
  });

  it('a plan that was refused by the engine holds nothing', async () => {
    const bed = await startedBed();
    const first = await bed.room.apply(same('one', { rollout: ', approval: required' }), options);
    assert.ok(first.kind === 'submitted');
    const also = source('one', [{ name: 'web', min: 4 }, { name: 'api' }], { namespace: 'shared' });
    const busy = await bed.room.apply(also, { ...options, ifBusy: 'fail' });
    assert.equal(busy.kind === 'refused' && busy.refusal.kind, 'busy');
    const other = source('other', [{ name: 'api' }], { namespace: 'shared' });
    assert.equal((await bed.room.apply(other, options)).kind, 'submitted');
    await bed.availability.stop();
  });
});

const OBJECTS = ['ConfigMap shop/one', 'ConfigMap shop/two', 'ClusterRole reader'];
const bundles = { refs: (digest: Digest) => new Set(digest.slice(7).split('+')) } as never;

function planOf(stack: string, objects: readonly string[]): Plan {
  const location = { kind: 'function', stack: { project: 'p', name: stack }, name: 'web', cluster: 'a' };
  const work = { action: 'apply', location, revision: 1, bundle: `sha256:${objects.join('+')}` };
  return { steps: objects.length === 0 ? [] : [{ id: 'apply:web@a', work }] } as unknown as Plan;
}

/** The transaction lays its hand on what the entry's plan says; nothing is left of a sealed one. */
const known: Projector = ({ type, tx, data }) => {
  const body = type === 'tx.sealed' ? null : { plan: data.plan as Digest };
  return [{ collection: collections.transaction, key: tx, body }];
};

describe('claims', () => {
  const move = fc.record({
    tx: fc.constantFrom('s1', 's2', 's3'),
    type: fc.constantFrom('tx.created', 'tx.replanned', 'tx.amended', 'tx.sealed'),
    objects: fc.subarray(OBJECTS),
  });

  const storeOf = () =>
    memoryStore({ clock: new SimulatedClock(), random: seededRandom(1), logger: silentLogger, projectors: [known] });

  it('property: followed entry by entry they are what they would be if they were read anew', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(move, { maxLength: 12 }), async (moves) => {
        const store = storeOf();
        const followed = createClaims(store, bundles);
        const shown = (claims: ReturnType<typeof createClaims>) =>
          OBJECTS.map((object) =>
            ['s1', 's2', 's3', 'none'].map((name) => claims.owner('a', object, { project: 'p', name }) !== undefined),
          );
        shown(followed);
        for (const { tx, type, objects } of moves) {
          const plan = await store.blobs.put(planOf(tx, objects) as never);
          await store.journal.append([{ tx, type, actor: 'hub', data: { plan } }]);
          assert.deepEqual(shown(followed), shown(createClaims(store, bundles)));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('what a transaction will be told to do counts until its journal says that it does', async () => {
    const store = storeOf();
    const claims = createClaims(store, bundles);
    const asks = () => claims.owner('a', 'ClusterRole reader', { project: 'p', name: 'other' })?.transaction;
    claims.holdFor('s1', planOf('s1', ['ClusterRole reader']));
    assert.equal(asks(), 's1');
    const letGo = claims.hold(planOf('s2', ['ClusterRole reader']));
    const plan = await store.blobs.put(planOf('s1', []) as never);
    await store.journal.append([{ tx: 's1', type: 'tx.replanned', actor: 'hub', data: { plan } }]);
    assert.equal(asks(), null);
    letGo();
    assert.equal(asks(), undefined);
  });
});

describe('what is due somewhere', () => {
  const location = { kind: 'function', stack: { project: 'p', name: 'gone' }, name: 'web', cluster: 'a' } as const;
  const bundle = 'sha256:ConfigMap shop/one';
  const owed = { cluster: 'a', location: 'p/gone/web@a', transaction: 'tx_1', step: 'apply:web@a', previous: null };
  const cases = [
    ['an undo', 'owed', 'a/tx_1/apply:web@a', { ...owed, kind: 'undo', stack: location.stack, bundle }],
    ['a change', 'owed', 'a/tx_1/apply:web@a', { ...owed, kind: 'apply', stack: location.stack, bundle }],
    ['a removal', collections.stale, onClusterKey(location), { location, bundle, transaction: 'tx_1' }],
  ] as const;
  for (const [what, collection, key, body] of cases) {
    it(`${what}: its objects are refused to others, by name, and not to its own stack`, async () => {
      const put: Projector = () => [{ collection, key, body: body as never }];
      const store = memoryStore({
        ...{ clock: new SimulatedClock(), random: seededRandom(1), logger: silentLogger },
        projectors: [put],
      });
      await store.journal.append([{ tx: 't', type: 'x', actor: 'hub', data: {} }]);
      const nobody = { owner: () => undefined };
      const room = { store, bundles, occupied: nobody, claims: nobody, engine: () => assert.fail() } as never;
      const asking = (name: string, object: string) => ({
        ...{ stack: { project: 'p', name }, steps: planOf(name, [object]).steps },
      });
      const refusal = conflictOf(asking('other', 'ConfigMap shop/one'), room);
      assert.equal(refusal?.kind, 'ownedByOtherStack');
      assert.match(refusal?.message ?? '', new RegExp(`function web of stack p/gone: ${what} that tx_1 owes there`));
      assert.equal(conflictOf(asking('other', 'ConfigMap shop/two'), room), undefined);
      assert.equal(conflictOf(asking('gone', 'ConfigMap shop/one'), room), undefined);
    });
  }
});
