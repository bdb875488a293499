/**
 * Drifts on their way into the hub's journal: each is sent, kept until the hub says that it is journaled, and sent again on
 * the next line; what is kept for longer is remembered in the cluster, so that an agent that starts anew still tells it.
 */
import { type Cancel, type Clock, errorText, type Logger, limits } from '../../base/index.ts';
import type { AgentMessage } from '../../protocol/index.ts';
import type { Memory } from './memory.ts';

export type Drift = Extract<AgentMessage, { kind: 'drift' }> & { readonly id: string };

export interface DriftOutbox {
  add(drift: Drift): void;
  journaled(id: string): void;
  /** A new line stands. */
  resend(): void;
  /** Resolves when what is kept is remembered. */
  stop(): Promise<void>;
}

export interface DriftOutboxOptions {
  readonly memory: Memory;
  readonly clock: Clock;
  readonly logger: Logger;
  /** False: there is no line. */
  send(drift: Drift): boolean;
}

/** A hub that is there has answered by then, and nothing need be written. */
const REMEMBER_AFTER_MS = 1_000;

export function createDriftOutbox({ memory, clock, logger, send }: DriftOutboxOptions): DriftOutbox {
  const kept = new Map<string, Drift>((memory.state.drifts ?? []).map((drift) => [drift.id, drift]));
  let bytes = [...kept.values()].reduce((total, drift) => total + sizeOf(drift), 0);
  let cancel: Cancel | undefined;

  function forget(id: string): Drift | undefined {
    const drift = kept.get(id);
    if (drift === undefined) return undefined;
    kept.delete(id);
    bytes -= sizeOf(drift);
    return drift;
  }
  /** The oldest goes, and the one after it says so. */
  function fit(): void {
    while (kept.size > limits.agentDriftsKeptMax || (bytes > limits.agentDriftsKeptBytesMax && kept.size > 1)) {
      const [oldest, next] = [...kept.values()] as [Drift, Drift];
      forget(oldest.id);
      const leftOut = 1 + (oldest.leftOut ?? 0) + (next.leftOut ?? 0);
      bytes -= sizeOf(next);
      kept.set(next.id, { ...next, leftOut });
      bytes += sizeOf(kept.get(next.id) as Drift);
    }
  }
  async function remember(): Promise<void> {
    cancel?.();
    cancel = undefined;
    const before = memory.state.drifts ?? [];
    if (before.length === 0 && kept.size === 0) return;
    const drifts = [...kept.values()];
    await memory
      .update(({ drifts: _before, ...state }) => (drifts.length === 0 ? state : { ...state, drifts }))
      .catch((error: unknown) => logger.warn({ error: errorText(error) }, 'drifts could not be remembered'));
  }
  function rememberAfter(waitMs: number): void {
    cancel ??= clock.after(waitMs, () => void remember());
  }
  return {
    add(drift) {
      if (kept.has(drift.id)) return;
      kept.set(drift.id, drift);
      bytes += sizeOf(drift);
      fit();
      rememberAfter(send(drift) ? REMEMBER_AFTER_MS : 0);
    },
    journaled(id) {
      if (forget(id) !== undefined) rememberAfter(REMEMBER_AFTER_MS);
    },
    resend() {
      for (const drift of kept.values()) if (!send(drift)) return;
    },
    stop: remember,
  };
}

function sizeOf(drift: Drift): number {
  return JSON.stringify(drift).length;
}
