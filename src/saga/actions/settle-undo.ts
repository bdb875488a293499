import type { Action } from './types.ts';

/** The undo that an earlier transaction owes on a cluster that has returned; itself forward only. */
export const settleUndo: Action<'settleUndo'> = {
  name: 'settleUndo',
  cluster: (work) => work.location.cluster,
  location: (work) => work.location,
  do: ({ location, bundle, preImages, previous }) => ({
    kind: 'command',
    cluster: location.cluster,
    body: { kind: 'undo', location, bundle, preImages, previous },
  }),
  undo: null,
  undoNeedsOutcome: false,
};
