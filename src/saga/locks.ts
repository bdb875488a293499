/**
 * Who waits for whom. Locks are per location and per database, and a stack's revisions are made one after the other, so two
 * transactions also exclude each other by their stack. Pure.
 */
import type { LocationId, TransactionKind } from '../plan/index.ts';
import type { Header } from './header.ts';
import type { TransactionState } from './types.ts';

/** An unfinished transaction, as the queue sees it. */
export interface Contender {
  readonly header: Header;
  /** Sorted. */
  readonly locks: readonly LocationId[];
  /** Where it has begun something; of a settle all that it is for. */
  readonly clusters: () => ReadonlySet<string>;
}

/** Those that `candidate` has to wait for, in the order of their making. All locks are taken at once, so no two wait for each other. */
export function blockers(candidate: Contender, all: Iterable<Contender>): readonly Contender[] {
  return [...all].filter((other) => isBefore(other, candidate)).sort((a, b) => (a.header.id < b.header.id ? -1 : 1));
}

/** Whether there is one of them: who waits behind many asks again at every end, and is told by the first that is looked at. */
export function isBlocked(candidate: Contender, all: Iterable<Contender>): boolean {
  for (const other of all) if (isBefore(other, candidate)) return true;
  return false;
}

function isBefore(other: Contender, candidate: Contender): boolean {
  return other.header.id !== candidate.header.id && conflict(candidate, other) && holdsBack(other, candidate);
}

/** Whether a queued transaction has a lock or a place in the queue before `candidate`. */
function holdsBack(other: Contender, candidate: Contender): boolean {
  const { state, heldFrom, id, kind } = other.header;
  if (state === 'committed' || state === 'rolledBack') return false;
  const waiting = state === 'queued' || (state === 'paused' && heldFrom === 'queued');
  if (overtakes(candidate.header.kind)) {
    // availability first: it waits for nobody who waits for a person, nor for those behind such a one
    if (waiting) return overtakes(kind) && state === 'queued' && id < candidate.header.id;
    return !isHeld(state);
  }
  if (candidate.header.kind === 'settle') {
    // what is owed comes first: whoever has not begun where it is owed waits there, and keeps no cluster that has returned from the others
    if (waiting) return state === 'queued' && (overtakes(kind) || (kind === 'settle' && id < candidate.header.id));
    return kind === 'settle' || meet(candidate.clusters(), other.clusters());
  }
  if (!waiting) return true;
  // what goes past those in the queue is waited for by them, or both would be free to start at one moment
  const passes = overtakes(kind) || kind === 'settle';
  return (passes && state === 'queued') || id < candidate.header.id;
}

function isHeld(state: TransactionState): boolean {
  return state === 'paused' || state === 'awaitingApproval' || state === 'stuck';
}

function meet(some: ReadonlySet<string>, others: ReadonlySet<string>): boolean {
  return [...some].some((cluster) => others.has(cluster));
}

/** Who has one of these locks (sorted) and is neither `id` nor only in the queue. */
export function holderOf(locks: readonly LocationId[], id: string, all: Iterable<Contender>): Contender | undefined {
  for (const other of all) {
    const { state, heldFrom } = other.header;
    const waits = state === 'queued' || (state === 'paused' && heldFrom === 'queued');
    const ended = state === 'committed' || state === 'rolledBack';
    if (other.header.id !== id && !waits && !ended && shareLock(locks, other.locks)) return other;
  }
  return undefined;
}

/** Kinds that move a stack because something is down. */
export function overtakes(kind: TransactionKind): boolean {
  return kind === 'reschedule' || kind === 'failover';
}

/** Kinds that the hub begins to keep functions available, or to settle what is owed: no person's wish takes their place. */
export function isForHub(kind: TransactionKind): boolean {
  return overtakes(kind) || kind === 'settle';
}

export function conflict(a: Contender, b: Contender): boolean {
  const sameStack = a.header.stack.project === b.header.stack.project && a.header.stack.name === b.header.stack.name;
  return sameStack || shareLock(a.locks, b.locks);
}

function shareLock(a: readonly LocationId[], b: readonly LocationId[]): boolean {
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const [left, right] = [a[i] as string, b[j] as string];
    if (left === right) return true;
    if (left < right) i++;
    else j++;
  }
  return false;
}
