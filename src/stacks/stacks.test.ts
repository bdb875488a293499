import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { applied, type Bed, four, heldOn, openBed, options, source } from './testbed.test.ts';

const shop = { project: 'default', name: 'shop' };

async function bedWith(
  what = source('shop', [
    { name: 'web', min: 2, spread: 'region' },
    { name: 'api', needs: ['web'] },
  ]),
) {
  const bed = openBed(four());
  await bed.start();
  const first = await applied(bed, what);
  assert.equal(first.state, 'committed', JSON.stringify(first.cause));
  return bed;
}

const wantedOf = (bed: Bed, name: string) =>
  bed.room
    .functions({ stack: 'shop' })
    .find((each) => each.function === name)
    ?.locations.map(({ cluster }) => cluster) ?? [];

describe('apply', () => {
  it('commits revision 1, and the views say where each function is served', async () => {
    const bed = await bedWith();
    const summary = bed.room.get(shop);
    assert.equal(summary?.revision, 1);
    assert.equal(summary?.state, 'available');
    assert.equal(summary?.transaction, null);
    assert.deepEqual(heldOn(bed, 'default/shop/web'), wantedOf(bed, 'web').toSorted());
    assert.equal(new Set(wantedOf(bed, 'web').map((cluster) => cluster.split('-')[0])).size, 2);
    assert.deepEqual(
      bed.room.revisions(shop).map(({ revision, state }) => [revision, state]),
      [[1, 'committed']],
    );
    assert.deepEqual(
      bed.room.list({}).items.map(({ name }) => name),
      ['shop'],
    );
  });

  it('the same source again is nothing; another one is the next revision and supersedes', async () => {
    const bed = await bedWith();
    const two = [
      { name: 'web', min: 2, spread: 'region' },
      { name: 'api', needs: ['web'] },
    ];
    assert.equal((await bed.room.apply(source('shop', two), options)).kind, 'nothing');
    assert.equal((await applied(bed, source('shop', two, { version: '2' }))).state, 'committed');
    assert.deepEqual(
      bed.room.revisions(shop).map(({ revision, state }) => [revision, state]),
      [
        [2, 'committed'],
        [1, 'superseded'],
      ],
    );
    assert.deepEqual(
      [...(bed.byName.get(wantedOf(bed, 'web')[0] ?? '')?.held.values() ?? [])]
        .map(({ revision }) => revision)
        .includes(2),
      true,
    );
  });

  it('a refusal undoes all of it: the revision is rolledBack, and what was committed stays wanted', async () => {
    const bed = await bedWith();
    for (const name of bed.byName.keys()) bed.refuse.set(`gate@${name}`, 'never ready');
    const second = await applied(
      bed,
      source(
        'shop',
        [
          { name: 'web', min: 2, spread: 'region' },
          { name: 'api', needs: ['web'] },
        ],
        { version: '2' },
      ),
    );
    assert.equal(second.state, 'rolledBack');
    assert.equal(bed.room.get(shop)?.revision, 1);
    assert.equal(bed.room.revisions(shop)[0]?.state, 'rolledBack');
    for (const cluster of bed.byName.values())
      for (const { revision } of cluster.held.values()) assert.equal(revision, 1);
  });

  it('a plan that was shown is run; one that would do something else is refused', async () => {
    const bed = await bedWith();
    const next = source('shop', [{ name: 'web', min: 2, spread: 'region' }], { version: '2' });
    const shown = await bed.room.plan(next);
    assert.ok(shown.kind === 'planned');
    assert.match(shown.text, /default\/shop/);
    const other = source('shop', [{ name: 'web', min: 2, spread: 'region' }], { version: '3' });
    const refused = await bed.room.apply(other, { ...options, expectPlan: shown.plan.digest });
    assert.equal(refused.kind === 'refused' && refused.refusal.kind, 'planChanged');
    const taken = await bed.room.apply(next, { ...options, expectPlan: shown.plan.digest });
    assert.equal(taken.kind, 'submitted');
  });

  it('what an agent may not do refuses the plan and the apply; no transaction is begun', async () => {
    const bed = await bedWith();
    const [first = ''] = wantedOf(bed, 'web');
    bed.refuse.set(`access@${first}`, 'the agent may not create pods in namespace shop');
    const next = source('shop', [{ name: 'web', min: 2, spread: 'region' }], { version: '2' });
    const before = bed.engine.list({}).items.length;
    for (const result of [
      await bed.room.plan(next),
      await bed.room.apply(next, options),
      await bed.room.planRetire(shop),
    ]) {
      assert.ok(result.kind === 'refused', JSON.stringify(result));
      assert.equal(result.refusal.kind, 'rightsMissing');
      assert.equal(result.refusal.message, `${first}: the agent may not create pods in namespace shop`);
      assert.deepEqual([result.refusal.where, result.refusal.hint], [first, 'allow it']);
    }
    assert.equal(bed.engine.list({}).items.length, before);
    assert.equal(bed.room.revisions(shop).length, 1, 'no revision is written for it');
  });

  it('stacks that are applied at one moment spread evenly, and of each one cluster is asked for rights once', async () => {
    const bed = openBed(four());
    await bed.start();
    const results = await Promise.all(
      Array.from({ length: 40 }, (_, n) => bed.room.apply(source(`s${n}`, [{ name: 'web', cpu: '1m' }]), options)),
    );
    assert.deepEqual([...new Set(results.map(({ kind }) => kind))], ['submitted']);
    const asked = Map.groupBy(
      bed.told.filter((what) => what.startsWith('access@')),
      (what) => what,
    );
    assert.deepEqual([...asked.values()].map(({ length }) => length), [10, 10, 10, 10]); // biome-ignore format: one line
  });

  it('a cluster that cannot be asked is said, and refuses nothing', async () => {
    const bed = await bedWith();
    const [first = ''] = wantedOf(bed, 'web');
    const cluster = bed.byName.get(first);
    assert.ok(cluster);
    cluster.cut = true;
    const shown = await bed.room.plan(source('shop', [{ name: 'web', min: 2, spread: 'region' }], { version: '2' }));
    assert.ok(shown.kind === 'planned');
    assert.ok(
      shown.text.endsWith(
        `Whether it may be done there could not be asked of ${first} (its agent is not connected): the first step there will say.`,
      ),
      shown.text,
    );
  });

  it('problems, databases and traffic are told before anything happens', async () => {
    const bed = openBed(four());
    await bed.start();
    const broken = { ...source('shop', [{ name: 'web' }]), files: {} };
    assert.equal((await bed.room.apply(broken, options)).kind, 'invalid');
    assert.ok(bed.room.validate(broken).problems.length > 0);
    const traffic = source('shop', [{ name: 'web' }], { extra: '  traffic: [ { kind: webhook } ]\n' });
    assert.equal((await bed.room.apply(traffic, options)).kind, 'invalid');
    const database = '  databases:\n    - { name: orders, driver: postgres, manifests: [ ./db.yaml ] }\n';
    const what = source('shop', [{ name: 'web' }], { extra: database });
    const files = { ...what.files, 'db.yaml': 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: db }\n' };
    const result = await bed.room.apply({ ...what, files }, options);
    assert.equal(result.kind === 'refused' && result.refusal.kind, 'databasesNotServed', JSON.stringify(result));
    assert.equal(bed.room.get(shop), undefined);
  });

  it('an object that another stack owns there is refused and names that stack', async () => {
    const bed = await bedWith(source('shop', [{ name: 'web', min: 4 }], { namespace: 'shared' }));
    const result = await bed.room.apply(source('other', [{ name: 'web' }], { namespace: 'shared' }), options);
    assert.ok(result.kind === 'refused');
    assert.equal(result.refusal.kind, 'ownedByOtherStack');
    assert.match(result.refusal.message, /default\/shop/);
  });

  it('what fits nowhere is refused with what is missing', async () => {
    const bed = openBed(four());
    await bed.start();
    const result = await bed.room.apply(source('shop', [{ name: 'web', cpu: '64' }]), options);
    assert.ok(result.kind === 'refused');
    assert.equal(result.refusal.kind, 'noPlacement');
    assert.match(result.refusal.message, /64 CPU/);
  });
});

