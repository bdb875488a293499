import type { Action } from './types.ts';

export const gate: Action<'gate'> = {
  name: 'gate',
  cluster: (work) => work.location.cluster,
  location: (work) => work.location,
  do: ({ location, bundle, deadlineMs }) => ({
    kind: 'command',
    cluster: location.cluster,
    body: { kind: 'gate', location, bundle, deadlineMs },
  }),
  undo: null,
  undoNeedsOutcome: false,
};
