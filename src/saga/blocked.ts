/** Which steps hold a stuck transaction up, and which piece of owed work a settle's step is for. Pure. */
import type { Refusal } from '../base/index.ts';
import type { Step } from '../plan/index.ts';
import type { CommandOutput } from '../protocol/index.ts';
import { actionOf } from './actions/index.ts';
import { saysNothing } from './silence.ts';
import type { StepStatus } from './types.ts';

interface Tried {
  readonly step: Step;
  readonly status: StepStatus;
  readonly failures: number;
  readonly output: CommandOutput | undefined;
  readonly refusal: Refusal | undefined;
}

/** Its undo needs what it has answered, and it has not: it is asked again, as an undo that fails is. */
export function isUnheard({ step, status, output, refusal }: Tried): boolean {
  return status === 'failed' && actionOf(step.work).undoNeedsOutcome && output === undefined && saysNothing(refusal);
}

/** Whether a transaction that is stuck waits for this one; `back`: stuck on its way back. */
export function isBlocked(state: Tried, back: boolean): boolean {
  if (state.failures === 0) return false;
  return back ? state.status === 'undoFailed' || isUnheard(state) : state.status === 'failed';
}

/** `transaction/step` of the owed work that a settle's step is for (stacks names them so); undefined: a copy that is to go. */
export function debtOf({ id, work }: Step): string | undefined {
  if ('transaction' in work) return `${work.transaction}/${work.step}`;
  const named = id.slice(id.indexOf(':') + 1);
  return named.includes('/') ? named : undefined;
}
