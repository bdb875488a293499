import type { Action } from './types.ts';

export const readBack: Action<'readBack'> = {
  name: 'readBack',
  cluster: (work) => work.location.cluster,
  location: (work) => work.location,
  do: ({ location, bundle }) => ({
    kind: 'command',
    cluster: location.cluster,
    body: { kind: 'readBack', location, bundle },
  }),
  undo: null,
  undoNeedsOutcome: false,
};
