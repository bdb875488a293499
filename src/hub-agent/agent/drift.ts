/** Whether one object still is what its bundle says, asked of the server itself by a dry run; and its repair. */
import {
  type Digest,
  digestOf,
  isObject,
  type Json,
  type KubeObject,
  type ObjectRef,
  refOf,
  refText,
  sha256Hex,
} from '../../base/index.ts';
import { contentDigest, normalizedDigest } from '../../kubernetes/index.ts';
import type { DriftChange, ObjectReceipt } from '../../protocol/index.ts';
import { forApply } from './actions/wanted.ts';
import type { Work } from './actions/work.ts';
import type { Bundle } from './bundle.ts';
import { changedMessage, driftChanges } from './drift-changes.ts';
import { appliedOf } from './objects.ts';

export interface DriftCheck {
  readonly kind: 'drifted';
  readonly ref: ObjectRef;
  readonly repaired: boolean;
  readonly message: string;
  /** To be reported: a new drift, or a repair. */
  readonly news?: DriftNews;
  /** The object after its repair. */
  readonly object?: KubeObject;
  /** Look again after so long; 0: when something happens. */
  readonly retryMs: number;
  readonly atMs: number;
  /** Repairs in a row, close to each other: somebody else writes the same fields. */
  readonly repairs: number;
  readonly digest: string;
  /** That its deletion hangs was reported. */
  readonly told?: boolean;
}

export interface DriftNews {
  readonly receipt: ObjectReceipt;
  readonly changes: readonly DriftChange[];
  /** The same for the same drift, also when an agent that was killed in between finds it anew; undefined: nothing tells it from another. */
  readonly id: string | undefined;
}

/** So many repairs come at once; a fight with another writer then slows down, up to five minutes. */
const QUICK_REPAIRS = 5;
const TERMINATING = 'terminating';
/** A deletion that takes longer hangs, on a finalizer most often. */
const SOON_GONE_MS = 5_000;
const HELD_UP_EVERY_MS = 5_000;
const CALM_MS = 10 * 60_000;
const SLOW_MS_MAX = 5 * 60_000;

/**
 * An agent that starts asks this once of each object that it holds. It could be told only by what an apply answered (its
 * version, or its digest), and that is known after the one write in which a location is remembered: to remember it would cost
 * each apply, and each repair, a second one; to write it at its end would spare only an agent that was stopped, not one that was
 * killed. A version alone would not do either: each change of a status makes it another.
 */
export async function checkDrift(
  work: Work,
  bundle: Bundle,
  object: KubeObject,
  last: DriftCheck | undefined,
): Promise<DriftCheck | { readonly kind: 'same'; readonly object: KubeObject }> {
  const ref = refOf(object);
  const live = await work.objects.get(ref);
  // a Job that ended and was cleaned up has done its work: making it anew would do it twice
  if (live === undefined && object.kind === 'Job') return { kind: 'same', object };
  if (live?.metadata.deletionTimestamp !== undefined)
    return waitForEnd(work, bundle, ref, last, live.metadata.finalizers);
  const wanted = forApply(object, live, bundle);
  if (live === undefined) {
    const ground = await groundOf(work, ref);
    if (ground === 'terminating') return waitForEnd(work, bundle, ref, last, ['the end of its namespace']);
    return act(work, bundle, { ref, live, wanted, changes: [], ground }, last);
  }
  const dryRun = { manager: bundle.fieldManager, force: true, dryRun: true };
  const would = appliedOf(await work.objects.apply(wanted, dryRun)).object;
  if (contentDigest(would, work.cutKey) === contentDigest(live, work.cutKey)) return { kind: 'same', object: live };
  const mask = work.mask(bundle.location.stack);
  const changes = driftChanges({ would, live, manager: bundle.fieldManager, cutKey: work.cutKey, mask });
  return act(work, bundle, { ref, live, wanted, changes }, last);
}

interface Drifted {
  readonly ref: ObjectRef;
  /** undefined: it was deleted. */
  readonly live: KubeObject | undefined;
  readonly wanted: KubeObject;
  readonly changes: readonly DriftChange[];
  /** Whether its namespace went with it. */
  readonly ground?: 'there' | 'absent';
}

/** How the namespace stands that something deleted was in: a person may have deleted that, with all that was in it. */
async function groundOf({ client }: Work, { namespace }: ObjectRef): Promise<'there' | 'absent' | 'terminating'> {
  if (namespace === undefined) return 'there';
  const answer = await client.request({ method: 'GET', path: `/api/v1/namespaces/${namespace}` });
  if (answer.kind !== 'answered' || answer.status === 403) return 'there'; // what is made anew will say what is wrong
  if (answer.status === 404) return 'absent';
  const metadata = isObject(answer.body) && isObject(answer.body.metadata) ? answer.body.metadata : {};
  return metadata.deletionTimestamp === undefined ? 'there' : 'terminating';
}

