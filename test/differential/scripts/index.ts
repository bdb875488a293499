/** Every request script. */
import type { Script } from '../types.ts';
import { kindScripts } from './kinds.ts';

export const SCRIPTS: readonly Script[] = [...kindScripts];
