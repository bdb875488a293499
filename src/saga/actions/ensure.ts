import { isObject } from '../../base/index.ts';
import type { CommandBody } from '../../protocol/index.ts';
import type { Action, ActionContext } from './types.ts';

type Created = Extract<CommandBody, { kind: 'undoEnsure' }>['created'];

/** Creates what others need to exist. The undo deletes by uid what this step created, and nothing else. */
export const ensure: Action<'ensure'> = {
  name: 'ensure',
  cluster: (work) => work.cluster,
  location: () => null,
  do: ({ cluster, stack, objects }) => ({
    kind: 'command',
    cluster,
    body: { kind: 'ensure', stack, objects: [...objects] },
  }),
  undo: ({ cluster, stack }, context) => ({
    kind: 'command',
    cluster,
    body: { kind: 'undoEnsure', stack, created: createdBy(context) },
  }),
  undoNeedsOutcome: true,
};

/** A refusal half-way names what it had created in `details.created`. */
export function createdBy({ output, refusal }: Pick<ActionContext, 'output' | 'refusal'>): Created {
  if (output?.kind === 'ensure') return output.created;
  const created = isObject(refusal?.details) ? refusal.details.created : undefined;
  return Array.isArray(created) ? (created as unknown as Created) : [];
}
