import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readStack } from '../ldc/index.ts';
import { type ClusterView, explain, type PlacedLocation, place, withReserved } from './index.ts';
import { cluster, fleet, stack } from './samples.ts';

const FOUR = fleet(cluster('eu-1'), cluster('eu-2'), cluster('us-1'), cluster('us-2'));
const where = (locations: readonly PlacedLocation[], name = 'web') =>
  locations.filter((one) => one.name === name).map((one) => one.cluster);
const one = (more = '') => stack({ web: more });

test('ties go to the first by name', () => {
  const { locations, unmet } = place({ stack: one(), snapshot: FOUR, current: [] });
  assert.deepEqual(locations, [{ kind: 'function', name: 'web', cluster: 'eu-1', replicas: null }]);
  assert.deepEqual(unmet, []);
});

test('spread takes another region first, and says when there is none', () => {
  const spread = one('availability: { locations: { min: 2, spread: region } }');
  assert.deepEqual(where(place({ stack: spread, snapshot: FOUR, current: [] }).locations), ['eu-1', 'us-1']);
  const narrow = place({ stack: spread, snapshot: fleet(cluster('eu-1'), cluster('eu-2')), current: [] });
  assert.deepEqual(narrow.notes, ['all 2 locations of web stand in region eu']);
  assert.deepEqual(narrow.unmet, []);
});

test('max: all takes every matching cluster, later ones too', () => {
  const all = stack(
    { web: 'availability: { locations: { max: all } }' },
    '  placement: { clusters: { matchLabels: { env: prod } } }',
  );
  const snapshot = fleet(...FOUR.clusters, cluster('ap-1', { labels: { env: 'test' } }));
  const first = place({ stack: all, snapshot, current: [] });
  assert.deepEqual(where(first.locations), ['eu-1', 'eu-2', 'us-1', 'us-2']);
  const later = place({ stack: all, snapshot: fleet(...snapshot.clusters, cluster('ap-2')), current: first.locations });
  assert.deepEqual(where(later.locations), ['ap-2', 'eu-1', 'eu-2', 'us-1', 'us-2']);
});

test('each filter refuses with its reason', () => {
  const wanted = stack(
    { web: 'requires: { api: [ gateway.networking.k8s.io/v1 ] }' },
    `  placement:
    clusters: { matchLabels: { env: prod }, matchExpressions: [ { key: edge, operator: DoesNotExist } ] }
    residency: { region: [ eu, us ] }
    tolerations: [ { key: gpu, operator: Exists } ]
`,
  );
  const gateway = ['apps/v1/Deployment', 'gateway.networking.k8s.io/v1/HTTPRoute'];
  const good = (name: string, more: Partial<ClusterView> = {}) => cluster(name, { apis: gateway, ...more });
  const amounts = (cpuMilli: number) => ({ cpuMilli, memoryBytes: 0, pods: 0 });
  const snapshot = fleet(
    good('ap-1'),
    good('eu-a', { labels: { env: 'test' } }),
    good('eu-b', { labels: { edge: 'yes' } }),
    good('eu-c', { intent: 'cordoned' }),
    good('eu-d', { health: 'suspect' }),
    good('eu-e', { taints: [{ key: 'gpu', value: 'a', effect: 'NoSchedule' }] }),
    good('eu-f', { taints: [{ key: 'own', value: 'x', effect: 'NoExecute' }] }),
    good('eu-g', { apis: ['apps/v1/Deployment'] }),
    good('eu-h', { used: amounts(7_000), reserved: amounts(100) }),
  );
  const told = Object.fromEntries(
    explain({ stack: wanted, snapshot, current: [] }).map((each) => [each.cluster, each.reason]),
  );
  assert.deepEqual(told, {
    'ap-1': 'must stay in region eu, us; this one has ap',
    'eu-a': 'label env is test, not prod',
    'eu-b': 'label edge is yes, wanted DoesNotExist',
    'eu-c': 'is cordoned',
    'eu-d': 'is suspect',
    'eu-e': 'fits best (balance 100, headroom 88)',
    'eu-f': 'its taint own=x:NoExecute is not tolerated',
    'eu-g': 'does not serve gateway.networking.k8s.io/v1',
    'eu-h': 'needs 1 CPU, has 0.9 CPU free',
  });
});

