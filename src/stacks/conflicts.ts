/** Two stacks never own one object: found when planning, before any cluster would refuse it. */
import { type Refusal, unreachable } from '../base/index.ts';
import type { Plan, PlanAmendment, StackRef } from '../plan/index.ts';
import type { Claims } from './claims.ts';
import type { Occupied } from './occupied.ts';
import { bodies, OWED, stackId, staleOn } from './records.ts';
import type { Room } from './room.ts';
import type { OwedRecord } from './settle-plan.ts';

/** Whose an object is, and since what. */
type Owner = { readonly stack: string; readonly function: string } & (
  | { readonly kind: 'committed' }
  | { readonly kind: 'inFlight'; readonly transaction: string | null }
  | { readonly kind: 'due'; readonly transaction: string; readonly work: OwedRecord['kind'] | 'remove' }
);

interface Asking {
  readonly stack: StackRef;
  readonly steps: Plan['steps'] | PlanAmendment['added'];
}

type Known = Pick<Room, 'occupied' | 'claims' | 'bundles' | 'store' | 'engine'>;

/**
 * The first object of what is applied that another stack owns there, is about to own, or has yet to give up, as a refusal that
 * names that stack and its transaction. `conflicts: take` takes fields of other managers, never another stack's objects.
 */
export function conflictOf({ stack, steps }: Asking, room: Known): Refusal | undefined {
  const due = new Map<string, ReadonlyMap<string, Owner>>();
  for (const { work } of steps) {
    if (work.action !== 'apply') continue;
    const { cluster } = work.location;
    for (const object of room.bundles.refs(work.bundle)) {
      const owner =
        committedOwner(room.occupied, cluster, object, stack) ?? claimingOwner(room.claims, cluster, object, stack);
      if (owner !== undefined) return refusalOf(object, cluster, owner, room);
      const left = due.get(cluster) ?? dueOn(cluster, stack, room);
      due.set(cluster, left);
      const owing = left.get(object);
      if (owing !== undefined) return refusalOf(object, cluster, owing, room);
    }
  }
  return undefined;
}

function committedOwner(occupied: Occupied, cluster: string, object: string, own: StackRef): Owner | undefined {
  const record = occupied.owner(cluster, object, own);
  if (record === undefined) return undefined;
  return { kind: 'committed', stack: stackId(record.location.stack), function: record.location.name };
}

function claimingOwner(claims: Claims, cluster: string, object: string, own: StackRef): Owner | undefined {
  const claim = claims.owner(cluster, object, own);
  if (claim === undefined) return undefined;
  const { location, transaction } = claim;
  return { kind: 'inFlight', stack: stackId(location.stack), function: location.name, transaction };
}

/** What other stacks have yet to undo, prune, bring or remove on the cluster, by object. */
function dueOn(cluster: string, own: StackRef, { store, bundles }: Pick<Known, 'store' | 'bundles'>) {
  const due = new Map<string, Owner>();
  const note = (bundle: OwedRecord['bundle'] | undefined, owner: Owner) => {
    if (bundle === null || bundle === undefined || owner.stack === stackId(own)) return;
    for (const object of bundles.refs(bundle)) due.set(object, owner);
  };
  for (const { stack, location, transaction, kind, bundle, previous } of bodies<OwedRecord>(
    store.documents,
    OWED,
    `${cluster}/`,
  )) {
    // biome-ignore format: one line
    const owner: Owner = { kind: 'due', stack: stackId(stack), function: functionOf(location), transaction, work: kind };
    note(previous?.bundle, owner);
    note(bundle, owner);
  }
  for (const { location, bundle, transaction } of staleOn(store.documents, cluster)) {
    const stack = stackId(location.stack);
    note(bundle, { kind: 'due', stack, function: location.name, transaction, work: 'remove' });
  }
  return due;
}

/** Of `project/stack/name@cluster`. */
function functionOf(location: string): string {
  return location.slice(location.lastIndexOf('/') + 1, location.lastIndexOf('@'));
}

function refusalOf(object: string, cluster: string, owner: Owner, { engine }: Pick<Known, 'engine'>): Refusal {
  const { stack, function: name } = owner;
  const details = { object, cluster, stack, function: name };
  const common = { kind: 'ownedByOtherStack', where: cluster } as const;
  const another = 'give it another name or namespace';
  switch (owner.kind) {
    case 'committed': {
      const message = `${object} on ${cluster} belongs to function ${name} of stack ${stack}`;
      return { ...common, message, hint: `${another}, or take it out of ${stack} first`, details };
    }
    case 'inFlight': {
      const { transaction } = owner;
      if (transaction === null) {
        const message = `${object} on ${cluster} is in a plan of stack ${stack} (function ${name}) that is being handed in just now`;
        return { ...common, message, hint: `${another}, or look at what ${stack} is and apply again`, details };
      }
      const state = engine().summary(transaction)?.state ?? 'unknown';
      const message = `${object} on ${cluster} is in the hands of function ${name} of stack ${stack}: ${transaction} is ${state}`;
      const hint = `${another}, or see how \`ldc tx show ${transaction}\` ends and apply again`;
      return { ...common, message, hint, details: { ...details, transaction, state } };
    }
    case 'due': {
      const { transaction, work } = owner;
      const message = `${object} on ${cluster} is still to be settled for function ${name} of stack ${stack}: ${dueText(work)} that ${transaction} owes there`;
      const hint = `${another}, or wait until what is owed on ${cluster} is settled`;
      return { ...common, message, hint, details: { ...details, transaction } };
    }
  }
}

function dueText(work: OwedRecord['kind'] | 'remove'): string {
  switch (work) {
    case 'undo':
      return 'an undo';
    case 'prune':
    case 'remove':
      return 'a removal';
    case 'apply':
      return 'a change';
    default:
      return unreachable(work);
  }
}
