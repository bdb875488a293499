import { actingAs, createdBy } from './ensure.ts';
import type { Action } from './types.ts';

/** The undo that an ensure of an earlier transaction owes on a cluster that has returned; itself forward only. */
export const settleEnsure: Action<'settleEnsure'> = {
  name: 'settleEnsure',
  cluster: (work) => work.cluster,
  location: () => null,
  do: ({ cluster, stack, created, ...as }, context) => ({
    kind: 'command',
    cluster,
    body: {
      kind: 'undoEnsure',
      stack,
      ...actingAs(as),
      // nothing when a person has skipped the step that asks: what is not known is left
      created:
        created.kind === 'known'
          ? [...created.objects]
          : createdBy({ output: context.outputOf(created.by), refusal: undefined }),
    },
  }),
  undo: null,
  undoNeedsOutcome: false,
};
