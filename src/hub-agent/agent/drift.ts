/** Whether one object still is what its bundle says, asked of the server itself by a dry run; and its repair. */
import { type KubeObject, type ObjectRef, refOf, refText } from '../../base/index.ts';
import { contentDigest, normalizedDigest } from '../../kubernetes/index.ts';
import type { ObjectReceipt } from '../../protocol/index.ts';
import { forApply } from './actions/wanted.ts';
import type { Work } from './actions/work.ts';
import type { Bundle } from './bundle.ts';
import { compareObjects } from './compare.ts';
import { appliedOf } from './objects.ts';

export interface DriftCheck {
  readonly kind: 'drifted';
  readonly ref: ObjectRef;
  readonly repaired: boolean;
  readonly message: string;
  /** To be reported: a new drift, or a repair. */
  readonly receipt?: ObjectReceipt;
  /** The object after its repair. */
  readonly object?: KubeObject;
  /** Look again after so long; 0: when something happens. */
  readonly retryMs: number;
  readonly atMs: number;
  /** Repairs in a row, close to each other: somebody else writes the same fields. */
  readonly repairs: number;
  readonly digest: string;
}

/** So many repairs come at once; a fight with another writer then slows down, up to five minutes. */
const QUICK_REPAIRS = 5;
const CALM_MS = 10 * 60_000;
const SLOW_MS_MAX = 5 * 60_000;

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
  if (live?.metadata.deletionTimestamp !== undefined) return waitForEnd(work, ref, last);
  const wanted = forApply(object, live, bundle);
  const write = { manager: bundle.fieldManager, force: true };
  if (live !== undefined) {
    const would = appliedOf(await work.objects.apply(wanted, { ...write, dryRun: true })).object;
    if (contentDigest(would, work.cutKey) === contentDigest(live, work.cutKey)) return { kind: 'same', object: live };
    const fields = compareObjects(would, live)
      .map((change) => change.path)
      .filter((path) => !/^\.(status|metadata\.(resourceVersion|generation))/.test(path));
    return act(work, bundle, ref, live, wanted, `changed: ${fields.slice(0, 5).join(', ')}`, last);
  }
  return act(work, bundle, ref, undefined, wanted, 'deleted', last);
}

async function act(
  work: Work,
  bundle: Bundle,
  ref: ObjectRef,
  live: KubeObject | undefined,
  wanted: KubeObject,
  what: string,
  last: DriftCheck | undefined,
): Promise<DriftCheck> {
  const nowMs = work.clock.monotonic();
  const before = live === undefined ? null : normalizedDigest(live, work.cutKey);
  const digest = before ?? 'absent';
  const message = `${refText(ref)} was ${what}`;
  const state = { kind: 'drifted', ref, message, digest, atMs: nowMs } as const;
  if (bundle.drift.mode !== 'repair') {
    const known = last?.digest === digest;
    const receipt: ObjectReceipt = {
      ref,
      change: live === undefined ? 'absent' : 'changed',
      before: null,
      after: before,
    };
    return { ...state, repaired: false, retryMs: 0, repairs: 0, ...(known ? {} : { receipt }) };
  }
  const repairs = last !== undefined && nowMs - last.atMs < CALM_MS ? last.repairs : 0;
  const waitMs = repairs < QUICK_REPAIRS ? 0 : Math.min(SLOW_MS_MAX, 1_000 * 2 ** (repairs - QUICK_REPAIRS));
  const leftMs = last === undefined ? 0 : last.atMs + waitMs - nowMs;
  if (waitMs > 0 && leftMs > 0)
    return { ...state, atMs: last?.atMs ?? nowMs, repaired: false, retryMs: leftMs, repairs };
  const applied = appliedOf(await work.objects.apply(wanted, { manager: bundle.fieldManager, force: true }));
  const after = normalizedDigest(applied.object, work.cutKey);
  const uid = applied.object.metadata.uid;
  const receipt: ObjectReceipt = {
    ref,
    change: live === undefined ? 'created' : 'changed',
    before,
    after,
    ...(uid === undefined ? {} : { uid }),
  };
  return { ...state, repaired: true, receipt, object: applied.object, retryMs: 0, repairs: repairs + 1 };
}

/** It is on its way out: made anew when it is gone. */
function waitForEnd(work: Work, ref: ObjectRef, last: DriftCheck | undefined): DriftCheck {
  const message = `${refText(ref)} is being deleted`;
  const atMs = last?.atMs ?? work.clock.monotonic();
  return {
    kind: 'drifted',
    ref,
    repaired: false,
    message,
    retryMs: 500,
    repairs: last?.repairs ?? 0,
    digest: 'terminating',
    atMs,
  };
}
