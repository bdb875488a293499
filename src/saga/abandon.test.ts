/** A backup may have been taken after any journal write: whatever it has unfinished is ended without a word to a cluster. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededRandom, silentLogger } from '../base/index.ts';
import { type MemoryDisk, memoryDisk, memoryStore } from '../store/index.ts';
import { abandonUnfinished } from './abandon.ts';
import type { Fault } from './testing/fleet.ts';
import { deployPlan } from './testing/plans.ts';
import { World } from './testing/world.ts';
import type { Engine } from './types.ts';

const FORWARD = ['decided', 'committed'];

function setUp() {
  const world = new World(['eu', 'us']);
  const open = (disk: MemoryDisk) =>
    memoryStore({
      ...{ clock: world.clock, random: seededRandom(3), logger: silentLogger, disk },
      projectors: world.projectors,
    });
  return { world, open };
}

/** Runs one deploy and keeps a backup after each of its writes. */
async function backupsOf(prepare: (world: World, engine: Engine) => Promise<void>): Promise<readonly MemoryDisk[]> {
  const { world, open } = setUp();
  const disk = memoryDisk();
  const store = open(disk);
  const backups: MemoryDisk[] = [];
  store.journal.onAppend(() => void backups.push(structuredClone(disk)));
  await prepare(world, world.open(store));
  return backups;
}

async function abandoned(disk: MemoryDisk) {
  const { world, open } = setUp();
  const store = open(disk);
  const { journal, documents, blobs } = store;
  const before = world.open(store, true);
  await before.start();
  const state = before.list({}).items[0]?.state ?? '';
  const wasForward = FORWARD.includes(state) || FORWARD.includes(before.list({}).items[0]?.heldFrom ?? '');
  const ended = await abandonUnfinished({ journal, documents, blobs, logger: silentLogger }, 'a test', 'user:a');
  for (const entries of ended.values()) await journal.append(entries);
  const engine = world.open(store);
  await engine.start();
  await world.run(() => false, 60_000);
  const [found] = engine.list({}).items;
  assert.ok(found);
  return { world, engine, found, state, wasForward, ended: ended.size, documents };
}

async function everyBackup(backups: readonly MemoryDisk[]): Promise<ReadonlySet<string>> {
  const states = new Set<string>();
  for (const disk of backups) {
    const { world, engine, found, state, wasForward, ended, documents } = await abandoned(disk);
    states.add(state);
    assert.deepEqual(world.fleet.arrivals, [], `after ${state} nothing was sent`);
    assert.equal(found.sealed, true, state);
    assert.deepEqual(documents.list('unfinished'), []);
    assert.deepEqual(documents.list('owed'), [], 'nothing is left to be settled from a plan that has passed');
    const whole = engine.get(found.id);
    assert.deepEqual(world.errors, [], `after ${state} its chain replays`);
    const sealed = engine.events(found.id).at(-1);
    assert.equal(sealed?.type, 'tx.sealed');
    assert.equal(sealed?.data.count, engine.events(found.id).length);
    if (ended === 0) continue;
    assert.equal(found.forced, true, state);
    assert.equal(found.state, wasForward ? 'committed' : 'rolledBack', state);
    if (!wasForward) assert.equal(whole?.rollback?.verified?.equal, false, 'nobody has compared it');
  }
  return states;
}

const request = { actor: 'a', reason: null, ifBusy: 'wait' } as const;

async function submitted(engine: Engine, options: Parameters<typeof deployPlan>[1]): Promise<string> {
  const outcome = await engine.submit({ plan: deployPlan(['eu', 'us'], options), ...request });
  return outcome.kind === 'done' ? outcome.value.id : assert.fail(JSON.stringify(outcome));
}

describe('saga: what a backup has unfinished', () => {
  it('ends after every write of a deploy that waits for an approval, is paused, and commits', async () => {
    const backups = await backupsOf(async (world, engine) => {
      const id = await submitted(engine, { rollout: { approval: 'required' } });
      await world.run(() => engine.get(id)?.state === 'awaitingApproval');
      for (const verb of ['approve', 'pause', 'resume'] as const) await engine.operate(id, { verb }, 'a', null);
      await world.run(() => engine.get(id)?.sealed === true);
      assert.equal(engine.get(id)?.state, 'committed');
    });
    const states = await everyBackup(backups);
    for (const state of ['queued', 'preparing', 'awaitingApproval', 'running', 'paused', 'verifying', 'decided'])
      assert.ok(states.has(state), `${state} was among them: ${[...states]}`);
  });

  it('ends after every write of an undo that gets stuck and is tried again', async () => {
    const refusal = { kind: 'notReady', message: 'it never gets ready', hint: 'mend it' };
    let undo: Fault | undefined = { kind: 'refuse', refusal, effect: false };
    const backups = await backupsOf(async (world, engine) => {
      world.fleet.fault = ({ kind, cluster }) => {
        if (kind === 'gate' && cluster === 'us') return { kind: 'refuse', refusal, effect: false };
        return kind === 'undo' ? undo : undefined;
      };
      const id = await submitted(engine, {});
      await world.run(() => engine.get(id)?.state === 'stuck');
      undo = undefined;
      await engine.operate(id, { verb: 'retry' }, 'a', null);
      await world.run(() => engine.get(id)?.sealed === true);
      assert.equal(engine.get(id)?.state, 'rolledBack');
    });
    const states = await everyBackup(backups);
    for (const state of ['compensating', 'stuck']) assert.ok(states.has(state), `${state} was among them`);
  });
});
