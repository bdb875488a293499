/** Every request script. */
import type { Script } from '../types.ts';
import { claimScripts } from './claims.ts';
import { customScripts } from './custom.ts';
import { generalScripts } from './general.ts';
import { kindScripts } from './kinds.ts';
import { scaleScripts } from './scales.ts';
import { serviceScripts } from './services.ts';
import { webhookScripts } from './webhooks.ts';

export const SCRIPTS: readonly Script[] = [
  ...kindScripts,
  ...generalScripts,
  ...customScripts,
  ...scaleScripts,
  ...serviceScripts,
  ...claimScripts,
  ...webhookScripts,
];