test('what runs stays through cordon and suspicion, not through drain, loss or NoExecute', () => {
  const current = [{ kind: 'function', name: 'web', cluster: 'us-2', replicas: null }] as const;
  const at = (more: Partial<ClusterView>) =>
    where(
      place({ stack: one(), snapshot: fleet(...FOUR.clusters.slice(0, 3), cluster('us-2', more)), current }).locations,
    );
  for (const more of [
    {},
    { intent: 'cordoned' },
    { health: 'suspect' },
    { health: 'returning' },
    { taints: [{ key: 'a', effect: 'NoSchedule' }] },
  ] as const) {
    assert.deepEqual(at(more), ['us-2'], JSON.stringify(more));
  }
  for (const more of [
    { intent: 'draining' },
    { intent: 'removing' },
    { health: 'lost' },
    { taints: [{ key: 'a', effect: 'NoExecute' }] },
    { labels: {}, apis: [] },
  ] as const) {
    assert.deepEqual(at(more), ['eu-1'], JSON.stringify(more));
  }
});

test('a full cluster keeps what runs there, and PreferNoSchedule comes last', () => {
  const full = { used: { cpuMilli: 8_000, memoryBytes: 0, pods: 2 } };
  const current = [{ kind: 'function', name: 'web', cluster: 'eu-1', replicas: null }] as const;
  assert.deepEqual(
    where(place({ stack: one(), snapshot: fleet(cluster('eu-1', full), cluster('us-1')), current }).locations),
    ['eu-1'],
  );
  const avoided = cluster('eu-1', { taints: [{ key: 'a', effect: 'PreferNoSchedule' }] });
  assert.deepEqual(where(place({ stack: one(), snapshot: fleet(avoided, cluster('us-1')), current: [] }).locations), [
    'us-1',
  ]);
});

test('what is missing is said in numbers and places', () => {
  const big = one('requires: { cpu: "9", memory: 2Gi }, availability: { locations: { min: 2 } }');
  const { unmet, locations } = place({
    stack: big,
    snapshot: fleet(cluster('eu-1'), cluster('us-1', { health: 'lost' })),
    current: [],
  });
  assert.deepEqual(locations, []);
  assert.deepEqual(unmet, [
    {
      kind: 'locations',
      name: 'web',
      text: 'needs 2 more locations: us-1 is lost; needs 9 CPU, 2.0Gi of memory and 2 pods free in region eu (eu-1 is too full)'.replace(
        '2.0Gi',
        '2Gi',
      ),
    },
  ]);
  assert.match(place({ stack: one(), snapshot: fleet(), current: [] }).unmet[0]?.text ?? '', /there is no cluster/);
});

test('survive counts the worst loss', () => {
  const safe = one('availability: { locations: { min: 2, max: 3 }, survive: { lose: region } }');
  const two = place({ stack: safe, snapshot: FOUR, current: [] });
  assert.match(two.unmet[0]?.text ?? '', /needs 1 more location outside region eu: without it 1 of 2 are left/);
  const three = place({ stack: safe, snapshot: fleet(...FOUR.clusters, cluster('ap-1')), current: [] });
  assert.deepEqual(three.unmet, []);
  assert.deepEqual(where(three.locations), ['ap-1', 'eu-1', 'us-1']);
});

test('functions that need each other stand together when nothing speaks against it', () => {
  const both = stack({ api: '', web: 'needs: [ api ]' });
  const snapshot = fleet(cluster('eu-1', { locations: ['a', 'b', 'c'] }), cluster('us-1'));
  const { locations } = place({ stack: both, snapshot, current: [] });
  assert.deepEqual([where(locations, 'api'), where(locations, 'web')], [['us-1'], ['us-1']]);
});

test('replicas are divided by size, and a division that holds is left alone', () => {
  const divided = one('replicas: { total: 6 }, availability: { locations: { min: 3 } }');
  const amounts = (cpuMilli: number) => ({ allocatable: { cpuMilli, memoryBytes: 64 * 2 ** 30, pods: 110 } });
  const snapshot = fleet(
    cluster('a-1', amounts(16_000)),
    cluster('b-1', amounts(8_000)),
    cluster('c-1', amounts(8_000)),
  );
  const { locations } = place({ stack: divided, snapshot, current: [] });
  assert.deepEqual(
    locations.map((each) => each.replicas),
    [3, 2, 1],
  );
  const even = locations.map((each) => ({ ...each, replicas: 2 }));
  assert.deepEqual(
    place({ stack: divided, snapshot, current: even }).locations.map((each) => each.replicas),
    [2, 2, 2],
  );
  const tiny = fleet(cluster('a-1', amounts(500)), cluster('b-1', amounts(1_000)), cluster('c-1', amounts(600)));
  const { unmet } = place({ stack: divided, snapshot: tiny, current: [] });
  assert.match(
    unmet[0]?.text ?? '',
    /needs room for 2 more replicas \(0.5 CPU and 256Mi of memory each\) on a-1, b-1, c-1/,
  );
});

