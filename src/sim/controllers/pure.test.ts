import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { SimulatedClock } from '../../base/index.ts';
import type { Pod } from '../kinds/index.ts';
import { milliCpu, quantity } from '../kinds/index.ts';
import { nextTime, parseSchedule } from './cron-schedule.ts';
import { desiredHealthy } from './disruption.ts';
import { misfits, type Node, requestsOf, tolerates, unschedulableMessage, usage } from './fit.ts';
import { newReplicas, oldReplicas, proportional, resolveBounds, sum } from './rolling-update.ts';
import { nextStep, type Replica } from './statefulset-step.ts';
import { WorkQueue } from './work-queue.ts';

describe('rolling update', () => {
  it('rounds surge up and unavailable down, and never blocks itself', () => {
    assert.deepEqual(resolveBounds(10, '25%', '25%'), { maxSurge: 3, maxUnavailable: 2 });
    assert.deepEqual(resolveBounds(1, 0, '25%'), { maxSurge: 0, maxUnavailable: 1 });
    assert.deepEqual(resolveBounds(3, undefined, undefined), { maxSurge: 1, maxUnavailable: 0 });
  });

  it('arrives, and on the way never has too many pods nor too few available ones', () => {
    const shape = fc.record({
      desired: fc.integer({ min: 1, max: 12 }),
      surge: fc.integer({ min: 0, max: 4 }),
      missing: fc.integer({ min: 0, max: 4 }),
      old: fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 3 }),
    });
    fc.assert(
      fc.property(shape, ({ desired, surge, missing, old }) => {
        const bounds = resolveBounds(desired, surge, missing);
        let fresh = { name: 'new', replicas: 0, ready: 0, available: 0 };
        let sets = old.map((replicas, index) => ({
          name: `old-${index}`,
          replicas,
          ready: replicas,
          available: replicas,
        }));
        const most = Math.max(desired + bounds.maxSurge, sum(sets, 'replicas'));
        const least = Math.min(desired - bounds.maxUnavailable, sum(sets, 'available'));
        for (let round = 0; round < 100; round++) {
          const size = newReplicas(fresh, sets, desired, bounds);
          if (size !== fresh.replicas) fresh = { ...fresh, replicas: size };
          else {
            const sizes = oldReplicas(fresh, sets, desired, bounds);
            sets = sets.map((set) => {
              const replicas = sizes.get(set.name) ?? set.replicas;
              return { ...set, replicas, ready: replicas, available: replicas };
            });
          }
          assert.ok(fresh.replicas + sum(sets, 'replicas') <= most);
          assert.ok(fresh.available + sum(sets, 'available') >= least);
          fresh = { ...fresh, ready: fresh.replicas, available: fresh.replicas };
        }
        assert.equal(fresh.replicas, desired);
        assert.equal(sum(sets, 'replicas'), 0);
      }),
    );
  });

  it('takes broken old pods away first, even when nothing else may go', () => {
    const fresh = { name: 'new', replicas: 1, ready: 0, available: 0 };
    const old = [
      { name: 'a', replicas: 2, ready: 0, available: 0 },
      { name: 'b', replicas: 4, ready: 4, available: 4 },
    ];
    assert.deepEqual([...oldReplicas(fresh, old, 4, { maxSurge: 1, maxUnavailable: 0 })], [['a', 0]]);
  });

  it('spreads a change of scale in proportion and loses nothing to rounding', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 60 }),
        (replicas, allowed) => {
          const sets = replicas.map((size, index) => ({ name: `s${index}`, replicas: size, ready: 0, available: 0 }));
          const sizes = proportional(sets, allowed, sum(sets, 'replicas'));
          const after = sets.map((set) => sizes.get(set.name) ?? set.replicas);
          assert.equal(
            after.reduce((a, b) => a + b, 0),
            allowed,
          );
          assert.ok(after.every((size) => size >= 0));
        },
      ),
    );
  });
});

