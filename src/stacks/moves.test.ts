import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { applied, type Bed, fakeCluster, four, heldOn, openBed, source } from './testbed.test.ts';

const shop = { project: 'default', name: 'shop' };

async function bedWith(what: Parameters<typeof source>[1], clusters = four()) {
  const bed = openBed(clusters);
  await bed.start();
  const first = await applied(bed, source('shop', what));
  assert.equal(first.state, 'committed', JSON.stringify(first.cause));
  return bed;
}

function clusterOf(bed: Bed, name: string) {
  const cluster = bed.byName.get(name);
  assert.ok(cluster);
  return cluster;
}

const wanted = (bed: Bed, name = 'web') =>
  (bed.room.functions({}).find((each) => each.function === name)?.locations ?? []).map(({ cluster }) => cluster).sort();
const moves = (bed: Bed, kind: 'reschedule' | 'settle') => bed.engine.list({ kind }).items;

describe('a lost cluster', () => {
  it('is left by one reschedule; on its return a settle removes the stale copy, and only then is it ready', async () => {
    const bed = await bedWith([{ name: 'web', min: 2, spread: 'region' }]);
    const [first = ''] = wanted(bed);
    clusterOf(bed, first).cut = true;
    await bed.until('it is lost', () => bed.availability.health(first)?.health === 'lost', 10_000);
    assert.equal(moves(bed, 'reschedule').length, 0, 'no move is decided in the round that finds it lost');
    await bed.until('moved', () => !wanted(bed).includes(first), 20_000);
    const [move] = moves(bed, 'reschedule');
    assert.equal(moves(bed, 'reschedule').length, 1);
    assert.equal(move?.state, 'committed');
    assert.equal(wanted(bed).length, 2);
    assert.equal(bed.room.get(shop)?.revision, 1);
    const told = bed.room.describe(shop);
    assert.deepEqual(told?.reasons.filter(({ taken }) => taken).map(({ cluster }) => cluster).sort(), wanted(bed)); // biome-ignore format: one line
    assert.deepEqual(bed.room.owing(), [first]);
    assert.equal(clusterOf(bed, first).held.size, 1, 'nobody could remove it yet');

    clusterOf(bed, first).cut = false;
    await bed.until('settled', () => bed.room.owing().length === 0, 20_000);
    assert.equal(bed.availability.health(first)?.health, 'returning', 'quarantined until it has been steady');
    assert.equal(clusterOf(bed, first).held.size, 0);
    assert.deepEqual(heldOn(bed, 'default/shop/web'), wanted(bed));
    await bed.until('ready again', () => bed.availability.health(first)?.health === 'ready', 20_000);
    assert.equal(moves(bed, 'settle').length, 1);
    const types = bed.store.journal
      .chain(`cluster/${first}`)
      .map(({ type, data }) => (type === 'cluster.health' ? String(data.to) : type));
    assert.deepEqual(types, ['ready', 'suspect', 'lost', 'move.decided', 'returning', 'move.decided', 'ready']);
    await bed.availability.stop();
  });

  it('with no candidate is refused once, and what is there stays wanted and untouched', async () => {
    const clusters = [fakeCluster('eu-1'), fakeCluster('us-1', 50), fakeCluster('us-2', 50)];
    const bed = await bedWith([{ name: 'web' }], clusters);
    assert.deepEqual(wanted(bed), ['eu-1']);
    await bed.pass(5_000); // the hub's own first lease
    clusterOf(bed, 'eu-1').cut = true;
    await bed.pass(30_000);
    assert.deepEqual(wanted(bed), ['eu-1']);
    assert.equal(moves(bed, 'reschedule').length, 0);
    const [short] = bed.availability.status().belowMinimum;
    assert.ok(short !== undefined && short.function === 'web' && short.seconds > 24 && short.seconds <= 30, JSON.stringify(short)); // biome-ignore format: one line
    assert.equal(short.nowhereSeconds, short.seconds);
    const refused = bed.store.journal.chain('cluster/eu-1').filter(({ type }) => type === 'move.refused');
    assert.equal(refused.length, 1);
    assert.match(JSON.stringify(refused[0]?.data), /noCandidate/);
    assert.equal(bed.availability.status().cooldowns.length, 1);
    clusterOf(bed, 'eu-1').cut = false;
    await bed.until('ready', () => bed.availability.health('eu-1')?.health === 'ready', 30_000);
    assert.equal(clusterOf(bed, 'eu-1').held.size, 1);
    await bed.availability.stop();
  });

  it('of a fleet that is mostly silent moves nothing, and says so in the journal', async () => {
    const bed = await bedWith([{ name: 'web' }, { name: 'api' }]);
    await bed.pass(5_000); // the hub's own first lease
    for (const name of ['eu-1', 'us-1', 'eu-2']) clusterOf(bed, name).cut = true;
    await bed.pass(30_000);
    assert.equal(moves(bed, 'reschedule').length, 0);
    assert.deepEqual(
      bed.availability.status().brakes.map(({ kind }) => kind),
      ['fleet'],
    );
    for (const name of ['eu-1', 'us-1', 'eu-2']) clusterOf(bed, name).cut = false;
    await bed.until(
      'all are back',
      () => bed.availability.clusters().every(({ health }) => health === 'ready'),
      60_000,
    );
    assert.deepEqual(bed.availability.status().brakes, []);
    const hub = bed.store.journal.chain('hub').map(({ type, data }) => `${type} ${data.scope}`);
    assert.deepEqual(hub, ['brake.on fleet', 'brake.off fleet']);
    await bed.availability.stop();
  });
});

