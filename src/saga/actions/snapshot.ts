import type { Action } from './types.ts';

/** Reads the pre-images; what every undo and every proof of an undo rests on. */
export const snapshot: Action<'snapshot'> = {
  name: 'snapshot',
  cluster: (work) => work.location.cluster,
  location: (work) => work.location,
  do: ({ location, bundle, previous }) => ({
    kind: 'command',
    cluster: location.cluster,
    body: { kind: 'snapshot', location, bundle, previous },
  }),
  undo: null,
  undoNeedsOutcome: false,
};
