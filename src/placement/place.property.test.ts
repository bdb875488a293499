import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ClusterView, divide, domainValue, type PlacedLocation, place, survive, whatIf } from './index.ts';
import { cluster, fleet, stack } from './samples.ts';

const clusterArbitrary = fc.record({
  region: fc.constantFrom('eu', 'us', 'ap'),
  env: fc.constantFrom('prod', 'prod', 'prod', 'test'),
  health: fc.constantFrom('ready', 'ready', 'ready', 'suspect', 'lost', 'returning'),
  intent: fc.constantFrom('open', 'open', 'open', 'cordoned', 'draining'),
  used: fc.integer({ min: 0, max: 8_000 }),
  busy: fc.integer({ min: 0, max: 5 }),
});
type Drawn = typeof clusterArbitrary extends fc.Arbitrary<infer T> ? T : never;
const fleetArbitrary = fc.array(clusterArbitrary, { maxLength: 14 });

function view(one: Drawn, index: number): ClusterView {
  return cluster(`${one.region}-${String(index).padStart(2, '0')}`, {
    labels: { env: one.env },
    health: one.health as ClusterView['health'],
    intent: one.intent as ClusterView['intent'],
    used: { cpuMilli: one.used, memoryBytes: 0, pods: 0 },
    locations: Array.from({ length: one.busy }, (_, i) => `x${i}`),
  });
}

const boundsArbitrary = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 3 }), fc.boolean());
const shop = (min: number, extra: number, spread: boolean, more = '') =>
  stack(
    {
      web: `availability: { locations: { min: ${min}, max: ${min + extra}${spread ? ', spread: region' : ''} }${more} }`,
    },
    '  placement: { clusters: { matchLabels: { env: prod } } }',
  );
const fits = (one: ClusterView) =>
  one.labels.env === 'prod' &&
  one.health === 'ready' &&
  one.intent === 'open' &&
  one.allocatable.cpuMilli - one.used.cpuMilli >= 1_000;
const names = (locations: readonly PlacedLocation[]) => locations.map((one) => one.cluster);

test('takes as many as there are up to max, only what fits, and says when min is not met', () => {
  fc.assert(
    fc.property(fleetArbitrary, boundsArbitrary, (drawn, [min, extra, spread]) => {
      const snapshot = fleet(...drawn.map(view));
      const { locations, unmet } = place({ stack: shop(min, extra, spread), snapshot, current: [] });
      const fitting = snapshot.clusters.filter(fits);
      assert.equal(locations.length, Math.min(min + extra, fitting.length));
      for (const name of names(locations))
        assert.ok(
          fitting.some((one) => one.name === name),
          name,
        );
      assert.equal(
        unmet.some((one) => one.kind === 'locations'),
        locations.length < min,
      );
    }),
  );
});

test('spread: no region is doubled up while another has room', () => {
  fc.assert(
    fc.property(fleetArbitrary, boundsArbitrary, (drawn, [min, extra]) => {
      const snapshot = fleet(...drawn.map(view));
      const taken = new Set(names(place({ stack: shop(min, extra, true), snapshot, current: [] }).locations));
      const fitting = snapshot.clusters.filter(fits);
      const count = (region: string) =>
        fitting.filter((one) => taken.has(one.name) && domainValue(one, 'region') === region).length;
      for (const open of fitting.filter((one) => !taken.has(one.name))) {
        for (const region of ['eu', 'us', 'ap']) assert.ok(count(region) <= count(domainValue(open, 'region')) + 1);
      }
    }),
  );
});

test('the order of the clusters decides nothing', () => {
  fc.assert(
    fc.property(fleetArbitrary, boundsArbitrary, fc.infiniteStream(fc.nat()), (drawn, [min, extra, spread], noise) => {
      const clusters = drawn.map(view);
      const shuffled = clusters
        .map((one) => [noise.next().value, one] as const)
        .sort(([a], [b]) => a - b)
        .map(([, one]) => one);
      const wanted = shop(min, extra, spread);
      assert.deepEqual(
        place({ stack: wanted, snapshot: fleet(...shuffled), current: [] }),
        place({ stack: wanted, snapshot: fleet(...clusters), current: [] }),
      );
    }),
  );
});

test('what runs stays: placing again, and with any cluster more, moves nothing', () => {
  fc.assert(
    fc.property(fleetArbitrary, boundsArbitrary, clusterArbitrary, (drawn, [min, extra, spread], late) => {
      const clusters = drawn.map(view);
      const wanted = shop(min, extra, spread);
      const current = place({ stack: wanted, snapshot: fleet(...clusters), current: [] }).locations;
      assert.deepEqual(place({ stack: wanted, snapshot: fleet(...clusters), current }).locations, current);
      const more = fleet(...clusters, { ...view(late, 99), name: 'aa-00' });
      const after = new Set(names(place({ stack: wanted, snapshot: more, current }).locations));
      for (const name of names(current)) assert.ok(after.has(name), `${name} stays`);
      const unrelated = fleet(...clusters, { ...view(late, 99), name: 'aa-00', labels: { env: 'test', region: 'eu' } });
      assert.deepEqual(place({ stack: wanted, snapshot: unrelated, current: [] }).locations, current);
    }),
  );
});

