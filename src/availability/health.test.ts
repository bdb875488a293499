import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Entry, SimulatedClock } from '../base/index.ts';
import { healthPath, quarantineMs, step } from './health.ts';
import { watchHeartbeats } from './heartbeats.ts';
import { availabilityProjector, foldHealth, HEALTH, healthEntry, intentEntry } from './records.ts';
import { type Health, type HealthRecord, defaultTimers as timers } from './types.ts';

const signal = (silentMs: number, more = {}) => ({
  silentMs,
  heard: silentMs < timers.suspectAfterMs,
  steadyMs: 0,
  clear: true,
  ...more,
});
const path = (health: Health, silentMs: number, more = {}, losses = 1) =>
  healthPath({ health, losses }, signal(silentMs, more), timers);

it('goes over to the new name of a cluster, with what a person wills for it', () => {
  const record: HealthRecord = {
    ...{ cluster: 'eu-1', health: 'ready', since: '2026-01-01T00:00:00.000Z', losses: 2, lostAt: null },
    ...{ intent: 'cordoned', intentReason: 'new kernel' },
  };
  const document = { collection: HEALTH, key: 'eu-1', version: 1, body: { ...record } };
  const documents = {
    get: (_: string, key: string) => (key === 'eu-1' ? document : undefined),
    list: () => [document],
  };
  const data = { name: 'eu-1', to: 'eu-one' };
  const entry = {
    tx: 'cluster/eu-1',
    type: 'cluster.renamed',
    ts: '2026-01-02T00:00:00.000Z',
    data,
  } as unknown as Entry;
  assert.deepEqual(availabilityProjector(entry, documents), [
    { collection: HEALTH, key: 'eu-1', body: null },
    { collection: HEALTH, key: 'eu-one', body: { ...record, cluster: 'eu-one' } },
  ]);
});

describe('health', () => {
  const cases: readonly (readonly [Health, number, readonly Health[]])[] = [
    ['joining', 0, ['ready']],
    ['joining', 99_000, []],
    ['ready', 14_999, []],
    ['ready', 15_000, ['suspect']],
    ['ready', 30_000, ['suspect', 'lost']],
    ['suspect', 29_999, []],
    ['suspect', 30_000, ['lost']],
    ['suspect', 0, ['ready']],
    ['lost', 0, ['returning']],
    ['lost', 99_000, []],
    ['returning', 20_000, []],
    ['returning', 30_000, ['lost']],
  ];
  for (const [from, silentMs, to] of cases) {
    it(`${from}, silent for ${silentMs} ms → ${to.join(' → ') || 'stays'}`, () =>
      assert.deepEqual(path(from, silentMs), to));
  }
  it('a returning cluster is ready after its quarantine, and only when nothing is owed there', () => {
    assert.deepEqual(path('returning', 0, { steadyMs: 60_000 }), ['ready']);
    assert.deepEqual(path('returning', 0, { steadyMs: 59_999 }), []);
    assert.deepEqual(path('returning', 0, { steadyMs: 60_000, clear: false }), []);
    assert.deepEqual(path('returning', 0, { steadyMs: 60_000 }, 2), [], 'the quarantine doubles against flapping');
  });
  it('the quarantine doubles with each loss and ends at an hour', () => {
    assert.deepEqual(
      [0, 1, 2, 3, 20].map((losses) => quarantineMs(losses, timers)),
      [60_000, 60_000, 120_000, 240_000, 3_600_000],
    );
  });
  it('events that mean nothing change nothing', () => {
    fc.assert(
      fc.property(fc.constantFrom<Health>('joining', 'ready', 'returning'), (health) => {
        if (health !== 'returning') assert.equal(step(health, { type: 'gone' }), health);
        assert.equal(step(health, { type: 'steady' }), health === 'returning' ? 'ready' : health);
      }),
    );
  });
});

describe('heartbeats', () => {
  it('a hub that was away forgives the silence, but takes it for no heartbeat', async () => {
    const clock = new SimulatedClock();
    let last: number | undefined = 0;
    const watch = watchHeartbeats(clock, { lastHeartbeatMs: () => last }, timers);
    await clock.advance(40_000);
    assert.deepEqual(watch.of('a'), { silentMs: 40_000, heard: false, steadyMs: 0 });
    watch.round(1_000); // was due at 1 s, ran at 40 s
    assert.deepEqual([watch.awakeMs(), watch.of('a')], [0, { silentMs: 0, heard: false, steadyMs: 0 }]);
    last = clock.monotonic();
    await clock.advance(5_000);
    assert.deepEqual(watch.of('a'), { silentMs: 5_000, heard: true, steadyMs: 5_000 });
    last = undefined;
    assert.equal(watch.of('b').heard, false);
  });
});

describe('records', () => {
  const entry = (at: string, made: ReturnType<typeof healthEntry>) =>
    ({ v: 1, seq: 1, prev: '', ts: at, epoch: 1, ...made }) as const;
  const fold = (record: HealthRecord | undefined, at: string, made: ReturnType<typeof healthEntry>) =>
    foldHealth(record, entry(at, made));

  it('count losses that follow each other within an hour, and begin anew after a calm time', () => {
    let record = fold(undefined, '2026-01-01T00:00:00.000Z', healthEntry('a', 'suspect', 'lost', 30_000));
    assert.deepEqual([record?.health, record?.losses], ['lost', 1]);
    record = fold(record, '2026-01-01T00:30:00.000Z', healthEntry('a', 'suspect', 'lost', 30_000));
    assert.equal(record?.losses, 2);
    record = fold(record, '2026-01-01T03:00:00.000Z', healthEntry('a', 'suspect', 'lost', 30_000));
    assert.equal(record?.losses, 1);
  });
  it('keep a person’s will beside health, and go when the cluster is removed', () => {
    const joined = fold(undefined, '2026-01-01T00:00:00.000Z', {
      tx: 'cluster/a',
      type: 'cluster.joined',
      actor: 'hub',
      data: {},
    });
    assert.equal(joined?.health, 'joining');
    const cordoned = fold(joined, '2026-01-01T00:00:01.000Z', intentEntry('a', 'open', 'cordoned', 'user:x', 'disk'));
    assert.deepEqual([cordoned?.intent, cordoned?.intentReason, cordoned?.health], ['cordoned', 'disk', 'joining']);
    assert.equal(
      fold(cordoned, '2026-01-01T00:00:02.000Z', { tx: 'cluster/a', type: 'cluster.removed', actor: 'hub', data: {} }),
      undefined,
    );
    const foreign = { tx: 'hub', type: 'brake.on', actor: 'hub', data: {} };
    assert.equal(fold(cordoned, '2026-01-01T00:00:03.000Z', foreign), cordoned);
  });
});
