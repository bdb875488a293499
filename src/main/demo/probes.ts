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
  /** Milliseconds until the first of them answered; infinite: none did. */
  readonly afterMs: number;
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
  /** The longest that somebody who asked everywhere waited for the first answer, where there was one. */
  readonly slowestSeconds: number;
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
    slowestSeconds: Math.max(0, ...samples.map(({ afterMs }) => afterMs).filter(Number.isFinite)) / 1000,
    notMeasuredSeconds: notMeasuredMs / 1000,
  };
}

export interface Prober {
  samples(functionName: string): readonly Sample[];
  /** Where it is served, by the newest word of each cluster. */
  servedBy(functionName: string): readonly string[];
  /** Resolves when whatever has been asked until now is answered, or late. */
  settled(): Promise<void>;
  /** Forgets what was seen so far. */
  restart(): void;
  stop(): Promise<void>;
}

export interface ProberOptions {
  readonly targets: readonly ProbeTarget[];
  readonly clock: Clock;
  readonly everyMs: number;
  readonly timeoutMs: number;
  readonly get: (url: string, timeoutMs: number) => Promise<boolean>;
}

/** Asks every target each `everyMs`, whoever is still to answer; an answer later than `timeoutMs` is none. */
export function startProber(options: ProberOptions): Prober {
  const { targets, clock, everyMs, timeoutMs } = options;
  const functions = [...new Set(targets.map((target) => target.function))];
  const samples = new Map<string, Sample[]>(functions.map((name) => [name, []]));
  const newest = new Map<ProbeTarget, { readonly atMs: number; readonly served: boolean }>();
  const stopped = new AbortController();

  async function ask(target: ProbeTarget, atMs: number): Promise<Answer> {
    const served = await options.get(target.url, timeoutMs);
    if (atMs >= (newest.get(target)?.atMs ?? atMs)) newest.set(target, { atMs, served });
    return { target, served, afterMs: clock.monotonic() - atMs };
  }
  async function round(): Promise<() => void> {
    const atMs = clock.monotonic();
    const lag = watchLag(clock);
    const answers = await Promise.all(targets.map((target) => ask(target, atMs)));
    const blind = lag.stop() > timeoutMs / 2;
    return () => {
      for (const name of functions) samples.get(name)?.push(sampleOf(name, atMs, answers, blind));
    };
  }
  /** Rounds overlap where answers are slow; their samples stand in the order in which they began. */
  let told = Promise.resolve();
  async function loop() {
    while (!stopped.signal.aborted) {
      const startedMs = clock.monotonic();
      const [before, under] = [told, round()];
      told = before.then(async () => (await under)());
      await clock.sleep(Math.max(0, everyMs - (clock.monotonic() - startedMs)), stopped.signal);
    }
  }
  const finished = loop();

  return {
    samples: (name) => samples.get(name) ?? [],
    servedBy: (name) =>
      targets
        .filter((target) => target.function === name && newest.get(target)?.served === true)
        .map(({ cluster }) => cluster)
        .sort(),
    settled: () => told,
    restart() {
      for (const name of functions) samples.set(name, samples.get(name)?.slice(-1) ?? []);
    },
    async stop() {
      stopped.abort();
      await finished;
      await told;
    },
  };
}

interface Answer {
  readonly target: ProbeTarget;
  readonly served: boolean;
  readonly afterMs: number;
}

function sampleOf(name: string, atMs: number, answers: readonly Answer[], blind: boolean): Sample {
  const served = answers.filter((answer) => answer.served && answer.target.function === name);
  return {
    ...{ atMs, function: name, blind },
    servedBy: served.map(({ target }) => target.cluster).sort(),
    afterMs: Math.min(...served.map(({ afterMs }) => afterMs)),
  };
}
