/**
 * What should happen now? Pure: the same transaction and surroundings give the same answer. `events` are to be journaled
 * first (then decide is asked again); with none left, `asks` is all that should be in flight, and nothing else.
 */
import { timestamp } from '../base/index.ts';
import type { Step } from '../plan/index.ts';
import { clusterOf } from './actions/index.ts';
import {
  type Ask,
  type Decision,
  earliest,
  journal,
  NOTHING,
  nextAttempt,
  STEPS_NAMED_MAX,
  type Surroundings,
  startedAsks,
} from './decision.ts';
import { committed } from './endings.ts';
import type { TransactionEvent } from './events.ts';
import { failedSteps, giveUp, lostSteps, passBy, refusalOf } from './faults.ts';
import { compensate } from './rollback.ts';
import { forwardOnly, phaseOf, type StepState, stateOf, type TransactionData } from './state.ts';
import { isOpen, PHASES } from './tally.ts';

export function decide(data: TransactionData, around: Surroundings): Decision {
  switch (data.header.state) {
    case 'queued':
      return decideQueued(data, around);
    case 'preparing':
    case 'running':
    case 'verifying':
      return decideForward(data, around);
    case 'decided':
      return decideDecided(data, around);
    case 'compensating':
      return compensate(data, around);
    case 'paused':
    case 'awaitingApproval':
      return { ...NOTHING, asks: startedAsks(data) };
    case 'stuck':
    case 'committed':
    case 'rolledBack':
      return NOTHING;
  }
}

function decideQueued(data: TransactionData, around: Surroundings): Decision {
  if (!around.mayStart) return NOTHING;
  if (around.stale) return { ...NOTHING, asks: [{ kind: 'replan', key: `${data.header.id}/replan` }] };
  return journal({ type: 'tx.started', data: {} });
}

function decideForward(data: TransactionData, around: Surroundings): Decision {
  const reversible = !forwardOnly(data);
  const deadlineMs = data.header.deadlineAt === null ? Number.POSITIVE_INFINITY : Date.parse(data.header.deadlineAt);
  if (reversible && around.nowMs >= deadlineMs) {
    const [first] = waitingForOwed(data, around);
    const waits = first === undefined ? '' : `: ${first.id} waits until what is owed on ${clusterOf(first)} is settled`;
    const message = `the rollout did not end within its deadline of ${data.plan.rollout.deadlineMs / 1_000} s${waits}`;
    return journal({
      type: 'tx.compensating',
      data: {
        cause: {
          kind: 'deadline',
          message,
          hint: 'look which step took so long, by `ldc tx show`, or raise rollout.deadline',
        },
      },
    });
  }
  const lost = lostSteps(data, around.lost);
  const [firstLost] = lost.clusters;
  if (reversible && firstLost !== undefined && data.plan.rollout.onLostCluster === 'undo') {
    const message = `cluster ${firstLost} was lost in mid-deploy, and the stack says onLostCluster: undo`;
    return journal({
      type: 'tx.compensating',
      data: { cause: { kind: 'clusterLost', message, where: firstLost, hint: UNDO_ON_LOSS } },
    });
  }
  const failed = failedSteps(data, around.lost);
  if (failed.length > 0 && reversible) return onFailure(data, failed);
  const owed = owedTooLong(data, around);
  if (owed.events.length > 0) return owed;
  const given = goWithout(data, around);
  if (given.events.length > 0) return given;
  const held = retryFailed(failed, around);
  if (held.events.length > 0) return held;
  const going = goOn(data, around);
  if (going.events.length > 0) return going;
  const amend: Ask[] =
    data.overtakenBy !== null || lost.clusters.length > 0
      ? [{ kind: 'amend', key: `${data.header.id}/amend`, lost: lost.clusters }]
      : [];
  if (amend.length === 0 && phaseDone(data)) return nextPhase(data, around);
  if (isStuck(data, failed, going.asks, around)) return stuck(data, failed);
  const wakeAtMs = earliest(held.wakeAtMs, going.wakeAtMs, owed.wakeAtMs, reversible ? deadlineMs : null);
  return { events: [], asks: [...going.asks, ...amend], wakeAtMs };
}

