/** From silence to health: which events of the health machine are due, and where they lead. Pure. */
import { advance } from '../base/machine.ts';
import { type HealthEvent, healthMachineV1 } from './machines/health.v1.ts';
import type { Health, HealthRecord, HealthTimers } from './types.ts';

/** Losses that follow each other within this time are flapping. */
export const FLAPPING_WINDOW_MS = 3_600_000;
const QUARANTINE_MS_MAX = 3_600_000;

/** What is known of one cluster at one moment; milliseconds. */
export interface Signal {
  /** Since the last heartbeat, or since the hub began to listen or woke when that was later. */
  readonly silentMs: number;
  /** Whether a heartbeat came within suspectAfterMs. */
  readonly heard: boolean;
  /** For how long heartbeats have come without a gap of suspectAfterMs. */
  readonly steadyMs: number;
  /** Nothing is owed or stale on it. */
  readonly clear: boolean;
}

/** How long a returning cluster must be steady: doubles with each loss of a flapping series, at most an hour. */
export function quarantineMs(losses: number, timers: HealthTimers): number {
  return Math.max(timers.backAfterMs, Math.min(QUARANTINE_MS_MAX, timers.backAfterMs * 2 ** Math.max(0, losses - 1)));
}

/** The health after everything that is due now, in the order passed through (without the one it started in). */
export function healthPath(
  record: Pick<HealthRecord, 'health' | 'losses'>,
  signal: Signal,
  timers: HealthTimers,
): readonly Health[] {
  const path: Health[] = [];
  let health = record.health;
  for (const event of dueEvents(health, record.losses, signal, timers)) {
    const next = step(health, event);
    if (next === health) continue;
    health = next;
    path.push(health);
  }
  return path;
}

/** One event folded in by the machine; the same health when it means nothing there. */
export function step(health: Health, event: HealthEvent): Health {
  const snapshot = healthMachineV1.resolveState({ value: health, context: {} });
  return advance(healthMachineV1, snapshot, event).snapshot.value as Health;
}

function dueEvents(health: Health, losses: number, signal: Signal, timers: HealthTimers): readonly HealthEvent[] {
  if (signal.silentMs >= timers.lostAfterMs) return [{ type: 'silent' }, { type: 'gone' }];
  if (signal.silentMs >= timers.suspectAfterMs) return [{ type: 'silent' }];
  if (!signal.heard) return [];
  const steady = health === 'returning' && signal.clear && signal.steadyMs >= quarantineMs(losses, timers);
  return steady ? [{ type: 'heard' }, { type: 'steady' }] : [{ type: 'heard' }];
}