describe('drain', () => {
  it('brings up new copies before it takes the old ones away, and says what is left', async () => {
    const bed = await bedWith([{ name: 'web', min: 2, spread: 'region' }]);
    const [first = ''] = wanted(bed);
    const view = await bed.availability.drain(first, 'user:test', 'maintenance');
    assert.ok(view.kind === 'done' && view.value.wanted.length === 1);
    let fewest = 99;
    await bed.until(
      'drained',
      () => {
        fewest = Math.min(fewest, heldOn(bed, 'default/shop/web').length);
        return bed.availability.drained(first)?.wanted.length === 0;
      },
      30_000,
    );
    assert.ok(fewest >= 2, `never fewer than the minimum: ${fewest}`);
    assert.equal(clusterOf(bed, first).held.size, 0);
    assert.deepEqual(bed.room.owing(), []);
    await bed.availability.stop();
  });

  it('never takes the last copy: without a candidate it stays', async () => {
    const bed = await bedWith([{ name: 'web' }], [fakeCluster('eu-1'), fakeCluster('us-1', 50)]);
    await bed.availability.drain('eu-1', 'user:test', null);
    await bed.pass(10_000);
    assert.deepEqual(heldOn(bed, 'default/shop/web'), ['eu-1']);
    assert.deepEqual(bed.availability.drained('eu-1')?.wanted, ['default/shop/web@eu-1']);
    const unknown = await bed.availability.setIntent('nowhere', 'cordoned', 'user:test', null);
    assert.equal(unknown.kind === 'refused' && unknown.refusal.kind, 'unknownCluster');
    await bed.availability.stop();
  });
});

describe('in mid-deploy', () => {
  it('a lost cluster is replaced inside the same transaction', async () => {
    const bed = openBed(four());
    await bed.start();
    for (const name of bed.byName.keys()) if (name.startsWith('us')) clusterOf(bed, name).cut = false;
    const what = source('shop', [{ name: 'web', min: 2, spread: 'region' }]);
    const planned = await bed.room.plan(what);
    assert.ok(planned.kind === 'planned');
    const victim = planned.plan.locations.at(-1)?.location.cluster ?? '';
    const result = await bed.room.apply(what, { actor: 'user:test', reason: null, ifBusy: 'wait' });
    assert.ok(result.kind === 'submitted');
    clusterOf(bed, victim).cut = true;
    const ended = await bed.ended(result.transaction);
    assert.equal(ended.state, 'committed', JSON.stringify(ended.cause));
    assert.equal(wanted(bed).length, 2);
    assert.equal(wanted(bed).includes(victim), false);
    await bed.availability.stop();
  });
});

