/** What has gone wrong with a transaction's steps, in words that a person can use. */
import type { Refusal } from '../base/index.ts';
import { NO_HINT } from '../base/index.ts';
import { locationId, type Step } from '../plan/index.ts';
import { createdBy } from './actions/ensure.ts';
import { actionOf, clusterOf } from './actions/index.ts';
import { debtOf } from './blocked.ts';
import { contextOf, preImagesOf } from './context.ts';
import { askOf } from './decision.ts';
import type { DataOf, TransactionEvent } from './events.ts';
import { NO_ANSWER, saysNothing } from './silence.ts';
import { type StepState, stateOf, type TransactionData } from './state.ts';

/** Steps that were refused; silence of a cluster that is lost by now is for onLostCluster and no failure. */
export function failedSteps(data: TransactionData, lost: ReadonlySet<string>): readonly StepState[] {
  const failed: StepState[] = [];
  for (const id of data.tally.of('failed')) {
    const state = stateOf(data, id);
    const cluster = clusterOf(state.step);
    if (state.refusal?.kind === NO_ANSWER && cluster !== null && lost.has(cluster)) continue;
    failed.push(state);
  }
  return failed;
}

/** Lost clusters that this plan still counts on before its decision. */
export function lostSteps(data: TransactionData, lost: ReadonlySet<string>): { readonly clusters: readonly string[] } {
  if (lost.size === 0) return { clusters: [] };
  const clusters = new Set<string>();
  for (const { step, status } of data.steps.values()) {
    if (step.phase === 'decided' || status === 'dropped' || status === 'owed') continue;
    const cluster = clusterOf(step);
    if (cluster !== null && lost.has(cluster)) clusters.add(cluster);
  }
  return { clusters: [...clusters].sort() };
}

/** The cause as the transaction shows it: which step, where, and what the cluster said. */
export function refusalOf({ step, refusal }: StepState): Refusal {
  const cluster = clusterOf(step);
  const said = refusal ?? { kind: 'failed', message: 'it failed without a reason', hint: NO_HINT };
  const where = said.where ?? (cluster === null ? step.id : `${step.id} on ${cluster}`);
  return { ...said, message: `${step.id}: ${said.message}`, where };
}

/** What a later settle transaction must know to do this step's part. */
export function owedEvent(
  data: TransactionData,
  state: StepState,
  kind: DataOf<'step.owed'>['kind'],
): TransactionEvent {
  const { step } = state;
  const { work } = step;
  const location = actionOf(work).location(work);
  const cluster = clusterOf(step) ?? '';
  const { project, name } = data.plan.stack;
  return {
    type: 'step.owed',
    data: {
      step: step.id,
      cluster,
      location: location === null ? `${project}/${name}@${cluster}` : locationId(location),
      kind,
      preImages: location === null ? null : (preImagesOf(data, location) ?? null),
      bundle: 'bundle' in work ? work.bundle : null,
      previous: 'previous' in work && work.action !== 'snapshot' ? work.previous : null,
      ...(work.action === 'ensure' && kind === 'undo' ? { ensured: ensuredBy(data, state) } : {}),
    },
  };
}

/** What an ensure has created, as far as anybody here knows. */
function ensuredBy(data: TransactionData, state: StepState): DataOf<'step.owed'>['ensured'] {
  const { output, refusedWith } = state;
  const answered = output !== undefined || (refusedWith !== undefined && !saysNothing(refusedWith));
  if (!answered) return { command: askOf(data, state, 'do').key };
  return { created: { value: createdBy(contextOf(data, state)) } };
}

/** An ensure that has found everything there: its undo is nothing, whether its cluster can be reached or not. */
export function createdNothing({ step, output }: StepState): boolean {
  return step.work.action === 'ensure' && output?.kind === 'ensure' && output.created.length === 0;
}

/** Whether its undo is work on the cluster; a reservation is the hub's own and ends without it. */
export function undoneOnCluster({ work }: Step): boolean {
  return actionOf(work).undo !== null && work.action !== 'reserve';
}

/** Actions whose part can be done later by a settle transaction. */
const OWING: ReadonlySet<string> = new Set(['apply', 'ensure', 'prune', 'remove']);

/**
 * What will not happen here any more is owed; a look (gate, readBack, soak) is only skipped, and so is what settles: what
 * it was to settle is still on record.
 */
export function giveUp(data: TransactionData, state: StepState): TransactionEvent {
  const { action } = state.step.work;
  const onRecord = data.header.kind === 'settle' && debtOf(state.step) !== undefined;
  const owes = OWING.has(action) && !onRecord;
  const kind = action === 'prune' || action === 'remove' ? 'prune' : 'apply';
  return owes ? owedEvent(data, state, kind) : { type: 'step.skipped', data: { step: state.step.id } };
}

/** A person goes on without it: it is owed, and so tried again by a settle; in a settle it is given up, and owed no more. */
export function passBy(data: TransactionData, state: StepState): TransactionEvent {
  if (data.header.kind !== 'settle') return giveUp(data, state);
  const [cluster, debt] = [clusterOf(state.step), debtOf(state.step)];
  const settles = cluster === null || debt === undefined ? {} : { settles: [`${cluster}/${debt}`] };
  return { type: 'step.skipped', data: { step: state.step.id, ...settles } };
}
