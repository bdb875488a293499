import type { Action } from './types.ts';

/** Brings what is wanted to a cluster that was away when it was decided; forward only, as that decision stands. */
export const settleApply: Action<'settleApply'> = {
  name: 'settleApply',
  cluster: (work) => work.location.cluster,
  location: (work) => work.location,
  do: ({ location, revision, bundle }, context) => ({
    kind: 'command',
    cluster: location.cluster,
    body: { kind: 'apply', location, revision, bundle, preImages: context.preImages(location) },
  }),
  undo: null,
  undoNeedsOutcome: false,
};
