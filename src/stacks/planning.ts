/** From a wish (this content, without those clusters) to a plan: placement and plan joined over what is committed. */
import {
  cutSecret,
  type Digest,
  digestOf,
  invariant,
  type Json,
  type KubeObject,
  type Refusal,
} from '../base/index.ts';
import type { ResolvedStack } from '../ldc/index.ts';
import { explain, type FleetSnapshot, type Placement, place } from '../placement/index.ts';
import {
  type Bundle,
  locationId,
  makePlan,
  makeRetirePlan,
  type PlacementReason,
  type Plan,
  type PlanRequest,
  type StackRef,
  type TransactionKind,
} from '../plan/index.ts';
import { conflictOf } from './conflicts.ts';
import { without } from './fleet.ts';
import { leave } from './leave.ts';
import { type LocationRecord, locationsOf, present, stackRecord } from './records.ts';
import type { Reservation } from './reservations.ts';
import type { Room } from './room.ts';
import { refusedPart } from './source.ts';
import { locationView } from './views.ts';

export type Planned =
  | {
      readonly kind: 'planned';
      readonly plan: Plan;
      /** To be stored before the plan is handed in. */
      readonly bundles: ReadonlyMap<Digest, Bundle>;
      /** Secret values that overrides brought in while rendering. */
      readonly values: ReadonlyMap<string, string>;
    }
  | { readonly kind: 'refused'; readonly refusal: Refusal; readonly reasons: readonly PlacementReason[] };

export interface Wish {
  readonly kind: Extract<TransactionKind, 'deploy' | 'rollback'>;
  readonly resolved: ResolvedStack;
  readonly revision: number;
}

/** A plan to serve this content, from wherever the stack is now. */
export function planDeploy(wish: Wish, room: Room, avoid: readonly string[] = []): Planned {
  const refusal = refusedPart(wish.resolved);
  if (refusal !== undefined) return { kind: 'refused', refusal, reasons: [] };
  const snapshot = without(room.snapshot(), [], avoid);
  const committed = present(locationsOf(room.store.documents, wish.resolved));
  const request = placeRequest(wish.resolved, snapshot, committed, room);
  return made(
    { ...wish, placement: place(request), reasons: explain(request), carried: [], snapshot },
    committed,
    room,
  );
}

export interface Rescheduling {
  readonly resolved: ResolvedStack;
  readonly revision: number;
  /** Clusters that it has to leave. */
  readonly away: readonly string[];
  /** Clusters that take nothing new. */
  readonly avoid: readonly string[];
  readonly reason: Json;
}

/** A plan that takes the committed content away from some clusters: new copies first, and never the last one. */
export function planReschedule(wish: Rescheduling, room: Room): Planned {
  const { resolved, away, avoid } = wish;
  const snapshot = without(room.snapshot(), away, avoid);
  const committed = present(locationsOf(room.store.documents, resolved));
  const request = placeRequest(resolved, snapshot, committed, room);
  const placed = place(request);
  const views = new Map(
    committed.map((record) => [
      shortKey(record.location),
      locationView(record, { ...room, documents: room.store.documents }),
    ]),
  );
  const left = leave({
    stack: resolved,
    current: request.current,
    placed,
    away,
    reachable: (cluster) => !room.isLost(cluster),
    healthy: (location) => views.get(shortKey(location))?.status === 'current',
  });
  const reasons = explain(request);
  if (left.kind === 'refused') return { kind: 'refused', refusal: left.refusal, reasons };
  const stays = new Set(left.stays);
  const carried = committed.filter(({ location }) => stays.has(shortKey(location)));
  const locations = left.locations.filter((location) => !stays.has(shortKey(location)));
  const placement = { ...placed, locations };
  return made(
    { ...wish, kind: 'reschedule', placement, reasons, carried, snapshot, acceptUnmet: true },
    committed,
    room,
  );
}

/** A plan that takes the stack away; what cannot be reached becomes stale and goes when its cluster returns. */
export function planRetirement(stack: StackRef, resolved: ResolvedStack, room: Room): Plan {
  const committed = present(locationsOf(room.store.documents, stack)).filter(
    ({ location }) => !room.isLost(location.cluster),
  );
  const baseRevision = stackRecord(room.store.documents, stack)?.revision ?? 0;
  return makeRetirePlan({ stack: resolved, baseRevision, committed: withBundles(committed, room) }).plan;
}

