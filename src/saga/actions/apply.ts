import type { Action } from './types.ts';

export const apply: Action<'apply'> = {
  name: 'apply',
  cluster: (work) => work.location.cluster,
  location: (work) => work.location,
  do: ({ location, revision, bundle }, context) => ({
    kind: 'command',
    cluster: location.cluster,
    body: { kind: 'apply', location, revision, bundle, preImages: context.preImages(location) },
  }),
  undo: ({ location, bundle, previous }, context) => ({
    kind: 'command',
    cluster: location.cluster,
    body: { kind: 'undo', location, bundle, preImages: context.preImages(location), previous },
  }),
  undoNeedsOutcome: false,
};
