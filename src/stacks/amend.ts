/** How a running plan goes on without clusters that were lost under it, or after another transaction has moved the stack. */
import { type Outcome, refused } from '../base/index.ts';
import type { ResolvedStack } from '../ldc/index.ts';
import { type Placement, place } from '../placement/index.ts';
import { type AmendOutcome, amendPlan, locationId, type Plan, type PlanAmendment } from '../plan/index.ts';
import type { TransactionView } from '../saga/types.ts';
import { conflictOf } from './conflicts.ts';
import { without } from './fleet.ts';
import { touchedByHeld } from './moves.ts';
import { cutterOf, withBundles } from './planning.ts';
import { type LocationRecord, locationsOf } from './records.ts';
import type { Room } from './room.ts';
import { keepPlanned } from './submit.ts';

/** Refused: the transaction is undone. Silence alone is no refusal: as long as every minimum can be met it goes on. */
export async function amend(
  transaction: TransactionView,
  plan: Plan,
  resolved: ResolvedStack,
  lost: readonly string[],
  room: Room,
): Promise<Outcome<PlanAmendment>> {
  const { onLostCluster } = plan.rollout;
  if (onLostCluster === 'undo' && lost.length > 0) {
    return refused({
      kind: 'clusterLost',
      message: `${lost.join(', ')} was lost, and rollout.onLostCluster says undo`,
      hint: 'apply again when it is back, or say rollout.onLostCluster: replace',
    });
  }
  const gone = [...new Set([...lost, ...lostUnder(plan, room)])].sort();
  const committed = locationsOf(room.store.documents, plan.stack);
  // a move keeps away from what waits for a person, also when it has to look for another place
  const held = transaction.kind === 'reschedule' ? touchedByHeld(plan.stack, room) : [];
  const placement = onLostCluster === 'owe' ? null : replaced({ plan, resolved, gone, avoid: held, committed }, room);
  const { cut, values } = cutterOf(room);
  const outcome: AmendOutcome = amendPlan({
    ...{ plan, lost: gone, stack: resolved, placement, cut },
    committed: withBundles(committed, room),
    clusters: room.snapshot().clusters,
    phase: transaction.state === 'preparing' ? 'preparing' : 'running',
  });
  if (outcome.kind === 'refused') return outcome;
  const { amendment, bundles } = outcome.value;
  for (const [digest, bundle] of bundles) room.bundles.learn(digest, bundle);
  const coming = { stack: plan.stack, steps: amendment.added };
  const conflict = conflictOf(coming, room);
  if (conflict !== undefined) return refused(conflict);
  room.claims.holdFor(transaction.id, coming);
  await keepPlanned({ kind: 'planned', plan, bundles, values }, room);
  return { kind: 'done', value: amendment };
}

/** Lost meanwhile: a transaction that was held hears of it only when it goes on. */
function lostUnder(plan: Plan, room: Room): readonly string[] {
  const clusters = plan.locations.map(({ location }) => location.cluster);
  return clusters.filter((cluster) => room.isLost(cluster));
}

/** What the plan leaves elsewhere stays, and so does what another transaction has moved; only the rest is chosen. */
function replaced(
  {
    plan,
    resolved,
    gone,
    avoid,
    committed,
  }: {
    readonly plan: Plan;
    readonly resolved: ResolvedStack;
    readonly gone: readonly string[];
    readonly avoid: readonly string[];
    readonly committed: readonly LocationRecord[];
  },
  room: Room,
): Placement {
  const remaining = plan.locations.filter(({ location }) => !gone.includes(location.cluster));
  const planned = new Set(plan.locations.map(({ location }) => locationId(location)));
  const moved = committed.filter(
    ({ location }) =>
      !planned.has(locationId(location)) && !gone.includes(location.cluster) && !isRemoved(plan, location),
  );
  const current = room.bundles.current([...remaining, ...moved], resolved);
  const compile = room.compile === undefined ? {} : { compile: room.compile };
  return place({ stack: resolved, snapshot: without(room.snapshot(), gone, avoid), current, ...compile });
}

function isRemoved(plan: Plan, location: LocationRecord['location']): boolean {
  return plan.steps.some(({ work }) => work.action === 'remove' && locationId(work.location) === locationId(location));
}
