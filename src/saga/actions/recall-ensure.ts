import { saysNothing } from '../silence.ts';
import { actingAs, createdBy } from './ensure.ts';
import type { Action } from './types.ts';

/**
 * The agent remembers what it answered under a command id, so asking once more under that id says what was created without
 * doing it twice; one that it never heard of is done now, and undone by the step that follows.
 */
export const recallEnsure: Action<'recallEnsure'> = {
  name: 'recallEnsure',
  cluster: (work) => work.cluster,
  location: () => null,
  do: ({ cluster, stack, command, objects, ...as }) => ({
    kind: 'command',
    cluster,
    id: command,
    body: { kind: 'ensure', stack, ...actingAs(as), objects: [...objects] },
  }),
  undo: null,
  undoNeedsOutcome: false,
  // a refusal is an answer, too: what it had created until then
  judge: (_, outcome) =>
    outcome.kind === 'done' || saysNothing(outcome.refusal)
      ? outcome
      : {
          kind: 'done',
          value: { kind: 'ensure', created: createdBy({ output: undefined, refusal: outcome.refusal }), existed: [] },
        },
};
