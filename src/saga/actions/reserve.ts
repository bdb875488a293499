import type { Action } from './types.ts';

/** Keeps room on a cluster for what is about to run there. Released by the undo, and by the end of the transaction. */
export const reserve: Action<'reserve'> = {
  name: 'reserve',
  cluster: (work) => work.location.cluster,
  location: (work) => work.location,
  do: ({ location, cpuMilli, memoryBytes, pods }) => ({
    kind: 'reserve',
    location,
    need: { cpuMilli, memoryBytes, pods },
  }),
  undo: () => ({ kind: 'release' }),
  undoNeedsOutcome: false,
};
