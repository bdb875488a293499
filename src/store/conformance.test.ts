/** What every store must do, run against SQLite and its in-memory twin. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import {
  canonical,
  digestOf,
  type Entry,
  type Projector,
  type Store,
  StoreError,
  seededRandom,
  silentLogger,
  systemRandom,
} from '../base/index.ts';
import { memoryDisk, memoryStore, openStore, valueMasterKey } from './index.ts';
import { brokenChain } from './writer.ts';

const folders: string[] = [];
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Counts entries per chain, sees its own earlier change, and refuses entries of type `bad`. */
const counting: Projector = (entry, documents) => {
  const count = Number(documents.get('count', entry.tx)?.body.count ?? 0) + 1;
  if (entry.type === 'bad') throw new Error('a projector that fails');
  return [{ collection: 'count', key: entry.tx, body: { count } }];
};

interface Subject {
  readonly name: string;
  /** A fresh state; `open` opens it, again and again. */
  make(): { open(): Store };
}

const common = { projectors: [counting], logger: silentLogger, clock: { now: () => 1_700_000_000_000 } };
const subjects: readonly Subject[] = [
  {
    name: 'sqlite',
    make() {
      const dir = mkdtempSync(join(tmpdir(), 'ldc-store-'));
      folders.push(dir);
      const masterKey = valueMasterKey(Buffer.alloc(32, 1).toString('base64'), 'test');
      return { open: () => openStore({ ...common, dir, masterKey, random: systemRandom }) };
    },
  },
  {
    name: 'memory',
    make() {
      const disk = memoryDisk();
      return { open: () => memoryStore({ ...common, disk, random: seededRandom(1) }) };
    },
  },
];

const entry = (tx: string, data: Entry['data'] = {}, type = 'test') => ({ tx, type, actor: 'hub', data });

