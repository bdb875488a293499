import type { Action } from './types.ts';

export const soak: Action<'soak'> = {
  name: 'soak',
  cluster: () => null,
  location: () => null,
  do: ({ durationMs }) => ({ kind: 'wait', durationMs }),
  undo: null,
  undoNeedsOutcome: false,
};
