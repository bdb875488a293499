/** For how long functions have had fewer healthy locations than their minimum, as the hub has seen it: what an SLO is made of. */
import type { Clock } from '../base/index.ts';
import type { FunctionView } from '../stacks/types.ts';
import type { BelowMinimum } from './types.ts';

type Look = Pick<FunctionView, 'project' | 'stack' | 'function' | 'min' | 'healthy'>;

/** A look at every function takes at most this share of the time, however many there are. */
const BUSY_SHARE_MAX = 0.05;

export interface MinimumWatch {
  /** Looks, if it is time to. Between two looks a function counts as it was at the first. */
  round(functions: () => readonly Look[]): void;
  /** Functions that have ever been below in this hub's life, by name. */
  totals(): readonly BelowMinimum[];
}

export function watchMinimum(clock: Pick<Clock, 'monotonic'>): MinimumWatch {
  const totals = new Map<string, { -readonly [K in keyof BelowMinimum]: BelowMinimum[K] }>();
  let below: readonly Look[] = [];
  let lookedMs = clock.monotonic();
  let notBeforeMs = lookedMs;
  return {
    round(functions) {
      const startMs = clock.monotonic();
      if (startMs < notBeforeMs) return;
      const seconds = (startMs - lookedMs) / 1_000;
      for (const { project, stack, function: name, healthy } of below) {
        const key = `${project}/${stack}/${name}`;
        const total = totals.get(key) ?? { project, stack, function: name, seconds: 0, nowhereSeconds: 0 };
        total.seconds += seconds;
        if (healthy === 0) total.nowhereSeconds += seconds;
        totals.set(key, total);
      }
      below = functions().filter(({ healthy, min }) => healthy < min);
      lookedMs = startMs;
      notBeforeMs = startMs + (clock.monotonic() - startMs) / BUSY_SHARE_MAX;
    },
    totals: () => [...totals].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, total]) => ({ ...total })),
  };
}
