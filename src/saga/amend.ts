/** How a running plan goes on without some clusters: the answer of Replan.without as events (DESIGN §5, a cluster lost in mid-deploy). */
import { type Blobs, digestOf, type Outcome, type Refusal } from '../base/index.ts';
import { type LocationId, locationId, type Plan, type PlanAmendment } from '../plan/index.ts';
import { clusterOf } from './actions/index.ts';
import { unfit } from './check-plan.ts';
import type { TransactionEvent } from './events.ts';
import { createdNothing, owedEvent, undoneOnCluster } from './faults.ts';
import { planRef } from './plan-ref.ts';
import type { StepState, TransactionData } from './state.ts';
import type { TransactionId } from './types.ts';

/** The unfinished transaction other than `id` that has one of these locks. */
export type Holder = (id: TransactionId, locks: readonly LocationId[]) => TransactionId | undefined;

type Answered = Extract<Outcome<PlanAmendment>, { readonly kind: 'done' | 'refused' }>;

export async function amendment(
  data: TransactionData,
  lost: readonly string[],
  outcome: Answered,
  { blobs, holder }: { readonly blobs: Blobs; readonly holder: Holder },
): Promise<(now: TransactionData) => readonly TransactionEvent[]> {
  if (outcome.kind === 'refused') return undone(lost, outcome.refusal);
  const { added, locations, locks, owed, explanation } = outcome.value;
  const dropped = new Set([...outcome.value.dropped, ...stepsOn(data, new Set(lost))]);
  const { digest: _, ...before } = data.plan;
  const changed: Omit<Plan, 'digest'> = { ...before, steps: [...data.plan.steps, ...added], locations, locks };
  const plan: Plan = { ...changed, digest: digestOf(changed) };
  const wrong = unfit(plan);
  if (wrong !== undefined) return undone(lost, wrong);
  const blob = await blobs.put(plan as never);
  const taken = locks.filter((lock) => !data.plan.locks.includes(lock)).sort();
  return (now) => {
    if (!goesForward(now)) return [];
    const other = holder(now.header.id, taken);
    if (other !== undefined) return undone(lost, busyWith(other))(now);
    const begun = [...now.steps.values()].filter((state) => dropped.has(state.step.id) && mayHaveRun(state));
    const later = [...now.steps.values()].filter((state) => dropped.has(state.step.id) && comesLater(state, plan));
    const events: TransactionEvent[] = [
      ...begun.map((state) => owedEvent(now, state, 'undo')),
      ...later.map((state) => owedEvent(now, state, 'apply')),
    ];
    const data = { ...planRef(plan, blob), dropped: { value: [...dropped] }, owed: [...owed], explanation };
    return [...events, { type: 'tx.amended', data }];
  };
}

/** Steps on clusters that are lost, before the decision: none of them can be waited for, whatever the amendment names. */
function stepsOn(data: TransactionData, lost: ReadonlySet<string>): readonly string[] {
  return data.plan.steps
    .filter((step) => {
      const cluster = clusterOf(step);
      return step.phase !== 'decided' && cluster !== null && lost.has(cluster);
    })
    .map(({ id }) => id);
}

/** Its undo is owed: it ran, or nobody knows. What the hub itself keeps (a reservation) ends with the transaction. */
function mayHaveRun(state: StepState): boolean {
  const { step, status } = state;
  const begun = status === 'started' || status === 'succeeded' || status === 'failed';
  return begun && undoneOnCluster(step) && !createdNothing(state);
}

/** It has not begun, and what it was to bring stays wanted there: it is brought when the cluster returns. */
function comesLater({ step: { work }, status }: StepState, plan: Plan): boolean {
  if (status !== 'pending' || work.action !== 'apply') return false;
  const location = locationId(work.location);
  return plan.locations.some((wanted) => locationId(wanted.location) === location && wanted.bundle === work.bundle);
}

function undone(lost: readonly string[], refusal: Refusal): (now: TransactionData) => readonly TransactionEvent[] {
  return (now) => {
    if (!goesForward(now) || now.header.pivoted) return [];
    const cause: Refusal =
      lost.length === 0
        ? { ...refusal, message: `another transaction has moved the stack meanwhile, and ${refusal.message}` }
        : {
            ...refusal,
            kind: 'clusterLost',
            message: `${lost.join(', ')} lost in mid-deploy, and ${refusal.message}`,
            where: lost.join(', '),
          };
    return [{ type: 'tx.compensating', data: { cause } }];
  };
}

function busyWith(other: TransactionId): Refusal {
  return { kind: 'busy', message: `where it would go on ${other} is at work`, hint: `look at ldc tx show ${other}` };
}

function goesForward({ header: { state } }: TransactionData): boolean {
  return state === 'preparing' || state === 'running' || state === 'verifying';
}
