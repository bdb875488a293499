/** Examples that are to commit do so on living clusters, and can be retired. (shop-v2 is the demo's, broken is a test of `ldc`.) */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { routes } from '../src/api/client/index.ts';
import { exampleSource } from '../src/main/demo/world.ts';
import { startWorld, type World } from './world.ts';

let world: World;
before(async () => {
  world = await startWorld({ clusters: 3 });
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
