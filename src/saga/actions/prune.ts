import type { Action } from './types.ts';

/** After the decision only: a deleted object does not come back as it was. */
export const prune: Action<'prune'> = {
  name: 'prune',
  cluster: (work) => work.location.cluster,
  location: (work) => work.location,
  do: ({ location, objects, bundle }) => ({
    kind: 'command',
    cluster: location.cluster,
    body: { kind: 'prune', location, objects: [...objects], keep: bundle },
  }),
  undo: null,
  undoNeedsOutcome: false,
};
