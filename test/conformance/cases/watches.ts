/** Watches: order, resuming, bookmarks, too old, selectors. */
import assert from 'node:assert/strict';
import { accepted } from '../caller.ts';
import { configMap, crd, widget } from '../manifests.ts';
import type { Cases } from '../suite.ts';
import { establish } from './crd-life.ts';
import { now, watching } from './watch-life.ts';

const labelled = (name: string, on: string) => configMap(name, {}, { labels: { on } });

export const watches: Cases = {
  async 'from a list on: every change in order, with its resourceVersion; a deletion has its own'(t) {
    const path = t.path('configmaps');
    const watch = watching(t, path, { resourceVersion: await now(t, path) });
    accepted(await t.post(path, configMap('a')));
    accepted(await t.patch(t.path('configmaps', 'a'), 'merge', { data: { k: '1' } }));
    accepted(await t.remove(t.path('configmaps', 'a')));
    assert.deepEqual(await watch.upTo(3), ['ADDED a', 'MODIFIED a', 'DELETED a']);
    const revisions = watch.events.map(({ object }) => Number(object.metadata.resourceVersion));
    assert.ok(
      revisions.every((one, index) => index === 0 || one > (revisions[index - 1] ?? 0)),
      revisions.join(),
    );
    assert.deepEqual(watch.events[2]?.object.data, { k: '1' });
    assert.equal(watch.events[0]?.object.kind, 'ConfigMap');
  },
  async 'resumed from any event it goes on exactly there'(t) {
    const path = t.path('configmaps');
    const first = watching(t, path, { resourceVersion: await now(t, path) });
    for (const name of ['a', 'b', 'c']) accepted(await t.post(path, configMap(name)));
    await first.upTo(3);
    first.stop();
    accepted(await t.remove(t.path('configmaps', 'b')));
    const resourceVersion = String(first.events[0]?.object.metadata.resourceVersion);
    const again = watching(t, path, { resourceVersion });
    assert.deepEqual(await again.upTo(3), ['ADDED b', 'ADDED c', 'DELETED b']);
  },
  async 'without a resourceVersion it begins with what is there'(t) {
    const path = t.path('configmaps');
    for (const name of ['b', 'a']) accepted(await t.post(path, labelled(name, '1')));
    for (const query of [{}, { resourceVersion: '0' }]) {
      const watch = watching(t, path, { ...query, labelSelector: 'on' });
      assert.deepEqual([...(await watch.upTo(2))].sort(), ['ADDED a', 'ADDED b']);
    }
  },
  async 'initial events on demand, then a bookmark that says so; or a refusal where there are none (1.33)'(t) {
    const path = t.path('configmaps');
    accepted(await t.post(path, labelled('a', '1')));
    const watch = watching(t, path, {
      labelSelector: 'on',
      sendInitialEvents: true,
      allowWatchBookmarks: true,
      resourceVersionMatch: 'NotOlderThan',
    });
    const end = await watching(t, path, { sendInitialEvents: true }).ended();
    assert.deepEqual(end.kind === 'failed' && end.status, 422);
    const first = await t.eventually('the bookmark, or a refusal', async () => {
      return watch.isOver ? await watch.ended() : watch.events.find((one) => one.type === 'BOOKMARK');
    });
    if ('kind' in first) {
      const why = 'sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled';
      assert.match(first.kind === 'failed' ? first.message : first.kind, new RegExp(why));
      return;
    }
    assert.equal(first.object.metadata.annotations?.['k8s.io/initial-events-end'], 'true');
    assert.deepEqual(watch.seen, ['ADDED a']);
  },
  async 'objects that enter and leave a selection are ADDED and DELETED'(t) {
    const path = t.path('configmaps');
    const watch = watching(t, path, { resourceVersion: await now(t, path), labelSelector: 'on=1' });
    accepted(await t.post(path, labelled('a', '0')));
    const move = async (on: string) =>
      accepted(await t.patch(t.path('configmaps', 'a'), 'merge', { metadata: { labels: { on } } }));
    await move('1');
    accepted(await t.patch(t.path('configmaps', 'a'), 'merge', { data: { k: '1' } }));
    await move('0');
    await move('1');
    assert.deepEqual(await watch.upTo(4), ['ADDED a', 'MODIFIED a', 'DELETED a', 'ADDED a']);
    // what leaves is shown as it was, with the resourceVersion of the change that made it leave
    const left = watch.events[2]?.object;
    assert.equal(left?.metadata.labels?.on, '1');
    const [before, after] = [watch.events[1], watch.events[3]].map((one) =>
      Number(one?.object.metadata.resourceVersion),
    );
    const leftAt = Number(left?.metadata.resourceVersion);
    assert.ok(leftAt > (before ?? 0) && leftAt < (after ?? 0));
  },
  async 'one object by its name; other namespaces are not seen'(t) {
    const path = t.path('configmaps');
    const resourceVersion = await now(t, path);
    const one = watching(t, path, { resourceVersion, fieldSelector: 'metadata.name=a' });
    const all = watching(t, path, { resourceVersion });
    accepted(await t.post(t.in('default', 'configmaps'), configMap(t.own)));
    t.later(() => t.remove(t.in('default', 'configmaps', t.own)));
    for (const name of ['b', 'a']) accepted(await t.post(path, configMap(name)));
    assert.deepEqual(await all.upTo(2), ['ADDED b', 'ADDED a']);
    assert.deepEqual(await one.upTo(1), ['ADDED a']);
  },
  async 'it ends at timeoutSeconds; before that a bookmark of a quiet collection'(t) {
    const path = t.path('configmaps');
    const resourceVersion = await now(t, path);
    const watch = watching(t, path, { resourceVersion, timeoutSeconds: 6, allowWatchBookmarks: true });
    const end = await watch.ended();
    assert.equal(end.kind, 'ended');
    const bookmark = watch.events.at(-1);
    assert.equal(bookmark?.type, 'BOOKMARK');
    assert.ok(Number(bookmark.object.metadata.resourceVersion) >= Number(resourceVersion));
    assert.equal(bookmark.object.kind, 'ConfigMap');
    // what came after the bookmark is still to be had from there
    accepted(await t.post(path, configMap('late')));
    const next = watching(t, path, { resourceVersion: String(bookmark.object.metadata.resourceVersion) });
    assert.deepEqual(await next.upTo(1), ['ADDED late']);
  },
  async 'a resourceVersion from before the kind was served is too old'(t) {
    const group = `${t.own}.example.com`;
    await establish(t, crd(group));
    accepted(await t.post(t.path(`${group}/v1/widgets`), widget(group, 'w')));
    const end = await watching(t, t.path(`${group}/v1/widgets`), { resourceVersion: '1' }).ended();
    assert.equal(end.kind, 'expired');
  },
  async 'many watchers see the same'(t) {
    const path = t.path('configmaps');
    const resourceVersion = await now(t, path);
    const all = Array.from({ length: 10 }, () => watching(t, path, { resourceVersion }));
    const wanted = Array.from({ length: 20 }, (_, index) => `n${index}`);
    for (const name of wanted) accepted(await t.post(path, configMap(name)));
    for (const watch of all) {
      assert.deepEqual(
        await watch.upTo(20),
        wanted.map((name) => `ADDED ${name}`),
      );
    }
  },
};
