import type { Cases } from '../suite.ts';
import { apply } from './apply.ts';
import { patches } from './patches.ts';
import { writes } from './writes.ts';

/** Every area of what the agent relies on. */
export const CASES: { readonly [area: string]: Cases } = { apply, writes, patches };
