import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { KubeObject } from '../../base/index.ts';
import { openChangeFile } from './change-file.ts';
import { ObjectStore, type StoredChange } from './store.ts';

const map = (name: string, value = '', namespace = 'n'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace, uid: `uid-${name}` },
  data: { value },
});
const names = (objects: readonly KubeObject[] | undefined) => objects?.map(({ metadata }) => metadata.name);
const settled = () => new Promise((resolve) => setImmediate(resolve));

function inFolder(run: (dir: string) => void): void {
  const dir = mkdtempSync(join(tmpdir(), 'ldc-objects-'));
  try {
    run(dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

describe('ObjectStore', () => {
  test('every change has the next revision, removals too', () => {
    const store = new ObjectStore();
    assert.equal(store.put('configmaps', map('a')).metadata.resourceVersion, '1');
    assert.equal(store.put('secrets', map('b')).metadata.resourceVersion, '2');
    assert.equal(store.remove('configmaps', 'n', 'a')?.metadata.resourceVersion, '3');
    assert.equal(store.remove('configmaps', 'n', 'a'), undefined);
    assert.equal(store.revision, 3);
  });

  test('lists by namespace and name, in the order of the whole key', () => {
    const store = new ObjectStore();
    for (const [namespace, name] of [
      ['b', 'x'],
      ['a-b', 'y'],
      ['a', 'z'],
      ['a', 'b'],
    ] as const)
      store.put('configmaps', map(name, '', namespace));
    assert.deepEqual(
      store.list('configmaps').map(({ metadata }) => `${metadata.namespace}/${metadata.name}`),
      ['a-b/y', 'a/b', 'a/z', 'b/x'],
    );
    assert.deepEqual(names(store.list('configmaps', 'a')), ['b', 'z']);
  });

  test('a past list is what it was, until its revision leaves the window', () => {
    const store = new ObjectStore();
    store.put('configmaps', map('a', '1'));
    store.put('configmaps', map('b', '1'));
    const then = store.revision;
    store.put('configmaps', map('a', '2'));
    store.remove('configmaps', 'n', 'b');
    store.put('configmaps', map('c'));
    assert.deepEqual(names(store.listAt('configmaps', then)), ['a', 'b']);
    assert.deepEqual(store.listAt('configmaps', then)?.[0]?.data, { value: '1' });
    assert.deepEqual(names(store.list('configmaps')), ['a', 'c']);
    store.compact();
    assert.equal(store.listAt('configmaps', then), undefined);
    assert.equal(store.since('configmaps', then), undefined);
    assert.deepEqual(store.since('configmaps', store.revision), []);
  });

  test('the window is bounded', () => {
    const store = new ObjectStore({ historyMax: 10 });
    for (let i = 0; i < 100; i++) store.put('configmaps', map('a', String(i)));
    assert.ok(store.oldestRevision >= 80, `oldest is ${store.oldestRevision}`);
    assert.equal(store.since('configmaps', 50), undefined);
    assert.equal(store.since('configmaps', 95)?.length, 5);
  });

  test('listeners hear later changes in order, never inside one another, never what was there before', async () => {
    const store = new ObjectStore();
    store.put('configmaps', map('before'));
    const heard: string[] = [];
    let inside = false;
    store.subscribe('configmaps', ({ type, object }) => {
      assert.equal(inside, false);
      inside = true;
      heard.push(`${type} ${object.metadata.name}`);
      if (object.metadata.name === 'a' && type === 'ADDED') store.remove('configmaps', 'n', 'a');
      inside = false;
    });
    store.put('configmaps', map('a'));
    store.put('configmaps', map('b'));
    assert.deepEqual(heard, []);
    await settled();
    assert.deepEqual(heard, ['ADDED a', 'ADDED b', 'DELETED a']);
  });

  test('a deleted change carries the last state under the revision of its removal', async () => {
    const store = new ObjectStore();
    const heard: StoredChange[] = [];
    store.subscribe('configmaps', (change) => heard.push(change));
    store.put('configmaps', map('a', '1'));
    store.remove('configmaps', 'n', 'a');
    await settled();
    assert.deepEqual(heard[1]?.object.data, { value: '1' });
    assert.equal(heard[1]?.object.metadata.resourceVersion, '2');
    assert.equal(heard[1]?.before?.metadata.resourceVersion, '1');
  });
});

describe('an object store on disk', () => {
  test('opened again it is the same, whatever was done', () => {
    const step = fc.record({ name: fc.constantFrom('a', 'b', 'c'), value: fc.string(), remove: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) =>
        inFolder((dir) => {
          const path = join(dir, 'objects');
          const store = new ObjectStore({ file: openChangeFile(path) });
          for (const { name, value, remove } of steps) {
            if (remove) store.remove('configmaps', 'n', name);
            else store.put('configmaps', map(name, value));
          }
          const expected = {
            list: store.list('configmaps'),
            revision: store.revision,
            since: store.since('configmaps', 0),
          };
          store.close();
          const again = new ObjectStore({ file: openChangeFile(path) });
          assert.deepEqual(
            { list: again.list('configmaps'), revision: again.revision, since: again.since('configmaps', 0) },
            expected,
          );
          again.close();
        }),
      ),
      { numRuns: 50 },
    );
  });

  test('a torn last line is dropped, and the next write follows the last whole one', () =>
    inFolder((dir) => {
      const path = join(dir, 'objects');
      const store = new ObjectStore({ file: openChangeFile(path) });
      store.put('configmaps', map('a'));
      store.put('configmaps', map('b'));
      store.close();
      const whole = readFileSync(path);
      for (let cut = 1; cut < 40; cut += 7) {
        writeFileSync(path, whole.subarray(0, whole.length - cut));
        const again = new ObjectStore({ file: openChangeFile(path) });
        assert.deepEqual(names(again.list('configmaps')), ['a']);
        again.put('configmaps', map('c'));
        again.close();
        const third = new ObjectStore({ file: openChangeFile(path) });
        assert.deepEqual(names(third.list('configmaps')), ['a', 'c']);
        third.close();
      }
    }));

  test('a damaged line in the middle is an error, not a loss', () =>
    inFolder((dir) => {
      const path = join(dir, 'objects');
      const store = new ObjectStore({ file: openChangeFile(path) });
      store.put('configmaps', map('a'));
      store.close();
      appendFileSync(path, 'damaged\n{"r":2,"b":"configmaps","d":"n/a"}\n');
      assert.throws(() => openChangeFile(path), /not a line of an object file/);
    }));

  test('growth is compacted: the file stays near what is alive, and nothing is lost', () =>
    inFolder((dir) => {
      const path = join(dir, 'objects');
      const store = new ObjectStore({ file: openChangeFile(path) });
      const large = 'x'.repeat(64 * 1024);
      for (let i = 0; i < 200; i++) store.put('configmaps', map('a', `${i} ${large}`));
      store.close();
      assert.ok(statSync(path).size < 6 * 1024 * 1024, `${statSync(path).size} bytes`);
      const again = new ObjectStore({ file: openChangeFile(path) });
      assert.equal(again.revision, 200);
      assert.match(JSON.stringify(again.get('configmaps', 'n', 'a')?.data), /^\{"value":"199 /);
      again.close();
    }));
});
