/** What earlier steps have left for a step. */
import type { Digest } from '../base/index.ts';
import type { Location } from '../plan/index.ts';
import { locationId } from '../plan/index.ts';
import type { ActionContext } from './actions/index.ts';
import type { StepState, TransactionData } from './state.ts';

/** @param nowMs wall time, for what is bound by the deadline */
export function contextOf(
  data: TransactionData,
  { output, refusedWith }: StepState,
  nowMs: number | null = null,
): ActionContext {
  const { deadlineAt } = data.header;
  return {
    remainingMs: deadlineAt === null || nowMs === null ? null : Math.max(0, Date.parse(deadlineAt) - nowMs),
    output,
    refusal: refusedWith,
    outputOf: (step) => data.steps.get(step)?.output,
    preImages(location) {
      const digest = preImagesOf(data, location);
      if (digest === undefined) throw new Error(`${data.header.id} has no pre-images of ${locationId(location)}`);
      return digest;
    },
  };
}

/** The digest of the pre-images that the location's snapshot step has read. */
export function preImagesOf(data: TransactionData, location: Location): Digest | undefined {
  return data.preImages.get(locationId(location));
}
