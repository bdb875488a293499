/** The story, scene by scene. Every line that asserts something goes through Claims. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { routes } from '../../api/client/index.ts';
import { digestOf, type Entry } from '../../base/index.ts';
import type { Client } from '../../kubernetes/index.ts';
import type { TransactionView } from '../../saga/index.ts';
import { seeShop } from './objects.ts';
import { type Tally, tally } from './probes.ts';
import {
  apply,
  exampleSource,
  FUNCTIONS,
  follow,
  MINIMUM,
  nextTransaction,
  SHOP,
  servedWhere,
  showWhere,
  transactionIds,
  until,
  type World,
} from './world.ts';

export async function deploy(world: World): Promise<TransactionView> {
  const { claims, screen } = world;
  screen.line('a. Deploy examples/shop: three functions, each to be served in at least two regions');
  const transaction = await apply(world, exampleSource('shop'), 14);
  claims.check('the deploy of examples/shop committed', transaction.state === 'committed', transaction.state);
  await allAnswer(world);
  await showWhere(world);
  const where = await servedWhere(world);
  for (const name of FUNCTIONS) {
    const served = world.prober().servedBy(name).length;
    claims.check(
      `${name} answers on at least ${MINIMUM} clusters`,
      served >= MINIMUM && (where.get(name)?.length ?? 0) >= MINIMUM,
      served,
      'clusters',
    );
  }
  return transaction;
}

/** Until each function answers wherever the hub placed it. */
async function allAnswer(world: World): Promise<void> {
  await until(world, 'every function answers wherever it is placed', 20_000, async () => {
    const where = await servedWhere(world);
    const answering = FUNCTIONS.every((name) =>
      where.get(name)?.every((cluster) => world.prober().servedBy(name).includes(cluster)),
    );
    return answering || undefined;
  });
}

export async function undo(world: World): Promise<TransactionView> {
  const { claims, screen } = world;
  screen.line('b. Deploy a second revision that changes all of it and breaks checkout outside the canary');
  const before = await look(world);
  const transaction = await apply(world, exampleSource('shop-v2'), 6);
  const verified = transaction.rollback?.verified;
  claims.check('the broken revision ended rolledBack', transaction.state === 'rolledBack', transaction.state);
  claims.check(
    'the canary wave had passed before the gate failed',
    transaction.waves.done >= 1,
    `${transaction.waves.done} of ${transaction.waves.total} waves`,
  );
  claims.check(
    'every touched object was read back and equals its pre-image',
    verified?.equal === true,
    verified?.digestAfter ?? 'no report',
  );
  claims.check(
    'the digest before equals the digest after',
    verified !== undefined && verified !== null && verified.digestBefore === verified.digestAfter,
    verified?.digestBefore ?? 'none',
  );
  const after = await look(world);
  claims.check(
    'an independent reading of all clusters shows the same objects as before',
    digestOf(before) === digestOf(after),
    Object.values(after).flat().length,
    'objects',
  );
  return transaction;
}

async function look(world: World): Promise<Record<string, readonly { name: string; digest: string }[]>> {
  const seen: Record<string, readonly { name: string; digest: string }[]> = {};
  for (const [cluster, client] of world.kube) seen[cluster] = await seeShop(client);
  return seen;
}

export interface Lost {
  readonly cluster: string;
  /** Objects of the shop that it held when it was cut off. */
  readonly held: number;
}

function kubeOf(world: World, cluster: string): Client {
  const client = world.kube.get(cluster);
  if (client === undefined) throw new Error(`there is no client for ${cluster}`);
  return client;
}

