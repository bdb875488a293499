import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createReservations } from './reservations.ts';
import { applied, fakeCluster, openBed, options, source } from './testbed.test.ts';

const stack = { project: 'default', name: 'shop' };
const amounts = { cpuMilli: 600, memoryBytes: 1_000, pods: 1 };
const at = (cluster: string) => ({ location: { stack, kind: 'function', name: 'web', cluster } as const, amounts });

describe('room that is promised', () => {
  it('is counted once while some of the reserve steps have run', () => {
    const reservations = createReservations();
    reservations.promise([at('eu-1'), at('us-1')]).bind('tx-1');
    reservations.reserve('tx-1/reserve:web@eu-1', at('eu-1'));
    assert.deepEqual([...reservations.byCluster()], [['eu-1', amounts], ['us-1', amounts]]); // biome-ignore format: one line
    assert.deepEqual(reservations.locations().get('eu-1'), ['default/shop/web@eu-1']);
    reservations.reserve('tx-2/reserve:web@us-1', at('us-1'));
    assert.equal(reservations.byCluster().get('us-1')?.cpuMilli, 1_200, "another's is its own");
  });

  it('does not stand in the way of the plan that takes its place', async () => {
    const bed = openBed([fakeCluster('eu-1', 1_000)]);
    await bed.start();
    await applied(bed, source('shop', [{ name: 'web' }]));
    const results = [
      await bed.room.apply(source('shop', [{ name: 'web' }], { version: '2' }), options),
      await bed.room.apply(source('shop', [{ name: 'web' }, { name: 'api', cpu: '600m' }]), options),
    ];
    for (const result of results) {
      assert.ok(result.kind === 'submitted', JSON.stringify(result));
      const ended = await bed.ended(result.transaction);
      assert.equal(ended.state, 'committed', JSON.stringify(ended.cause));
    }
    await bed.availability.stop();
  });

  it('is promised anew by a hub that starts again: two that were queued take no room twice', async () => {
    const clusters = [fakeCluster('eu-1', 1_000), fakeCluster('us-1', 1_000)];
    const bed = openBed(clusters);
    await bed.start();
    let created = 0;
    bed.store.journal.onAppend((entries) => {
      created += entries.filter(({ type }) => type === 'tx.created').length;
      if (created === 2) bed.store.crash();
    });
    const names = ['shop', 'stock'];
    const results = await Promise.all(names.map((name) => bed.room.apply(source(name, [{ name: 'web', cpu: '600m' }]), options))); // biome-ignore format: one line
    const next = openBed(clusters, bed.store.disk, bed.clock);
    next.availability.recall();
    await next.engine.start();
    await next.pass(250);
    await next.availability.start();
    for (const result of results) {
      assert.ok(result.kind === 'submitted', JSON.stringify(result));
      const ended = await next.ended(result.transaction);
      assert.equal(ended.state, 'committed', JSON.stringify(ended.cause));
    }
    await next.availability.stop();
  });
});
