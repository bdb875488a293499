import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SimulatedClock } from '../base/index.ts';
import { watchSilence } from './silence.ts';

describe('silence', () => {
  it('is three heartbeats without a word', async () => {
    const clock = new SimulatedClock(0);
    const silence = watchSilence(clock, 1_000);
    const seen: number[] = [];
    for (let look = 0; look < 5; look++) {
      await clock.advance(1_000);
      seen.push(silence.look());
    }
    assert.deepEqual(seen, [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 1_000, 2_000]);
  });

  it('is nobody’s when the one who listens stood still; from then on it is counted anew', async () => {
    const clock = new SimulatedClock(0);
    const silence = watchSilence(clock, 1_000);
    for (let look = 0; look < 5; look++) {
      await clock.advance(1_000);
      silence.look();
    }
    await clock.advance(4_000); // as if nothing had run
    assert.equal(silence.look(), Number.NEGATIVE_INFINITY, 'a last word at 5,000 is yet to be followed by those since');
    await clock.advance(1_000);
    assert.equal(silence.look(), Number.NEGATIVE_INFINITY);
    await clock.advance(1_000);
    assert.equal(silence.look(), Number.NEGATIVE_INFINITY);
    await clock.advance(1_000);
    assert.equal(silence.look(), 9_000, 'who has said nothing since is silent');
  });

  it('a look that is somewhat late is a look', async () => {
    const clock = new SimulatedClock(0);
    const silence = watchSilence(clock, 1_000);
    for (let look = 0; look < 4; look++) {
      await clock.advance(1_900);
      silence.look();
    }
    assert.equal(silence.look(), 4 * 1_900 - 3_000);
  });
});