/** Cuts off the cluster that serves most functions. */
export async function lose(world: World): Promise<Lost> {
  const { claims, screen, clock, installation } = world;
  const where = await servedWhere(world);
  const served = installation.clusters.map(({ name }) => ({
    name,
    count: [...where.values()].filter((clusters) => clusters.includes(name)).length,
  }));
  const cluster = served.toSorted((a, b) => b.count - a.count || a.name.localeCompare(b.name))[0]?.name as string;
  screen.line(`c. Cut ${cluster} off the network: nothing gets in or out, what runs inside goes on`);
  const held = (await seeShop(kubeOf(world, cluster))).length;
  const known = await transactionIds(world);
  const cutAtMs = clock.monotonic();
  await installation.fault(cluster, 'cut');
  const lostAfter = await until(world, `${cluster} is lost`, 30_000, async () => {
    const { health } = await world.client.call(routes.clusters.get, { params: { name: cluster } });
    return health === 'lost' ? (clock.monotonic() - cutAtMs) / 1000 : undefined;
  });
  claims.check(`${cluster} was declared lost`, true, round(lostAfter), 's after the cut');
  const transaction = await follow(world, await nextTransaction(world, 'reschedule', known, 30_000));
  claims.check('the reschedule committed', transaction.state === 'committed', transaction.state);
  const now = await servedWhere(world);
  const elsewhere = FUNCTIONS.every(
    (name) => (now.get(name)?.length ?? 0) >= MINIMUM && !now.get(name)?.includes(cluster),
  );
  await allAnswer(world);
  claims.check(
    `every function is placed and answering without ${cluster}`,
    elsewhere,
    round((clock.monotonic() - cutAtMs) / 1000),
    's after the cut',
  );
  await showWhere(world);
  await world.prober().settled();
  for (const name of FUNCTIONS) {
    const seen = tally(world.prober().samples(name), MINIMUM);
    screen.line(
      `   ${name}: ${round(seen.belowMinSeconds)} s with fewer than ${MINIMUM} locations, ${round(seen.nowhereSeconds)} s served nowhere (${seen.probes} probes, each answered within ${round(seen.slowestSeconds)} s${gaps(seen)})`,
    );
  }
  return { cluster, held };
}

export async function comeBack(world: World, { cluster, held }: Lost): Promise<TransactionView> {
  const { claims, screen, installation } = world;
  screen.line(`d. ${cluster} comes back: it still holds its old copies`);
  const known = await transactionIds(world);
  await installation.fault(cluster, 'heal');
  const transaction = await follow(world, await nextTransaction(world, 'settle', known, 40_000));
  claims.check('the settle transaction committed', transaction.state === 'committed', transaction.state);
  const client = kubeOf(world, cluster);
  const wanted = [...(await servedWhere(world)).values()].filter((clusters) => clusters.includes(cluster)).length;
  await eventually(world, `${cluster} holds nothing of the shop`, async () => (await seeShop(client)).length === 0);
  const left = (await seeShop(client)).length;
  claims.check(
    `nothing stale is left on ${cluster}, which held ${held} objects`,
    held > 0 && left === 0 && wanted === 0,
    left,
    'objects left',
  );
  await eventually(world, 'the probes agree with the placement', async () => (await strays(world)).length === 0);
  const twice = await strays(world);
  claims.check('nothing is served against the placement', twice.length === 0, twice.length, 'functions');
  await until(
    world,
    `${cluster} is ready`,
    30_000,
    async () =>
      (await world.client.call(routes.clusters.get, { params: { name: cluster } })).health === 'ready' || undefined,
  );
  return transaction;
}

/** Waits a while for something to hold; what is claimed is measured afterwards. */
async function eventually(world: World, what: string, holds: () => Promise<boolean>): Promise<void> {
  await until(world, what, 15_000, async () => (await holds()) || undefined).catch(() => undefined);
}

/** `function@cluster` that answers though it is not placed there. */
async function strays(world: World): Promise<readonly string[]> {
  const where = await servedWhere(world);
  return FUNCTIONS.flatMap((name) =>
    world
      .prober()
      .servedBy(name)
      .filter((cluster) => !where.get(name)?.includes(cluster))
      .map((cluster) => `${name}@${cluster}`),
  );
}

export async function killHub(world: World): Promise<TransactionView> {
  const { claims, screen, client, installation, clock } = world;
  screen.line('e. Deploy a third revision, and kill the hub with SIGKILL in the middle of it');
  const source = exampleSource('shop', (text) =>
    text.replaceAll('"1"', '"3"').replaceAll('example-only-1', 'example-only-3'),
  );
  const submitted = await client.call(routes.stacks.apply, { body: source });
  if (submitted.kind === 'nothing') throw new Error(submitted.message);
  const { id } = submitted.transaction;
  await until(world, 'an apply step has succeeded', 30_000, async () => {
    const { plan } = await client.call(routes.transactions.get, { params: { id } });
    return plan.steps.some((step) => step.action === 'apply' && step.status === 'succeeded') || undefined;
  });
  const pid = installation.hubPid();
  await installation.killHub();
  const killedAtMs = clock.monotonic();
  screen.line(`   killed pid ${pid}`);
  await installation.restartHub();
  screen.line(
    `   started again as pid ${installation.hubPid()} after ${round((clock.monotonic() - killedAtMs) / 1000)} s`,
  );
  const entries: Entry[] = [];
  const transaction = await follow(world, id, (entry) => entries.push(entry));
  const epochs = new Set(entries.map((entry) => entry.epoch));
  claims.check(
    'the transaction went on after the kill and committed',
    transaction.state === 'committed' && epochs.size === 2,
    `epochs ${[...epochs].join(' → ')}`,
  );
  const outcomes = entries.filter((entry) => entry.type === 'step.succeeded').map((entry) => entry.data.step);
  claims.check(
    'each step has exactly one outcome',
    new Set(outcomes).size === outcomes.length && outcomes.length > 0,
    outcomes.length,
    'steps',
  );
  await allAnswer(world);
  return transaction;
}

