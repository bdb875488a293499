/** What the hub decides by itself: leave clusters, and settle what is due on one that has returned. */
import { isObject, type Json, type ObjectRef } from '../base/index.ts';
import { locationId, type Plan, type StackRef, type StepWork } from '../plan/index.ts';
import { planReschedule } from './planning.ts';
import {
  bodies,
  collections,
  HELD_REPORTS,
  KEPT,
  type LocationRecord,
  locationsOf,
  locationsOn,
  OWED,
  present,
  type StackRecord,
  type StaleRecord,
  stackId,
  stackRecord,
  staleOn,
} from './records.ts';
import { type Room, undefinedContent } from './room.ts';
import { canSettle, type OwedRecord, settlePlan } from './settle-plan.ts';
import { handIn, submit } from './submit.ts';
import type { ApplyResult, DueWork, MoveEvidence, Moves, Stacks } from './types.ts';

interface HeldReport {
  readonly held: readonly LocationRecord[];
}

/** Collection `kept` of the engine: what a removal has left for a person. */
interface KeptRecord {
  readonly stack: StackRef;
  readonly location: string;
  readonly ref: ObjectRef;
  readonly why: string;
}
const BY_HUB = { actor: 'hub', ifBusy: 'wait' } as const;

export function createMoves(room: Room): Moves {
  const { documents } = room.store;
  return {
    reschedule: (stack, away, evidence, options) =>
      room.serially(stack, () => reschedule(stack, away, evidence, options?.avoid ?? [], room)),
    async settle(cluster, evidence, only) {
      const due = stacksDueOn(cluster, room);
      const wanted =
        only === undefined ? due : due.filter((stack) => only.some((one) => stackId(one) === stackId(stack)));
      const results: ApplyResult[] = [];
      for (const stack of wanted)
        results.push(await room.serially(stack, () => settle(stack, cluster, evidence, room)));
      return results;
    },
    onCluster: (cluster) => onCluster(cluster, room),
    dueOn: (cluster) => dueOn(cluster, room),
    everywhere: () =>
      bodies<StackRecord>(documents, collections.stack)
        .filter(({ state, functions }) => state === 'live' && functions.some(({ max }) => max === 'all'))
        // what is missing since a restore may have been taken away on purpose: a person brings it back
        .filter((stack) => locationsOf(documents, stack).every(({ missing }) => missing !== true))
        .map(({ project, name }) => ({ project, name })),
    serving: () => [...room.occupied.byCluster().keys()].sort(),
    owing() {
      const stale = bodies<StaleRecord>(documents, collections.stale).map(({ location }) => location.cluster);
      const owed = bodies<OwedRecord>(documents, OWED).filter(canSettle);
      return [...new Set([...stale, ...owed.map(({ cluster }) => cluster)])].sort();
    },
  };
}

/** The plan of a settle transaction for one stack on one cluster; undefined when nothing is due any more. */
export function planSettle(stack: StackRef, cluster: string, evidence: MoveEvidence, room: Room): Plan | undefined {
  const { documents } = room.store;
  const isOurs = (other: StackRef) => stackId(other) === stackId(stack);
  const plan = settlePlan({
    stack: { project: stack.project, name: stack.name },
    baseRevision: stackRecord(documents, stack)?.revision ?? 0,
    wanted: locationsOf(documents, stack),
    owed: owedOn(cluster, room).filter((owed) => isOurs(owed.stack)),
    stale: staleOn(documents, cluster).filter(({ location }) => isOurs(location.stack)),
    stepOf: (owed) => stepOf(owed, room),
    load: (blob) => room.store.blobs.get(blob),
    reason: evidence as unknown as Json,
  });
  return plan.steps.length === 0 ? undefined : plan;
}

/** The evidence of a transaction that the hub began by itself. */
export function evidenceOf(reason: Json | null): MoveEvidence | undefined {
  if (!isObject(reason) || typeof reason.cause !== 'string' || !Array.isArray(reason.clusters)) return undefined;
  return reason as unknown as MoveEvidence;
}

