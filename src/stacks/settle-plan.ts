/** Plans of kind settle: what is due on a cluster that has returned. Nothing of it can be undone, so all of it comes after the decision. */
import {
  type Digest,
  digestOf,
  isObject,
  type Json,
  type KubeObject,
  type ObjectRef,
  refOf,
  refText,
} from '../base/index.ts';
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
  switch (owed.kind) {
    case 'undo':
      return isEnsured(owed) || (owed.preImages !== null && owed.bundle !== null);
    case 'apply':
      return owed.bundle !== null;
    case 'prune':
      return true;
  }
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
  const { steps: located, nothingDue } = locatedSteps(request);
  return planOf(request, [...located, ...closingSteps(request, nothingDue), ...ensureSteps(request, located)]);
}

function locatedSteps(request: Settling): {
  readonly steps: readonly Step[];
  readonly nothingDue: readonly OwedRecord[];
} {
  const { owed, stale } = request;
  const newestFirst = owed.filter(canSettle).toSorted((a, b) => (a.transaction < b.transaction ? 1 : -1));
  const last = new Map<string, string>();
  const steps: Step[] = [];
  const nothingDue: OwedRecord[] = [];
  const add = (id: string, work: LocatedWork) => {
    const key = locationId(work.location);
    const before = last.get(key);
    steps.push(forwardStep(id, before === undefined ? [] : [before], work));
    last.set(key, id);
  };
  for (const each of newestFirst) {
    const works = settlingWorks(each, request);
    if (works.length === 0 && request.stepOf(each)?.action === 'remove') nothingDue.push(each);
    for (const work of works) add(`${VERBS[work.action] ?? 'settle'}:${each.transaction}/${each.step}`, work);
  }
  const removed = new Set(steps.flatMap(({ work }) => (work.action === 'remove' ? [locationId(work.location)] : [])));
  for (const { location, revision, bundle } of stale) {
    if (removed.has(locationId(location))) continue;
    add(`remove:${location.name}@${location.cluster}`, {
      action: 'remove',
      location,
      previous: { revision, bundle },
    });
  }
  return { steps, nothingDue };
}

/** A removal that was due where the location is wanted again: nothing is to be done, and it is owed no more. */
function closingSteps({ stack }: Settling, nothingDue: readonly OwedRecord[]): readonly Step[] {
  return nothingDue.map(({ cluster, transaction, step }) =>
    forwardStep(`settle:${transaction}/${step}`, [], {
      ...{ action: 'settleEnsure', cluster, stack, transaction, step, created: NOTHING_CREATED },
    }),
  );
}

/** Beginnings of step ids where one piece of owed work takes several steps. */
const VERBS: { readonly [A in LocatedWork['action']]?: string } = {
  settleVerify: 'verify',
  snapshot: 'snapshot',
  prune: 'prune',
};

