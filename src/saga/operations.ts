/** What a person may do to a transaction, and when: verbs into events, or the reason why not. Pure. */
import { done, type Outcome, refused, timestamp } from '../base/index.ts';
import { remaining, running } from './decide.ts';
import type { TransactionEvent } from './events.ts';
import type { TransactionData } from './state.ts';
import type { Operation, TransactionState } from './types.ts';

export interface Circumstances {
  readonly actor: string;
  readonly reason: string | null;
  readonly nowMs: number;
  /** A reschedule or failover that is moving the same stack just now. */
  readonly overtaker: string | null;
}

type Answer = Outcome<readonly TransactionEvent[]>;

const BEFORE_DECIDED: ReadonlySet<TransactionState> = new Set([
  'queued',
  'preparing',
  'awaitingApproval',
  'running',
  'verifying',
]);

export function operationEvents(data: TransactionData, operation: Operation, about: Circumstances): Answer {
  const { state } = data.header;
  if (data.header.sealed) return notNow(data, operation, 'it has ended');
  switch (operation.verb) {
    case 'approve':
      if (state !== 'awaitingApproval') return notNow(data, operation, 'it does not wait for an approval');
      return goesOn(data, operation, about, [
        { type: 'tx.approved', data: { reason: about.reason } },
        running(data, about.nowMs),
      ]);
    case 'pause':
      if (!BEFORE_DECIDED.has(state)) return notNow(data, operation, 'only one that is not decided yet can be paused');
      if (data.header.pivoted) return notNow(data, operation, PIVOTED);
      return done([
        { type: 'tx.paused', data: { cause: null, remainingMs: remaining(data, about.nowMs), reason: about.reason } },
      ]);
    case 'resume':
      return state === 'paused' ? resume(data, operation, about) : notNow(data, operation, 'it is not paused');
    case 'retry':
      return retry(data, operation, about);
    case 'abort':
      return abort(data, operation, about);
    case 'skip':
      if (state !== 'stuck') return notNow(data, operation, 'only a stuck one has something to skip');
      return done([{ type: 'tx.skipped', data: { reason: operation.reason } }]);
    case 'force-close':
      if (state === 'compensating') return notNow(data, operation, `only a stuck one can be closed by force, and this one is being undone${undoing(data)}`); // biome-ignore format: one line
      if (state !== 'stuck') return notNow(data, operation, 'only a stuck one can be closed by force; try abort');
      return done([{ type: 'tx.forceClosed', data: { reason: operation.reason } }]);
  }
}

const PIVOTED = 'its point of no return has passed: it can only go on';

function resume(data: TransactionData, operation: Operation, about: Circumstances): Answer {
  const deadlineAt = data.remainingMs === null ? null : timestamp(about.nowMs + data.remainingMs);
  return goesOn(data, operation, about, [{ type: 'tx.resumed', data: { deadlineAt, reason: about.reason } }]);
}

function retry(data: TransactionData, operation: Operation, about: Circumstances): Answer {
  const { state } = data.header;
  if (state === 'stuck')
    return goesOn(data, operation, about, [{ type: 'tx.retried', data: { reason: about.reason } }]);
  if (state !== 'paused') return notNow(data, operation, 'it is neither stuck nor paused after a failure');
  const failed = [...data.steps.values()].some(({ status }) => status === 'failed');
  return failed ? resume(data, operation, about) : notNow(data, operation, 'nothing has failed; resume it');
}

function abort(data: TransactionData, operation: Operation, { actor, reason }: Circumstances): Answer {
  const { state } = data.header;
  if (state === 'decided') return notNow(data, operation, 'it is decided: it will be committed; roll back afterwards');
  if (state === 'compensating') return notNow(data, operation, `it is being undone already${undoing(data)}`);
  if (state === 'stuck') return notNow(data, operation, 'it is stuck: retry, skip or force-close it');
  if (data.header.pivoted) return notNow(data, operation, PIVOTED);
  const message = reason === null ? `aborted by ${actor}` : `aborted by ${actor}: ${reason}`;
  return done([
    {
      type: 'tx.compensating',
      data: { cause: { kind: 'aborted', message, hint: 'apply the stack again when it is wanted' } },
    },
  ]);
}

/** What an undo waits for, as far as its cluster has said anything; there are only so many tries, so it does end. */
function undoing(data: TransactionData): string {
  const failing = [...data.steps.values()].filter(({ status, refusal }) => refusal !== undefined && (status === 'undoStarted' || status === 'undoFailed')); // biome-ignore format: one line
  const [first] = failing;
  if (first === undefined) return '';
  const more = failing.length > 1 ? ` (and of ${failing.length - 1} more)` : '';
  return `; the undo of ${first.step.id}${more} is tried again: ${first.refusal?.message}; when its tries are used up it is stuck, and can be skipped or closed by force`;
}

/** While a reschedule moves the stack, what it has overtaken stays where it is. */
function goesOn(
  data: TransactionData,
  operation: Operation,
  { overtaker }: Circumstances,
  events: readonly TransactionEvent[],
): Answer {
  if (overtaker === null) return done(events);
  return notNow(data, operation, `${overtaker} is moving this stack; try again when it has ended`);
}

function notNow(data: TransactionData, { verb }: Operation, why: string): Answer {
  const { id, state } = data.header;
  return refused({
    kind: 'notNow',
    message: `cannot ${verb} ${id}, which is ${state}: ${why}`,
    hint: `look at it by ldc tx show ${id}`,
  });
}