test('losing a cluster moves only what ran there', () => {
  fc.assert(
    fc.property(fleetArbitrary, boundsArbitrary, fc.nat(), (drawn, [min, extra, spread], which) => {
      const clusters = drawn.map(view);
      const wanted = shop(min, extra, spread);
      const current = place({ stack: wanted, snapshot: fleet(...clusters), current: [] }).locations;
      if (current.length === 0) return;
      const lost = current[which % current.length]?.cluster;
      const snapshot = fleet(...clusters.map((one) => (one.name === lost ? { ...one, health: 'lost' as const } : one)));
      const after = names(place({ stack: wanted, snapshot, current }).locations);
      assert.ok(!after.includes(lost as string));
      for (const name of names(current)) if (name !== lost) assert.ok(after.includes(name));
    }),
  );
});

test('survive: nothing unmet means that any single region may go', () => {
  fc.assert(
    fc.property(fleetArbitrary, fc.integer({ min: 1, max: 2 }), fc.integer({ min: 1, max: 3 }), (drawn, min, extra) => {
      const snapshot = fleet(...drawn.map(view));
      const wanted = shop(min, extra, false, ', survive: { lose: region }');
      const { locations, unmet } = place({ stack: wanted, snapshot, current: [] });
      const worst = Math.min(
        ...['eu', 'us', 'ap'].map((region) => names(locations).filter((name) => !name.startsWith(region)).length),
      );
      assert.equal(unmet.length === 0, worst >= min && locations.length >= min);
    }),
  );
});

test('what-if agrees with placement, and survive asks it for each domain', () => {
  const snapshot = fleet(...['eu-1', 'eu-2', 'us-1'].map((name) => cluster(name)));
  const wanted = shop(2, 0, true);
  const current = place({ stack: wanted, snapshot, current: [] }).locations;
  assert.deepEqual(names(current), ['eu-1', 'us-1']);
  const answer = whatIf({ stacks: [{ stack: wanted, current }], snapshot, lose: { region: 'us' } });
  assert.deepEqual(answer.clusters, ['us-1']);
  assert.equal(answer.survives, false);
  assert.deepEqual(answer.functions, [
    {
      project: 'default',
      stack: 'shop',
      function: 'web',
      min: 2,
      left: 1,
      replacement: 'found',
      to: ['eu-2'],
      missing: null,
    },
  ]);
  const europe = whatIf({ stacks: [{ stack: wanted, current }], snapshot, lose: { region: 'eu' } });
  assert.equal(europe.functions[0]?.replacement, 'none');
  assert.match(europe.functions[0]?.missing ?? '', /needs 1 more location: eu-1 is lost \(so 2 clusters/);
  const all = survive({ stacks: [{ stack: wanted, current }], snapshot }, ['cluster', 'region']);
  assert.deepEqual(
    all.map((one) => [one.lose, one.survives]),
    [
      ['cluster=eu-1', false],
      ['cluster=eu-2', true],
      ['cluster=us-1', false],
      ['region=eu', false],
      ['region=us', false],
    ],
  );
});

test('divide gives all, keeps limits, and gives more to more weight', () => {
  const share = fc.record({ weight: fc.integer({ min: 0, max: 50 }), limit: fc.integer({ min: 0, max: 20 }) });
  fc.assert(
    fc.property(fc.nat(60), fc.array(share, { maxLength: 6 }), (total, drawn) => {
      const shares = drawn.map((one, index) => ({ ...one, name: `c${index}` }));
      const { counts, left } = divide(total, shares);
      const given = [...counts.values()].reduce((sum, one) => sum + one, 0);
      assert.equal(given + left, total);
      assert.equal(left, Math.max(0, total - shares.reduce((sum, one) => sum + one.limit, 0)));
      for (const one of shares) assert.ok((counts.get(one.name) as number) <= one.limit);
      const free = divide(
        total,
        shares.map((one) => ({ ...one, limit: 1_000 })),
      ).counts;
      for (const a of shares)
        for (const b of shares) {
          if (a.weight > b.weight) assert.ok((free.get(a.name) as number) >= (free.get(b.name) as number));
        }
    }),
    {
      numRuns: 2_000,
      examples: [
        [
          9,
          [
            { weight: 0, limit: 0 },
            { weight: 8, limit: 0 },
            { weight: 0, limit: 0 },
            { weight: 9, limit: 0 },
          ],
        ],
      ],
    },
  );
  assert.deepEqual(
    [
      ...divide(
        5,
        ['b', 'a', 'c'].map((name) => ({ name, weight: 1, limit: 9 })),
      ).counts,
    ],
    [
      ['a', 2],
      ['b', 2],
      ['c', 1],
    ],
  );
});
