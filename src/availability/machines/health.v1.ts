/**
 * The health of one cluster, version 1. Pure: what time does to it arrives as events that health.ts derives from the
 * silence since the last heartbeat. Unreachable is not dead: `lost` says only that nothing was heard for long.
 */
import { setup } from '../../base/machine.ts';

export type HealthEvent =
  /** A heartbeat arrived lately. */
  | { readonly type: 'heard' }
  /** Nothing for suspectAfterMs. */
  | { readonly type: 'silent' }
  /** Nothing for lostAfterMs. */
  | { readonly type: 'gone' }
  /** Steady for its whole quarantine, and nothing owed or stale is left on it. */
  | { readonly type: 'steady' };

export const healthMachineV1 = setup({ types: { events: {} as HealthEvent } }).createMachine({
  id: 'health.v1',
  initial: 'joining',
  states: {
    joining: { on: { heard: 'ready' } },
    ready: { on: { silent: 'suspect' } },
    suspect: { on: { heard: 'ready', gone: 'lost' } },
    lost: { on: { heard: 'returning' } },
    returning: { on: { gone: 'lost', steady: 'ready' } },
  },
});
