/** The faults of the twin's disk, which SQLite has from the machine: what failed must leave nothing, but for a failed fsync. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type NewEntry,
  type Projector,
  SimulatedClock,
  StoreError,
  seededRandom,
  silentLogger,
} from '../base/index.ts';
import { type MemoryStore, type MemoryStoreOptions, memoryStore } from './memory-store.ts';
import { type MemoryDisk, memoryDisk } from './memory-tables.ts';
import { brokenChain } from './writer.ts';

/** How many entries a chain has. */
const counting: Projector = ({ tx }, documents) => {
  const count = Number(documents.get('count', tx)?.body.count ?? 0) + 1;
  return [{ collection: 'count', key: tx, body: { count } }];
};

function open(disk: MemoryDisk, options: Partial<MemoryStoreOptions> = {}): MemoryStore {
  const clock = new SimulatedClock();
  return memoryStore({
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    projectors: [counting],
    disk,
    ...options,
  });
}

const entry = (text: string): NewEntry => ({ tx: 'a', type: 't', actor: 'x', data: { text } });

function texts(store: MemoryStore): readonly unknown[] {
  const read = store.journal.read(0, 100);
  assert.equal(brokenChain(read), undefined);
  assert.equal(store.documents.get('count', 'a')?.body.count ?? 0, read.length);
  return read.map(({ entry: { data } }) => data.text);
}

const isIo = (error: unknown) => error instanceof StoreError && error.kind === 'io';

describe('memory store: a failing disk', () => {
  it('an I/O error leaves nothing of the group, and the next commit goes on from what is durable', async () => {
    const disk = memoryDisk();
    const store = open(disk);
    await store.journal.append([entry('1')]);
    disk.failing = 'io';
    await assert.rejects(store.journal.append([entry('2')]), isIo);
    assert.deepEqual(texts(store), ['1']);
    disk.failing = undefined;
    await store.journal.append([entry('3')]);
    assert.deepEqual(texts(store), ['1', '3']);
    store.crash({ keep: true });
    assert.deepEqual(texts(open(disk)), ['1', '3']);
  });

  for (const keep of [true, false]) {
    it(`a commit whose fsync failed is ${keep ? 'there' : 'lost'} when the process dies before the next one`, async () => {
      const disk = memoryDisk();
      const store = open(disk);
      await store.journal.append([entry('1')]);
      disk.failing = 'fsync';
      await assert.rejects(store.journal.append([entry('2')]), isIo);
      assert.deepEqual(texts(store), ['1'], 'this process does not see it');
      disk.failing = undefined;
      store.crash({ keep });
      assert.deepEqual(texts(open(disk)), keep ? ['1', '2'] : ['1']);
    });
  }

  it('the next good commit writes over one whose fsync failed', async () => {
    const disk = memoryDisk();
    const store = open(disk);
    disk.failing = 'fsync';
    await assert.rejects(store.journal.append([entry('1')]), isIo);
    disk.failing = undefined;
    await store.journal.append([entry('2')]);
    store.crash({ keep: true });
    assert.deepEqual(texts(open(disk)), ['2']);
  });

  it('who is handed the commits decides when a group is durable', async () => {
    const due: (() => void)[] = [];
    const store = open(memoryDisk(), { sync: (commit) => void due.push(commit) });
    let answered = 0;
    for (const text of ['1', '2']) void store.journal.append([entry(text)]).then(() => answered++);
    await Promise.resolve();
    assert.deepEqual([due.length, texts(store).length, answered], [1, 0, 0]);
    due.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([texts(store), answered], [['1', '2'], 2]);
  });
});