/** As the bundle states it; else the plain one, as a transaction makes it. */
function namespaceOf({ objects, location }: Bundle, { namespace = '' }: ObjectRef): KubeObject {
  const stated = objects.find((one) => one.kind === 'Namespace' && one.metadata.name === namespace);
  const labels = { 'ldc.dev/project': location.stack.project, 'ldc.dev/stack': location.stack.name };
  return stated ?? { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } };
}

async function act(work: Work, bundle: Bundle, drifted: Drifted, last: DriftCheck | undefined): Promise<DriftCheck> {
  const { ref, live, wanted, changes } = drifted;
  const nowMs = work.clock.monotonic();
  const before = live === undefined ? null : normalizedDigest(live, work.cutKey);
  const digest = before ?? 'absent';
  const message = live === undefined ? `${refText(ref)} was deleted` : changedMessage(ref, changes);
  const state = { kind: 'drifted', ref, message, digest, atMs: nowMs } as const;
  if (bundle.drift.mode !== 'repair') {
    const receipt: ObjectReceipt = {
      ref,
      change: live === undefined ? 'absent' : 'changed',
      before: null,
      after: before,
    };
    const news = { receipt, changes, id: idOf(drifted, [digest]) };
    return { ...state, repaired: false, retryMs: 0, repairs: 0, ...(last?.digest === digest ? {} : { news }) };
  }
  const repairs = last !== undefined && nowMs - last.atMs < CALM_MS ? last.repairs : 0;
  const waitMs = repairs < QUICK_REPAIRS ? 0 : Math.min(SLOW_MS_MAX, 1_000 * 2 ** (repairs - QUICK_REPAIRS));
  const leftMs = last === undefined ? 0 : last.atMs + waitMs - nowMs;
  if (waitMs > 0 && leftMs > 0)
    return { ...state, atMs: last?.atMs ?? nowMs, repaired: false, retryMs: leftMs, repairs };
  const write = { manager: bundle.fieldManager, force: true };
  if (drifted.ground === 'absent') appliedOf(await work.objects.apply(namespaceOf(bundle, ref), write));
  const applied = appliedOf(await work.objects.apply(wanted, write));
  const receipt = repairReceipt(ref, before, applied.object, work.cutKey);
  const news = { receipt, changes, id: idOf(drifted, [String(live?.metadata.resourceVersion)]) };
  return { ...state, repaired: true, news, object: applied.object, retryMs: 0, repairs: repairs + 1 };
}

function repairReceipt(ref: ObjectRef, before: Digest | null, after: KubeObject, cutKey: Uint8Array): ObjectReceipt {
  const { uid } = after.metadata;
  const change = before === null ? 'created' : 'changed';
  return { ref, change, before, after: normalizedDigest(after, cutKey), ...(uid === undefined ? {} : { uid }) };
}

/** What was deleted leaves nothing behind by which to know it again. */
function idOf({ ref, live, changes }: Drifted, of: readonly string[]): string | undefined {
  if (live === undefined) return undefined;
  const hands = changes.map(({ by }) => ({ ...by })) as Json;
  return `drift-${sha256Hex(digestOf([refText(ref), String(live.metadata.uid), ...of, hands])).slice(0, 32)}`;
}

/** It is on its way out: made anew when it is gone. What holds it up is said. */
function waitForEnd(
  work: Work,
  { drift }: Bundle,
  ref: ObjectRef,
  last: DriftCheck | undefined,
  waitsFor: readonly string[] = [],
): DriftCheck {
  const waiting = waitsFor.length === 0 ? '' : ` (waits for ${waitsFor.join(', ')})`;
  const then = drift.mode === 'repair' ? '; it is made anew when it is gone' : '';
  const message = `${refText(ref)} is being deleted${waiting}${then}`;
  const nowMs = work.clock.monotonic();
  const since = last?.digest === TERMINATING ? last : undefined;
  const atMs = since?.atMs ?? nowMs;
  const retryMs = nowMs - atMs < SOON_GONE_MS ? 500 : HELD_UP_EVERY_MS;
  const state = { kind: 'drifted', ref, repaired: false, message, digest: TERMINATING, atMs, retryMs } as const;
  const repairs = last?.repairs ?? 0;
  // what is gone in a moment is told when it is made anew; what hangs is told once
  if (since === undefined || nowMs - atMs < SOON_GONE_MS || since.told === true)
    return { ...state, repairs, ...(since?.told === true ? { told: true } : {}) };
  const receipt: ObjectReceipt = { ref, change: 'kept', before: null, after: null, note: message };
  return { ...state, repairs, told: true, news: { receipt, changes: [], id: undefined } };
}
