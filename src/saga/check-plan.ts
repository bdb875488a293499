/** Whether a plan can be run at all: what the engine relies on, checked before anything is written. */
import { findCycle, type Refusal } from '../base/index.ts';
import type { Plan, Step } from '../plan/index.ts';
import { locationId } from '../plan/index.ts';
import { actionOf, isRegistered } from './actions/index.ts';
import { PHASES } from './tally.ts';

/** The first thing that makes the plan unfit, or undefined. */
export function unfit(plan: Plan): Refusal | undefined {
  const message = problem(plan);
  return message === undefined
    ? undefined
    : {
        kind: 'invalidPlan',
        message: `the plan cannot be run: ${message}`,
        hint: 'a fault of ldc: report it with the plan (`ldc plan -o json`)',
      };
}

function problem(plan: Plan): string | undefined {
  const steps = new Map(plan.steps.map((step) => [step.id, step]));
  if (steps.size !== plan.steps.length) return 'two steps have one id';
  const foreign = plan.steps.find(({ work }) => !isRegistered(work.action));
  if (foreign !== undefined) return `step ${foreign.id} has the unknown action ${foreign.work.action}`;
  const cycle = findCycle(new Map(plan.steps.map(({ id, after }) => [id, after])));
  if (cycle !== undefined) return `its steps wait for each other: ${cycle.join(' → ')}`;
  if (plan.steps.filter(({ kind }) => kind === 'pivot').length > 1) return 'it has two points of no return';
  for (const step of plan.steps) {
    const wrong = stepProblem(step, steps);
    if (wrong !== undefined) return `step ${step.id} ${wrong}`;
  }
  return applyWithoutSnapshot(plan);
}

function stepProblem(step: Step, steps: ReadonlyMap<string, Step>): string | undefined {
  for (const id of step.after) {
    const before = steps.get(id);
    if (before === undefined) return `comes after ${id}, which is not in the plan`;
    if (PHASES.indexOf(before.phase) > PHASES.indexOf(step.phase))
      return `comes after ${id} of the later phase ${before.phase}`;
  }
  if (step.phase === 'decided' && step.kind === 'pivot') return 'is a pivot after the decision';
  if (step.phase === 'decided' && actionOf(step.work).undo !== null)
    return 'could be undone, but comes after the decision';
  return undefined;
}

/** No undo without pre-images: a snapshot of the location must have ended before its first write. */
function applyWithoutSnapshot(plan: Plan): string | undefined {
  const read = new Set<string>();
  for (const { phase, work } of plan.steps) {
    if (work.action === 'snapshot' && phase === 'preparing') read.add(locationId(work.location));
  }
  for (const step of plan.steps) {
    if (step.work.action !== 'apply' || read.has(locationId(step.work.location))) continue;
    if (!hasSnapshotBefore(step, plan)) return `step ${step.id} writes without a snapshot before it`;
  }
  return undefined;
}

/** An amendment's steps all run in the phase that it came in, so the order is theirs to say. */
function hasSnapshotBefore(step: Step, plan: Plan): boolean {
  if (step.work.action !== 'apply') return true;
  const wanted = locationId(step.work.location);
  const byId = new Map(plan.steps.map((other) => [other.id, other]));
  const seen = new Set<string>();
  const open = [...step.after];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    const before = byId.get(id);
    if (before === undefined || seen.has(id)) continue;
    seen.add(id);
    if (before.work.action === 'snapshot' && locationId(before.work.location) === wanted) return true;
    open.push(...before.after);
  }
  return false;
}
