import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { ClusterState } from './brakes.ts';
import { type Busy, decide, fullTargets, type Holding, type Situation } from './decide.ts';
import { defaultBudget, defaultTimers, type Health, type Intent } from './types.ts';

const stack = (name: string) => ({ project: 'default', name });

function cluster(name: string, health: Health, more: Partial<ClusterState> = {}): ClusterState {
  const silentMs = health === 'lost' ? 40_000 : health === 'suspect' ? 20_000 : 500;
  const labels = { region: name.split('-')[0] ?? name };
  return {
    name,
    labels,
    health,
    intent: 'open' as Intent,
    silentMs,
    lostForMs: health === 'lost' ? 10_000 : null,
    ...more,
  };
}

function situation(
  clusters: readonly ClusterState[],
  holdings: readonly Holding[],
  more: Partial<Situation> = {},
): Situation {
  const hub = { awakeMs: 3_600_000, reachable: 'unchecked' } as const;
  return {
    timers: defaultTimers,
    budget: defaultBudget,
    hub,
    clusters,
    gone: [],
    holdings,
    busy: [],
    cooldowns: new Map(),
    ...more,
  };
}

const held = (name: string, on: string, wanted = 1, owed = 0): Holding => ({
  stack: stack(name),
  cluster: on,
  wanted,
  owed,
});
const four = (first: Health, more: Partial<ClusterState> = {}) => [
  cluster('eu-1', first, more),
  cluster('us-1', 'ready'),
  cluster('eu-2', 'ready'),
  cluster('us-2', 'ready'),
];
const busy = (name: string, kind: Busy['kind'], targets: readonly string[] = []): Busy => ({
  stack: stack(name),
  kind,
  targets,
});

describe('moves', () => {
  it('one move for each stack on a lost cluster, by name', () => {
    const { moves } = decide(situation(four('lost'), [held('b', 'eu-1'), held('a', 'eu-1'), held('a', 'us-1')]));
    assert.deepEqual(
      moves.map(({ stack: { name }, cause, away }) => [name, cause, away]),
      [
        ['a', 'clusterLost', ['eu-1']],
        ['b', 'clusterLost', ['eu-1']],
      ],
    );
  });
  it('none earlier than one heartbeat after lost', () => {
    const early = decide(situation(four('lost', { lostForMs: defaultTimers.heartbeatMs - 1 }), [held('a', 'eu-1')]));
    assert.deepEqual([early.moves.length, early.waiting[0]?.cause], [0, 'heartbeat']);
    assert.equal(
      decide(situation(four('lost', { lostForMs: defaultTimers.heartbeatMs }), [held('a', 'eu-1')])).moves.length,
      1,
    );
  });
  it('none from a suspect cluster, and none under a brake', () => {
    assert.equal(decide(situation(four('suspect'), [held('a', 'eu-1')])).moves.length, 0);
    const clusters = [cluster('eu-1', 'lost'), cluster('us-1', 'lost'), cluster('eu-2', 'ready')];
    const braked = decide(situation(clusters, [held('a', 'eu-1')]));
    assert.deepEqual([braked.moves.length, braked.waiting[0]?.cause, braked.brakes[0]?.kind], [0, 'brake', 'fleet']);
  });
  it('a person’s drain is not braked, waits while it is silent, and names its cause', () => {
    const drained = decide(situation(four('ready', { intent: 'draining' }), [held('a', 'eu-1')]));
    assert.equal(drained.moves[0]?.cause, 'drain');
    assert.equal(decide(situation(four('suspect', { intent: 'draining' }), [held('a', 'eu-1')])).moves.length, 0);
    const gone = (lostForMs: number) =>
      decide(situation(four('lost', { intent: 'draining', lostForMs }), [held('a', 'eu-1')])).moves.length;
    assert.deepEqual([gone(defaultTimers.heartbeatMs - 1), gone(defaultTimers.heartbeatMs)], [0, 1]);
  });
  it('waits for a transaction that goes on by itself, never for one that waits for a person', () => {
    for (const [kind, count] of [
      ['moving', 0],
      ['settling', 0],
      ['running', 0],
      ['held', 1],
      ['queuedSettle', 1],
    ] as const) {
      assert.equal(
        decide(situation(four('lost'), [held('a', 'eu-1')], { busy: [busy('a', kind)] })).moves.length,
        count,
        kind,
      );
    }
  });
  it('keeps to the budget in all, says which targets are full, and waits out a cooldown', () => {
    const many = ['a', 'b', 'c', 'd'].map((name) => held(name, 'eu-1'));
    const under = [busy('x', 'moving', ['us-1']), busy('y', 'moving', ['us-1', 'us-2'])];
    const found = decide(situation(four('lost'), many, { busy: under, budget: { atOnce: 4, perTargetAtOnce: 2 } }));
    assert.deepEqual(
      [
        found.moves.length,
        fullTargets(under, { atOnce: 4, perTargetAtOnce: 2 }),
        found.waiting.map(({ cause }) => cause),
      ],
      [2, ['us-1'], ['budget', 'budget']],
    );
    const cooling = decide(
      situation(four('lost'), many, {
        cooldowns: new Map([
          ['default/a', 5_000],
          ['default/b', 0],
        ]),
      }),
    );
    assert.deepEqual(
      cooling.moves.map(({ stack: { name } }) => name),
      ['b', 'c', 'd'],
    );
  });
});

