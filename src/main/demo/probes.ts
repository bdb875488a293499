/**
 * Black-box probes: GETs through the clusters' own gateways, twice a second, and what they add up to. Where the prober itself
 * stood still, silence says nothing: that time counts as not measured, never as served and never as an outage.
 */
import type { Clock } from '../../base/index.ts';
import { watchLag } from './lag.ts';

/** Where one function can be asked for on one cluster. */
export interface ProbeTarget {
  readonly function: string;
  readonly cluster: string;
  readonly url: string;
}

/** At `atMs` (Clock.monotonic) the function was served by these clusters. */
export interface Sample {
  readonly atMs: number;
  readonly function: string;
  readonly servedBy: readonly string[];
  /** The prober had not the time to hear everybody: who answered did, who did not may have. */
  readonly blind: boolean;
}

export interface Tally {
  readonly probes: number;
  /** Seconds from the first sample to the last. */
  readonly seconds: number;
  /** Seconds with fewer serving locations than `min`, each sample standing until the next. */
  readonly belowMinSeconds: number;
  readonly nowhereSeconds: number;
  /** Seconds of which nothing is known: the prober itself stood still. */
  readonly notMeasuredSeconds: number;
}

/** A sample tells nothing of what was later than this: the prober slept too long. */
const SAMPLE_STANDS_MS_MAX = 1_000;

/** Adds up one function's samples, which must be in order. */
export function tally(samples: readonly Sample[], min: number): Tally {
  let [belowMinMs, nowhereMs, notMeasuredMs] = [0, 0, 0];
  samples.forEach((sample, index) => {
    const lastedMs = (samples[index + 1]?.atMs ?? sample.atMs) - sample.atMs;
    const stoodMs = sample.blind && sample.servedBy.length < min ? 0 : Math.min(lastedMs, SAMPLE_STANDS_MS_MAX);
    notMeasuredMs += lastedMs - stoodMs;
    if (sample.servedBy.length < min) belowMinMs += stoodMs;
    if (sample.servedBy.length === 0) nowhereMs += stoodMs;
  });
  // a last sample that found nothing counts as one instant, so that it can never pass unseen
  const last = samples.at(-1);
  if (last?.servedBy.length === 0 && !last.blind) nowhereMs += 1;
  return {
    probes: samples.length,
    seconds: ((last?.atMs ?? 0) - (samples[0]?.atMs ?? 0)) / 1000,
    belowMinSeconds: belowMinMs / 1000,
    nowhereSeconds: nowhereMs / 1000,
    notMeasuredSeconds: notMeasuredMs / 1000,
  };
}

export interface Prober {
  samples(functionName: string): readonly Sample[];
  /** Where it was served at the last round. */
  servedBy(functionName: string): readonly string[];
  /** Forgets what was seen so far. */
  restart(): void;
  stop(): Promise<void>;
}

/** Asks every target each `everyMs`; an answer later than `timeoutMs` is none. */
export function startProber(options: {
  readonly targets: readonly ProbeTarget[];
  readonly clock: Clock;
  readonly everyMs: number;
  readonly timeoutMs: number;
  readonly get: (url: string, timeoutMs: number) => Promise<boolean>;
}): Prober {
  const { targets, clock, everyMs, timeoutMs, get } = options;
  const functions = [...new Set(targets.map((target) => target.function))];
  const samples = new Map<string, Sample[]>(functions.map((name) => [name, []]));
  const stopped = new AbortController();

  async function round() {
    const atMs = clock.monotonic();
    const lag = watchLag(clock);
    const served = await Promise.all(
      targets.map(async (target) => ((await get(target.url, timeoutMs)) ? target : undefined)),
    );
    const blind = lag.stop() > timeoutMs / 2;
    for (const name of functions) {
      const servedBy = served.flatMap((target) => (target?.function === name ? [target.cluster] : [])).sort();
      samples.get(name)?.push({ atMs, function: name, servedBy, blind });
    }
  }

  async function loop() {
    while (!stopped.signal.aborted) {
      const startedMs = clock.monotonic();
      await round();
      await clock.sleep(Math.max(0, everyMs - (clock.monotonic() - startedMs)), stopped.signal);
    }
  }
  const finished = loop();

  return {
    samples: (name) => samples.get(name) ?? [],
    servedBy: (name) => samples.get(name)?.at(-1)?.servedBy ?? [],
    restart() {
      for (const name of functions) samples.set(name, samples.get(name)?.slice(-1) ?? []);
    },
    async stop() {
      stopped.abort();
      await finished;
    },
  };
}
