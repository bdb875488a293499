/** The proof of an undo on one cluster: everything touched is read back and compared with its pre-image. */
import type { Json, Outcome } from '../base/index.ts';
import type { CommandBody, CommandOutput } from '../protocol/index.ts';
import { actingAs, createdBy } from './actions/ensure.ts';
import { contextOf } from './context.ts';
import type { TransactionEvent } from './events.ts';
import type { TransactionData } from './state.ts';
import { touched } from './verdict.ts';

type Definite = Extract<Outcome<CommandOutput>, { readonly kind: 'done' | 'refused' }>;

/** Workloads get at least so long to be as ready as they were. */
const READINESS_WINDOW_MS = 60_000;

export function verifyBody(data: TransactionData, cluster: string): CommandBody {
  const states = touched(data).get(cluster) ?? [];
  const undone = states.filter(({ status }) => status === 'undone');
  const locations = undone.flatMap((state) => {
    const { work } = state.step;
    if (work.action !== 'apply') return [];
    const { location, bundle } = work;
    return [{ location, bundle, preImages: contextOf(data, state).preImages(location) }];
  });
  const ensured = undone.flatMap((state) => {
    const { work } = state.step;
    if (work.action !== 'ensure') return [];
    return [{ ...actingAs(work), created: createdBy(contextOf(data, state)) }];
  });
  const created = ensured.flatMap((each) => each.created);
  return { kind: 'verify', locations, ...(created.length === 0 ? {} : { ensured: { ...ensured[0], created } }) };
}

/** Whether to look again: pods of the former revision may still be starting; a refused look says nothing of the cluster. */
export function verifyLater(
  data: TransactionData,
  outcome: Definite,
  so: { readonly attempt: number; readonly waitedMs: number; readonly attemptsMax: number },
): boolean {
  if (outcome.kind === 'refused') return so.attempt < so.attemptsMax;
  if (outcome.value.kind !== 'verify' || outcome.value.equal) return false;
  const open = outcome.value.differences.filter(({ explained }) => explained === undefined);
  const gates = data.plan.steps.flatMap(({ work }) => (work.action === 'gate' ? [work.deadlineMs] : []));
  return open.every(({ field }) => field === 'readiness') && so.waitedMs < Math.max(READINESS_WINDOW_MS, ...gates);
}

export function verifyResult(cluster: string, outcome: Definite): TransactionEvent {
  if (outcome.kind === 'done' && outcome.value.kind === 'verify') {
    const { equal, differences, kept, digestBefore, digestAfter } = outcome.value;
    const findings = { value: { differences, kept } as Json };
    const verdict = equal ? 'equal' : 'different';
    return { type: 'rollback.cluster', data: { cluster, verdict, digestBefore, digestAfter, findings } };
  }
  const why = outcome.kind === 'refused' ? outcome.refusal.message : `it answered ${outcome.value.kind}`;
  const differences = [{ field: 'verify', before: null, after: null, why: `it could not be read back: ${why}` }];
  return {
    type: 'rollback.cluster',
    data: { cluster, verdict: 'different', findings: { value: { differences, kept: [] } } },
  };
}
