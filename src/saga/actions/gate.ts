import type { Action } from './types.ts';

const MARGIN_MS_MAX = 2_000;

/** Ends a little before the transaction's deadline: the refusal says what was not ready and why, which the deadline cannot. */
function gateMs(deadlineMs: number, remainingMs: number | null): number {
  if (remainingMs === null) return deadlineMs;
  return Math.min(deadlineMs, Math.floor(remainingMs - Math.min(MARGIN_MS_MAX, remainingMs / 10)));
}

export const gate: Action<'gate'> = {
  name: 'gate',
  cluster: (work) => work.location.cluster,
  location: (work) => work.location,
  do: ({ location, bundle, deadlineMs, minReadyMs }, { remainingMs }) => ({
    kind: 'command',
    cluster: location.cluster,
    body: {
      ...{ kind: 'gate', location, bundle, deadlineMs: gateMs(deadlineMs, remainingMs) },
      ...(minReadyMs === undefined ? {} : { minReadyMs }),
    },
  }),
  undo: null,
  undoNeedsOutcome: false,
};
