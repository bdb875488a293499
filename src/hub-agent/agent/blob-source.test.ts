import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Digest, digestOf, SimulatedClock } from '../../base/index.ts';
import { createSealKey } from '../../protocol/index.ts';
import { createBlobSource } from './blob-source.ts';

const NO_SECRETS = new Map<string, string>();

function source() {
  const asked: Digest[] = [];
  const clock = new SimulatedClock();
  const blobs = createBlobSource(clock, createSealKey(), (digest) => asked.push(digest) > 0);
  return { blobs, asked, clock };
}

describe('blobs at hand', () => {
  it('are asked for once, and are what their digest says', async () => {
    const { blobs, asked } = source();
    const value = { a: 1 };
    const digest = digestOf(value);
    const both = [blobs.get(digest), blobs.get(digest)];
    blobs.received({ digest, value: { a: 1 } });
    assert.deepEqual(
      (await Promise.all(both)).map((blob) => blob.value),
      [value, value],
    );
    assert.deepEqual((await blobs.get(digest)).value, value);
    assert.deepEqual(asked, [digest]);
    const other = digestOf({ a: 2 });
    const wrong = assert.rejects(blobs.get(other), /another digest/);
    blobs.received({ digest: other, value });
    await wrong;
  });

  it('are let go of by their size, the one that was used longest ago first', async () => {
    const { blobs, asked } = source();
    const text = 'x'.repeat(1024 * 1024);
    const digests = Array.from({ length: 40 }, (_, at) => digestOf({ at }));
    const [first, second] = digests as [Digest, Digest];
    for (const digest of digests) {
      blobs.made(digest, { value: { text }, secrets: NO_SECRETS });
      await blobs.get(first);
    }
    assert.deepEqual(asked, [], 'what is used stays');
    void blobs.get(second).catch(() => {});
    assert.deepEqual(asked, [second]);
    await blobs.get(digests.at(-1) as Digest);
    blobs.made(second, { value: { text: text.repeat(40) }, secrets: NO_SECRETS });
    assert.equal(asked.length, 1);
    void blobs.get(first).catch(() => {});
    assert.deepEqual(asked, [second, first]);
    blobs.lineEnded();
  });

  it('are let go of when nobody has used them for ten minutes, and asked for anew', async () => {
    const { blobs, asked, clock } = source();
    const [used, idle] = [digestOf({ a: 1 }), digestOf({ a: 2 })];
    blobs.made(used, { value: { a: 1 }, secrets: NO_SECRETS });
    blobs.made(idle, { value: { a: 2 }, secrets: NO_SECRETS });
    await clock.advance(9 * 60_000);
    await blobs.get(used);
    await clock.advance(2 * 60_000);
    await blobs.get(used);
    assert.deepEqual(asked, []);
    const anew = blobs.get(idle);
    assert.deepEqual(asked, [idle]);
    blobs.received({ digest: idle, value: { a: 2 } });
    await anew;
    await clock.advance(11 * 60_000);
    assert.equal(clock.nextTimer(), undefined, 'nothing is waited for');
    void blobs.get(used).catch(() => {});
    assert.deepEqual(asked, [idle, used]);
    blobs.lineEnded();
  });
});