describe('a hub that starts again', () => {
  it('goes on from what is durable: what is wanted, who is lost, what is stale', async () => {
    const clusters = four();
    const bed = openBed(clusters);
    await bed.start();
    await applied(bed, source('shop', [{ name: 'web', min: 2, spread: 'region' }]));
    const [first = ''] = wanted(bed);
    clusterOf(bed, first).cut = true;
    await bed.until('moved', () => !wanted(bed).includes(first), 20_000);
    const before = wanted(bed);
    bed.store.crash();
    const next = openBed(clusters, bed.store.disk, bed.clock);
    await next.engine.start();
    await next.availability.start();
    assert.equal(next.availability.health(first)?.health, 'lost');
    assert.deepEqual(wanted(next), before);
    assert.deepEqual(next.room.owing(), [first]);
    assert.deepEqual(next.room.desired(first), []);
    clusterOf(next, first).cut = false;
    await next.until('settled', () => next.room.owing().length === 0, 20_000);
    assert.equal(clusterOf(next, first).held.size, 0);
    await next.availability.stop();
  });
});

describe('a hub that is killed while a transaction is queued', () => {
  it('carries it out: its plan is made anew by what is known of the fleet', async () => {
    const clusters = four();
    const bed = openBed(clusters);
    await bed.start();
    const what = source('shop', [{ name: 'web', min: 2, spread: 'region' }]);
    bed.store.journal.onAppend((entries) => {
      if (entries.some(({ type }) => type === 'tx.created')) bed.store.crash();
    });
    const result = await bed.room.apply(what, { actor: 'user:test', reason: null, ifBusy: 'wait' });
    assert.ok(result.kind === 'submitted', JSON.stringify(result));
    const next = openBed(clusters, bed.store.disk, bed.clock);
    assert.equal(next.engine.summary(result.transaction)?.state, 'queued', 'nothing but its making is durable');
    next.availability.recall();
    await next.engine.start();
    await next.pass(250);
    await next.availability.start();
    const ended = await next.ended(result.transaction);
    assert.equal(ended.state, 'committed', JSON.stringify(ended.cause));
    await next.availability.stop();
  });
});

describe('a cluster with many stacks that is lost', () => {
  it('is left within the budget of the only target there is: never more moves to it at once', async () => {
    const clusters = [fakeCluster('eu-1'), fakeCluster('eu-2'), fakeCluster('us-1'), fakeCluster('us-2', 10)];
    const bed = openBed(clusters, undefined, undefined, { atOnce: 200, perTargetAtOnce: 3 });
    await bed.start();
    for (const name of ['eu-2', 'us-1']) await bed.availability.setIntent(name, 'cordoned', 'user:test', null);
    const names = Array.from({ length: 10 }, (_, at) => `s${at}`);
    for (const name of names) assert.equal((await applied(bed, source(name, [{ name: 'web' }]))).state, 'committed');
    await bed.availability.setIntent('us-1', 'open', 'user:test', null);
    let most = 0;
    bed.engine.onChange(() => {
      most = Math.max(most, bed.engine.list({ kind: 'reschedule', unfinished: true }).items.length);
    });
    clusterOf(bed, 'eu-1').cut = true;
    const done = () => bed.engine.list({ kind: 'reschedule', state: 'committed' }).items.length;
    await bed.until('all have moved', () => done() === names.length, 60_000);
    assert.equal(most, 3);
    assert.equal(clusterOf(bed, 'us-1').held.size, names.length);
    await bed.availability.stop();
  });
});

