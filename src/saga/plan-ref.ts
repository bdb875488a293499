import type { Digest } from '../base/index.ts';
import type { Plan } from '../plan/index.ts';

/** What an entry says of a plan; `blob` holds it whole. */
export function planRef(plan: Plan, blob: Digest) {
  const waves = new Set(plan.steps.flatMap(({ wave }) => (wave === undefined ? [] : [wave])));
  return {
    plan: blob,
    planDigest: plan.digest,
    revision: plan.revision,
    baseRevision: plan.baseRevision,
    steps: plan.steps.length,
    waves: waves.size,
  };
}