describe('StatefulSet steps', () => {
  const replica = (ordinal: number, more: Partial<Replica> = {}): Replica => ({
    ordinal,
    revision: 'a',
    ready: true,
    available: true,
    finished: false,
    terminating: false,
    ...more,
  });
  const wanted = {
    replicas: 3,
    start: 0,
    parallel: false,
    onDelete: false,
    partition: 0,
    currentRevision: 'a',
    updateRevision: 'a',
  };

  it('does one thing at a time, lowest first', () => {
    assert.deepEqual(nextStep([], wanted), [{ kind: 'create', ordinal: 0, revision: 'a' }]);
    assert.deepEqual(nextStep([replica(0, { available: false })], wanted), []);
    assert.deepEqual(nextStep([replica(0, { finished: true })], wanted), [{ kind: 'delete', ordinal: 0 }]);
    assert.deepEqual(
      nextStep(
        [0, 1, 2, 3, 4].map((n) => replica(n)),
        wanted,
      ),
      [{ kind: 'delete', ordinal: 4 }],
    );
  });

  it('updates from the top, and waits behind a broken pod of any revision', () => {
    const update = { ...wanted, updateRevision: 'b' };
    assert.deepEqual(nextStep([replica(0), replica(1), replica(2)], update), [{ kind: 'delete', ordinal: 2 }]);
    assert.deepEqual(nextStep([replica(0), replica(1), replica(2, { revision: 'b' })], update), [
      { kind: 'delete', ordinal: 1 },
    ]);
    assert.deepEqual(nextStep([replica(0), replica(1), replica(2, { available: false })], update), []);
    assert.deepEqual(nextStep([replica(0), replica(1), replica(2)], { ...update, onDelete: true }), []);
    assert.deepEqual(nextStep([replica(0), replica(1), replica(2)], { ...update, partition: 3 }), []);
  });
});

describe('cron schedules', () => {
  const next = (text: string, from: string) => {
    const time = nextTime(parseSchedule(text), Date.parse(from));
    return time === undefined ? undefined : new Date(time).toISOString().slice(0, 16);
  };
  it('finds the next minute', () => {
    assert.equal(next('*/15 * * * *', '2026-01-05T10:15:00Z'), '2026-01-05T10:30');
    assert.equal(next('0 9-17/4 * * mon-fri', '2026-01-09T17:30:00Z'), '2026-01-12T09:00');
    assert.equal(next('30 4 1,15 * 5', '2026-01-05T00:00:00Z'), '2026-01-09T04:30', 'either of the two fields of days');
    assert.equal(next('0 0 29 2 *', '2026-01-05T00:00:00Z'), '2028-02-29T00:00');
    assert.equal(next('0 0 * * 7', '2026-01-05T00:00:00Z'), '2026-01-11T00:00', '7 is Sunday too');
    assert.equal(next('@monthly', '2026-01-05T00:00:00Z'), '2026-02-01T00:00');
    assert.equal(next('0 0 31 2 *', '2026-01-05T00:00:00Z'), undefined);
  });
  it('refuses what it cannot read', () => {
    for (const text of [
      '* * * *',
      '60 * * * *',
      '*/0 * * * *',
      '5-1 * * * *',
      'a * * * *',
      '1//2 * * * *',
      ', * * * *',
    ])
      assert.throws(() => parseSchedule(text), RangeError, text);
  });
});

