/** Where a transaction has begun something: the clusters that are not clear of it yet. Pure. */
import { clusterOf } from './actions/index.ts';
import { needsUndo } from './rollback.ts';
import type { StepState, TransactionData } from './state.ts';

/**
 * On the way forward those of every step that has begun, or is owed: what is wanted there changes when this one commits, and
 * only then can be said what is due; on the way back those with something to undo, or to be looked at.
 */
export function clustersOf(data: TransactionData): ReadonlySet<string> {
  const back = (data.header.heldFrom ?? data.header.state) === 'compensating';
  const owing = new Set<string | null>();
  if (back) for (const { step, status } of data.steps.values()) if (status === 'owed') owing.add(clusterOf(step));
  const here = new Set<string>();
  for (const state of data.steps.values()) {
    const cluster = clusterOf(state.step);
    if (cluster === null || here.has(cluster)) continue;
    if (back ? needsUndo(state) || (!owing.has(cluster) && isLookedAt(data, state, cluster)) : concerns(state)) here.add(cluster); // biome-ignore format: one line
  }
  return here;
}

function concerns({ status }: StepState): boolean {
  return status === 'started' || status === 'succeeded' || status === 'failed' || status === 'owed';
}

/** It is undone, and whether its cluster is as before is not said yet, or was denied. */
function isLookedAt({ verdicts }: TransactionData, { status }: StepState, cluster: string): boolean {
  const verdict = verdicts.get(cluster)?.verdict;
  return status === 'undone' && verdict !== 'equal' && verdict !== 'owed';
}
