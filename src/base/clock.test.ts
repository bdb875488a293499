import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from './clock.ts';
import { SimulatedClock } from './clock-simulated.ts';
import { createIds } from './ids.ts';
import { backoffMs, seededRandom, systemRandom } from './random.ts';

describe('simulated clock', () => {
  it('runs timers in the order of their time, then of their making, and shows each its own time', async () => {
    const clock = new SimulatedClock(1_000);
    const seen: string[] = [];
    clock.after(20, () => seen.push(`b@${clock.now()}`));
    clock.after(10, () => {
      seen.push(`a@${clock.now()}`);
      clock.after(5, () => seen.push(`nested@${clock.now()}`));
    });
    clock.after(20, () => seen.push(`c@${clock.now()}`));
    const cancel = clock.after(15, () => seen.push('cancelled'));
    cancel();
    await clock.advance(30);
    assert.deepEqual(seen, ['a@1010', 'nested@1015', 'b@1020', 'c@1020']);
    assert.equal(clock.now(), 1_030);
    assert.equal(clock.monotonic(), 30);
  });

  it('lets what waits on a promise go on between two timers', async () => {
    const clock = new SimulatedClock(0);
    const times: number[] = [];
    const loop = async () => {
      for (let i = 0; i < 3; i++) {
        await clock.sleep(10);
        times.push(clock.now());
      }
    };
    const finished = loop();
    await clock.advance(35);
    await finished;
    assert.deepEqual(times, [10, 20, 30]);
  });

  it('sleep ends at once when its signal is aborted, and leaves no timer', async () => {
    const clock = new SimulatedClock();
    const abort = new AbortController();
    const sleeping = clock.sleep(1_000, abort.signal);
    abort.abort();
    await sleeping;
    assert.equal(clock.nextTimer(), undefined);
    await systemClock.sleep(60_000, AbortSignal.abort());
  });
});

describe('ids and randomness', () => {
  it('ids sort as they were made, also within one millisecond and when the clock goes back', () => {
    let now = 5_000;
    const ids = createIds({ ...systemClock, now: () => now-- }, seededRandom(1));
    const made = Array.from({ length: 50 }, () => ids.next('tx'));
    assert.deepEqual(made.toSorted(), made);
    assert.equal(new Set(made).size, 50);
    for (const id of made) assert.match(id, /^tx-[0-9a-z]{20}$/);
  });

  it('a seed repeats; bytes and back-off stay within their bounds', () => {
    assert.deepEqual(seededRandom(3).bytes(8), seededRandom(3).bytes(8));
    assert.notDeepEqual(seededRandom(3).bytes(8), seededRandom(4).bytes(8));
    for (let attempt = 0; attempt < 60; attempt++) {
      const ms = backoffMs(systemRandom, attempt, 100, 5_000);
      const base = Math.min(5_000, 100 * 2 ** attempt);
      assert.ok(ms >= base / 2 - 1 && ms <= base, `${ms} at attempt ${attempt}`);
    }
  });
});