function decideDecided(data: TransactionData, around: Surroundings): Decision {
  const given = goWithout(data, around);
  if (given.events.length > 0) return given;
  const owed = oweLost(data, around);
  if (owed.events.length > 0) return owed;
  const failed = failedSteps(data, around.lost);
  const retried = retryFailed(failed, around);
  if (retried.events.length > 0) return retried;
  const going = goOn(data, around);
  if (going.events.length > 0) return going;
  if (phaseDone(data)) return journal(...committed(data));
  if (isStuck(data, failed, going.asks, around)) return stuck(data, failed);
  return { ...going, wakeAtMs: earliest(retried.wakeAtMs, going.wakeAtMs) };
}

/** Starts what may start, ends soaks that are due, notes waves that are done. */
function goOn(data: TransactionData, around: Surroundings): Decision {
  const events: TransactionEvent[] = [];
  const dueMs: number[] = [];
  for (const id of data.tally.ready) {
    if (events.length >= around.eventsMax) break;
    const state = stateOf(data, id);
    if (!mayStart(data, state.step, around)) continue;
    const pivot = state.step.kind === 'pivot' ? { pivot: true } : {};
    const attempt = state.starts === 0 ? 1 : nextAttempt(state);
    events.push({ type: 'step.started', data: { step: id, attempt, ...pivot } });
  }
  for (const id of data.tally.of('started')) {
    const { step, startedAtMs } = stateOf(data, id);
    if (step.work.action !== 'soak' || events.length >= around.eventsMax) continue;
    const endMs = (startedAtMs ?? 0) + step.work.durationMs;
    if (around.nowMs < endMs) dueMs.push(endMs);
    else events.push({ type: 'step.succeeded', data: { step: id, output: { value: null } } });
  }
  for (const wave of finishedWaves(data)) events.push({ type: 'wave.done', data: { wave } });
  return { events, asks: startedAsks(data), wakeAtMs: earliest(...dueMs) };
}

function mayStart(data: TransactionData, step: Step, around: Surroundings): boolean {
  // an amendment may bring steps of a phase that has passed: they run now
  const now = phaseOf(data);
  if (now === null || PHASES.indexOf(step.phase) > PHASES.indexOf(now)) return false;
  const cluster = clusterOf(step);
  return cluster === null || !(around.lost.has(cluster) || around.owing(cluster));
}

/** Steps that wait until what is owed where they would begin is settled. */
function waitingForOwed(data: TransactionData, around: Surroundings): readonly Step[] {
  const ready = [...data.tally.ready].map((id) => stateOf(data, id).step);
  return ready.filter((step) => {
    const cluster = clusterOf(step);
    return cluster !== null && !around.lost.has(cluster) && around.owing(cluster);
  });
}

/** Before anything runs no deadline counts: what is owed is waited for so long, and no longer. */
function owedTooLong(data: TransactionData, around: Surroundings): Decision {
  const [first] = data.header.state === 'preparing' ? waitingForOwed(data, around) : [];
  if (first === undefined) return NOTHING;
  const dueMs = Date.parse(data.header.startedAt ?? '') + around.preparingMsMax;
  if (around.nowMs < dueMs) return { ...NOTHING, wakeAtMs: dueMs };
  const where = clusterOf(first) ?? '';
  const message = `${where} owes work of ${data.plan.stack.project}/${data.plan.stack.name} that was not settled within ${around.preparingMsMax / 1_000} s`;
  const hint = 'look at its settle (`ldc tx list --kind settle`): it is stuck, or its cluster does not answer';
  return journal({ type: 'tx.compensating', data: { cause: { kind: 'stillOwed', message, where, hint } } });
}

function finishedWaves(data: TransactionData): readonly number[] {
  if (data.header.waves.total === data.wavesDone.size || data.header.state === 'preparing') return [];
  const done = data.tally.finishedWaves().filter((wave) => !data.wavesDone.has(wave));
  return done.sort((a, b) => a - b);
}

function phaseDone(data: TransactionData): boolean {
  const phase = phaseOf(data);
  return phase !== null && data.tally.openUpTo(phase) === 0;
}

