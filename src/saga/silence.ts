/** Refusals that the engine itself makes of answers that say nothing of the work: it may have been done, or half of it. */
import type { Refusal } from '../base/index.ts';

/** A step that never got an answer although its agent was connected: silence, not a cluster's no. */
export const NO_ANSWER = 'noAnswer';
/** A step whose cluster has answered nothing but "later" for as long as a try may take. */
export const ONLY_LATER = 'onlyLater';

/** Whether nobody knows what has been done: the same command is asked again under its own id. */
export function saysNothing(refusal: Refusal | undefined): boolean {
  return refusal?.kind === NO_ANSWER || refusal?.kind === ONLY_LATER;
}
