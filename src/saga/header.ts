/** What is known of a transaction without its plan: folded entry by entry, in the engine and in the projector alike. */

import { done, type Entry, type Outcome, type Refusal } from '../base/index.ts';
import { advance, type Snapshot } from '../base/machine.ts';
import type { TransactionEntry } from './events.ts';
import { machines, type TransactionContext, type TransactionMachineEvent } from './machines/index.ts';
import type { OwedWork, RollbackVerified, TransactionState, TransactionSummary } from './types.ts';

export interface Header extends TransactionSummary {
  readonly machine: string;
  readonly pivoted: boolean;
  /** The blob that holds the plan as it stands now. */
  readonly planBlob: string;
}

/** Stands for the details of a cause in summaries: lists stay small, the whole is in the chain. */
const withoutDetails = ({ details, ...refusal }: Refusal): Refusal => refusal;

/** The first entry of a chain. @throws Error when its machine is not registered here */
export function beginHeader(entry: TransactionEntry & { readonly type: 'tx.created' }): Header {
  const { data, tx, ts, actor } = entry;
  if (machines[data.machine] === undefined)
    throw new Error(`${tx} runs on machine ${data.machine}, unknown to this ldc`);
  return {
    id: tx,
    kind: data.kind,
    stack: data.stack,
    revision: data.revision,
    baseRevision: data.baseRevision,
    state: 'queued',
    plan: { digest: data.planDigest, steps: data.steps },
    planBlob: data.plan,
    waves: { done: 0, total: data.waves },
    cause: null,
    rollback: null,
    owed: [],
    forced: false,
    actor,
    reason: data.reason,
    createdAt: ts,
    startedAt: null,
    endedAt: null,
    deadlineAt: null,
    sealed: false,
    machine: data.machine,
    pivoted: false,
  };
}

/** Folds one entry in; refused `illegalEvent` when the machine does not know it in this state. */
export function foldHeader(header: Header, entry: TransactionEntry): Outcome<Header> {
  if (entry.type.startsWith('step.') && !concernsHeader(entry)) return done(header);
  const moved = entry.type === 'step.owed' ? header : move(header, entry);
  if (moved === undefined) {
    const message = `${entry.type} means nothing to ${header.id} in state ${header.state}`;
    return { kind: 'refused', refusal: { kind: 'illegalEvent', message, hint: '`ldc tx show` says where it stands' } };
  }
  return done({ ...moved, ...changes(moved, entry) });
}

function concernsHeader(entry: TransactionEntry): boolean {
  return (
    entry.type === 'step.owed' ||
    ((entry.type === 'step.started' || entry.type === 'step.failed') && entry.data.pivot === true)
  );
}

/** The machine's part: restored from the header, one event, written back. */
function move(header: Header, entry: TransactionEntry): Header | undefined {
  const machine = machines[header.machine];
  if (machine === undefined) return undefined;
  const context: TransactionContext = {
    heldFrom: header.heldFrom ?? null,
    pivoted: header.pivoted,
    forced: header.forced,
    sealed: header.sealed,
  };
  const snapshot = machine.resolveState({ value: header.state, context }) as Snapshot<typeof machine>;
  const event: TransactionMachineEvent = { ...entry.data, type: entry.type };
  const next = advance(machine, snapshot, event);
  if (!next.accepted) return undefined;
  const { heldFrom, ...flags } = next.snapshot.context as TransactionContext;
  const { heldFrom: _, ...rest } = header;
  const state = next.snapshot.value as TransactionState;
  return { ...rest, ...flags, state, ...(heldFrom === null ? {} : { heldFrom }) };
}

function changes(header: Header, entry: TransactionEntry): Partial<Header> {
  switch (entry.type) {
    case 'tx.replanned':
    case 'tx.amended': {
      const { plan, planDigest, revision, baseRevision, steps, waves } = entry.data;
      return {
        plan: { digest: planDigest, steps },
        planBlob: plan,
        revision,
        baseRevision,
        waves: { ...header.waves, total: waves },
        ...(entry.type === 'tx.amended' ? leftOut(header, entry) : {}),
      };
    }
    case 'tx.started':
      return { startedAt: entry.ts };
    case 'tx.running':
    case 'tx.resumed':
      return { deadlineAt: entry.data.deadlineAt, cause: null };
    case 'wave.done':
      return { waves: { ...header.waves, done: Math.max(header.waves.done, entry.data.wave + 1) } };
    case 'tx.paused':
      return { cause: entry.data.cause === null ? null : withoutDetails(entry.data.cause), deadlineAt: null };
    case 'tx.compensating':
      return { cause: withoutDetails(entry.data.cause), deadlineAt: null, rollback: { verified: null } };
    case 'tx.stuck':
      return header.cause === null ? { cause: withoutDetails(entry.data.refusal) } : {};
    case 'tx.decided':
      return { deadlineAt: null };
    case 'step.owed':
      return { owed: [...header.owed, owedWork(entry)] };
    case 'rollback.verified':
      return { rollback: { verified: verified(entry) } };
    case 'tx.committed':
      return { endedAt: entry.ts, cause: null };
    case 'tx.rolledBack':
      return { endedAt: entry.ts };
    default:
      return {};
  }
}

function leftOut(
  { leftOut = [] }: Header,
  { data: { owed, explanation }, ts }: TransactionEntry & { readonly type: 'tx.amended' },
): Pick<Header, 'leftOut'> {
  return owed.length === 0 ? {} : { leftOut: [...leftOut, { clusters: owed, explanation, at: ts }] };
}

export function owedWork({ data, ts }: Pick<Entry, 'ts'> & { data: Omit<OwedWork, 'since'> }): OwedWork {
  const { cluster, location, step, kind } = data;
  return { cluster, location, step, kind, since: ts };
}

/** The differences themselves are in the chain (and in the full view); a summary says how many clusters differ. */
function verified({ data }: TransactionEntry & { readonly type: 'rollback.verified' }): RollbackVerified {
  const { equal, clusters, digestBefore, digestAfter, explained, findings } = data;
  const inline =
    'value' in findings ? (findings.value as unknown as Pick<RollbackVerified, 'differences' | 'kept'>) : null;
  return {
    equal,
    clusters,
    digestBefore,
    digestAfter,
    differences: inline?.differences ?? [],
    ...(explained === undefined ? {} : { explained }),
    kept: inline?.kept ?? [],
  };
}
