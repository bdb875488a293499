/** Black-box probes: GETs through the clusters' own gateways, twice a second, and what they add up to. */
import type { Clock } from '../../base/index.ts';

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
}

export interface Tally {
  readonly probes: number;
  /** Seconds with fewer serving locations than `min`, each sample standing until the next. */
  readonly belowMinSeconds: number;
  readonly nowhereSeconds: number;
}

/** Adds up one function's samples, which must be in order. */
export function tally(samples: readonly Sample[], min: number): Tally {
  let belowMinMs = 0;
  let nowhereMs = 0;
  samples.forEach((sample, index) => {
    const lastedMs = (samples[index + 1]?.atMs ?? sample.atMs) - sample.atMs;
    if (sample.servedBy.length < min) belowMinMs += lastedMs;
    if (sample.servedBy.length === 0) nowhereMs += lastedMs;
  });
  // a last sample that found nothing counts as one instant, so that it can never pass unseen
  if (samples.at(-1)?.servedBy.length === 0) nowhereMs += 1;
  return { probes: samples.length, belowMinSeconds: belowMinMs / 1000, nowhereSeconds: nowhereMs / 1000 };
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
    const served = await Promise.all(
      targets.map(async (target) => ((await get(target.url, timeoutMs)) ? target : undefined)),
    );
    for (const name of functions) {
      const servedBy = served.flatMap((target) => (target?.function === name ? [target.cluster] : [])).sort();
      samples.get(name)?.push({ atMs, function: name, servedBy });
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
