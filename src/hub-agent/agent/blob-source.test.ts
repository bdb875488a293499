import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Digest, digestOf, SimulatedClock } from '../../base/index.ts';
import { createSealKey } from '../../protocol/index.ts';
import { createBlobSource } from './blob-source.ts';

const NO_SECRETS = new Map<string, string>();

function source() {
  const asked: Digest[] = [];
  const blobs = createBlobSource(new SimulatedClock(), createSealKey(), (digest) => asked.push(digest) > 0);
  return { blobs, asked };
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
});
