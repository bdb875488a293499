import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from './clock.ts';
import { SimulatedProcess } from './clock-process.ts';
import { SimulatedClock } from './clock-simulated.ts';
import { createIds } from './ids.ts';
import { backoffMs, deriveRandom, randomInt, seededRandom, systemRandom } from './random.ts';

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

describe('simulated clock: many timers', () => {
  it('runs them as a sorted list would, whichever are cancelled', async () => {
    const random = seededRandom(7);
    const clock = new SimulatedClock(0);
    const ran: number[] = [];
    const set = Array.from({ length: 2_000 }, (_, order) => {
      const atMs = randomInt(random, 300);
      return { order, atMs, cancel: clock.after(atMs, () => ran.push(order)) };
    });
    const kept = set.filter(({ cancel }) => {
      const goes = random.next() < 0.3;
      if (goes) cancel();
      return !goes;
    });
    await clock.advance(300);
    const expected = kept.toSorted((a, b) => a.atMs - b.atMs || a.order - b.order).map(({ order }) => order);
    assert.deepEqual(ran, expected);
    assert.equal(clock.nextTimer(), undefined);
  });

  it('step runs one timer and what waits on it', async () => {
    const clock = new SimulatedClock(0);
    const seen: number[] = [];
    for (const ms of [5, 5, 9]) void clock.sleep(ms).then(() => seen.push(clock.now()));
    assert.equal(await clock.step(8), true);
    assert.deepEqual(seen, [5]);
    assert.equal(await clock.step(8), true);
    assert.equal(await clock.step(8), false);
    assert.equal(clock.now(), 5);
    assert.equal(await clock.step(), true);
    assert.deepEqual(seen, [5, 5, 9]);
  });
});

describe('simulated process', () => {
  it('never runs again once killed: no timer, no answer, nothing handed in', async () => {
    const clock = new SimulatedClock(0);
    const process = new SimulatedProcess(clock);
    const seen: string[] = [];
    process.after(10, () => seen.push('timer'));
    void process.sleep(10).then(() => seen.push('slept'));
    void process.alive(clock.sleep(10)).then(() => seen.push('answered'));
    process.onDeath(() => seen.push('died'));
    await clock.advance(5);
    process.kill();
    process.kill();
    process.deliver(() => seen.push('delivered'));
    process.after(1, () => seen.push('set after death'));
    await clock.advance(100);
    assert.deepEqual(seen, ['died']);
  });

  it('one that stands still hears all of it at once when it goes on, in order', async () => {
    const clock = new SimulatedClock(0);
    const process = new SimulatedProcess(clock);
    const seen: string[] = [];
    process.after(10, () => seen.push(`a@${process.monotonic()}`));
    const cancel = process.after(15, () => seen.push('cancelled while it stood still'));
    process.after(20, () => seen.push(`b@${process.monotonic()}`));
    process.halt();
    await clock.advance(50);
    assert.deepEqual(seen, []);
    cancel();
    process.resume();
    assert.deepEqual(seen, ['a@50', 'b@50']);
  });

  it('its wall clock may be wrong and jump; durations stay', async () => {
    const clock = new SimulatedClock(1_000);
    const process = new SimulatedProcess(clock, 30);
    process.jump(-500);
    assert.equal(process.now(), 530);
    let ran = 0;
    process.after(10, () => ran++);
    await clock.advance(10);
    assert.equal(ran, 1);
    assert.equal(process.monotonic(), 10);
  });
});

describe('ids and randomness', () => {
  it('streams of one seed repeat, and differ by name and by seed', () => {
    const draw = (seed: number, name: string) => deriveRandom(seed, name).bytes(8);
    assert.deepEqual(draw(1, 'network'), draw(1, 'network'));
    assert.notDeepEqual(draw(1, 'network'), draw(1, 'people'));
    assert.notDeepEqual(draw(1, 'network'), draw(2, 'network'));
  });

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
