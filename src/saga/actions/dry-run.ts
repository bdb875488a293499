import type { Action } from './types.ts';

export const dryRun: Action<'dryRun'> = {
  name: 'dryRun',
  cluster: (work) => work.location.cluster,
  location: (work) => work.location,
  do: ({ location, bundle, pending }) => ({
    kind: 'command',
    cluster: location.cluster,
    body: { kind: 'dryRun', location, bundle, pending: [...pending] },
  }),
  undo: null,
  undoNeedsOutcome: false,
};
