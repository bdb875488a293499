/** A plan that its clusters' agents may carry out, or why they may not. */
import { type Digest, digestOf } from '../base/index.ts';
import type { Plan } from '../plan/index.ts';
import type { Planned } from './planning.ts';
import { checkRights } from './rights.ts';
import type { Room } from './room.ts';

export type Permitted =
  | (Extract<Planned, { kind: 'planned' }> & { readonly notes: readonly string[] })
  | Extract<Planned, { kind: 'refused' }>;

/** So often the world may move under a plan while its rights are asked for; then its own first steps have to say. */
const ROUNDS_MAX = 3;

/**
 * Asking takes a moment, in which the world may move: the plan is made anew afterwards, and asked for again only when it then
 * does something else. What is answered was made without a pause before.
 */
export async function permitted(make: () => Planned, namespace: string, room: Room): Promise<Permitted> {
  let planned = make();
  for (let round = 1; ; round++) {
    if (planned.kind === 'refused') return planned;
    const { refusal, notes } = await checkRights(planned.plan, planned.bundles, namespace, room);
    if (refusal !== undefined) return { kind: 'refused', refusal, reasons: planned.plan.reasons };
    const now = make();
    if (now.kind === 'refused') return now;
    if (round === ROUNDS_MAX || effectOf(now.plan) === effectOf(planned.plan)) return { ...now, notes };
    planned = now;
  }
}

/** What a plan does, as one digest: scores in its reasons change from moment to moment. */
export function effectOf({ steps, locations, kind, revision, baseRevision }: Plan): Digest {
  return digestOf({ steps, locations, kind, revision, baseRevision });
}
