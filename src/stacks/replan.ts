/** The engine's questions, answered: the same wish anew, a running plan without some clusters, and room on a cluster. */
import { done, errorText, type Outcome, refused } from '../base/index.ts';
import type { Location, Plan, PlanAmendment } from '../plan/index.ts';
import type { Replan, TransactionView } from '../saga/types.ts';
import { amend } from './amend.ts';
import { evidenceOf, planSettle, touchedByHeld } from './moves.ts';
import { type Planned, planDeploy, planReschedule, planRetirement, wantedRoom } from './planning.ts';
import { type RevisionRecord, revisionRecord, stackId } from './records.ts';
import { NOTHING } from './reservations.ts';
import type { Room } from './room.ts';
import { keepPlanned } from './submit.ts';

export function createReplan(room: Room): Replan {
  return {
    again: (transaction) => guarded(() => again(transaction, room)),
    without: (transaction, plan, lost) => guarded(() => goOnWithout(transaction, plan, lost, room)),
    reserve: (key, location, need) => reserve(key, location, need, room),
    release: (key) => room.reservations.release(key),
  };
}

async function again(transaction: TransactionView, room: Room): Promise<Outcome<Plan>> {
  const { kind, stack, revision } = transaction;
  switch (kind) {
    case 'deploy':
    case 'rollback': {
      const written = revisionRecord(room.store.documents, stack, revision);
      if (written === undefined) return noContent(transaction);
      const resolved = room.resolved(written);
      return kept(() => planDeploy({ kind, resolved, revision }, room), transaction, room);
    }
    case 'reschedule': {
      const committed = room.committed(stack);
      const evidence = evidenceOf(transaction.reason);
      if (committed === undefined || evidence === undefined) return noContent(transaction);
      const wish = {
        resolved: room.resolved(committed),
        revision: committed.revision,
        away: evidence.clusters,
        avoid: touchedByHeld(stack, room),
      };
      return kept(() => planReschedule({ ...wish, reason: transaction.reason }, room), transaction, room);
    }
    case 'retire': {
      const committed = room.committed(stack);
      return committed === undefined
        ? noContent(transaction)
        : done(planRetirement(stack, room.resolved(committed), room));
    }
    case 'settle': {
      const evidence = evidenceOf(transaction.reason);
      const cluster = evidence?.clusters[0];
      const plan =
        evidence === undefined || cluster === undefined ? undefined : planSettle(stack, cluster, evidence, room);
      return plan === undefined
        ? refused({
            kind: 'nothingDue',
            message: `nothing of ${stackId(stack)} is due there any more`,
            hint: 'nothing is to be done',
          })
        : done(plan);
    }
    default:
      return refused({
        kind: 'notReplanned',
        message: `a transaction of kind ${kind} cannot be planned anew`,
        hint: 'start it again',
      });
  }
}

async function goOnWithout(
  transaction: TransactionView,
  plan: Plan,
  lost: readonly string[],
  room: Room,
): Promise<Outcome<PlanAmendment>> {
  const written = contentOf(transaction, room);
  if (written === undefined) return noContent(transaction);
  return amend(transaction, plan, room.resolved(written), lost, room);
}

/** Which content a transaction serves: its own revision, or the committed one when it brings none. */
function contentOf({ stack, revision }: TransactionView, room: Room): RevisionRecord | undefined {
  return revisionRecord(room.store.documents, stack, revision) ?? room.committed(stack);
}

function reserve(key: string, location: Location, need: Parameters<Replan['reserve']>[2], room: Room): Outcome<null> {
  const { cluster } = location;
  if (room.reservations.has(key)) return done(null);
  const capacity = room.registry.cluster(cluster)?.capacity;
  if (capacity === undefined || capacity === null) {
    return { kind: 'retry', afterMs: 1_000, reason: `${cluster} has not said yet how much room it has` };
  }
  const promised = room.reservations.reserved().get(cluster) ?? NOTHING;
  const missing = (['cpuMilli', 'memoryBytes', 'pods'] as const).flatMap((what) => {
    const free = capacity.allocatable[what] - capacity.requested[what] - promised[what];
    return need[what] > free
      ? [`needs ${amountText(what, need[what])}, has ${amountText(what, Math.max(0, free))} free`]
      : [];
  });
  if (missing.length > 0) {
    const message = `no room on ${cluster}: ${missing.join('; ')}`;
    return refused({
      kind: 'noRoom',
      message,
      where: cluster,
      hint: 'make room there, or cordon it so that placement looks elsewhere',
    });
  }
  room.reservations.reserve(key, { location, amounts: need });
  return done(null);
}

function amountText(what: 'cpuMilli' | 'memoryBytes' | 'pods', amount: number): string {
  switch (what) {
    case 'cpuMilli':
      return `${amount / 1000} CPU`;
    case 'memoryBytes':
      return `${Math.round(amount / 2 ** 20)} MiB of memory`;
    case 'pods':
      return `room for ${amount} pods`;
  }
}

/** What its former plan wanted does not stand in the way of the new one, whose room is counted from now on. */
async function kept(make: () => Planned, { id }: TransactionView, room: Room): Promise<Outcome<Plan>> {
  room.reservations.forgetPromises((transaction) => transaction === id);
  const planned = make();
  if (planned.kind === 'refused') return planned;
  room.reservations.promise(wantedRoom(planned.plan)).bind(id);
  room.claims.holdFor(id, planned.plan);
  await keepPlanned(planned, room);
  return done(planned.plan);
}

function noContent({ kind, stack, revision }: TransactionView): Outcome<never> {
  const message = `${kind} of ${stackId(stack)}: the content of revision ${revision} is not there any more`;
  return refused({ kind: 'noContent', message, hint: 'apply the stack again' });
}

/** The engine's loop never sees an exception of ours: what cannot be known now is asked again. */
async function guarded<T>(run: () => Promise<Outcome<T>>): Promise<Outcome<T>> {
  try {
    return await run();
  } catch (error) {
    return { kind: 'unknown', reason: errorText(error) };
  }
}
