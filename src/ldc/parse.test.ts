import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { problemText } from '../base/index.ts';
import { parseStack, stackJsonSchema } from './index.ts';

const HELLO = `apiVersion: ldc.dev/v1
kind: Stack
metadata: { name: hello }
spec:
  namespace: hello
  functions:
    - name: web
      manifests: [ ./web.yaml ]
`;

const texts = (text: string) => parseStack({ path: 's.yaml', text }).problems.map(problemText);
const withSpec = (more: string) => texts(HELLO + more);

test('the shortest stack gets every default', () => {
  const { stack, problems } = parseStack({ path: 's.yaml', text: HELLO });
  assert.deepEqual(problems, []);
  assert.equal(stack?.metadata.project, 'default');
  assert.deepEqual(stack?.spec.functions[0]?.availability, { locations: { min: 1, max: 1 } });
  assert.deepEqual(stack?.spec.functions[0]?.drift, { mode: 'repair', leaveAlone: [] });
  assert.equal(stack?.spec.functions[0]?.conflicts, 'refuse');
  assert.deepEqual(stack?.spec.placement.weights, { balance: 1, steady: 2, headroom: 1, affinity: 1, cost: 0 });
  assert.deepEqual(stack?.spec.rollout.waves, [1, '25%', '100%']);
  assert.equal(stack?.spec.rollout.onLostCluster, 'replace');
});

test('the whole definition of DESIGN §4 is understood', () => {
  const { stack, problems } = parseStack({ path: 's.yaml', text: WHOLE });
  assert.deepEqual(problems.map(problemText), []);
  const [checkout] = stack?.spec.functions ?? [];
  assert.deepEqual(checkout?.replicas, { total: 6, divide: 'weighted' });
  assert.deepEqual(checkout?.availability.survive, { lose: 'region', count: 1 });
  assert.deepEqual(checkout?.health.http, { service: 'checkout', port: 80, path: '/healthz' });
  const [orders] = stack?.spec.databases ?? [];
  assert.deepEqual(orders?.failover, { automatic: true, needsPassedDrillWithin: '30d', acceptLoss: '0s' });
  assert.deepEqual(orders?.members, { min: 2, spread: 'region' });
  // what comes out goes in again: a stored stack can be read back
  assert.deepEqual(parseStack({ path: 's', text: JSON.stringify(stack) }).stack, stack);
});

test('a health path leads to the Service and nowhere else', () => {
  const at = (path: string) => texts(WHOLE.replace('path: /healthz', `path: ${JSON.stringify(path)}`));
  for (const path of ['/..', '/../../secrets', '/a/%2E./b', '/.?x', '/a\\..', '/.\t./x'])
    assert.match(at(path)[0] ?? '', /must be no detour/, path);
  for (const path of ['/', '/.well-known/live', '/a..b/...', '/größe?q=a b']) assert.deepEqual(at(path), [], path);
});

test('every problem is found at once, each with its place and a hint', () => {
  const found = texts(`apiVersion: ldc.dev/v1
kind: Stak
metadata: { name: Hello, labels: { tier: 1 } }
spec:
  functions:
    - name: web
      manifest: [ ./web.yaml ]
      needs: [ chekout ]
      availability: { locations: { min: 3, max: 2 } }
      drift: fix
    - name: checkout
      manifests: ./x
      needs: [ checkout ]
      overrides: [ { on: { matchLabels: {} }, patch: [ { op: swap, path: spec, target: {} } ] } ]
  rollout: { waves: [ 1, 50% ], soak: soon }
`);
  assert.deepEqual(found, [
    's.yaml:2:7 must be Stack, not "Stak" (did you mean "Stack"?)',
    's.yaml:3:19 must consist of a-z, 0-9 and "-", and start and end with a letter or digit',
    's.yaml:3:42 must be a text, not 1 (put it in quotes: "1")',
    's.yaml:5:3 "namespace" is missing',
    's.yaml:6:7 "manifests" is missing',
    's.yaml:7:7 unknown field "manifest" (did you mean "manifests"?)',
    's.yaml:8:16 needs "chekout", which is no function or database of this stack (did you mean "checkout"?)',
    's.yaml:9:49 max is 2, less than min, which is 3',
    's.yaml:10:14 must be repair, report, ignore or a map, not "fix"',
    's.yaml:12:18 must be a list, not "./x" (start each item with "- ")',
    's.yaml:13:16 needs go round in a circle: checkout → checkout',
    's.yaml:14:62 must be add, remove, replace, move, copy or test, not "swap"',
    's.yaml:14:74 must be a JSON pointer such as /spec/replicas',
    's.yaml:14:88 "kind" is missing',
    's.yaml:15:26 the last wave must be 100% (add 100%)',
    's.yaml:15:39 must be a duration such as 30s, 10m or 1h30m',
  ]);
});

