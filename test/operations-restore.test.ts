/** A hub from an old backup, with a fleet that has gone on since: it watches, it adopts, and it never rolls anything back. */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type CallInput, createClient, type HubClient, routes } from '../src/api/client/index.ts';
import { systemClock as clock, type Entry, systemRandom as random } from '../src/base/index.ts';
import { type RunningHub, readAdminToken, startHub } from '../src/main/hub.ts';
import { rearm } from '../src/main/rearm.ts';
import type { TransactionView } from '../src/saga/index.ts';
import type { StackSource } from '../src/stacks/index.ts';
import { backupStore, restoreStore } from '../src/store/index.ts';
import { problemOf, recorder, startWorld, until, type World } from './world.ts';
import { configMap, deployment, dump, EVERYWHERE, read, secret, stackOf, write } from './world-objects.ts';

let world: World;
let restored: RunningHub | undefined;
/** Of the restored hub. */
let client: HubClient;
const said: string[] = [];
before(async () => {
  world = await startWorld();
});
after(async () => {
  await client?.close();
  await restored?.stop();
  await world.close();
});

function versioned(name: string, version: string, more: readonly string[] = [], rollout: object = {}): StackSource {
  const objects = [
    configMap('settings', { version }),
    secret('keys', { token: `${name}-${version}` }),
    ...more.map((extra) => configMap(extra, { version })),
    deployment('web', { version }),
  ];
  return stackOf({ name, functions: { web: { objects, locations: EVERYWHERE } }, rollout: { ...rollout } });
}

function dumps() {
  return Promise.all(world.names.map((name) => dump(world.kube(name))));
}

const restoredDir = () => join(world.dir, 'restored');
const restoredOptions = () => ({
  ...world.hubOptions,
  dir: restoredDir(),
  masterKey: { kind: 'file', path: join(restoredDir(), 'master.key') } as const,
});

async function startRestored(): Promise<void> {
  restored = await startHub(restoredOptions(), { clock, random, logger: recorder(world.logs as string[]) });
  await client?.close();
  const token = readAdminToken(restored.adminTokenFile);
  client = createClient({ hub: restored.url, token, ca: restored.caPem }, { clock, random });
  await until('both agents are connected', 20_000, async () =>
    (await client.all(routes.clusters.list)).every(({ connected }) => connected),
  );
}

async function stopRestored(): Promise<void> {
  await restored?.stop();
  restored = undefined;
}

async function finished(id: string): Promise<TransactionView> {
  for await (const { type } of client.follow(routes.transactions.events, { id }))
    if (type === 'tx.sealed' || type === 'tx.stuck') break;
  return client.call(routes.transactions.get, { params: { id } });
}

async function apply(source: StackSource): Promise<TransactionView> {
  const answer = await client.call(routes.stacks.apply, { body: { ...source } });
  assert.equal(answer.kind, 'submitted', JSON.stringify(answer));
  return finished(answer.kind === 'submitted' ? answer.transaction.id : '');
}

const of = (name: string) => ({ params: { project: 'default', name } });

async function settings(stack: string, cluster = 'eu-1', name = 'settings'): Promise<unknown> {
  const found = await read(world.kube(cluster), `/api/v1/namespaces/${stack}/configmaps/${name}`);
  return found === undefined ? undefined : (found.data as { version?: string }).version;
}

async function entries(): Promise<readonly Entry[]> {
  return (await client.all(routes.journal.read)).map(({ entry }) => entry as unknown as Entry);
}

