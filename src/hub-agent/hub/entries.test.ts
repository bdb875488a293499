import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Document, DocumentReader, Entry, JsonObject } from '../../base/index.ts';
import { clusterProjector, TOKEN_USES, TOKENS, tokenUseKey } from './entries.ts';

/** Documents in memory that count what a fold reads and writes. */
function counted() {
  const bodies = new Map<string, Document>();
  const work = { reads: 0, listed: 0, bytes: 0 };
  const reader: DocumentReader = {
    get(collection, key) {
      work.reads++;
      return bodies.get(`${collection}\n${key}`);
    },
    list(collection, { prefix = '' } = {}) {
      const found = [...bodies].filter(([id]) => id.startsWith(`${collection}\n${prefix}`)).map(([, one]) => one);
      work.listed += found.length;
      return found;
    },
  };
  let seq = 0;
  const fold = (type: string, data: JsonObject) => {
    const ts = '2026-01-01T00:00:00.000Z';
    const entry = { v: 1, tx: 'hub', seq: ++seq, prev: '', type, ts, actor: 'user:a', epoch: 1, data } as Entry;
    for (const { collection, key, body } of clusterProjector(entry, reader)) {
      work.bytes += JSON.stringify(body).length;
      if (body === null) bodies.delete(`${collection}\n${key}`);
      else bodies.set(`${collection}\n${key}`, { collection, key, version: 1, body });
    }
  };
  const join = (n: number, key = `key-${n}`) =>
    fold('cluster.joined', { name: `c-${n}`, publicKey: key, token: 'join-1', labels: {}, uid: `uid-${n}` });
  fold('cluster.tokenCreated', { id: 'join-1', hash: 'h', expiresAt: '2026-01-02', uses: 9_999, labels: {} });
  return { reader, work, fold, join };
}

describe('what is journaled of clusters and tokens', () => {
  it('the thousandth join on one token costs what the first did: as many reads, as many bytes', () => {
    const { work, join, reader } = counted();
    const cost = (n: number) => {
      const before = { ...work };
      join(n);
      return { reads: work.reads - before.reads, listed: work.listed, bytes: work.bytes - before.bytes };
    };
    const first = cost(1_000);
    for (let n = 1_001; n < 2_000; n++) join(n);
    const last = cost(2_000);
    assert.deepEqual([last.reads, last.listed], [first.reads, 0]);
    assert.ok(last.bytes <= first.bytes + 6, `${first.bytes} bytes, then ${last.bytes}`); // the count has more digits
    assert.equal(reader.get(TOKENS, 'join-1')?.body.used, 1_001);
  });

  it('one agent that repeats is one use; a removed one has spent its own, a revoked token leaves none behind', () => {
    const { fold, join, reader } = counted();
    join(1);
    join(1);
    join(2);
    assert.equal(reader.get(TOKENS, 'join-1')?.body.used, 2);
    fold('cluster.removed', { name: 'c-1', reason: 'test' });
    const spent = (n: number) => reader.get(TOKEN_USES, tokenUseKey(`c-${n}`, `key-${n}`, 'join-1'))?.body.spent;
    assert.deepEqual([spent(1), spent(2)], [true, false]);
    fold('cluster.tokenRevoked', { id: 'join-1' });
    assert.deepEqual(reader.list(TOKEN_USES), []);
  });
});
