import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Clock, SimulatedClock } from '../../base/index.ts';
import { type Sample, startProber, tally } from './probes.ts';

const at = (atMs: number, ...servedBy: string[]): Sample => ({
  ...{ atMs, function: 'f', servedBy, blind: false },
  afterMs: servedBy.length === 0 ? Number.POSITIVE_INFINITY : atMs / 10,
});
const blind = (atMs: number, ...servedBy: string[]): Sample => ({ ...at(atMs, ...servedBy), blind: true });

describe('probe tally', () => {
  it('a sample stands until the next one', () => {
    const samples = [at(0, 'eu-1', 'us-1'), at(500, 'eu-1'), at(1_500), at(2_000, 'us-2'), at(2_500, 'us-1', 'us-2')];
    const all = { probes: 5, seconds: 2.5, slowestSeconds: 0.25, notMeasuredSeconds: 0 };
    assert.deepEqual(tally(samples, 2), { ...all, belowMinSeconds: 2, nowhereSeconds: 0.5 });
    assert.deepEqual(tally(samples, 1), { ...all, belowMinSeconds: 0.5, nowhereSeconds: 0.5 });
  });

  it('a last sample that found nothing is never a zero', () => {
    assert.ok(tally([at(0, 'eu-1'), at(500)], 1).nowhereSeconds > 0);
    const none = { probes: 0, seconds: 0, belowMinSeconds: 0, nowhereSeconds: 0 };
    const nothing = { slowestSeconds: 0, notMeasuredSeconds: 0 };
    assert.deepEqual(tally([], 1), { ...none, ...nothing });
  });

  it('of a blind sample only what it heard counts; the rest is not measured, and no outage', () => {
    const seen = tally([at(0, 'eu-1', 'us-1'), blind(500), at(1_700, 'eu-1', 'us-1'), at(2_200, 'eu-1', 'us-1')], 2);
    assert.deepEqual(seen, {
      ...{ probes: 4, seconds: 2.2, slowestSeconds: 0.22 },
      ...{ belowMinSeconds: 0, nowhereSeconds: 0, notMeasuredSeconds: 1.2 },
    });
    assert.equal(tally([blind(0, 'eu-1', 'us-1'), at(500)], 2).notMeasuredSeconds, 0, 'they all answered');
    const outage = tally([at(0), blind(500), at(1_000), blind(1_500), at(2_000, 'eu-1')], 1);
    assert.deepEqual([outage.nowhereSeconds, outage.notMeasuredSeconds], [1, 1], 'what was seen stays seen');
  });

  it('a sample tells nothing of the time in which the prober slept on', () => {
    const served = tally([at(0, 'eu-1'), at(5_000, 'eu-1')], 1);
    assert.deepEqual([served.nowhereSeconds, served.notMeasuredSeconds], [0, 4]);
    const gone = tally([at(0), at(5_000, 'eu-1')], 1);
    assert.deepEqual([gone.nowhereSeconds, gone.notMeasuredSeconds], [1, 4]);
  });
});

it('the prober asks every target each round, and says who answered', async () => {
  const clock = new SimulatedClock(0);
  const down = new Set<string>();
  const prober = startProber({
    targets: [
      { function: 'f', cluster: 'eu-1', url: 'eu' },
      { function: 'f', cluster: 'us-1', url: 'us' },
    ],
    clock,
    everyMs: 500,
    timeoutMs: 400,
    get: async (url) => !down.has(url),
  });
  await clock.advance(900);
  down.add('eu');
  await clock.advance(1_000);
  assert.deepEqual(prober.servedBy('f'), ['us-1']);
  assert.deepEqual(
    prober.samples('f').map((sample) => sample.servedBy.length),
    [2, 2, 1, 1],
  );
  const stopping = prober.stop();
  await clock.advance(600);
  await stopping;
});

it('a round in which the process stood still is blind: its timeouts fire before the answers are read', async () => {
  const simulated = new SimulatedClock(0);
  let stoodMs = 0;
  const clock: Clock = {
    now: () => simulated.now(),
    monotonic: () => simulated.monotonic() + stoodMs,
    after: (delayMs, run) => simulated.after(delayMs, run),
    sleep: (delayMs, signal) => simulated.sleep(delayMs, signal),
  };
  let stands = false;
  const prober = startProber({
    targets: [{ function: 'f', cluster: 'eu-1', url: 'eu' }],
    ...{ clock, everyMs: 500, timeoutMs: 400 },
    async get() {
      await simulated.sleep(100);
      if (stands) stoodMs += 1_100;
      return !stands;
    },
  });
  await simulated.advance(900);
  stands = true;
  await simulated.advance(200);
  stands = false;
  await simulated.advance(900);
  const [first, , still, after] = prober.samples('f');
  assert.deepEqual([first?.blind, still?.blind, after?.blind], [false, true, false]);
  const seen = tally(prober.samples('f'), 1);
  assert.equal(seen.nowhereSeconds, 0);
  assert.ok(seen.notMeasuredSeconds >= 1.1, String(seen.notMeasuredSeconds));
  const stopping = prober.stop();
  await simulated.advance(600);
  await stopping;
});

it('functions that are silent are an outage when the prober had its time', async () => {
  const clock = new SimulatedClock(0);
  const prober = startProber({
    targets: [{ function: 'f', cluster: 'eu-1', url: 'eu' }],
    ...{ clock, everyMs: 500, timeoutMs: 400 },
    async get(_url, timeoutMs) {
      await clock.sleep(timeoutMs);
      return false;
    },
  });
  await clock.advance(1_900);
  const seen = tally(prober.samples('f'), 1);
  assert.ok(seen.nowhereSeconds >= 1 && seen.notMeasuredSeconds === 0, JSON.stringify(seen));
  const stopping = prober.stop();
  await clock.advance(1_000);
  await stopping;
});

it('a slow answer is an answer: rounds begin in their time meanwhile, and their samples keep the order', async () => {
  const clock = new SimulatedClock(0);
  let slowMs = 0;
  const prober = startProber({
    targets: [{ function: 'f', cluster: 'eu-1', url: 'eu' }],
    ...{ clock, everyMs: 500, timeoutMs: 2_000 },
    async get(_url, timeoutMs) {
      const takesMs = slowMs;
      await clock.sleep(Math.min(takesMs, timeoutMs));
      return takesMs < timeoutMs;
    },
  });
  await clock.advance(900);
  slowMs = 1_700;
  await clock.advance(600); // two slow rounds
  slowMs = 0;
  await clock.advance(900);
  assert.equal(prober.samples('f').length, 2, 'the quick ones after them wait for them');
  assert.deepEqual(prober.servedBy('f'), ['eu-1'], 'but are known');
  await clock.advance(1_000);
  await prober.settled();
  const seen = prober.samples('f');
  assert.deepEqual(seen.map(({ atMs, afterMs }) => [atMs, afterMs]).slice(0, 5), [
    [0, 0],
    [500, 0],
    [1_000, 1_700],
    [1_500, 1_700],
    [2_000, 0],
  ]);
  const { nowhereSeconds, slowestSeconds } = tally(seen, 1);
  assert.deepEqual([nowhereSeconds, slowestSeconds], [0, 1.7]);
  const stopping = prober.stop();
  await clock.advance(1_000);
  await stopping;
});
