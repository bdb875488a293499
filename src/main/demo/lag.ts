/** How long this process could not do what it was due to do: its event loop was busy, or the machine gave it no time. */
import type { Cancel, Clock } from '../../base/index.ts';

const TICK_MS = 25;

export interface LagWatch {
  /** Ends it; answers the milliseconds that were lost since it began, all standstills together. */
  stop(): number;
}

export function watchLag(clock: Clock): LagWatch {
  let lostMs = 0;
  let dueMs = 0;
  let cancel: Cancel;
  const late = () => Math.max(0, clock.monotonic() - dueMs);
  const tick = () => {
    dueMs = clock.monotonic() + TICK_MS;
    cancel = clock.after(TICK_MS, () => {
      lostMs += late();
      tick();
    });
  };
  tick();
  return {
    stop() {
      cancel();
      return lostMs + late();
    },
  };
}