describe('settles', () => {
  it('one in the queue is enough: a second one would only stand behind it', () => {
    const owed = [{ ...held('a', 'eu-1'), owed: 1 }];
    const count = (kind: 'held' | 'queuedSettle' | 'settling') =>
      decide(situation(four('returning'), owed, { busy: [busy('a', kind)] })).settles.length;
    assert.deepEqual([count('held'), count('queuedSettle'), count('settling')], [1, 0, 0]);
  });
  it('go on where heartbeats come, per cluster, whatever the brakes say', () => {
    const owed = [held('a', 'eu-1', 0, 1), held('b', 'eu-1', 1, 2), held('c', 'us-1', 1, 0)];
    assert.deepEqual(decide(situation(four('returning'), owed)).settles, [
      { cluster: 'eu-1', stacks: [stack('a'), stack('b')] },
    ]);
    assert.deepEqual(decide(situation(four('lost'), owed)).settles, []);
    const cooldowns = new Map([['default/b@eu-1', 9]]);
    const beside = (kind: Busy['kind']) => decide(situation(four('ready'), owed, { busy: [busy('a', kind)], cooldowns })).settles; // biome-ignore format: one line
    for (const kind of ['settling', 'queuedSettle'] as const) assert.deepEqual(beside(kind), []);
    // who runs waits itself for what is owed where it has not begun: to wait for it would be to wait for each other
    for (const kind of ['running', 'moving', 'held'] as const)
      assert.deepEqual(beside(kind), [{ cluster: 'eu-1', stacks: [stack('a')] }]);
  });
});

describe('silent one after another', () => {
  it('cannot race past the brake: with each loss counted, moves stop before 55 % have been moved away', () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 30 }), fc.integer({ min: 0, max: 60_000 }), (size, gapMs) => {
        const moved = new Set<string>();
        for (let atMs = 0; atMs <= size * gapMs + 60_000; atMs += 1_000) {
          const clusters = Array.from({ length: size }, (_, index) => {
            const silentMs = Math.max(0, atMs - index * gapMs);
            const health: Health = silentMs >= 30_000 ? 'lost' : silentMs >= 15_000 ? 'suspect' : 'ready';
            return cluster(`r${index}-1`, health, {
              silentMs,
              lostForMs: health === 'lost' ? silentMs - 30_000 : null,
            });
          });
          const holdings = clusters.filter(({ health }) => health === 'lost').map(({ name }) => held(name, name));
          for (const { away } of decide(situation(clusters, holdings)).moves) for (const name of away) moved.add(name);
        }
        assert.ok(moved.size * 100 < size * 55, `${moved.size} of ${size} were moved away`);
      }),
      { numRuns: 40 },
    );
  });
});