test('members of a database: residency, spread, and a primary that stays', () => {
  const shop = stack(
    { web: 'needs: [ orders ]' },
    `  databases:
    - { name: orders, driver: postgres, manifests: [ db.yaml ], members: { min: 2, spread: region }, primary: { prefer: { region: us } }, residency: { region: [ eu, us ] } }
`,
  );
  const snapshot = fleet(...FOUR.clusters, cluster('ap-1'));
  const first = place({ stack: shop, snapshot, current: [] });
  const members = first.locations.filter((each) => each.kind === 'member');
  assert.deepEqual(
    members.map((each) => [each.cluster, each.role]),
    [
      ['eu-1', 'standby'],
      ['us-1', 'primary'],
    ],
  );
  const moved = first.locations.map((each) =>
    each.kind === 'member'
      ? { ...each, role: each.cluster === 'eu-1' ? ('primary' as const) : ('standby' as const) }
      : each,
  );
  assert.deepEqual(place({ stack: shop, snapshot, current: moved }).locations, moved);
});

test('CEL goes through the port, and a rule in doubt never lets pass', () => {
  const cel = stack({ web: '' }, '  placement: { clusters: { cel: \'cluster.labels.region == "us"\' } }');
  assert.match(
    place({ stack: cel, snapshot: FOUR, current: [] }).unmet[0]?.text ?? '',
    /this hub evaluates no CEL \(so 4 clusters, filter cel\)/,
  );
  const compile = () => ({
    kind: 'compiled' as const,
    holds: (it: { labels: { readonly [key: string]: string } }) => it.labels.region === 'us',
  });
  assert.deepEqual(where(place({ stack: cel, snapshot: FOUR, current: [], compile }).locations), ['us-1']);
});

test('what one decision reserves the next one sees', () => {
  let snapshot = fleet(cluster('a-1'), cluster('b-1'));
  const taken: string[] = [];
  for (let round = 0; round < 4; round++) {
    const [location] = place({ stack: one(), snapshot, current: [] }).locations;
    assert.ok(location);
    taken.push(location.cluster);
    snapshot = withReserved(snapshot, [
      { location, id: `s${round}`, amounts: { cpuMilli: 1_000, memoryBytes: 0, pods: 2 } },
    ]);
  }
  assert.deepEqual(taken, ['a-1', 'b-1', 'a-1', 'b-1']);
});

test('a kind that another function brings is where that function is, or where it is served already', () => {
  const text = `apiVersion: ldc.dev/v1
kind: Stack
metadata: { name: shop }
spec:
  namespace: shop
  functions:
    - { name: types, manifests: [ crd.yaml ], clusters: { matchLabels: { region: us } } }
    - { name: web, manifests: [ w.yaml ], needs: [ types ], availability: { locations: { max: all } } }
`;
  const files = new Map([
    [
      'crd.yaml',
      'apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: { name: widgets.example.com }\nspec: { group: example.com, names: { kind: Widget } }\n',
    ],
    ['w.yaml', 'apiVersion: example.com/v1\nkind: Widget\nmetadata: { name: w }\n'],
  ]);
  const { resolved } = readStack({ path: 's', text, files });
  assert.ok(resolved);
  const crd = 'apiextensions.k8s.io/v1/CustomResourceDefinition';
  const snapshot = fleet(
    cluster('eu-1', { apis: [crd] }),
    cluster('eu-2', { apis: [crd, 'example.com/v1/Widget'] }),
    cluster('us-1', { apis: [crd] }),
  );
  const { locations } = place({ stack: resolved, snapshot, current: [] });
  assert.deepEqual([where(locations, 'types'), where(locations)], [['us-1'], ['eu-2', 'us-1']]);
});

test('a location that states more than its pods take is not driven out when others fill its cluster', () => {
  const stated = one('requires: { cpu: "3" }');
  const amounts = { cpuMilli: 1_000, memoryBytes: 2 ** 29, pods: 2 };
  const current = [{ kind: 'function', name: 'web', cluster: 'eu-1', replicas: null, amounts }] as const;
  const filled = cluster('eu-1', { used: { cpuMilli: 7_900, memoryBytes: 2 ** 30, pods: 9 } });
  assert.deepEqual(where(place({ stack: stated, snapshot: fleet(filled, cluster('us-1')), current }).locations), [
    'eu-1',
  ]);
  const grown = one('replicas: { perLocation: 6 }');
  const answer = place({ stack: grown, snapshot: fleet(filled, cluster('us-1')), current });
  assert.deepEqual(where(answer.locations), ['us-1'], 'one that grows beyond its cluster moves');
});