describe('secrets', () => {
  it('no value of a Secret is stored in clear: not in journal, documents or blobs; describe shows the definition', async () => {
    const bed = await bedWith(source('shop', [{ name: 'web' }], { password: 'correct-horse-battery' }));
    const disk = JSON.stringify(bed.store.disk, (_, value) =>
      value instanceof Map ? [...value] : value instanceof Uint8Array ? '' : value,
    );
    assert.ok(disk.length > 1000);
    for (const value of ['correct-horse-battery', Buffer.from('correct-horse-battery').toString('base64')]) {
      assert.equal(disk.includes(value), false);
    }
    assert.match(bed.room.describe(shop)?.source ?? '', /kind: Stack/);
    const digest = bed.room.functions({})[0]?.locations[0]?.bundle;
    assert.ok(digest !== undefined);
    const references = JSON.stringify(bed.store.blobs.get(digest)).match(/ldc-cut:v1:[0-9a-f]+/g) ?? [];
    assert.equal(references.length, 1);
    assert.deepEqual(
      [...bed.store.secrets.get(references).values()],
      [Buffer.from('correct-horse-battery').toString('base64')],
    );
  });
});

describe('rollback and retire', () => {
  it('rollback makes a new revision with the old content', async () => {
    const bed = await bedWith();
    const two = [
      { name: 'web', min: 2, spread: 'region' },
      { name: 'api', needs: ['web'] },
    ];
    await applied(bed, source('shop', two, { version: '2' }));
    const result = await bed.room.rollback(shop, 'previous', options);
    assert.ok(result.kind === 'submitted' && result.transactionKind === 'rollback');
    assert.equal((await bed.ended(result.transaction)).state, 'committed');
    const [newest, , first] = bed.room.revisions(shop);
    assert.equal(newest?.revision, 3);
    assert.equal(newest?.digest, first?.digest);
    const unknown = await bed.room.rollback(shop, 9, options);
    assert.equal(unknown.kind === 'refused' && unknown.refusal.kind, 'unknownRevision');
  });

  it('retire removes every location; a second one is nothing; a revision can be brought back', async () => {
    const bed = await bedWith();
    const result = await bed.room.retire(shop, options);
    assert.ok(result.kind === 'submitted');
    assert.equal((await bed.ended(result.transaction)).state, 'committed');
    assert.deepEqual(heldOn(bed, 'default/shop/web'), []);
    assert.equal(bed.room.get(shop)?.state, 'retired');
    assert.equal((await bed.room.retire(shop, options)).kind, 'nothing');
    const again = await bed.room.rollback(shop, 1, options);
    assert.ok(again.kind === 'submitted');
    assert.equal((await bed.ended(again.transaction)).state, 'committed');
    assert.equal(bed.room.get(shop)?.revision, 2);
  });

  it('what does not exist is refused by name', async () => {
    const bed = openBed(four());
    await bed.start();
    const result = await bed.room.retire({ project: 'default', name: 'nobody' }, options);
    assert.equal(result.kind === 'refused' && result.refusal.kind, 'unknownStack');
    assert.equal((await bed.room.planRollback({ project: 'default', name: 'nobody' }, 'previous')).kind, 'refused');
  });
});

describe('diff and what-if', () => {
  it('diff asks the agents', async () => {
    const bed = await bedWith();
    const next = source('shop', [{ name: 'web', min: 2, spread: 'region' }], { version: '2' });
    const pending = bed.room.diff(next);
    await bed.pass(1_000);
    const outcome = await pending;
    assert.ok(outcome.kind === 'done', JSON.stringify(outcome));
    assert.ok(outcome.value.some(({ change }) => change === 'create'));
    assert.ok(outcome.value.some(({ change, location }) => change === 'delete' && location.includes('/api@')));
  });

  it('what-if of a region names what would go where', async () => {
    const bed = await bedWith();
    const view = bed.room.whatIf({ region: 'eu' });
    assert.deepEqual(view.clusters, ['eu-1', 'eu-2']);
    assert.ok(view.functions.some((each) => each.function === 'web' && each.left === 1));
  });
});