test('rules over the whole definition', () => {
  const needs = (text: string) => withSpec(text)[0] ?? '';
  assert.match(needs('    - { name: web, manifests: [ x ] }\n'), /the name "web" is taken by the function on line 7/);
  assert.match(
    needs('    - { name: a, manifests: [ x ], needs: [ b ] }\n    - { name: b, manifests: [ x ], needs: [ a ] }\n'),
    /9:45 needs go round in a circle: a → b → a/,
  );
  assert.match(
    needs('      availability: { locations: { min: 2 }, survive: { lose: region } }\n'),
    /after losing 1 of 2 locations.*max to 3/,
  );
  assert.match(
    needs('      replicas: { total: 1 }\n      availability: { locations: { min: 2 } }\n'),
    /1 replicas cannot serve 2/,
  );
  assert.match(needs('  rollout: { waves: [ 50%, 25%, 100% ] }\n'), /must be larger than the one before/);
  assert.match(needs('  traffic: [ { kind: gatewayApi } ]\n'), /does not steer traffic yet/);
  assert.match(
    needs('  placement: { clusters: { matchExpressions: [ { key: a, operator: In } ] } }\n'),
    /In needs values/,
  );
  assert.match(
    needs('  databases: [ { name: db, driver: postgres, manifests: [ x ], replication: { mode: asynchronous } } ]\n'),
    /cannot promise an rpo of 0s/,
  );
  assert.match(
    needs(
      '  databases: [ { name: db, driver: postgres, manifests: [ x ], members: { min: 1 }, failover: { automatic: true } } ]\n',
    ),
    /needs at least 2 members/,
  );
  assert.match(
    needs('      replicas: { totl: 3 }\n'),
    /unknown field "totl" \(did you mean "total"\?\)|"total" is missing/,
  );
});

