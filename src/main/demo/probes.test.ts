import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SimulatedClock } from '../../base/index.ts';
import { type Sample, startProber, tally } from './probes.ts';

const at = (atMs: number, ...servedBy: string[]): Sample => ({ atMs, function: 'f', servedBy });

describe('probe tally', () => {
  it('a sample stands until the next one', () => {
    const samples = [at(0, 'eu-1', 'us-1'), at(500, 'eu-1'), at(1_500), at(2_000, 'us-2'), at(2_500, 'us-1', 'us-2')];
    assert.deepEqual(tally(samples, 2), { probes: 5, belowMinSeconds: 2, nowhereSeconds: 0.5 });
    assert.deepEqual(tally(samples, 1), { probes: 5, belowMinSeconds: 0.5, nowhereSeconds: 0.5 });
  });

  it('a last sample that found nothing is never a zero', () => {
    assert.ok(tally([at(0, 'eu-1'), at(500)], 1).nowhereSeconds > 0);
    assert.deepEqual(tally([], 1), { probes: 0, belowMinSeconds: 0, nowhereSeconds: 0 });
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
