/** Examples that are to commit do so on living clusters, and can be retired. (shop-v2 is the demo's, broken is a test of `ldc`.) */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { routes } from '../src/api/client/index.ts';
import { exampleSource } from '../src/main/demo/world.ts';
import { problemOf, startWorld, type World } from './world.ts';
import { stackOf } from './world-objects.ts';

let world: World;
before(async () => {
  world = await startWorld({ clusters: 3, kinds: [{ group: 'example.com', plural: 'widgets' }] });
});
after(() => world.close());

for (const name of ['hello', 'crd', 'shop']) {
  test(`examples/${name} commits, is served, and can be retired`, async () => {
    const applied = await world.apply(exampleSource(name));
    assert.equal(applied.state, 'committed', JSON.stringify(applied.cause));
    const { stack } = applied;
    const { items } = await world.client.call(routes.functions.list, { query: { stack: stack.name } });
    assert.ok(items.length > 0);
    for (const item of items) assert.ok(item.locations.length >= item.min, `${item.function} has too few locations`);
    const retired = await world.client.call(routes.stacks.retire, { params: stack });
    assert.equal(retired.kind, 'submitted');
    if (retired.kind !== 'submitted') return;
    assert.equal((await world.finished(retired.transaction.id)).state, 'committed');
    const left = await world.client.call(routes.functions.list, { query: { stack: stack.name } });
    assert.deepEqual(
      left.items.flatMap((item) => item.locations),
      [],
    );
  });
}

test('agents of a local installation may do what any agent may, and no more', async () => {
  const metadata = { name: 'reader' };
  const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata, rules: [] };
  const stack = stackOf({ name: 'roles', functions: { web: { objects: [role], locations: { min: 1, max: 1 } } } });
  const problem = await problemOf(world.submit(stack));
  assert.equal(problem.kind, 'rightsMissing');
  assert.match(problem.detail, /the agent may not .* roles\.rbac\.authorization\.k8s\.io/);
});