async function reschedule(
  stack: StackRef,
  away: readonly string[],
  evidence: MoveEvidence,
  avoid: readonly string[],
  room: Room,
): Promise<ApplyResult> {
  const committed = room.committed(stack);
  const record = stackRecord(room.store.documents, stack);
  if (committed === undefined && record?.state === 'live') return undefinedContent(stack, record.revision);
  if (committed === undefined) {
    return { kind: 'nothing', message: `${stackId(stack)} has no committed revision that could move` };
  }
  const known = locationsOf(room.store.documents, stack);
  if (known.length > 0 && present(known).length === 0)
    return {
      kind: 'nothing',
      message: `${stackId(stack)} is nowhere since the hub was restored: an apply brings it back`,
    };
  const resolved = room.resolved(committed);
  const reason = evidence as unknown as Json;
  const held = touchedByHeld(stack, room);
  // where work of it is owed it would have to wait until that is settled
  const owing = bodies<OwedRecord>(room.store.documents, OWED).filter((owed) => canSettle(owed) && stackId(owed.stack) === stackId(stack)); // biome-ignore format: one line
  const wish = { resolved, revision: committed.revision, away, avoid: [...avoid, ...held, ...owing.map(({ cluster }) => cluster)], reason }; // biome-ignore format: one line
  const planned = planReschedule(wish, room);
  if (planned.kind === 'refused') {
    const complete = away.length === 0 && planned.refusal.kind === 'noBetterPlacement';
    return complete ? { kind: 'nothing', message: `${stackId(stack)} is wherever it can be` } : planned;
  }
  return handIn(planned, async () => null, { ...BY_HUB, reason }, room);
}

/** A transaction that waits for a person keeps its clusters: a move goes to ones that it has not touched (DESIGN §5). */
export function touchedByHeld(stack: StackRef, room: Room): readonly string[] {
  const ids = stackRecord(room.store.documents, stack)?.transactions ?? [];
  const touched = ids.flatMap((id) => {
    const state = room.engine().summary(id)?.state;
    if (state !== 'paused' && state !== 'stuck' && state !== 'awaitingApproval') return [];
    const steps = room.engine().plan(id)?.steps ?? [];
    return steps.flatMap(({ work }) => ('location' in work ? [work.location.cluster] : []));
  });
  return [...new Set(touched)].sort();
}

async function settle(stack: StackRef, cluster: string, evidence: MoveEvidence, room: Room): Promise<ApplyResult> {
  const plan = planSettle(stack, cluster, evidence, room);
  if (plan === undefined) return { kind: 'nothing', message: `nothing of ${stackId(stack)} is due on ${cluster}` };
  return submit(plan, null, { ...BY_HUB, reason: evidence as unknown as Json }, room);
}

function stacksDueOn(cluster: string, room: Room): readonly StackRef[] {
  const due = new Map<string, StackRef>();
  for (const { stack } of owedOn(cluster, room).filter(canSettle)) due.set(stackId(stack), stack);
  for (const { location } of staleOn(room.store.documents, cluster)) due.set(stackId(location.stack), location.stack);
  return [...due].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, stack]) => stack);
}

function onCluster(cluster: string, room: Room): ReturnType<Stacks['onCluster']> {
  const { documents } = room.store;
  const held = new Map<string, ReturnType<Stacks['onCluster']>[number]>();
  for (const { location } of present(locationsOn(documents, cluster))) {
    const id = locationId(location);
    held.set(id, { stack: location.stack, location: id, wanted: true, owed: false });
  }
  const due = [
    ...staleOn(documents, cluster).map(({ location }) => ({ stack: location.stack, location: locationId(location) })),
    ...owedOn(cluster, room).filter(canSettle),
  ];
  for (const { stack, location } of due) {
    held.set(location, { stack, location, wanted: held.get(location)?.wanted ?? false, owed: true });
  }
  for (const { stack, location, ref, why } of bodies<KeptRecord>(documents, KEPT, `${cluster}/`)) {
    const known = held.get(location) ?? { stack, location, wanted: false, owed: false };
    held.set(location, { ...known, kept: [...(known.kept ?? []), { ref, why }] });
  }
  const report = documents.get(HELD_REPORTS, cluster)?.body as unknown as HeldReport | undefined;
  for (const { location, revision, bundle } of report?.held ?? []) {
    const id = locationId(location);
    const known = held.get(id) ?? { stack: location.stack, location: id, wanted: false, owed: false };
    held.set(id, { ...known, held: { revision, bundle } });
  }
  return [...held.values()].sort((a, b) => (a.location < b.location ? -1 : 1));
}

function dueOn(cluster: string, room: Room): readonly DueWork[] {
  const owed = owedOn(cluster, room).map(({ stack, location, kind, transaction, since }): DueWork => ({ stack, location, kind, transaction, since })); // biome-ignore format: one line
  const stale = staleOn(room.store.documents, cluster).map(({ location, transaction, since }): DueWork => {
    const { stack } = location;
    return { stack, location: locationId(location), kind: 'remove', transaction, since };
  });
  return [...owed, ...stale].sort((a, b) => (a.since < b.since ? -1 : a.since > b.since ? 1 : 0));
}

function owedOn(cluster: string, room: Room): readonly OwedRecord[] {
  return bodies<OwedRecord>(room.store.documents, OWED, `${cluster}/`);
}

function stepOf(owed: OwedRecord, room: Room): StepWork | undefined {
  return room
    .engine()
    .plan(owed.transaction)
    ?.steps.find((step) => step.id === owed.step)?.work;
}
