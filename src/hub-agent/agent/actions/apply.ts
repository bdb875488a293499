import { type Digest, digestOf, type KubeObject, refOf, refText } from '../../../base/index.ts';
import { isGround, normalizedDigest, rankGroups, type Verdict } from '../../../kubernetes/index.ts';
import type { ObjectReceipt } from '../../../protocol/index.ts';
import { type Bundle, type Location, type PreImage, readBundle, readPreImages, servedObjects } from '../bundle.ts';
import { applyEntry } from '../field-set.ts';
import { CALLED_OFF, refuse, retryLater } from '../halted.ts';
import { type Applied, appliedOf, halt } from '../objects.ts';
import { usable } from './ensure.ts';
import { waitsFor } from './pending.ts';
import { forApply, isRecreated } from './wanted.ts';
import type { Done, Work } from './work.ts';

/** Controllers write all the time: a resourceVersion that moved is read again so often. */
const TRIES = 10;
/** What another object of the bundle needs was applied a moment ago, and the server's caches do not have it yet. */
const EARLY_MS = 500;
/** No object has it (etcd begins above it), and an apply that names a version makes what is not there: so it makes, and changes nothing. */
const VERSION_OF_NONE = '1';
type Put = Applied & { readonly kind: 'put' };
interface Early {
  readonly kind: 'early';
  readonly verdict: Exclude<Verdict, { kind: 'ok' }>;
}

/** Applies a bundle, rank by rank. Halts as stale when an object is not what its pre-image says, but for what this command did before. */
export async function apply(
  work: Work,
  body: { location: Location; bundle: Digest; preImages: Digest },
): Promise<Done> {
  const bundle = readBundle(await work.blob(body.bundle));
  const images = readPreImages(await work.blob(body.preImages));
  const objects = await servedObjects(work.objects, bundle.objects);
  const receipts: ObjectReceipt[] = [];
  for (const group of rankGroups(objects)) {
    // one rank at once; all are awaited before the first refusal counts, so that nothing runs on behind its back
    const settled = await Promise.allSettled(group.map((object) => applyOne(work, bundle, object, images)));
    for (const one of settled) {
      if (one.status === 'rejected') throw one.reason;
      receipts.push(one.value);
    }
    await usable(work, group.map(refOf));
    if (work.signal.aborted)
      return refuse({ kind: 'cancelled', message: 'cancelled between two ranks of objects', hint: CALLED_OFF });
  }
  return { output: { kind: 'receipt', objects: receipts, digest: digestOf(receipts) } };
}

async function applyOne(
  work: Work,
  bundle: Bundle,
  object: KubeObject,
  images: ReadonlyMap<string, PreImage>,
): Promise<ObjectReceipt> {
  const ref = refOf(object);
  const image = images.get(refText(ref));
  if (image === undefined)
    return refuse({
      kind: 'stale',
      message: `${refText(ref)} has no pre-image`,
      where: refText(ref),
      hint: 'apply the stack again',
    });
  const untouched = await applyUntouched(work, bundle, object, image);
  if (untouched !== undefined) return receiptOf(work, ref, image, untouched);
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const live = await work.objects.get(ref);
    const digest = live === undefined ? null : normalizedDigest(live, work.cutKey);
    const expected =
      digest === image.digest ||
      (live === undefined ? wasDeletedByUs(work, object) : await isOurs(work, bundle, object, image, live));
    if (!expected) return refuse(stale(refText(ref), image, live));
    const applied = await put(work, bundle, object, live);
    if (applied === 'stale') continue;
    if (applied.kind === 'early') {
      if (attempt === TRIES - 1) halt(applied.verdict);
      await work.clock.sleep(EARLY_MS, work.signal);
      continue;
    }
    return receiptOf(work, ref, image, applied);
  }
  return retryLater(`${refText(ref)} is being changed faster than it can be read`);
}

/**
 * In one request where nothing has moved since the pre-image was read, which is the rule: the server compares versions itself
 * and writes nothing when they differ. undefined: it has, or the server has something against it; that is looked at with care.
 */