for (const subject of subjects) {
  describe(`store conformance: ${subject.name}`, () => {
    it('shows a document as it was after writes that failed, and as it is after those that did not', async () => {
      const store = subject.make().open();
      const count = () => store.documents.get('count', 'a')?.body.count;
      await store.journal.append([entry('a')]);
      assert.equal(count(), 1);
      // the projector has read and written `a` twice by the time at which the batch fails
      const failing = store.journal.append([entry('a'), entry('a'), entry('a', {}, 'bad')]);
      const fine = store.journal.append([entry('a')]);
      await assert.rejects(failing);
      await fine;
      assert.equal(count(), 2);
      await store.documents.write([{ collection: 'count', key: 'a', body: { count: 7 } }]);
      assert.equal(count(), 7);
      assert.equal(store.documents.list('count')[0]?.body.count, 7);
      await store.documents.write([{ collection: 'count', key: 'a', body: null }]);
      assert.equal(count(), undefined);
      await store.close();
    });

    it('numbers and links each chain, and keeps the order of writing over all', async () => {
      const store = subject.make().open();
      const written = await store.journal.append([entry('a', { n: 1, gone: undefined }), entry('b'), entry('a')]);
      assert.deepEqual(
        written.map(({ tx, seq }) => [tx, seq]),
        [['a', 1], ['b', 1], ['a', 2]], // biome-ignore format: a table
      );
      const [first, , third] = written as [Entry, Entry, Entry];
      assert.equal(first.prev, '');
      assert.equal(third.prev, digestOf(first));
      assert.equal(first.ts, '2023-11-14T22:13:20.000Z');
      assert.equal(first.epoch, store.epoch);
      assert.deepEqual(first.data, { n: 1 });
      assert.deepEqual(store.journal.chain('a'), [first, third]);
      assert.deepEqual(store.journal.chain('a', 1), [third]);
      assert.deepEqual(store.journal.chain('a', 0, 1), [first]);
      assert.deepEqual(store.journal.chain('a', 1, 5), [third]);
      assert.deepEqual(store.journal.chain('nobody'), []);
      assert.deepEqual(
        store.journal.read(1, 10).map(({ position, entry: { tx, seq } }) => [position, tx, seq]),
        [[2, 'b', 1], [3, 'a', 2]], // biome-ignore format: a table
      );
      assert.equal(store.journal.read(0, 2).length, 2);
      await store.close();
    });

    it('keeps everything over a restart, takes a higher epoch, goes on in each chain', async () => {
      const state = subject.make();
      const one = state.open();
      await one.journal.append([entry('a', { text: 'ü€😀' })]);
      const digest = await one.blobs.put({ b: [1, 2], a: 'x' });
      await one.documents.write([{ collection: 'c', key: 'k', body: { v: 1 } }]);
      await one.close();
      const two = state.open();
      assert.ok(two.epoch > one.epoch);
      const [second] = await two.journal.append([entry('a')]);
      assert.equal(second?.seq, 2);
      assert.equal(second?.prev, digestOf(two.journal.chain('a')[0]));
      assert.deepEqual(two.journal.chain('a')[0]?.data, { text: 'ü€😀' });
      assert.deepEqual(two.blobs.get(digest), { a: 'x', b: [1, 2] });
      assert.deepEqual(two.documents.get('c', 'k')?.body, { v: 1 });
      assert.deepEqual(two.documents.get('count', 'a')?.body, { count: 2 });
      assert.equal(brokenChain(two.journal.read(0, 100)), undefined);
      await two.close();
    });

    it('projects in the same commit and shows nothing of it before', async () => {
      const store = subject.make().open();
      const pending = store.journal.append([entry('a'), entry('a'), entry('a')]);
      assert.equal(store.documents.get('count', 'a'), undefined);
      assert.equal(store.journal.chain('a').length, 0);
      await pending;
      assert.deepEqual(store.documents.get('count', 'a')?.body, { count: 3 });
      await store.close();
    });

    it('a request that fails alone leaves nothing, and the others of its group stand', async () => {
      const store = subject.make().open();
      const heard: string[] = [];
      store.journal.onAppend((entries) => void heard.push(...entries.map(({ tx, seq }) => `${tx}${seq}`)));
      const results = await Promise.allSettled([
        store.journal.append([entry('a')]),
        store.journal.append([entry('a'), entry('a', { big: 'x'.repeat(70_000) })]),
        store.journal.append([entry('a'), entry('a', {}, 'bad')]),
        store.journal.append([entry('a')]),
      ]);
      assert.deepEqual(results.map(({ status }) => status), ['fulfilled', 'rejected', 'rejected', 'fulfilled']); // biome-ignore format: one line
      const tooLarge = (results[1] as PromiseRejectedResult).reason;
      assert.ok(tooLarge instanceof StoreError && tooLarge.kind === 'tooLarge', String(tooLarge));
      assert.match(tooLarge.message, /entry test of a has 70\d\d\d bytes; at most 65535/);
      assert.deepEqual(store.journal.chain('a').map(({ seq }) => seq), [1, 2]); // biome-ignore format: one line
      assert.deepEqual(store.documents.get('count', 'a')?.body, { count: 2 });
      assert.deepEqual(heard, ['a1', 'a2']);
      assert.equal(brokenChain(store.journal.read(0, 100)), undefined);
      await store.close();
    });

    it('tells listeners only of what is durable, in order; one that throws or has left disturbs nobody', async () => {
      const store = subject.make().open();
      const heard: number[] = [];
      store.journal.onAppend(() => {
        throw new Error('a bad listener');
      });
      const stop = store.journal.onAppend((entries) => void heard.push(...entries.map(({ seq }) => seq)));
      await Promise.all([store.journal.append([entry('a')]), store.journal.append([entry('a')])]);
      stop();
      await store.journal.append([entry('a')]);
      assert.deepEqual(heard, [1, 2]);
      await store.close();
    });

    it('documents: pages both ways, prefixes, optimistic locking, versions that never repeat', async () => {
      const store = subject.make().open();
      const { documents } = store;
      const put = (key: string) => ({ collection: 'd', key, body: { key } });
      await documents.write(['b', 'a/2', 'a/1', 'c', 'a'].map(put));
      await documents.write([{ collection: 'other', key: 'a', body: {} }]);
      const keys = (options?: Parameters<typeof documents.list>[1]) =>
        documents.list('d', options).map(({ key }) => key);
      assert.deepEqual(keys(), ['a', 'a/1', 'a/2', 'b', 'c']);
      assert.deepEqual(keys({ prefix: 'a/' }), ['a/1', 'a/2']);
      assert.deepEqual(keys({ after: 'a/1', limit: 2 }), ['a/2', 'b']);
      assert.deepEqual(keys({ reverse: true, after: 'b' }), ['a/2', 'a/1', 'a']);
      assert.deepEqual(keys({ reverse: true, limit: 1 }), ['c']);
      assert.deepEqual(keys({ prefix: 'a/', reverse: true, after: 'a/2' }), ['a/1']);
      const before = documents.get('d', 'a')?.version as number;
      assert.equal(await documents.write([{ ...put('a'), ifVersion: before }]), 'written');
      assert.equal(await documents.write([put('new'), { ...put('a'), ifVersion: before }]), 'conflict');
      assert.equal(documents.get('d', 'new'), undefined);
      assert.equal(await documents.write([{ ...put('new'), ifVersion: 0 }]), 'written');
      assert.equal(await documents.write([{ ...put('new'), ifVersion: 0 }]), 'conflict');
      const version = documents.get('d', 'a')?.version as number;
      await documents.write([{ collection: 'd', key: 'a', body: null }]);
      assert.equal(documents.get('d', 'a'), undefined);
      await documents.write([put('a')]);
      assert.ok((documents.get('d', 'a')?.version as number) > version);
      await store.close();
    });

    it('blobs are addressed by the digest of their canonical form; twice is once', async () => {
      const store = subject.make().open();
      const digest = await store.blobs.put({ b: 1, a: [null, 'ü'] });
      assert.equal(digest, digestOf({ a: [null, 'ü'], b: 1 }));
      assert.equal(await store.blobs.put({ a: [null, 'ü'], b: 1 }), digest);
      assert.deepEqual(store.blobs.get(digest), { a: [null, 'ü'], b: 1 });
      assert.equal(store.blobs.get(digestOf('unknown')), undefined);
      await store.close();
    });

    it('secrets come back over a restart under the same cutting key; unknown references are left out', async () => {
      const state = subject.make();
      const one = state.open();
      await one.secrets.put(new Map([['r1', 'czNjcmV0'], ['r2', '']])); // biome-ignore format: a table
      await one.secrets.put(new Map([['r1', 'czNjcmV0']]));
      const { cutKey } = one.secrets;
      await one.close();
      const two = state.open();
      assert.deepEqual(two.secrets.cutKey, cutKey);
      assert.equal(cutKey.length, 32);
      assert.deepEqual([...two.secrets.get(['r1', 'r2', 'r3'])], [['r1', 'czNjcmV0'], ['r2', '']]); // biome-ignore format: a table
      await two.close();
    });

    it('a closed store refuses, and finishes what was handed in before', async () => {
      const store = subject.make().open();
      const last = store.journal.append([entry('a')]);
      await store.close();
      assert.equal((await last)[0]?.seq, 1);
      await assert.rejects(store.journal.append([entry('a')]), { name: 'StoreError', kind: 'closed' });
    });

    it('property: any mix of writes leaves linked chains, true counts and canonical entries', async () => {
      const write = fc.array(fc.record({ tx: fc.constantFrom('a', 'b', 'c'), data: fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ maxDepth: 2 })) }), { minLength: 1, maxLength: 4 }); // biome-ignore format: one shape
      await fc.assert(
        fc.asyncProperty(fc.array(write, { maxLength: 8 }), async (writes) => {
          const store = subject.make().open();
          await Promise.all(
            writes.map((news) => store.journal.append(news.map(({ tx, data }) => entry(tx, data as Entry['data'])))),
          );
          const all = store.journal.read(0, 1_000);
          assert.equal(brokenChain(all), undefined);
          assert.equal(all.length, writes.flat().length);
          for (const [index, { data }] of writes.flat().entries()) {
            assert.equal(canonical(all[index]?.entry.data), canonical(data));
          }
          for (const tx of ['a', 'b', 'c']) {
            const count = all.filter((item) => item.entry.tx === tx).length;
            assert.equal(store.documents.get('count', tx)?.body.count ?? 0, count);
          }
          await store.close();
        }),
        { numRuns: subject.name === 'sqlite' ? 15 : 60 },
      );
    });
  });
}
