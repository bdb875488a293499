/** Heartbeats as silence and steadiness, counted only while the hub itself was awake. */
import type { Clock } from '../base/index.ts';
import type { ClusterSignals, HealthTimers } from './types.ts';

export interface Heartbeats {
  /** To be called at each round, with the time at which the round was due (monotonic): a late one means that the hub was away. */
  round(dueMs: number): void;
  /** Since the hub began to listen or came back. */
  awakeMs(): number;
  of(cluster: string): { readonly silentMs: number; readonly heard: boolean; readonly steadyMs: number };
}

export function watchHeartbeats(
  clock: Clock,
  signals: Pick<ClusterSignals, 'lastHeartbeatMs'>,
  timers: HealthTimers,
): Heartbeats {
  let awakeSince = clock.monotonic();
  let wallOfLastRound = clock.now();
  let lastRound = awakeSince;
  const steady = new Map<string, { lastMs: number; sinceMs: number }>();

  const steadySince = (cluster: string, lastMs: number): number => {
    const known = steady.get(cluster);
    const gap = known === undefined || lastMs - known.lastMs >= timers.suspectAfterMs;
    const sinceMs = gap ? lastMs : known.sinceMs;
    if (known?.lastMs !== lastMs) steady.set(cluster, { lastMs, sinceMs });
    return sinceMs;
  };

  return {
    round(dueMs) {
      const now = clock.monotonic();
      // a machine that slept moves its wall clock on, not always its monotonic one
      const slept = clock.now() - wallOfLastRound - (now - lastRound);
      if (now - dueMs >= timers.suspectAfterMs || slept >= timers.suspectAfterMs) awakeSince = now;
      wallOfLastRound = clock.now();
      lastRound = now;
    },
    awakeMs: () => clock.monotonic() - awakeSince,
    of(cluster) {
      const now = clock.monotonic();
      const lastMs = signals.lastHeartbeatMs(cluster);
      if (lastMs === undefined) return { silentMs: now - awakeSince, heard: false, steadyMs: 0 };
      const silentMs = now - Math.max(lastMs, awakeSince);
      const sinceMs = steadySince(cluster, lastMs);
      // silence that began before the hub was away is forgiven, but it is no heartbeat
      const heard = now - lastMs < timers.suspectAfterMs;
      return { silentMs, heard, steadyMs: heard ? now - sinceMs : 0 };
    },
  };
}
