/** Hands a plan to the engine: everything that it names is durable first, and a revision number never stands for two contents. */
import type { Digest, Json, Outcome, Refusal } from '../base/index.ts';
import type { Plan } from '../plan/index.ts';
import type { TransactionView } from '../saga/types.ts';
import { type Planned, wantedRoom } from './planning.ts';
import type { RevisionWritten } from './project.ts';
import { stackId } from './records.ts';
import type { Room } from './room.ts';
import type { ApplyOptions, ApplyResult } from './types.ts';

type SubmitOptions = Pick<ApplyOptions, 'actor' | 'ifBusy'> & {
  readonly reason: Json;
  /** room.basis() when the plan was made; absent: just now. */
  readonly basis?: Digest;
};

/** Stores bundles and Secret values. Durable when it resolves. */
export async function keepPlanned(planned: Extract<Planned, { kind: 'planned' }>, room: Room): Promise<void> {
  const { blobs, secrets } = room.store;
  if (planned.values.size > 0) await secrets.put(planned.values);
  await Promise.all([...planned.bundles.values()].map((bundle) => blobs.put(bundle as unknown as Json)));
}

/**
 * From a fresh plan to a transaction: its room and its objects are counted from now on, what it names is kept, then it is handed in.
 * @param keep stores the revision's content and says what it is; null when the plan brings none
 */
export async function handIn(
  planned: Extract<Planned, { kind: 'planned' }>,
  keep: () => Promise<RevisionWritten | null>,
  options: SubmitOptions,
  room: Room,
): Promise<ApplyResult> {
  const basis = room.basis(planned.plan.stack); // what is awaited from here on may move it
  const promised = room.reservations.promise(wantedRoom(planned.plan));
  const letGo = room.claims.hold(planned.plan); // until the journal says whose objects these are
  try {
    const written = await keep();
    await keepPlanned(planned, room);
    const result = await submit(planned.plan, written, { ...options, basis }, room);
    if (result.kind === 'submitted') promised.bind(result.transaction);
    else promised.drop();
    return result;
  } catch (error) {
    promised.drop();
    throw error;
  } finally {
    letGo();
  }
}

/** @param written the revision that the plan brings; null when it brings none (retire, settle, reschedule) */
export async function submit(
  plan: Plan,
  written: RevisionWritten | null,
  options: SubmitOptions,
  room: Room,
): Promise<ApplyResult> {
  const { journal } = room.store;
  const { actor, ifBusy, reason } = options;
  const chain = `stack/${stackId(plan.stack)}`;
  const { basis = room.basis(plan.stack) } = options;
  const isStale = () => room.basis(plan.stack) !== basis;
  if (written !== null) {
    await journal.append([{ tx: chain, type: 'stack.revision', actor, data: { ...written } as never }]);
  }
  const outcome = await room.engine().submit({ plan, actor, reason, ifBusy, isStale });
  if (outcome.kind === 'done') {
    return { kind: 'submitted', transaction: outcome.value.id, transactionKind: plan.kind };
  }
  const refusal = refusalOf(outcome);
  if (written !== null) {
    const { kind, message } = refusal;
    const data = { stack: { ...plan.stack }, revision: written.revision, refusal: { kind, message } };
    await journal.append([{ tx: chain, type: 'stack.revisionDropped', actor, data }]);
  }
  return { kind: 'refused', refusal };
}

function refusalOf(outcome: Exclude<Outcome<TransactionView>, { kind: 'done' }>): Refusal {
  if (outcome.kind === 'refused') return outcome.refusal;
  return { kind: 'notSubmitted', message: `the engine took no transaction: ${outcome.reason}`, hint: 'try again' };
}