test('what YAML allows and nobody expects is refused with its place', () => {
  assert.match(withSpec('      <<: { a: b }\n')[0] ?? '', /9:7 merge keys \(<<\) are not supported/);
  assert.match(withSpec('      name: twice\n')[0] ?? '', /9:7 the key "name" stands here twice/);
  assert.match(withSpec('      conflicts: on\n')[0] ?? '', /9:18 on is a boolean to kubectl/);
  assert.match(withSpec('      conflicts: !mine refuse\n')[0] ?? '', /9:18 Unresolved tag: !mine \(tags of your own/);
  assert.match(withSpec('---\na: b\n')[0] ?? '', /10:1 the file must hold one document only/);
  assert.match(texts('')[0] ?? '', /s.yaml:1:1 the file is empty/);
  assert.match(texts('a: [')[0] ?? '', /s.yaml:1:5/);
  assert.match(texts('\tkind: Stack')[0] ?? '', /s.yaml:1:/);
  assert.match(texts('[]')[0] ?? '', /must be a map, not a list/);
});

test('hostile texts end quickly and say why', () => {
  const bomb = ['a0: &a0 [x,x,x,x,x,x,x,x,x,x]'];
  for (let i = 1; i < 12; i++)
    bomb.push(
      `a${i}: &a${i} [${Array(10)
        .fill(`*a${i - 1}`)
        .join(',')}]`,
    );
  assert.match(texts(bomb.join('\n'))[0] ?? '', /looks like a YAML bomb/);
  assert.match(texts('a: &x\n  b: *x\n')[0] ?? '', /nested deeper than 64/);
  assert.match(texts('['.repeat(1_000_000))[0] ?? '', /nested deeper/);
  assert.match(texts('['.repeat(50_000)).join(), /^s.yaml:1:\d+ values are nested too deeply$/);
  assert.deepEqual(withSpec(`  # ${'['.repeat(5_000)}\n`), [], 'brackets in a comment nest nothing');
  assert.match(texts(`${'- '.repeat(50_000)}x`)[0] ?? '', /nested too deeply/);
  assert.match(texts(`a: ${'x'.repeat(11 * 1024 * 1024)}`)[0] ?? '', /has 11534339 bytes; at most 10485760/);
  assert.match(texts('---\n'.repeat(2_000_000))[0] ?? '', /more than 10000 documents/);
});

test('no text makes it throw, and every problem has a place inside the text', () => {
  const pieces = fc.constantFrom(
    'a: ',
    '- ',
    '\n',
    '  ',
    '{',
    '}',
    '[',
    ']',
    '&a ',
    '*a',
    '<<',
    '? ',
    '"',
    "'",
    '|',
    '#',
    '\t',
    '---\n',
    HELLO,
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(pieces, fc.string()), { maxLength: 30 }), (parts) => {
      const text = parts.join('');
      const { stack, problems } = parseStack({ path: 'x', text });
      assert.equal(stack === undefined, problems.length > 0);
      for (const one of problems)
        assert.ok(one.line >= 1 && one.line <= text.split(/\n/).length + 1 && one.column >= 1);
    }),
    { numRuns: 400 },
  );
});

test('the published schema has every field described or typed, with defaults', () => {
  const schema = JSON.stringify(stackJsonSchema());
  for (const word of [
    'survive',
    'needsPassedDrillWithin',
    'onLostCluster',
    'leaveAlone',
    '"default":"10m"',
    'residency',
  ]) {
    assert.ok(schema.includes(word), word);
  }
  const required = (stackJsonSchema() as { required: string[] }).required;
  assert.deepEqual(required, ['apiVersion', 'kind', 'metadata', 'spec']);
});

const WHOLE = `apiVersion: ldc.dev/v1
kind: Stack
metadata: { name: shop, project: default, labels: { tier: gold } }
spec:
  namespace: shop
  functions:
    - name: checkout
      manifests: [ ./checkout ]
      needs: [ orders ]
      replicas: { total: 6, divide: weighted }
      availability:
        locations: { min: 2, max: 3, spread: region }
        survive: { lose: region, count: 1 }
      health: { http: { service: checkout, port: 80, path: /healthz } }
      requires: { cpu: 500m, memory: 512Mi, api: [ gateway.networking.k8s.io/v1 ] }
      drift: repair
      conflicts: refuse
      overrides:
        - on: { matchLabels: { provider: edge } }
          patch: [ { op: replace, path: /spec/replicas, value: 1, target: { kind: Deployment } } ]
  databases:
    - name: orders
      driver: postgres
      manifests: [ ./orders-db ]
      members: { min: 2, spread: region }
      primary: { prefer: { region: eu } }
      replication: { mode: synchronous }
      objectives: { rpo: 0s, rto: 60s }
      schema: { migrations: ./schema }
      failover: { automatic: true, needsPassedDrillWithin: 30d, acceptLoss: 0s }
  placement:
    clusters: { matchLabels: { env: prod } }
    tolerations: []
    weights: { balance: 1, steady: 2, headroom: 1, affinity: 1 }
  rollout:
    waves: [ 1, 25%, 100% ]
    soak: 30s
    deadline: 10m
    maxUnavailableLocations: 1
    approval: none
    onFailure: rollback
    onLostCluster: replace
  traffic: []
`;