test('a backup of a hub that runs; the fleet goes on without it', async () => {
  for (const name of ['shop', 'retired']) assert.equal((await world.apply(versioned(name, '1'))).state, 'committed');
  const waiting = await world.submit(versioned('waiting', '1', [], { approval: 'required' }));
  const undecided = await world.submit(versioned('undecided', '1', [], { approval: 'required' }));
  for (const id of [waiting, undecided])
    await until('it waits', 10_000, async () => (await world.get(id)).state === 'awaitingApproval');
  const file = join(world.dir, 'hub.bak');
  await backupStore({ dir: world.hubOptions.dir, file });
  assert.equal(statSync(file).mode & 0o077, 0, 'nobody else reads a backup');

  assert.equal((await world.apply(versioned('shop', '2', ['extra']))).state, 'committed');
  assert.equal((await world.apply(versioned('later', '1'))).state, 'committed');
  await world.client.call(routes.transactions.approve, { params: { id: waiting }, body: { reason: 'a test' } });
  assert.equal((await world.finished(waiting)).state, 'committed');
  await world.client.call(routes.transactions.abort, { params: { id: undecided }, body: { reason: 'a test' } });
  assert.equal((await world.finished(undecided)).state, 'rolledBack');
  const gone = await world.client.call(routes.stacks.retire, { ...of('retired'), body: {} });
  assert.equal(gone.kind, 'submitted');
  if (gone.kind === 'submitted') await world.finished(gone.transaction.id);
  // each start takes an epoch: what the backup remembers is below what the agents have seen
  for (let start = 0; start < 2; start++) {
    await world.stopHub();
    await world.startHub();
    await world.allReady();
  }
  await world.stopHub();
});

test('restored it watches: agents are heard, changes refused, nothing moves, drift is still repaired', async () => {
  const before_ = await dumps();
  restoreStore({ dir: restoredDir(), file: join(world.dir, 'hub.bak') });
  await assert.rejects(startRestored(), /master key of this state is missing/);
  copyFileSync(join(world.hubOptions.dir, 'master.key'), join(restoredDir(), 'master.key'));
  await startRestored();
  assert.ok(existsSync(join(restoredDir(), 'ca.key')), 'the CA that agents trust came with the backup');
  const refused = await problemOf(client.call(routes.stacks.apply, { body: { ...versioned('shop', '3') } }));
  assert.equal(refused.kind, 'observeOnly');
  assert.equal(refused.status, 409);
  assert.match(refused.hint ?? '', /rearm/);
  assert.equal(
    (await problemOf(client.call(routes.joinTokens.create, { body: { uses: 1, labels: {} } }))).kind,
    'observeOnly',
  );
  const seen = await client.call(routes.stacks.get, of('shop'));
  assert.equal(seen.revision, 1, 'what it remembers');
  const path = '/api/v1/namespaces/shop/configmaps/settings';
  const drifted = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { version: 'drifted' } };
  await write(world.kube('us-1'), {
    ...{ method: 'PATCH', path, body: drifted, contentType: 'application/merge-patch+json' },
    query: { fieldManager: 'someone' },
  });
  await until('drift is repaired to revision 2', 10_000, async () => (await settings('shop', 'us-1')) === '2');
  const now = await dumps();
  for (const [index, cluster] of now.entries()) {
    assert.deepEqual(Object.keys(cluster), Object.keys(before_[index] ?? {}));
  }
  assert.equal(await settings('shop'), '2');
  const heard = () => world.logs.filter((line) => line.includes('what this cluster holds is kept for rearm'));
  await until('both agents have reported', 10_000, () => heard().length === 2);
  // what agents say is read from them, which changes nothing
  const said = await client.call(routes.insight.events, of('shop'));
  const ends = said.items.filter(({ kind }) => kind === 'end');
  assert.ok(ends.length > 0 && ends.every((end) => !('problem' in end)), JSON.stringify(ends));
  const { items } = await client.call(routes.clusters.locations, { params: { name: 'us-1' } });
  assert.deepEqual(
    items.map(({ location, wanted, held }) => [location, wanted, held?.revision]),
    [
      ['default/later/web@us-1', false, 1],
      ['default/retired/web@us-1', true, undefined],
      ['default/shop/web@us-1', true, 2],
      ['default/waiting/web@us-1', false, 1],
    ],
    'what it remembers, beside what the agent holds',
  );
  await stopRestored();
});

