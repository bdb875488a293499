/**
 * The way back: every step that has started is undone, last first; then every touched cluster is judged (verdict.ts).
 * Pure, as decide() is. Nothing here is shortened by a cancel or a deadline.
 */
import type { Step } from '../plan/index.ts';
import { actionOf, clusterOf } from './actions/index.ts';
import { isUnheard } from './blocked.ts';
import {
  type Ask,
  askOf,
  type Decision,
  earliest,
  journal,
  nextAttempt,
  STEPS_NAMED_MAX,
  type Surroundings,
} from './decision.ts';
import type { TransactionEvent } from './events.ts';
import { createdNothing, owedEvent, refusalOf, undoneOnCluster } from './faults.ts';
import { type StepState, stateOf, type TransactionData } from './state.ts';
import { PHASES } from './tally.ts';
import { verdicts } from './verdict.ts';

export function compensate(data: TransactionData, around: Surroundings): Decision {
  const undo = undoSteps(data, around);
  if (undo.events.length > 0) return undo;
  if (undo.blocked.length > 0) {
    const waits = undo.asks.length > 0 || undo.wakeAtMs !== null;
    return waits ? undo : stuckUndo(data, undo.blocked);
  }
  if (undo.asks.length > 0 || undo.wakeAtMs !== null) return undo;
  return verdicts(data, around);
}

function undoSteps(data: TransactionData, around: Surroundings): Decision & { readonly blocked: readonly StepState[] } {
  let clear: ReadonlySet<string> | undefined; // worked out only when there is a step whose turn may have come
  const events: TransactionEvent[] = [];
  const asks: Ask[] = [];
  const blocked: StepState[] = [];
  const laterMs: number[] = [];
  for (const state of begunSteps(data)) {
    if (events.length >= around.eventsMax) break;
    const { id } = state.step;
    if (!needsUndo(state)) {
      if (state.status === 'started') events.push(cancelled(state));
      continue;
    }
    const cluster = clusterOf(state.step);
    const gone = data.closing || data.passing.has(id) || (cluster !== null && around.lost.has(cluster));
    if (gone && undoneOnCluster(state.step)) {
      events.push(...(createdNothing(state) ? undoneByItself(state) : [owedEvent(data, state, 'undo')]));
    } else if (state.status === 'undoStarted') {
      asks.push(askOf(data, state, 'undo'));
    } else if (state.status === 'started' && actionOf(state.step.work).undoNeedsOutcome) {
      asks.push(askOf(data, state, 'do'));
    } else if (state.status !== 'undoFailed' && !isUnheard(state)) {
      clear ??= clearSteps(data);
      if (!clear.has(id)) continue; // a later step is still being undone

      events.push({ type: 'step.undoStarted', data: { step: id, attempt: 1 } });
    } else if (state.failures >= around.attemptsMax) {
      blocked.push(state);
    } else if (around.nowMs < around.notBeforeMs(id)) {
      laterMs.push(around.notBeforeMs(id));
    } else {
      const type = state.status === 'undoFailed' ? 'step.undoStarted' : 'step.started';
      events.push({ type, data: { step: id, attempt: nextAttempt(state) } });
    }
  }
  return { events, asks, wakeAtMs: earliest(...laterMs), blocked };
}

const BEGUN = ['started', 'succeeded', 'failed', 'undoStarted', 'undoFailed'] as const;

function begunSteps(data: TransactionData): readonly StepState[] {
  return BEGUN.flatMap((status) => Array.from(data.tally.of(status), (id) => stateOf(data, id)));
}

/** Whether it has begun and has an undo that has not ended. */
export function needsUndo({ step, status }: StepState): boolean {
  if (actionOf(step.work).undo === null) return false;
  return status === 'started' || status === 'succeeded' || status === 'failed' || isUndoing(status);
}

function isUndoing(status: StepState['status']): boolean {
  return status === 'undoStarted' || status === 'undoFailed';
}

/** There is nothing to undo on the cluster, so nothing is asked of it and nothing owed. */
function undoneByItself(state: StepState): readonly TransactionEvent[] {
  const { id } = state.step;
  const undone: TransactionEvent = { type: 'step.undone', data: { step: id, output: { value: null } } };
  if (state.status === 'undoStarted') return [undone];
  return [{ type: 'step.undoStarted', data: { step: id, attempt: nextAttempt(state) } }, undone];
}

/** A step without an undo that was under way: its command is called off. */
function cancelled({ step }: StepState): TransactionEvent {
  const pivot = step.kind === 'pivot' ? { pivot: true } : {};
  const refusal = {
    kind: 'cancelled',
    message: 'called off: the transaction is being undone',
    hint: 'look at the cause of the transaction',
  };
  return { type: 'step.failed', data: { step: step.id, refusal, ...pivot } };
}

/** Steps after which (directly, further on, or in a later phase) nothing is left to undo. */
function clearSteps(data: TransactionData): ReadonlySet<string> {
  const needed = begunSteps(data).filter(needsUndo);
  const last = Math.max(...needed.map(({ step }) => PHASES.indexOf(step.phase)));
  const open = new Map(data.plan.steps.map(({ id }) => [id, data.dependents.get(id)?.length ?? 0]));
  const dirty = new Set<string>();
  const ready = [...open].filter(([, count]) => count === 0).map(([id]) => id);
  for (let id = ready.pop(); id !== undefined; id = ready.pop()) {
    const state = data.steps.get(id);
    if (state === undefined) continue;
    const holds = dirty.has(id) || needsUndo(state);
    for (const before of state.step.after) {
      if (holds) dirty.add(before);
      const left = (open.get(before) ?? 0) - 1;
      open.set(before, left);
      if (left === 0) ready.push(before);
    }
  }
  const isClear = ({ id, phase }: Step) => !dirty.has(id) && PHASES.indexOf(phase) >= last;
  return new Set([...data.steps.values()].flatMap(({ step }) => (isClear(step) ? [step.id] : [])));
}

function stuckUndo(data: TransactionData, blocked: readonly StepState[]): Decision {
  const refusal = refusalOf(blocked[0] as StepState);
  const message = `the undo of ${blocked.length} step(s) is refused: ${refusal.message}`;
  const hint = `${refusal.hint}; then ldc tx retry ${data.header.id}, or skip or force-close it with a reason`;
  const steps = blocked.slice(0, STEPS_NAMED_MAX).map(({ step }) => step.id);
  return journal({ type: 'tx.stuck', data: { refusal: { ...refusal, message, hint }, steps } });
}