function nextPhase(data: TransactionData, around: Surroundings): Decision {
  switch (data.header.state) {
    case 'preparing':
      return data.plan.rollout.approval === 'required' && !data.approved
        ? journal({ type: 'tx.awaitingApproval', data: {} })
        : journal(running(data, around.nowMs));
    case 'running':
      return journal({ type: 'tx.verifying', data: {} });
    default:
      return journal({ type: 'tx.decided', data: {} });
  }
}

/** The deadline counts from here. */
export function running(data: TransactionData, nowMs: number): TransactionEvent {
  return { type: 'tx.running', data: { deadlineAt: timestamp(nowMs + data.plan.rollout.deadlineMs) } };
}

function onFailure(data: TransactionData, failed: readonly StepState[]): Decision {
  const cause = refusalOf(failed[0] as StepState);
  if (data.plan.rollout.onFailure === 'rollback' || data.header.state === 'preparing') {
    return journal({ type: 'tx.compensating', data: { cause } });
  }
  // steps that are still under way end first: a paused one waits for nothing
  return journal({ type: 'tx.paused', data: { cause, remainingMs: remaining(data, null), reason: null } });
}

/** What is left of the deadline; without `nowMs` the whole is given again, for a person has to look first. */
export function remaining(data: TransactionData, nowMs: number | null): number | null {
  if (data.header.deadlineAt === null) return null;
  return nowMs === null ? data.plan.rollout.deadlineMs : Math.max(0, Date.parse(data.header.deadlineAt) - nowMs);
}

/** Forward only: what was refused is tried anew, under a new command id, with back-off. */
function retryFailed(failed: readonly StepState[], around: Surroundings): Decision {
  const due: TransactionEvent[] = [];
  const laterMs: number[] = [];
  for (const state of failed) {
    if (state.failures >= around.attemptsMax) continue;
    const notBeforeMs = around.notBeforeMs(state.step.id);
    if (around.nowMs < notBeforeMs) laterMs.push(notBeforeMs);
    else due.push(startAgain(state));
  }
  return { events: due, asks: [], wakeAtMs: earliest(...laterMs) };
}

function startAgain(state: StepState): TransactionEvent {
  const pivot = state.step.kind === 'pivot' ? { pivot: true } : {};
  return { type: 'step.started', data: { step: state.step.id, attempt: nextAttempt(state), ...pivot } };
}

/** Deletions on a cluster that is gone are owed; the rest of the decision goes on. */
function oweLost(data: TransactionData, { lost, eventsMax }: Surroundings): Decision {
  if (lost.size === 0) return NOTHING;
  const gone = openSteps(data).filter(({ step }) => {
    const cluster = clusterOf(step);
    return step.phase === 'decided' && cluster !== null && lost.has(cluster);
  });
  return journal(...gone.slice(0, eventsMax).map((state) => giveUp(data, state)));
}

/** After the point of no return: by force-close all that has not happened is owed, by skip what has failed. */
function goWithout(data: TransactionData, { eventsMax }: Surroundings): Decision {
  if (!data.closing && data.passing.size === 0) return NOTHING;
  const open = openSteps(data).filter(({ step }) => data.closing || data.passing.has(step.id));
  return journal(...open.slice(0, eventsMax).map((state) => (data.closing ? giveUp : passBy)(data, state)));
}

function openSteps(data: TransactionData): readonly StepState[] {
  return [...data.steps.values()].filter(({ status }) => isOpen(status));
}

function isStuck(
  data: TransactionData,
  failed: readonly StepState[],
  asks: readonly Ask[],
  around: Surroundings,
): boolean {
  return (
    failed.length > 0 &&
    forwardOnly(data) &&
    asks.length === 0 &&
    failed.every(({ failures }) => failures >= around.attemptsMax)
  );
}

const UNDO_ON_LOSS = 'apply again when it is back, or say rollout.onLostCluster: replace';

function stuck(data: TransactionData, failed: readonly StepState[]): Decision {
  const first = refusalOf(failed[0] as StepState);
  const hint = `${first.hint}; then ldc tx retry|skip|force-close ${data.header.id}`;
  const steps = failed.slice(0, STEPS_NAMED_MAX).map(({ step }) => step.id);
  return journal({ type: 'tx.stuck', data: { refusal: { ...first, hint }, steps } });
}