function ensureSteps({ owed, wanted, stack, stepOf, load }: Settling, located: readonly Step[]): readonly Step[] {
  const after = located.map(({ id }) => id);
  return owed.filter(isEnsured).flatMap((each): Step[] => {
    const { cluster, transaction, step, ensured } = each;
    const id = `${transaction}/${step}`;
    const original = stepOf(each);
    const { serviceAccount = undefined } = original?.action === 'ensure' ? original : {};
    const as = serviceAccount === undefined ? {} : { serviceAccount };
    const settle = (created: Ensured, last: readonly string[]) =>
      forwardStep(`settle:${id}`, last, { action: 'settleEnsure', cluster, stack, ...as, transaction, step, created });
    // what the stack has there now stands on it
    if (wanted.some(({ location }) => location.cluster === cluster)) return [settle(NOTHING_CREATED, after)];
    if ('created' in ensured) return [settle({ kind: 'known', objects: createdIn(ensured.created, load) }, after)];
    if (original?.action !== 'ensure') return [settle(NOTHING_CREATED, after)];
    const { command } = ensured;
    const recall = forwardStep(`recall:${id}`, after, {
      ...{ action: 'recallEnsure', cluster, stack, ...as, command, objects: original.objects },
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

/** What one piece of owed work takes, in order. */
function settlingWorks(owed: OwedRecord, request: Settling): readonly LocatedWork[] {
  const original = request.stepOf(owed);
  if (original === undefined || !('location' in original)) return [];
  const { location } = original;
  const now = request.wanted.find((record) => locationId(record.location) === locationId(location));
  const { preImages, bundle, transaction, step, previous } = owed;
  const own = { location, transaction, step };
  if (owed.kind === 'apply' && bundle !== null) {
    if (now !== undefined) return bringing(own, now, bundle);
    const revision = 'revision' in original ? original.revision : 0;
    return [{ action: 'remove', location, previous: { revision, bundle } }]; // nobody wants it there any more
  }
  if (owed.kind === 'undo' && preImages !== null && bundle !== null) {
    if (now !== undefined && now.bundle !== previous?.bundle)
      return overtaken({ ...own, preImages, bundle, now }, request);
    return [
      { action: 'settleUndo', ...own, preImages, bundle, previous: now === undefined ? previous : revisionOf(now) },
      { action: 'settleVerify', ...own, preImages, bundle },
    ];
  }
  // a removal that was due is due no more where a later transaction wants the location again
  if (original.action === 'remove') return now === undefined ? [original] : [];
  return original.action === 'prune' ? [pruningWork(original, now, request)] : [];
}

/** What a later revision has again is not pruned. */
function pruningWork(
  original: Extract<StepWork, { readonly action: 'prune' }>,
  now: LocationRecord | undefined,
  { load }: Settling,
): LocatedWork {
  if (now === undefined || now.bundle === original.bundle) return original;
  const wanted = new Set(refsIn(load(now.bundle)).map(refText));
  return { ...original, objects: original.objects.filter((ref) => !wanted.has(refText(ref))), bundle: now.bundle };
}

interface Own {
  readonly location: Location;
  readonly transaction: string;
  readonly step: string;
}

/** @param known another bundle whose objects may be there, to be read as well */
function bringing(own: Own, now: LocationRecord, known: Digest): readonly LocatedWork[] {
  const { location } = own;
  return [
    { action: 'snapshot', location, bundle: now.bundle, previous: known === now.bundle ? null : known },
    { action: 'settleApply', ...own, ...revisionOf(now) },
  ];
}

/**
 * Another revision is wanted there by now (the owing transaction went on without the cluster, or a later one has been
 * there): to bring back what was before would take that away for a while. The wanted one is brought instead, and what the
 * undone step may have created and the wanted one does not have goes.
 */
function overtaken(
  {
    preImages,
    bundle,
    now,
    ...own
  }: Own & {
    readonly preImages: Digest;
    readonly bundle: Digest;
    readonly now: LocationRecord;
  },
  { load }: Settling,
): readonly LocatedWork[] {
  const wanted = new Set(refsIn(load(now.bundle)).map(refText));
  const objects = absentBefore(load(preImages)).filter((ref) => !wanted.has(refText(ref)));
  const prune: LocatedWork = { action: 'prune', location: own.location, objects, bundle: now.bundle };
  return [...bringing(own, now, bundle), ...(objects.length === 0 ? [] : [prune])];
}

/** The objects of a bundle. */
function refsIn(bundle: Json | undefined): readonly ObjectRef[] {
  const objects = isObject(bundle) ? bundle.objects : undefined;
  return Array.isArray(objects) ? (objects as unknown as readonly KubeObject[]).map(refOf) : [];
}

/** What pre-images (protocol: the answer of a snapshot) say was not there. */
function absentBefore(preImages: Json | undefined): readonly ObjectRef[] {
  const images = isObject(preImages) ? preImages.objects : undefined;
  if (!Array.isArray(images)) return [];
  return (images as unknown as readonly { readonly ref: ObjectRef; readonly object: KubeObject | null }[])
    .filter(({ object }) => object === null)
    .map(({ ref }) => ref);
}

function revisionOf({ revision, bundle }: LocationRecord) {
  return { revision, bundle };
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
