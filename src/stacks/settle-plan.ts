/** Plans of kind settle: what is due on a cluster that has returned. Nothing of it can be undone, so all of it comes after the decision. */
import { type Digest, digestOf, type Json } from '../base/index.ts';
import type {
  CreatedObject,
  Ensured,
  Location,
  LocationChange,
  Plan,
  StackRef,
  Step,
  StepWork,
} from '../plan/index.ts';
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
  /** Of an ensure's undo: what it had created (its Held value), or the command whose answer would say so. */
  readonly ensured?:
    | { readonly created: { readonly value: Json } | { readonly blob: string } }
    | { readonly command: string };
}

/** Which owed work a settle step exists for: what else is owed is for a person, and holds no cluster back. */
export function canSettle(owed: OwedRecord): boolean {
  if (owed.kind === 'undo') return isEnsured(owed) || (owed.preImages !== null && owed.bundle !== null);
  return owed.kind === 'prune';
}

function isEnsured(owed: OwedRecord): owed is OwedRecord & Required<Pick<OwedRecord, 'ensured'>> {
  return owed.kind === 'undo' && owed.ensured !== undefined;
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
  readonly load: (blob: Digest) => Json | undefined;
  readonly reason: Json;
}

/**
 * What is due on one cluster for one stack: undos first, the newest transaction's before older ones of the same
 * location, each read back; then removals; at last what those stood on, such as a namespace.
 */
export function settlePlan(request: Settling): Plan {
  const located = locatedSteps(request);
  return planOf(request, [...located, ...ensureSteps(request, located)]);
}

function locatedSteps({ wanted, owed, stale, stepOf }: Settling): readonly Step[] {
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
    if (work === undefined) continue;
    add(`settle:${each.transaction}/${each.step}`, work.location, work);
    const look = work.action === 'settleUndo' ? proofOf(work, each, wanted) : undefined;
    if (look !== undefined) add(`verify:${each.transaction}/${each.step}`, work.location, look);
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
  return steps;
}

/**
 * The look at what an undo has restored. There is none where another revision is wanted by now: the agent goes on from the
 * restored one to that, so that nothing would be equal for long.
 */
function proofOf(
  { location, transaction, step, preImages, bundle }: Extract<StepWork, { readonly action: 'settleUndo' }>,
  owed: OwedRecord,
  wanted: readonly LocationRecord[],
): LocatedWork | undefined {
  const now = wanted.find((record) => locationId(record.location) === locationId(location));
  if (now !== undefined && now.bundle !== owed.previous?.bundle) return undefined;
  return { action: 'settleVerify', location, transaction, step, preImages, bundle };
}

function ensureSteps({ owed, wanted, stack, stepOf, load }: Settling, located: readonly Step[]): readonly Step[] {
  const after = located.map(({ id }) => id);
  return owed.filter(isEnsured).flatMap((each): Step[] => {
    const { cluster, transaction, step, ensured } = each;
    const id = `${transaction}/${step}`;
    const settle = (created: Ensured, last: readonly string[]) =>
      forwardStep(`settle:${id}`, last, { action: 'settleEnsure', cluster, stack, transaction, step, created });
    // what the stack has there now stands on it
    if (wanted.some(({ location }) => location.cluster === cluster)) return [settle(NOTHING_CREATED, after)];
    if ('created' in ensured) return [settle({ kind: 'known', objects: createdIn(ensured.created, load) }, after)];
    const original = stepOf(each);
    if (original?.action !== 'ensure') return [settle(NOTHING_CREATED, after)];
    const { command } = ensured;
    const recall = forwardStep(`recall:${id}`, after, {
      ...{ action: 'recallEnsure', cluster, stack, command, objects: original.objects },
    });
    return [recall, settle({ kind: 'recalled', by: recall.id }, [recall.id])];
  });
}

const NOTHING_CREATED: Ensured = { kind: 'known', objects: [] };

function createdIn(
  held: { readonly value: Json } | { readonly blob: string },
  load: Settling['load'],
): readonly CreatedObject[] {
  const value = 'value' in held ? held.value : load(held.blob as Digest);
  return Array.isArray(value) ? (value as unknown as readonly CreatedObject[]) : [];
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
