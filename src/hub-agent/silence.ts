/** When a peer counts as silent; for both ends of the line. */
import type { Clock } from '../base/index.ts';

/** A line without a word for so many heartbeats is dead: what is under way on it becomes `unknown`. */
const SILENT_HEARTBEATS_MAX = 3;

export interface Silence {
  /** To be called each heartbeat; answers the time (Clock.monotonic()) before which a last word is too old. */
  look(): number;
}

/**
 * A look that comes a whole heartbeat late means that this process itself stood still (a loaded machine, one that slept): what
 * was said to it meanwhile is yet to be read, for timers run before sockets, and everybody is given the full time again.
 */
export function watchSilence(clock: Clock, heartbeatMs: number): Silence {
  let lastMs = clock.monotonic();
  let awakeMs = lastMs;
  return {
    look() {
      const now = clock.monotonic();
      if (now - lastMs >= 2 * heartbeatMs) awakeMs = now;
      lastMs = now;
      const deadline = now - SILENT_HEARTBEATS_MAX * heartbeatMs;
      return awakeMs > deadline ? Number.NEGATIVE_INFINITY : deadline;
    },
  };
}
