/** A plan that its clusters' agents may carry out, or why they may not. */
import { type Digest, digestOf } from '../base/index.ts';
import type { Plan } from '../plan/index.ts';
import { type Planned, wantedRoom } from './planning.ts';
import { createRightsCheck } from './rights.ts';
import type { Room } from './room.ts';

type Refused = Extract<Planned, { kind: 'refused' }>;
type PermittedPlan = Extract<Planned, { kind: 'planned' }> & { readonly notes: readonly string[] };
export type Permitted = PermittedPlan | Refused;

/** So often the world may move under a plan while its rights are asked for; then its own first steps have to say. */
const ROUNDS_MAX = 3;

/** For who only wants to see the plan. */
export function permitted(make: () => Planned, namespace: string, room: Room): Promise<Permitted> {
  return asked<PermittedPlan>(make, namespace, { room, holds: false }, (planned) => planned);
}

/**
 * Asking takes a moment, in which the world may move: the plan is made anew afterwards, and asked for again only when it then
 * does something else. `go` is called with it at once: no other plan is made between, which would not yet see this one's room
 * taken. While it asks, the room it wants is held too, or plans of one moment would all want the same, move on, and ask anew.
 */
export function whenPermitted<T>(
  make: () => Planned,
  namespace: string,
  room: Room,
  go: (planned: PermittedPlan) => T | Promise<T>,
): Promise<T | Refused> {
  return asked(make, namespace, { room, holds: true }, go);
}

async function asked<T>(
  make: () => Planned,
  namespace: string,
  { room, holds }: { readonly room: Room; readonly holds: boolean },
  go: (planned: PermittedPlan) => T | Promise<T>,
): Promise<T | Refused> {
  const rights = createRightsCheck(namespace, room);
  let planned = make();
  for (let round = 1; ; round++) {
    if (planned.kind === 'refused') return planned;
    const held = holds ? room.reservations.promise(wantedRoom(planned.plan)) : undefined;
    const { refusal, notes } = await rights(planned.plan, planned.bundles).finally(() => held?.drop());
    if (refusal !== undefined) return { kind: 'refused', refusal, reasons: planned.plan.reasons };
    const now = make();
    if (now.kind === 'refused') return now;
    if (round === ROUNDS_MAX || effectOf(now.plan) === effectOf(planned.plan)) return go({ ...now, notes });
    planned = now;
  }
}

/** What a plan does, as one digest: scores in its reasons change from moment to moment. */
export function effectOf({ steps, locations, kind, revision, baseRevision }: Plan): Digest {
  return digestOf({ steps, locations, kind, revision, baseRevision });
}