describe('fit', () => {
  const node = (more: object = {}, allocatable: object = { cpu: '2', memory: '1Gi', pods: '2' }) =>
    ({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'n', labels: { zone: 'a' } },
      spec: more,
      status: { allocatable },
    }) as unknown as Node;
  const pod = (spec: object = {}, requests: object = {}) =>
    ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: { containers: [{ name: 'c', image: 'i', resources: { requests } }], ...spec },
    }) as unknown as Pod;
  const none = usage([]);

  it('reads quantities', () => {
    assert.deepEqual(['500m', '2', '1Gi', '1e3', '0.5', '3k'].map(quantity), [0.5, 2, 2 ** 30, 1000, 0.5, 3000]);
    assert.equal(milliCpu('0.1'), 100);
    assert.throws(() => quantity('1 Gi'), RangeError);
  });
  it('sums containers and takes the largest init container', () => {
    const { spec } = pod(
      {
        initContainers: [
          { name: 'i', image: 'i', resources: { requests: { cpu: '3' } } },
          { name: 's', image: 'i', restartPolicy: 'Always', resources: { requests: { cpu: '1' } } },
        ],
      },
      { cpu: '500m' },
    );
    assert.equal(requestsOf(spec).get('cpu'), 3000);
  });
  it('names every shortage', () => {
    const used = usage([pod({}, { cpu: '1500m' }), pod()]);
    assert.deepEqual(misfits(pod({}, { cpu: '1', memory: '2Gi' }), node(), used), [
      'Too many pods',
      'Insufficient cpu',
      'Insufficient memory',
    ]);
    assert.deepEqual(misfits(pod({}, { cpu: '500m' }), node(), usage([pod({}, { cpu: '1500m' })])), []);
  });
  it('honours selectors, affinity, taints and cordons', () => {
    assert.deepEqual(misfits(pod({ nodeSelector: { zone: 'b' } }), node(), none), [
      "node(s) didn't match Pod's node affinity/selector",
    ]);
    const terms = (values: string[]) => ({
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values }] }],
          },
        },
      },
    });
    assert.deepEqual(misfits(pod(terms(['a'])), node(), none), []);
    assert.equal(misfits(pod(terms(['b'])), node(), none).length, 1);
    const taints = [{ key: 'only', value: 'db', effect: 'NoSchedule' }];
    assert.deepEqual(misfits(pod(), node({ taints }), none), ['node(s) had untolerated taint(s)']);
    assert.deepEqual(misfits(pod({ tolerations: [{ key: 'only', value: 'db' }] }), node({ taints }), none), []);
    assert.deepEqual(misfits(pod(), node({ unschedulable: true }), none), ['node(s) were unschedulable']);
    assert.equal(tolerates([{ operator: 'Exists' }], { key: 'x', effect: 'NoExecute' }), true);
  });
  it('words the message as the scheduler does', () => {
    assert.equal(unschedulableMessage([]), 'no nodes available to schedule pods');
    assert.equal(
      unschedulableMessage([['Insufficient cpu', 'Insufficient memory'], ['node(s) were unschedulable']]),
      '0/2 nodes are available: 1 Insufficient cpu, 1 Insufficient memory, 1 node(s) were unschedulable. preemption: 0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.',
    );
  });
});

describe('disruption', () => {
  it('rounds up what must stay', () => {
    assert.equal(desiredHealthy({ minAvailable: '50%' }, 3), 2);
    assert.equal(desiredHealthy({ maxUnavailable: '50%' }, 3), 1);
    assert.equal(desiredHealthy({ maxUnavailable: 5 }, 3), 0);
  });
});

describe('work queue', () => {
  it('handles a key once however often it was added, later ones when due, and failures with a growing wait', async () => {
    const clock = new SimulatedClock();
    const handled: string[] = [];
    const errors: unknown[] = [];
    let failing = true;
    const queue = new WorkQueue(
      clock,
      (key) => {
        handled.push(`${key}@${clock.monotonic()}`);
        if (key === 'bad' && failing) throw new Error('no');
        return key === 'again' && handled.filter((entry) => entry.startsWith('again')).length < 2 ? 500 : undefined;
      },
      (key) => errors.push(key),
    );
    for (const key of ['a', 'a', 'again', 'bad']) queue.add(key);
    queue.addAfter('late', 100);
    queue.addAfter('late', 50);
    await clock.advance(70);
    failing = false;
    await clock.advance(1_000);
    assert.deepEqual(handled, ['a@0', 'again@0', 'bad@0', 'bad@20', 'late@50', 'bad@60', 'bad@140', 'again@500']);
    assert.deepEqual(errors, ['bad', 'bad', 'bad']);
    assert.equal(clock.nextTimer(), undefined);
    queue.add('x');
    queue.close();
    await clock.advance(10);
    assert.equal(handled.includes('x@1070'), false);
  });
});