/** What the reserve steps of a plan will ask for. */
export function wantedRoom(plan: Plan): readonly Reservation[] {
  return plan.steps.flatMap(({ work }) => {
    if (work.action !== 'reserve') return [];
    const { location, cpuMilli, memoryBytes, pods } = work;
    return [{ location, amounts: { cpuMilli, memoryBytes, pods } }];
  });
}

interface Making {
  readonly kind: TransactionKind;
  readonly resolved: ResolvedStack;
  readonly revision: number;
  readonly placement: Placement;
  readonly reasons: readonly PlacementReason[];
  readonly snapshot: FleetSnapshot;
  /** Stay wanted as they are; no step touches them. */
  readonly carried: readonly LocationRecord[];
  readonly acceptUnmet?: boolean;
  readonly reason?: Json;
}

function made(making: Making, committed: readonly LocationRecord[], room: Room): Planned {
  const { resolved, placement, carried, reasons, snapshot, reason } = making;
  const { cut, values } = cutterOf(room);
  const request: PlanRequest = {
    kind: making.kind,
    stack: resolved,
    revision: making.revision,
    baseRevision: stackRecord(room.store.documents, resolved)?.revision ?? 0,
    committed: withBundles(touchable(committed, carried, placement, room), room),
    placement,
    reasons,
    clusters: snapshot.clusters,
    cut,
    ...(making.acceptUnmet === undefined ? {} : { acceptUnmet: making.acceptUnmet }),
    ...(reason === undefined ? {} : { reason }),
  };
  const outcome = makePlan(request);
  if (outcome.kind === 'refused') return { ...outcome, reasons };
  const { bundles } = outcome.value;
  const plan = withCarried(outcome.value.plan, carried);
  for (const [digest, bundle] of bundles) room.bundles.learn(digest, bundle);
  const conflict = conflictOf(plan, room);
  if (conflict !== undefined) return { kind: 'refused', refusal: conflict, reasons };
  return { kind: 'planned', plan, bundles, values };
}

/** Cuts Secrets as they are rendered, and keeps what was cut. */
export function cutterOf(room: Room): {
  readonly cut: (object: KubeObject) => KubeObject;
  readonly values: ReadonlyMap<string, string>;
} {
  const values = new Map<string, string>();
  const cut = (object: KubeObject) => {
    // a stack is cut when it is read; overrides may have put further values in, which are cut here
    const result = cutSecret(object, room.store.secrets.cutKey, { partly: true });
    for (const [reference, value] of result.values) values.set(reference, value);
    return result.object;
  };
  return { cut, values };
}

function withCarried({ digest, ...plan }: Plan, carried: readonly LocationRecord[]): Plan {
  if (carried.length === 0) return { ...plan, digest };
  const idOf = (record: LocationRecord) => locationId(record.location);
  const locations = [...plan.locations, ...carried].sort((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
  return { ...plan, locations, digest: digestOf({ ...plan, locations }) };
}

/** What the plan may change or remove: nobody is there to remove what a lost cluster holds; it becomes stale. */
function touchable(
  committed: readonly LocationRecord[],
  carried: readonly LocationRecord[],
  placement: Placement,
  room: Room,
): readonly LocationRecord[] {
  const carriedIds = new Set(carried.map(({ location }) => locationId(location)));
  const placed = new Set(placement.locations.map(shortKey));
  return committed.filter(({ location }) => {
    if (carriedIds.has(locationId(location))) return false;
    return placed.has(shortKey(location)) || !room.isLost(location.cluster);
  });
}

function placeRequest(stack: ResolvedStack, snapshot: FleetSnapshot, committed: readonly LocationRecord[], room: Room) {
  const compile = room.compile === undefined ? {} : { compile: room.compile };
  return { stack, snapshot, current: room.bundles.current(committed, stack), ...compile };
}

/** With what each bundle says. */
export function withBundles(records: readonly LocationRecord[], room: Room): PlanRequest['committed'] {
  return records.map(({ location, revision, bundle: digest }) => {
    const bundle = room.bundles.get(digest);
    invariant(bundle !== undefined, `the bundle of ${locationId(location)} is kept`);
    // the name in the bundle may be one that its cluster had before
    return { revision, digest, bundle: { ...bundle, location } };
  });
}

function shortKey({ name, cluster }: { readonly name: string; readonly cluster: string }): string {
  return `${name}@${cluster}`;
}
