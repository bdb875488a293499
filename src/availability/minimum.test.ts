import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SimulatedClock } from '../base/index.ts';
import { watchMinimum } from './minimum.ts';

const look = (name: string, min: number, healthy: number) => {
  return { project: 'default', stack: 'shop', function: name, min, healthy };
};

describe('time below the minimum', () => {
  it('is counted from the look that found it to the one that finds it well, nowhere apart', async () => {
    const clock = new SimulatedClock();
    const watch = watchMinimum(clock);
    const rounds: readonly (readonly [number, number])[] = [[2, 1], [1, 1], [0, 1], [1, 0], [2, 1]]; // biome-ignore format: [web, api] healthy
    for (const [web, api] of rounds) {
      watch.round(() => [look('web', 2, web), look('api', 1, api)]);
      await clock.advance(1_000);
    }
    assert.deepEqual(watch.totals(), [
      { project: 'default', stack: 'shop', function: 'api', seconds: 1, nowhereSeconds: 1 },
      { project: 'default', stack: 'shop', function: 'web', seconds: 3, nowhereSeconds: 1 },
    ]);
  });

  it('counts nothing of what was well all the time', async () => {
    const clock = new SimulatedClock();
    const watch = watchMinimum(clock);
    for (let round = 0; round < 5; round++) {
      watch.round(() => [look('web', 2, 3)]);
      await clock.advance(1_000);
    }
    assert.deepEqual(watch.totals(), []);
  });

  it('looks less often when a look takes long', () => {
    let now = 0;
    let looks = 0;
    const watch = watchMinimum({ monotonic: () => now });
    for (; now < 10_000; now += 100) {
      watch.round(() => {
        looks++;
        now += 50; // a very large fleet
        return [];
      });
    }
    assert.ok(looks > 5 && looks <= 11, `${looks} looks of 50 ms in ${now} ms`);
  });
});
