/** Plans of kind settle: what is due on a cluster that has returned. Nothing of it can be undone, so all of it comes after the decision. */
import { type Digest, digestOf, type Json } from '../base/index.ts';
import type { Location, LocationChange, Plan, StackRef, Step, StepWork } from '../plan/index.ts';
import { locationId } from '../plan/index.ts';
import type { LocationRecord, StaleRecord } from './records.ts';

const STEP_TIMEOUT_MS = 120_000;

/** The document that the engine keeps of work which is due on a cluster that could not be reached. */
export interface OwedRecord {
  readonly cluster: string;
  readonly location: string;
  readonly transaction: string;
  readonly step: string;
  readonly kind: 'undo' | 'prune' | 'apply';
  readonly since: string;
  readonly stack: StackRef;
  readonly preImages: Digest | null;
  readonly bundle: Digest | null;
  readonly previous: { readonly revision: number; readonly bundle: Digest } | null;
}

/** Which owed work a settle step exists for: what else is owed is for a person, and holds no cluster back. */
export function canSettle(owed: OwedRecord): boolean {
  if (owed.kind === 'undo') return owed.preImages !== null && owed.bundle !== null;
  return owed.kind === 'prune';
}

export interface Settling {
  readonly stack: StackRef;
  readonly baseRevision: number;
  /** What is wanted of the stack, anywhere. */
  readonly wanted: readonly LocationRecord[];
  readonly owed: readonly OwedRecord[];
  readonly stale: readonly StaleRecord[];
  /** The step that is owed, out of its transaction's plan. */
  readonly stepOf: (owed: OwedRecord) => StepWork | undefined;
  readonly reason: Json;
}

/**
 * What is due on one cluster for one stack: undos first, the newest transaction's before older ones of the same
 * location, then removals.
 */
export function settlePlan(request: Settling): Plan {
  const { wanted, owed, stale, stepOf } = request;
  const newestFirst = owed.filter(canSettle).toSorted((a, b) => (a.transaction < b.transaction ? 1 : -1));
  const last = new Map<string, string>();
  const steps: Step[] = [];
  const add = (id: string, location: Location, work: StepWork) => {
    const key = locationId(location);
    const before = last.get(key);
    steps.push(forwardStep(id, before === undefined ? [] : [before], work));
    last.set(key, id);
  };
  for (const each of newestFirst) {
    const work = settlingWork(each, stepOf(each), wanted);
    if (work !== undefined) add(`settle:${each.transaction}/${each.step}`, work.location, work);
  }
  const removed = new Set(steps.flatMap(({ work }) => (work.action === 'remove' ? [locationId(work.location)] : [])));
  for (const { location, revision, bundle } of stale) {
    if (removed.has(locationId(location))) continue;
    add(`remove:${location.name}@${location.cluster}`, location, {
      action: 'remove',
      location,
      previous: { revision, bundle },
    });
  }
  return planOf(request, steps);
}

type LocatedWork = Extract<StepWork, { readonly location: Location }>;

function settlingWork(
  owed: OwedRecord,
  original: StepWork | undefined,
  wanted: readonly LocationRecord[],
): LocatedWork | undefined {
  if (original === undefined || !('location' in original)) return undefined;
  const { location } = original;
  const now = wanted.find((record) => locationId(record.location) === locationId(location));
  if (owed.kind === 'undo' && owed.preImages !== null && owed.bundle !== null) {
    const { transaction, step, preImages, bundle } = owed;
    // whatever the undo restores, what is wanted there now is what the agent goes on to reconcile
    const previous = now === undefined ? owed.previous : { revision: now.revision, bundle: now.bundle };
    return { action: 'settleUndo', location, transaction, step, preImages, bundle, previous };
  }
  // a removal that was due is due no more where a later transaction wants the location again
  if (original.action === 'remove') return now === undefined ? original : undefined;
  if (original.action === 'prune') return { ...original, bundle: now?.bundle ?? original.bundle };
  return undefined;
}

function forwardStep(id: string, after: readonly string[], work: StepWork): Step {
  return { id, phase: 'decided', kind: 'retriable', after, timeoutMs: STEP_TIMEOUT_MS, work };
}

function planOf(request: Settling, steps: readonly Step[]): Plan {
  const { stack, baseRevision, wanted, reason } = request;
  const located = steps.flatMap(({ work }) => ('location' in work ? [locationId(work.location)] : []));
  const removed = steps.flatMap(({ work }) => (work.action === 'remove' ? [locationId(work.location)] : []));
  const content: Omit<Plan, 'digest'> = {
    v: 1,
    kind: 'settle',
    stack,
    revision: 0,
    baseRevision,
    steps,
    locks: [...new Set(located)].sort(),
    locations: wanted,
    changes: removed.map((location): LocationChange => ({ location, change: 'remove', objects: [] })),
    reasons: [],
    rollout: { soakMs: 0, deadlineMs: 600_000, approval: 'none', onFailure: 'rollback', onLostCluster: 'owe' },
    minimum: {},
    irreversible: removed.map((location) => `remove ${location}`),
    reason,
  };
  return { ...content, digest: digestOf(content) };
}
