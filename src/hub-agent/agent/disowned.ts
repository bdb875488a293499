import type { Welcome } from './connection.ts';
import type { AgentState } from './memory.ts';

/**
 * Why a hub is not to be obeyed, in words; undefined: it is. Beside the number the epoch has a holder: two hubs on copies of one
 * state folder (a snapshot of a machine, a copied volume) take the same number, and an agent obeys the one that it heard first.
 */
export function disowned(
  { epoch, holder }: Pick<Welcome, 'epoch' | 'holder'>,
  known: Pick<AgentState, 'epoch' | 'holder'>,
): string | undefined {
  if (epoch < known.epoch) return 'an older epoch: this hub is older than one that was here, it needs `ldc hub rearm`';
  if (epoch === known.epoch && known.holder !== undefined && holder !== known.holder) {
    return `epoch ${epoch} is another's: a hub on a copy of the same state has taken it; stop the one that is not to act, and start the other anew`;
  }
  return undefined;
}
