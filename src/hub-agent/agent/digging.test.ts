import assert from 'node:assert/strict';
import { it } from 'node:test';
import { SimulatedClock } from '../../base/index.ts';
import { createDigging, type Found } from './digging.ts';

it('digs a moment after a change, then with growing waits, quickly again when something new was found, and ends when all is well', async () => {
  const clock = new SimulatedClock();
  const digging = createDigging(clock, new AbortController().signal);
  const found: Found[] = ['changed', 'same', 'same', 'same', 'changed', 'well'];
  const at: number[] = [];
  const dig = async () => {
    at.push(clock.monotonic());
    return found.shift() ?? 'well';
  };
  digging.soon('a', dig, false);
  await clock.advance(600);
  digging.soon('a', dig, false); // what changes all the time does not put it off
  await clock.advance(120_000);
  assert.deepEqual(at, [3_000, 5_000, 9_000, 17_000, 33_000, 35_000]);
  digging.soon('a', dig, false);
  await clock.advance(100);
  digging.soon('a', dig, true); // failed: it is waited for no longer
  await clock.advance(500);
  assert.equal(at.length, 7);
  digging.soon('a', dig, false);
  digging.forget('a');
  await clock.advance(60_000);
  assert.equal(at.length, 7, 'what is forgotten is not dug for');
});

it('digs for a few at once, however many are not well, and one that fails is tried again', async () => {
  const clock = new SimulatedClock();
  const digging = createDigging(clock, new AbortController().signal);
  let open = 0;
  let most = 0;
  let done = 0;
  for (let n = 0; n < 100; n++) {
    digging.soon(
      `place-${n}`,
      async () => {
        most = Math.max(most, ++open);
        await clock.sleep(100);
        open--;
        if (++done === 50) throw new Error('this cluster answers nothing');
        return 'well';
      },
      false,
    );
  }
  await clock.advance(20_000);
  assert.equal(most, 4);
  assert.equal(done, 101);
});
