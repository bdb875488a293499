/**
 * The way back: every step that has started is undone, last first, and every touched cluster is read back and compared.
 * Pure, as decide() is. Nothing here is shortened by a cancel or a deadline.
 */
import { digestOf, type Json } from '../base/index.ts';
import type { Step } from '../plan/index.ts';
import { actionOf, clusterOf } from './actions/index.ts';
import {
  type Ask,
  askOf,
  type Decision,
  earliest,
  journal,
  NOTHING,
  nextAttempt,
  STEPS_NAMED_MAX,
  type Surroundings,
} from './decision.ts';
import { rolledBack } from './endings.ts';
import type { TransactionEvent } from './events.ts';
import { createdNothing, owedEvent, refusalOf, undoneOnCluster } from './faults.ts';
import { saysNothing } from './silence.ts';
import { type ClusterVerdict, type StepState, stateOf, type TransactionData } from './state.ts';
import { PHASES } from './tally.ts';

export function compensate(data: TransactionData, around: Surroundings): Decision {
  const undo = undoSteps(data, around);
  if (undo.events.length > 0) return undo;
  if (undo.blocked.length > 0) {
    const waits = undo.asks.length > 0 || undo.wakeAtMs !== null;
    return waits ? undo : stuckUndo(data, undo.blocked);
  }
  if (undo.asks.length > 0 || undo.wakeAtMs !== null) return undo;
  return verify(data, around);
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
    const gone = data.closing || (cluster !== null && around.lost.has(cluster));
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
function needsUndo({ step, status }: StepState): boolean {
  if (actionOf(step.work).undo === null) return false;
  return status === 'started' || status === 'succeeded' || status === 'failed' || isUndoing(status);
}

function isUndoing(status: StepState['status']): boolean {
  return status === 'undoStarted' || status === 'undoFailed';
}

/** Its undo needs what it has answered, and it has not: it is asked again, as an undo that fails is. */
export function isUnheard({ step, status, output, refusal }: StepState): boolean {
  return status === 'failed' && actionOf(step.work).undoNeedsOutcome && output === undefined && saysNothing(refusal);
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

/** All is undone or owed: each touched cluster gets its verdict, then the whole. */
function verify(data: TransactionData, { lost }: Surroundings): Decision {
  const events: TransactionEvent[] = [];
  const asks: Ask[] = [];
  for (const [cluster, states] of touched(data)) {
    if (data.verdicts.has(cluster)) continue;
    const known = knownVerdict(data, states, lost.has(cluster));
    if (known !== undefined) events.push({ type: 'rollback.cluster', data: { cluster, verdict: known } });
    else asks.push({ kind: 'verify', key: verifyKey(data, cluster), cluster });
  }
  if (events.length > 0) return journal(...events);
  if (asks.length > 0) return { ...NOTHING, asks };
  if (data.verified === null) return journal(verdictOfAll(data));
  const { clusters, digestAfter } = data.verified;
  const different = Object.keys(clusters).filter((cluster) => clusters[cluster] === 'different');
  if (different.length === 0 || data.header.forced) return journal(...rolledBack(data, digestAfter));
  return journal({ type: 'tx.stuck', data: { refusal: differs(data, different), steps: [] } });
}

/** A look after a person's `retry` is a new one: agents remember what they answered under an id. */
function verifyKey(data: TransactionData, cluster: string): string {
  const again = data.retries === 0 ? '' : `.${data.retries + 1}`;
  return `${data.header.id}/verify@${cluster}${again}/do`;
}

function knownVerdict(
  data: TransactionData,
  states: readonly StepState[],
  lost: boolean,
): ClusterVerdict['verdict'] | undefined {
  if (states.some(({ status }) => status === 'owed')) return 'owed';
  if (states.some(({ status }) => status === 'skipped')) return 'different';
  if (!states.some(({ step }) => step.work.action === 'apply')) return 'equal'; // only what it created itself, deleted by uid
  return lost || data.closing ? 'owed' : undefined;
}

/** Clusters on which a step with an undo has begun, with those steps. */
export function touched(data: TransactionData): ReadonlyMap<string, readonly StepState[]> {
  const clusters = new Map<string, StepState[]>();
  for (const state of data.steps.values()) {
    const { step, status, starts } = state;
    if (step.work.action !== 'apply' && step.work.action !== 'ensure') continue;
    if (starts === 0 || status === 'dropped') continue;
    const cluster = clusterOf(step) ?? '';
    const states = clusters.get(cluster);
    if (states === undefined) clusters.set(cluster, [state]);
    else states.push(state);
  }
  return clusters;
}

function verdictOfAll(data: TransactionData): TransactionEvent {
  const sorted = [...data.verdicts].sort(([a], [b]) => (a < b ? -1 : 1));
  const clusters = Object.fromEntries(sorted.map(([cluster, { verdict }]) => [cluster, verdict]));
  const named = (side: 'digestBefore' | 'digestAfter') =>
    digestOf(Object.fromEntries(sorted.map(([cluster, verdict]) => [cluster, verdict[side]])));
  const list = (what: 'differences' | 'kept'): Json =>
    sorted.flatMap(([cluster, { findings }]) => findings[what].map((finding) => ({ cluster, ...(finding as object) })));
  const equal = !data.header.forced && sorted.every(([, { verdict }]) => verdict === 'equal');
  const kept: Json = [...(list('kept') as readonly Json[]), ...keptByUndo(data)];
  const findings = { value: { differences: list('differences'), kept } };
  const digests = { digestBefore: named('digestBefore'), digestAfter: named('digestAfter') };
  return { type: 'rollback.verified', data: { equal, clusters, findings, ...digests } };
}

/** What the undo of an ensure left by rule (a namespace with something foreign in it, a CRD): no difference, but said. */
function keptByUndo(data: TransactionData): readonly Json[] {
  return [...data.steps.values()].flatMap(({ step, undone }) => {
    if (step.work.action !== 'ensure' || undone?.kind !== 'receipt') return [];
    const kept = undone.objects.filter(({ change }) => change === 'kept');
    return kept.map(({ ref, note }) => ({ cluster: clusterOf(step), ref, why: note ?? 'kept by rule' }));
  });
}

function differs(data: TransactionData, clusters: readonly string[]) {
  const count = data.verified?.differences.length ?? 0;
  return {
    kind: 'notEqual',
    message: `after the undo ${clusters.join(', ')} differ from before in ${count} place(s)`,
    where: clusters.join(', '),
    hint: `see ldc tx show ${data.header.id}; repair and ldc tx retry, or accept it with ldc tx skip --reason`,
  };
}
