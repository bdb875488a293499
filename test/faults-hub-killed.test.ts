/** SIGKILL of the hub at sampled journal writes of a deploy: it goes on in the journaled direction, and each outcome comes once. */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { HubUnreachable, routes } from '../src/api/client/index.ts';
import type { RunningHub } from '../src/main/hub.ts';
import type { MortalHub } from './mortal-hub.ts';
import { startWorld, type World } from './world.ts';
import { configMap, deployment, dump, EVERYWHERE, read, stackOf } from './world-objects.ts';

/** Far below the timeout of any step: what was in flight is asked again, not waited for. */
const GOES_ON_MS_MAX = 15_000;

let world: World;
let child: ChildProcess | undefined;
before(async () => {
  world = await startWorld({ startHubHere: false });
  await startHub();
  await Promise.all(world.names.map((name) => world.join(name)));
  await world.allReady();
});
after(async () => {
  await end();
  await world?.close();
});

async function startHub(kill?: MortalHub['kill']): Promise<void> {
  const given: MortalHub = { options: world.hubOptions, ...(kill === undefined ? {} : { kill }) };
  const started = fork(join(import.meta.dirname, 'mortal-hub.ts'), [JSON.stringify(given)], { stdio: 'inherit' });
  child = started;
  const ready = await new Promise<Omit<RunningHub, 'stop'>>((resolve, reject) => {
    started.once('message', (message) => resolve(message as Omit<RunningHub, 'stop'>));
    started.once('exit', (code, signal) => reject(new Error(`the hub did not start: ${code ?? signal}`)));
  });
  await world.useHub(ready);
}

/** Resolves when the process is gone; answers how it ended. */
function gone(process_: ChildProcess | undefined): Promise<string> {
  if (process_ === undefined) return Promise.resolve('none');
  if (process_.exitCode !== null || process_.signalCode !== null)
    return Promise.resolve(process_.signalCode ?? String(process_.exitCode));
  return new Promise((resolve) => process_.once('exit', (code, signal) => resolve(signal ?? String(code))));
}

async function end(): Promise<void> {
  child?.kill('SIGKILL');
  await gone(child);
  child = undefined;
}

function stack(version: string, broken: boolean) {
  const objects = [
    configMap('settings', { version }),
    deployment('web', { version, ...(broken ? { outcome: 'neverReady' } : {}) }),
  ];
  return stackOf({
    name: 'killed',
    functions: { web: { objects, locations: EVERYWHERE } },
    rollout: { waves: [1, '100%'], deadline: broken ? '1s' : '30s' },
  });
}

function dumps() {
  return Promise.all(world.names.map((name) => dump(world.kube(name))));
}

async function newest(): Promise<string | undefined> {
  return (await world.client.call(routes.transactions.list, { query: { limit: '1' } })).items[0]?.id;
}

/** Submits, sees the hub die at that write, starts it again, and answers how the transaction ended; undefined: none had begun. */
async function killedAt(kill: NonNullable<MortalHub['kill']>, version: string, broken: boolean) {
  const before_ = await newest();
  await end();
  await startHub(kill);
  await world.allReady();
  const mine = child;
  await world.submit(stack(version, broken)).catch((error: unknown) => {
    assert.ok(error instanceof HubUnreachable, String(error));
  });
  assert.equal(await gone(mine), 'SIGKILL', `the hub dies ${kill.when} write ${kill.at}`);
  await startHub();
  const id = await newest();
  if (id === undefined || id === before_) return undefined;
  const startedMs = performance.now();
  const transaction = await world.finished(id);
  const tookMs = performance.now() - startedMs;
  assert.ok(tookMs < GOES_ON_MS_MAX, `${kill.when} write ${kill.at}: it stood still, ${Math.round(tookMs)} ms`);
  return transaction;
}

/** Every step was done at least once, and each of its outcomes was journaled once; nothing of an older epoch came later. */
async function assertOneOutcomeEach(id: string): Promise<void> {
  const entries = await world.client.all(routes.transactions.events, { params: { id } });
  for (const type of ['step.succeeded', 'step.undone']) {
    const steps = entries.filter((entry) => entry.type === type).map((entry) => entry.data.step);
    assert.equal(new Set(steps).size, steps.length, `${type}: ${steps}`);
  }
  assert.deepEqual(
    entries.map(({ epoch }) => epoch),
    entries.map(({ epoch }) => epoch).toSorted((a, b) => a - b),
  );
  assert.equal(entries.at(-1)?.type, 'tx.sealed');
  assert.equal(entries.at(-1)?.data.count, entries.length);
}

async function countOf(id: string): Promise<number> {
  return (await world.client.all(routes.transactions.events, { params: { id } })).length;
}

/** `parts` writes, spread over all of them, the first and the last one included. */
function sampled(writes: number, parts: number): readonly number[] {
  return Array.from({ length: parts }, (_, index) => 1 + Math.round((index * (writes - 1)) / (parts - 1)));
}

test('killed at sampled writes of a deploy that is well, it ends committed on every cluster', async (context) => {
  assert.equal((await world.apply(stack('1', false))).state, 'committed');
  const whole = await world.apply(stack('2', false));
  assert.equal(whole.state, 'committed');
  const writes = await countOf(whole.id);
  context.diagnostic(`${writes} journal writes`);
  for (const [index, at] of [1, ...sampled(writes, 6)].entries()) {
    const version = `good-${at}`;
    const before_ = await dumps();
    const when = index % 2 === 0 ? 'before' : 'after';
    const transaction = await killedAt({ at, when }, version, false);
    if (transaction === undefined) {
      assert.equal(`${at} ${when}`, '1 before', 'only what was never durable is forgotten');
      assert.deepEqual(await dumps(), before_);
      continue;
    }
    assert.equal(transaction.state, 'committed', `${when} write ${at}: ${JSON.stringify(transaction.cause)}`);
    await assertOneOutcomeEach(transaction.id);
    for (const name of world.names) {
      const live = await read(world.kube(name), '/api/v1/namespaces/killed/configmaps/settings');
      assert.deepEqual(live?.data, { version });
    }
  }
});

test('killed at sampled writes of a deploy that fails its gate, it ends rolled back and equal', async (context) => {
  const before_ = await dumps();
  const whole = await world.apply(stack('broken', true));
  assert.equal(whole.state, 'rolledBack');
  const writes = await countOf(whole.id);
  context.diagnostic(`${writes} journal writes`);
  for (const [index, at] of sampled(writes, 5).slice(1).entries()) {
    const when = index % 2 === 0 ? 'after' : 'before';
    const transaction = await killedAt({ at, when }, `broken-${at}`, true);
    assert.equal(transaction?.state, 'rolledBack', `${when} write ${at}: ${JSON.stringify(transaction?.cause)}`);
    assert.equal(transaction?.rollback?.verified?.equal, true, JSON.stringify(transaction?.rollback));
    await assertOneOutcomeEach(transaction?.id ?? '');
    assert.deepEqual(await dumps(), before_);
  }
});