export async function audit(world: World): Promise<void> {
  const { claims, screen, client, installation } = world;
  screen.line('f. Audit: all of it over REST');
  const curl = `curl --cacert ${installation.caFile} -H "Authorization: Bearer $LDC_TOKEN" ${installation.url}`;
  screen.line(`   $ ${curl}/api/v1/transactions`);
  const { items } = await client.call(routes.transactions.list, { query: { stack: `${SHOP.project}/${SHOP.name}` } });
  for (const item of items)
    screen.line(`     ${item.id}  ${item.kind.padEnd(10)} ${item.state.padEnd(10)} revision ${item.revision}`);
  const kinds = items.map((item) => item.kind);
  claims.check(
    'REST lists the deploys, the reschedule and the settle',
    ['deploy', 'reschedule', 'settle'].every((kind) => kinds.includes(kind as never)),
    items.length,
    'transactions',
  );
  claims.check(
    'every transaction has ended and is sealed',
    items.length > 0 && items.every((item) => item.sealed),
    items.filter((item) => item.sealed).length,
    'sealed',
  );
  const undone = items.find((item) => item.state === 'rolledBack');
  if (undone === undefined) throw new Error('REST lists no transaction that was rolled back');
  screen.line(`   $ ${curl}/api/v1/transactions/${undone.id}/events`);
  const entries: Entry[] = [];
  for await (const entry of client.pages(routes.transactions.events, { params: { id: undone.id } }))
    entries.push(entry);
  for (const entry of [...entries.slice(0, 4), ...entries.slice(-4)]) {
    screen.line(
      `     ${String(entry.seq).padStart(4)} ${entry.ts.slice(11, 23)} ${entry.type.padEnd(20)} ${entry.data.step ?? ''}`,
    );
    if (entry === entries[3]) screen.line('        …');
  }
  claims.check(
    'the trail is whole: each entry names the digest of the one before, the last one their count',
    isWhole(entries),
    entries.length,
    'entries',
  );
  claims.check(
    "no Secret's value is in the hub's files",
    !holdsSecret(join(installation.stateDir, 'hub')),
    'example-only-1, -2, -3 searched',
  );
  await world.prober().settled();
  for (const name of FUNCTIONS) {
    const { probes, seconds, nowhereSeconds, notMeasuredSeconds } = tally(world.prober().samples(name), MINIMUM);
    claims.check(`${name} was never served nowhere`, nowhereSeconds === 0 && probes > 20, nowhereSeconds, 's');
    const unseen = seconds === 0 ? 1 : notMeasuredSeconds / seconds;
    claims.check(
      `the prober had its time for ${name}: at least ${100 * (1 - UNSEEN_MAX)} %`,
      unseen <= UNSEEN_MAX,
      round(100 * (1 - unseen)),
      '%',
    );
  }
}

/** The prober is a process among others: who did not look for a larger share of the time cannot say what it claims. */
const UNSEEN_MAX = 0.1;

function gaps({ notMeasuredSeconds }: Tally): string {
  return notMeasuredSeconds === 0 ? '' : `, ${round(notMeasuredSeconds)} s not measured: the prober had no time`;
}

function isWhole(entries: readonly Entry[]): boolean {
  const linked = entries.every(
    (entry, index) => entry.seq === index + 1 && entry.prev === (index === 0 ? '' : digestOf(entries[index - 1])),
  );
  const last = entries.at(-1);
  return linked && last?.type === 'tx.sealed' && last.data.count === entries.length;
}

function holdsSecret(folder: string): boolean {
  const needles = ['1', '2', '3'].flatMap((n) => [
    `example-only-${n}`,
    Buffer.from(`example-only-${n}`).toString('base64'),
  ]);
  return readdirSync(folder)
    .map((file) => join(folder, file))
    .filter((file) => statSync(file).isFile())
    .some((file) => {
      const content = readFileSync(file);
      return needles.some((needle) => content.includes(needle));
    });
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
