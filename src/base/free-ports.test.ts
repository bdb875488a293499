import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { freePort, freePortPair, hold, isFree, keepPorts } from './free-ports.ts';

describe('free ports', () => {
  it('are given to one asker each, alone or in pairs', async () => {
    const firsts = await Promise.all(Array.from({ length: 20 }, freePortPair));
    const singles = await Promise.all(Array.from({ length: 20 }, freePort));
    const all = [...firsts.flatMap((first) => [first, first + 1]), ...singles];
    assert.equal(new Set(all).size, all.length);
    assert.ok(all.every((port) => port >= 20_000 && port <= 32_000));
  });

  it('are not those that somebody listens on', async () => {
    const held = await hold(await freePort());
    assert.ok(held !== undefined);
    try {
      assert.equal(await isFree(held.port), false);
      assert.equal(await hold(held.port), undefined);
    } finally {
      await held.release();
    }
    assert.equal(await isFree(held.port), true);
    keepPorts([held.port]);
    assert.ok(!(await Promise.all(Array.from({ length: 50 }, freePort))).includes(held.port));
  });
});
