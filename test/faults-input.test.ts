/** Bad and large input over REST: every problem at once with its place, no transaction, no crash. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { routes } from '../src/api/client/index.ts';
import { limits } from '../src/base/index.ts';
import type { StackSource } from '../src/stacks/index.ts';
import { problemOf, startWorld, type World } from './world.ts';
import { configMap, EVERYWHERE, stackOf } from './world-objects.ts';

let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world?.close());

async function noTransactions(): Promise<void> {
  const { items } = await world.client.call(routes.transactions.list);
  assert.deepEqual(items, []);
}

function sourceOf(stack: string, files: StackSource['files'] = {}): StackSource {
  return { path: 'stack.yaml', stack, files };
}

test('malformed YAML is refused with file, line and column', async () => {
  const problem = await problemOf(world.submit(sourceOf('apiVersion: ldc.dev/v1\nkind: Stack\nspec: [a, b\n')));
  assert.equal(problem.status, 422);
  assert.equal(problem.kind, 'invalidStack');
  assert.ok((problem.problems?.length ?? 0) > 0);
  for (const { file, line, column } of problem.problems ?? []) {
    assert.equal(file, 'stack.yaml');
    assert.ok(line >= 3 && column >= 1, `${line}:${column}`);
  }
  await noTransactions();
});

test('wrong types and unknown fields: every problem at once, each with its own line', async () => {
  const text = `apiVersion: ldc.dev/v1
kind: Stack
metadata: { name: 7 }
spec:
  namespace: [shop]
  functions:
    - name: web
      manifests: ./web.yaml
      replicaz: { total: 1 }
      availability: { locations: { min: many } }
  rollout: { soak: 5, deadline: soon }
`;
  const problem = await problemOf(world.submit(sourceOf(text)));
  const lines = new Set(problem.problems?.map(({ line }) => line));
  for (const line of [3, 5, 8, 9, 10, 11]) assert.ok(lines.has(line), `line ${line} has a problem: ${[...lines]}`);
  const unknown = problem.problems?.find(({ line }) => line === 9);
  assert.match(`${unknown?.message} ${unknown?.hint}`, /replicas/, 'it says what was probably meant');
  await noTransactions();
});

test('manifests that are no objects, hold aliases that explode, or are not there', async () => {
  const bomb = ['a: &a [x, x, x, x, x, x, x, x, x]'];
  for (const [index, name] of ['b', 'c', 'd', 'e', 'f', 'g'].entries()) {
    const before_ = String.fromCharCode(97 + index);
    bomb.push(`${name}: &${name} [${Array(9).fill(`*${before_}`).join(', ')}]`);
  }
  const { stack } = stackOf({
    name: 'bad',
    functions: { one: { objects: [] }, two: { objects: [] }, three: { objects: [] } },
  });
  const startedMs = performance.now();
  const problem = await problemOf(
    world.submit(sourceOf(stack, { 'one.yaml': bomb.join('\n'), 'two.yaml': '- 1\n- 2\n' })),
  );
  assert.ok(performance.now() - startedMs < 2_000);
  const files = (problem.problems ?? []).map(({ file, message }) => `${file} ${message}`).join('\n');
  assert.match(files, /one\.yaml.*alias/i);
  assert.match(files, /two\.yaml/);
  assert.match(files, /three\.yaml/);
  await noTransactions();
});

test('a document of 10 MiB is read or refused within seconds; one above the limit is refused with the limit', async () => {
  const filler = 'x'.repeat(limits.stackDocumentBytesMax);
  const startedMs = performance.now();
  const tooLarge = await problemOf(world.submit(sourceOf(`# ${filler}\nkind: Stack\n`)));
  assert.match(`${tooLarge.detail} ${JSON.stringify(tooLarge.problems)}`, /10 ?MiB|10485760|10,485,760/);
  assert.ok(tooLarge.status === 413 || tooLarge.status === 422, String(tooLarge.status));
  const { stack, path } = stackOf({ name: 'large', functions: { web: { objects: [], locations: EVERYWHERE } } });
  const data = Object.fromEntries(Array.from({ length: 9_000 }, (_, index) => [`key-${index}`, 'y'.repeat(1_000)]));
  const one = JSON.stringify(configMap('large', data));
  assert.ok(one.length > 9_000_000);
  // Kubernetes stores no object of this size; ldc must say so, here or from a cluster, and stay alive
  const answer = await world.client
    .call(routes.stacks.validate, { body: { path, stack, files: { 'web.yaml': one } } })
    .catch((error: Error) => error);
  assert.ok(performance.now() - startedMs < 10_000);
  assert.ok('problems' in answer || answer instanceof Error);
  const upload = await problemOf(
    world.client.call(routes.stacks.validate, {
      body: { path, stack, files: { 'web.yaml': 'z'.repeat(limits.stackUploadBytesMax) } },
    }),
  );
  assert.equal(upload.status, 413);
  assert.equal((await world.client.call(routes.clusters.list)).items.length, 2, 'the hub goes on');
  await noTransactions();
});

test('a stack of 10,000 objects is planned within seconds; one more is refused', async (context) => {
  const functions = (objects: number) =>
    Object.fromEntries(
      Array.from({ length: 20 }, (_, part) => {
        const count = part === 0 ? objects - 19 * Math.floor(objects / 20) : Math.floor(objects / 20);
        const own = Array.from({ length: count }, (_each, index) =>
          configMap(`c-${part}-${index}`, { a: String(index) }),
        );
        return [`part-${part}`, { objects: own, locations: EVERYWHERE }];
      }),
    );
  const startedMs = performance.now();
  const most = stackOf({ name: 'most', functions: functions(limits.stackObjectsMax) });
  const { plan } = await world.client.call(routes.stacks.plan, { body: most });
  const tookMs = performance.now() - startedMs;
  context.diagnostic(`planned in ${Math.round(tookMs)} ms`);
  assert.equal(plan.locations.length, 40);
  assert.ok(tookMs < 15_000, `${tookMs} ms`);
  const tooMany = stackOf({ name: 'most', functions: functions(limits.stackObjectsMax + 1) });
  const problem = await problemOf(world.client.call(routes.stacks.plan, { body: tooMany }));
  assert.match(JSON.stringify(problem), /10,?000/);
  await noTransactions();
});
