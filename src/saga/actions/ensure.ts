import { isObject } from '../../base/index.ts';
import type { ServiceAccountRef } from '../../plan/index.ts';
import type { CommandBody } from '../../protocol/index.ts';
import type { Action, ActionContext } from './types.ts';

type Created = Extract<CommandBody, { kind: 'undoEnsure' }>['created'];

/** Creates what others need to exist. The undo deletes by uid what this step created, and nothing else. */
export const ensure: Action<'ensure'> = {
  name: 'ensure',
  cluster: (work) => work.cluster,
  location: () => null,
  do: ({ cluster, stack, objects, ...as }) => ({
    kind: 'command',
    cluster,
    body: { kind: 'ensure', stack, ...actingAs(as), objects: [...objects] },
  }),
  undo: ({ cluster, stack, ...as }, context) => ({
    kind: 'command',
    cluster,
    body: { kind: 'undoEnsure', stack, ...actingAs(as), created: createdBy(context) },
  }),
  undoNeedsOutcome: true,
};

/** As whom a command without a bundle acts. */
export function actingAs({ serviceAccount }: { readonly serviceAccount?: ServiceAccountRef }) {
  return serviceAccount === undefined ? {} : { serviceAccount };
}

/** A refusal half-way names what it had created in `details.created`. */
export function createdBy({ output, refusal }: Pick<ActionContext, 'output' | 'refusal'>): Created {
  if (output?.kind === 'ensure') return output.created;
  const created = isObject(refusal?.details) ? refusal.details.created : undefined;
  return Array.isArray(created) ? (created as unknown as Created) : [];
}