async function applyUntouched(
  work: Work,
  bundle: Bundle,
  object: KubeObject,
  image: PreImage,
): Promise<Applied | undefined> {
  // begun before: what it did then is not what its pre-image says
  if (work.resumed) return undefined;
  const past = image.object ?? undefined;
  const resourceVersion = past === undefined ? VERSION_OF_NONE : past.metadata.resourceVersion;
  if (resourceVersion === undefined) return undefined;
  const verdict = await work.objects.apply(forApply(object, past, bundle), {
    manager: bundle.fieldManager,
    force: bundle.conflicts === 'take',
    resourceVersion,
  });
  if (verdict.kind === 'retry') return halt(verdict);
  return verdict.kind === 'ok' ? appliedOf(verdict) : undefined;
}

/**
 * Whether this transaction itself moved the object: it was made by its ensure step (a namespace, a CRD), or applied by this
 * very command before it lost its memory of it: applying it once more would change nothing.
 */
async function isOurs(
  work: Work,
  bundle: Bundle,
  object: KubeObject,
  image: PreImage,
  live: KubeObject,
): Promise<boolean> {
  if (image.object === null && isGround(object) && applyEntry(live, bundle.fieldManager) !== undefined) return true;
  if (!work.resumed) return false;
  const again = appliedOf(
    await work.objects.apply(forApply(object, live, bundle), {
      manager: bundle.fieldManager,
      force: true,
      dryRun: true,
    }),
  );
  return normalizedDigest(again.object, work.cutKey) === normalizedDigest(live, work.cutKey);
}

/**
 * This command had begun, and its object says that it may be deleted and made anew: it was cut off between the two, or gave up
 * waiting for the end of the former one. Also if it was a person: to make it is what is left to do.
 */
function wasDeletedByUs(work: Work, object: KubeObject): boolean {
  return work.resumed && isRecreated(object);
}

async function put(
  work: Work,
  bundle: Bundle,
  object: KubeObject,
  live: KubeObject | undefined,
): Promise<Put | Early | 'stale'> {
  const verdict = await work.objects.apply(forApply(object, live, bundle), {
    manager: bundle.fieldManager,
    force: bundle.conflicts === 'take',
    // never into what came into being since it was read
    resourceVersion: live === undefined ? VERSION_OF_NONE : String(live.metadata.resourceVersion),
  });
  if (verdict.kind === 'ok') return { kind: 'put', ...appliedOf(verdict) };
  if (live === undefined ? cameToBe(verdict) : verdict.kind === 'stale') return 'stale';
  if (waitsFor(verdict, refOf(object), bundle.objects.map(refOf))) return { kind: 'early', verdict };
  const immutable = verdict.kind === 'refused' && verdict.refusal.kind === 'immutable';
  if (!immutable || live === undefined || !isRecreated(object)) return halt(verdict);
  await removeForNew(work, live);
  const made = await work.objects.apply(object, {
    manager: bundle.fieldManager,
    force: false,
    resourceVersion: VERSION_OF_NONE,
  });
  return cameToBe(made) ? 'stale' : { kind: 'put', ...appliedOf(made) };
}

/** What was to be made is there: a real server looks at who owns its fields before it looks at the version. */
function cameToBe({ kind }: Verdict): boolean {
  return kind === 'stale' || kind === 'conflict';
}

/** Deletes an object that is to be made anew: only where it says so itself, and named in the plan as irreversible. */
export async function removeForNew(work: Work, live: KubeObject): Promise<void> {
  const uid = String(live.metadata.uid);
  await work.objects.remove(refOf(live), uid);
  await work.objects.gone(refOf(live), uid, work.signal);
}

function receiptOf(work: Work, ref: ReturnType<typeof refOf>, image: PreImage, applied: Applied): ObjectReceipt {
  work.onApplied(applied.object);
  const after = normalizedDigest(applied.object, work.cutKey);
  const { uid, resourceVersion } = applied.object.metadata;
  return {
    ref,
    change: image.digest === null ? 'created' : after === image.digest ? 'unchanged' : 'changed',
    before: image.digest,
    after,
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(applied.auditId === undefined ? {} : { auditId: applied.auditId }),
  };
}

function stale(where: string, image: PreImage, live: KubeObject | undefined) {
  const what = image.digest === null ? 'has come into being' : live === undefined ? 'was deleted' : 'was changed';
  return {
    kind: 'stale',
    message: `${where} ${what} since the plan was made`,
    where,
    hint: 'plan and apply again: the new plan will start from what is there now',
  };
}
