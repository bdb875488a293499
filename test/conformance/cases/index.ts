import type { Cases } from '../suite.ts';
import { apply } from './apply.ts';
import { deletions } from './deletions.ts';
import { lists } from './lists.ts';
import { namespaces } from './namespaces.ts';
import { patches } from './patches.ts';
import { watches } from './watches.ts';
import { writes } from './writes.ts';

/** Every area of what the agent relies on. */
export const CASES: { readonly [area: string]: Cases } = {
  apply,
  writes,
  patches,
  lists,
  watches,
  deletions,
  namespaces,
};
