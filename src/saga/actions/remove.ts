import type { Action } from './types.ts';

/** After the decision only. */
export const remove: Action<'remove'> = {
  name: 'remove',
  cluster: (work) => work.location.cluster,
  location: (work) => work.location,
  do: ({ location, previous }) => ({
    kind: 'command',
    cluster: location.cluster,
    body: { kind: 'remove', location, previous },
  }),
  undo: null,
  undoNeedsOutcome: false,
};