test('rearmed it adopts what the agents hold, with an epoch above all, and moves nothing', async () => {
  const before_ = await dumps();
  const { masterKey } = restoredOptions();
  assert.equal(await rearm({ dir: restoredDir(), reason: 'the disk died', masterKey, say: (t) => said.push(t) }), 0);
  const text = said.join('\n');
  assert.match(text, /default\/shop: adopted at revision 2: web@eu-1, web@us-1/);
  assert.match(text, /default\/shop: the definition of revision 2 is not in the backup/);
  assert.match(text, /default\/later: adopted at revision 1/);
  assert.match(text, /default\/retired: missing, the next apply brings back: web@eu-1, web@us-1/);
  assert.match(text, /2 agents have said what they hold/);
  assert.doesNotMatch(text, /not adopted|not heard/);
  await startRestored();
  const journal = await entries();
  const adopted = journal.filter(({ type }) => type === 'stack.adopted');
  assert.deepEqual([...new Set(adopted.map(({ tx }) => tx))].sort(), [
    ...['stack/default/later', 'stack/default/retired', 'stack/default/shop', 'stack/default/waiting'],
  ]);
  const rearmed = journal.find(({ type }) => type === 'hub.rearmed');
  assert.equal(rearmed?.data.reason, 'the disk died');
  const shop = await client.call(routes.stacks.get, of('shop'));
  assert.equal(shop.revision, 2);
  const waiting = await client.call(routes.stacks.get, of('waiting'));
  assert.equal(waiting.revision, 1, 'its definition was in the backup, and its agents hold it');
  const { items } = await client.call(routes.transactions.list, { query: { unfinished: true } });
  assert.deepEqual(items, [], 'what the backup had unfinished has ended');
  await clock.sleep(1_500);
  assert.deepEqual(await dumps(), before_);
  assert.equal(await settings('retired'), undefined, 'what was retired since does not come back by itself');
});

test('a definition that was lost is asked for, not guessed', async () => {
  const call = client.call(routes.stacks.retire, { ...of('shop'), body: {} });
  const problem = await problemOf(call);
  assert.equal(problem.kind, 'undefinedContent');
  assert.match(problem.hint ?? '', /apply the stack from its source/);
});

test('the next apply starts from what really runs; rollback goes to what is known', async () => {
  const third = await apply(versioned('shop', '3'));
  assert.equal(third.state, 'committed', JSON.stringify(third.cause));
  assert.equal(third.revision, 3);
  assert.equal(third.baseRevision, 2);
  assert.equal(await settings('shop'), '3');
  assert.equal(await settings('shop', 'us-1', 'extra'), undefined, 'what only revision 2 had was pruned');
  const rollback = (to: NonNullable<CallInput<typeof routes.stacks.rollback>['body']>['to']) =>
    client.call(routes.stacks.rollback, { ...of('shop'), body: { to } });
  const back = await problemOf(rollback('previous'));
  assert.equal(back.kind, 'undefinedContent');
  const first = await rollback(1);
  assert.equal(first.kind, 'submitted');
  const ended = first.kind === 'submitted' ? await finished(first.transaction.id) : assert.fail();
  assert.equal(ended.state, 'committed', JSON.stringify(ended.cause));
  assert.equal(ended.revision, 4);
  assert.equal(await settings('shop'), '1');
  const keys = await read(world.kube('us-1'), '/api/v1/namespaces/shop/secrets/keys');
  assert.ok(keys);
  const { token } = keys.data as { token: string };
  assert.equal(Buffer.from(token, 'base64').toString(), 'shop-1', 'Secret values came with the backup');
});

test('what was missing comes back by an apply, and what was adopted is undone exactly', async () => {
  const { items } = await client.call(routes.functions.list, { query: { project: 'default', stack: 'retired' } });
  assert.deepEqual(
    items[0]?.locations.map(({ cluster, status }) => [cluster, status]),
    [
      ['eu-1', 'notFound'],
      ['us-1', 'notFound'],
    ],
  );
  assert.match(items[0]?.locations[0]?.message ?? '', /the next apply brings it back/);
  const again = await apply(versioned('retired', '1'));
  assert.equal(again.state, 'committed', JSON.stringify(again.cause));
  assert.equal(await settings('retired', 'us-1'), '1');
  const before_ = await dumps();
  const broken = versioned('later', '2');
  const files = Object.fromEntries(
    Object.entries(broken.files).map(([name, text]) => [name, text.replace('"replicas":1', '"replicas":-1')]),
  );
  const undone = await apply({ ...broken, files });
  assert.equal(undone.state, 'rolledBack');
  assert.deepEqual(await dumps(), before_);
});