describe('max: all', () => {
  it('takes in a cluster that opens later, and keeps a lost one wanted', async () => {
    const bed = openBed(four());
    await bed.start();
    await bed.availability.setIntent('us-2', 'cordoned', 'user:test', null);
    await applied(bed, source('shop', [{ name: 'web', min: 1, max: 'all' }]));
    assert.deepEqual(wanted(bed), ['eu-1', 'eu-2', 'us-1']);
    await bed.availability.setIntent('us-2', 'open', 'user:test', null);
    await bed.until('it is everywhere', () => wanted(bed).length === 4, 20_000);
    assert.deepEqual(heldOn(bed, 'default/shop/web'), ['eu-1', 'eu-2', 'us-1', 'us-2']);
    clusterOf(bed, 'eu-1').cut = true;
    await bed.pass(10_000);
    assert.deepEqual(wanted(bed), ['eu-1', 'eu-2', 'us-1', 'us-2']);
    await bed.availability.stop();
  });

  it('takes in a cluster that serves later what the function needs, and one that is labelled later', async () => {
    const clusters = four();
    const change = (name: string, what: object) =>
      Object.assign(clusters.find(({ record }) => record.name === name)?.record ?? assert.fail(name), what);
    const { apis, labels } = change('us-2', {});
    change('us-2', { apis: apis.filter((api) => api !== 'apps/v1/Deployment') });
    change('us-1', { labels: { ...labels, tier: 'none' } });
    const bed = openBed(clusters);
    await bed.start();
    const extra = '  placement: { clusters: { matchExpressions: [ { key: tier, operator: DoesNotExist } ] } }\n';
    await applied(bed, source('shop', [{ name: 'web', min: 1, max: 'all' }], { extra }));
    assert.deepEqual(wanted(bed), ['eu-1', 'eu-2']);
    change('us-2', { apis });
    bed.served('us-2');
    await bed.until('it is where the kind is served now', () => wanted(bed).includes('us-2'), 20_000);
    change('us-1', { labels });
    await bed.store.journal.append([{ tx: 'cluster/us-1', type: 'cluster.labelled', actor: 'user:test', data: {} }]);
    await bed.until('it is everywhere', () => wanted(bed).length === 4, 20_000);
    await bed.availability.stop();
  });
});

describe('capacity in flight', () => {
  it('two stacks that move at once do not take the same room', async () => {
    const clusters = [fakeCluster('eu-1'), fakeCluster('eu-2'), fakeCluster('us-1', 1_000), fakeCluster('us-2', 1_000)];
    const bed = openBed(clusters);
    await bed.start();
    for (const name of ['us-1', 'us-2', 'eu-2']) await bed.availability.setIntent(name, 'cordoned', 'user:test', null);
    for (const name of ['one', 'two']) {
      assert.equal((await applied(bed, source(name, [{ name: 'web', cpu: '800m' }]))).state, 'committed');
    }
    for (const name of ['us-1', 'us-2']) await bed.availability.setIntent(name, 'open', 'user:test', null);
    clusterOf(bed, 'eu-1').cut = true;
    await bed.until(
      'both moved',
      () => bed.engine.list({ kind: 'reschedule' }).items.filter(({ state }) => state === 'committed').length === 2,
      40_000,
    );
    assert.equal(bed.engine.list({ kind: 'reschedule' }).items.length, 2, 'none was refused for want of room');
    assert.deepEqual(
      [...heldOn(bed, 'default/one/web'), ...heldOn(bed, 'default/two/web')].filter((name) => name !== 'eu-1').sort(),
      ['us-1', 'us-2'],
    );
    await bed.availability.stop();
  });
});

describe('many stacks in one moment', () => {
  it('see each other before anything of them runs: they go to different clusters', async () => {
    const bed = openBed(four());
    await bed.start();
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    const ended = await Promise.all(names.map((name) => applied(bed, source(name, [{ name: 'web' }]))));
    assert.deepEqual(new Set(ended.map(({ state }) => state)), new Set(['committed']));
    const taken = names.flatMap((name) =>
      [...bed.byName.values()].filter(({ held }) => held.has(`default/${name}/web`)),
    );
    const counts = [...Map.groupBy(taken, ({ record }) => record.name).values()].map((ones) => ones.length);
    assert.deepEqual(counts, [2, 2, 2, 2]);
    await bed.availability.stop();
  });
});
