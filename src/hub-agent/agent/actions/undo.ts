/**
 * Brings a location back to its pre-images (DESIGN §5): what was created is deleted by uid; what was changed is applied anew
 * with the fields that each manager owned before, under that manager. Never a PUT, never a CRD deleted.
 */
import { type Digest, digestOf, type KubeObject, type ObjectRef, refOf } from '../../../base/index.ts';
import {
  deleteOrder,
  judgesOthers,
  kindRank,
  normalize,
  normalizedDigest,
  sameRef,
} from '../../../kubernetes/index.ts';
import type { ObjectReceipt } from '../../../protocol/index.ts';
import { type Bundle, type Location, type PreImage, readBundle, readPreImages } from '../bundle.ts';
import { type Change, compareObjects } from '../compare.ts';
import { applyEntry, extract, identityOnly, ownersOf, removeAt } from '../field-set.ts';
import { halt, objectOf } from '../objects.ts';
import { removeForNew } from './apply.ts';
import { managerOf } from './ensure.ts';
import { type Surround, takenApart } from './explain.ts';
import { hasLost } from './explain-owners.ts';
import { inTheirName } from './in-their-name.ts';
import { linkedAnew, type MadeAnew, ownersFirst } from './made-anew.ts';
import { withNumbers } from './numbers.ts';
import { presentOf } from './present.ts';
import { removeOne } from './removal.ts';
import { giveBack, restoreLeftovers } from './undo-leftovers.ts';
import { createUndoing, type Undoing } from './undoing.ts';
import { isRecreated } from './wanted.ts';
import type { Done, Work } from './work.ts';

/** Conflicts that are left out one after the other: fields that others have changed meanwhile. */
const CONFLICT_ROUNDS_MAX = 5;

export async function undo(work: Work, body: { location: Location; bundle: Digest; preImages: Digest }): Promise<Done> {
  const bundle = readBundle(await work.blob(body.bundle));
  const images = [...readPreImages(await work.blob(body.preImages)).values()];
  const manager = managerOf(body.location.stack);
  // what this transaction set up to judge others might refuse that they are brought back
  const undoing = createUndoing(work);
  await undoAll(undoing, work, bundle, images.filter(({ ref }) => judgesOthers(ref)), manager); // biome-ignore format: one line
  await undoAll(undoing, work, bundle, images.filter(({ ref }) => !judgesOthers(ref)), manager); // biome-ignore format: one line
  const receipts = await undoing.ended();
  return { output: { kind: 'receipt', objects: receipts, digest: digestOf(receipts) } };
}

/** What was there comes back before what was not goes, and nothing goes while something could not come back: it may stand on that. */
async function undoAll(
  undoing: Undoing,
  work: Work,
  bundle: Bundle,
  images: readonly PreImage[],
  manager: string,
): Promise<void> {
  const before = images.filter((image) => image.object !== null);
  before.sort((a, b) => kindRank(a.ref) - kindRank(b.ref));
  const anew = new Map<string, string>();
  for (const image of ownersFirst(before)) {
    await undoing.each(image.ref, async () => {
      const restored = await restore(work, bundle, linked(image, anew, work), manager);
      const then = image.object?.metadata.uid;
      if (then !== undefined && restored.uid !== undefined && restored.uid !== then) anew.set(then, restored.uid);
      return restored;
    });
  }
  if (undoing.isRefused()) return;
  const created = images.filter((image) => image.object === null).map((image) => image.ref);
  for (const ref of deleteOrder(created)) await undoing.each(ref, () => removeCreated(work, ref, manager));
}

/** An owner that was made anew is named by its new uid: by the former one what it owns would be collected as an orphan. */
function linked(image: PreImage, anew: MadeAnew, work: Work): PreImage {
  if (image.object === null || anew.size === 0) return image;
  const { past, links } = linkedAnew(image.object, anew);
  return links.length === 0 ? image : { ...image, object: past, digest: normalizedDigest(past, work.cutKey) };
}

/** A claim that this transaction made holds nothing that was there before it: it may go, unlike one of a committed revision. */
async function removeCreated(work: Work, ref: ObjectRef, manager: string): Promise<ObjectReceipt> {
  if (ref.kind !== 'PersistentVolumeClaim') return removeOne(work, ref, manager);
  const live = await work.objects.get(ref);
  if (live === undefined) return { ref, change: 'absent', before: null, after: null };
  const digest = normalizedDigest(live, work.cutKey);
  const uid = String(live.metadata.uid);
  if (!ownersOf(live).some((owner) => owner.manager === manager)) {
    return { ref, change: 'kept', before: digest, after: digest, uid, note: 'it is not managed by this stack' };
  }
  const removed = await work.objects.remove(ref, uid);
  return { ref, change: removed ? 'deleted' : 'absent', before: digest, after: null, uid };
}

async function restore(work: Work, bundle: Bundle, image: PreImage, manager: string): Promise<ObjectReceipt> {
  const past = image.object as KubeObject;
  const { ref } = image;
  const found = await presentOf(work, image);
  const before = found === undefined ? null : normalizedDigest(found, work.cutKey);
  if (found !== undefined && before === image.digest) return receipt(ref, 'unchanged', before, found, work);
  let live = found === undefined ? await applyFormer(work, past, found, manager, manager, bundle) : found;
  // others first: what they owned may be required, and giving it up before they have it back would be refused
  for (const { operation, manager: other } of ownersOf(past)) {
    if (operation === 'Apply' && other !== manager && lost(work, { past, live, bundle, manager }, other)) {
      live = await applyFormer(work, past, live, other, manager, bundle);
    }
  }
  live = await giveBack(work, bundle, past, live, manager);
  live = await applyFormer(work, past, live, manager, manager, bundle);
  live = await restoreLeftovers(work, bundle, past, live, manager);
  return receipt(ref, 'changed', before, live, work);
}

/**
 * Server-side apply of what a manager owned before, with the values of then: our own (`stack`) gives up what it has taken
 * since, another takes back by force what the stack holds. A field that a third one has changed meanwhile is left to it.
 */
async function applyFormer(
  work: Work,
  past: KubeObject,
  live: KubeObject | undefined,
  manager: string,
  stack: string,
  bundle: Bundle,
): Promise<KubeObject> {
  const entry = applyEntry(past, manager);
  const nothing = entry === undefined;
  // an object that is gone comes back whole, its former owners after it
  if (nothing && live === undefined) return objectOf(await work.objects.apply(bare(past), { manager, force: false }));
  if (nothing && live !== undefined && applyEntry(live, manager) === undefined) return live;
  let wanted = nothing ? identityOnly(refOf(past)) : extract(past, entry.fieldsV1);
  if (entry !== undefined && live !== undefined && manager !== stack) {
    const around = { past, live, bundle, manager: stack };
    wanted = inTheirName(around, changesOf(work, around), entry);
  }
  let force = false;
  const numbered = manager === stack ? withNumbers(wanted, past, live) : undefined;
  // when another has them by now it is made without, and the comparison says so
  if (numbered !== undefined) await work.objects.apply(numbered, { manager, force });
  for (let round = 0; ; round++) {
    const verdict = await work.objects.apply(wanted, { manager, force });
    if (verdict.kind === 'ok') return objectOf(verdict);
    if (verdict.kind === 'conflict' && round < CONFLICT_ROUNDS_MAX) {
      const others = verdict.fields.filter((one) => one.manager !== stack);
      for (const { field } of others) wanted = removeAt(wanted, field);
      force = others.length === 0;
      continue;
    }
    const immutable = verdict.kind === 'refused' && verdict.refusal.kind === 'immutable';
    const declared = bundle.objects.some((object) => sameRef(refOf(object), refOf(past)) && isRecreated(object));
    if (immutable && live !== undefined && (declared || isRecreated(past))) {
      await removeForNew(work, live);
      return objectOf(await work.objects.apply(wanted, { manager, force: true }));
    }
    return halt(verdict);
  }
}

/** Whether a former manager has lost something of what it applied to the stack, or to nobody; what it has changed itself since is its own. */
function lost(work: Work, around: Surround, manager: string): boolean {
  return hasLost(around, changesOf(work, around), manager);
}

function changesOf(work: Work, around: Surround): readonly Change[] {
  const { past, live } = around;
  return takenApart(compareObjects(normalize(past, work.cutKey), normalize(live, work.cutKey)), around);
}

/** Without what only the server writes. */
function bare(past: KubeObject): KubeObject {
  const { name, namespace, labels, annotations } = past.metadata;
  const { status: _status, ...rest } = past;
  return { ...rest, metadata: dropUndefined({ name, namespace, labels, annotations }) } as unknown as KubeObject;
}

function dropUndefined<T extends object>(object: T): T {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}

function receipt(
  ref: ObjectRef,
  change: ObjectReceipt['change'],
  before: Digest | null,
  live: KubeObject,
  work: Work,
): ObjectReceipt {
  const { uid, resourceVersion } = live.metadata;
  const after = normalizedDigest(live, work.cutKey);
  return dropUndefined({ ref, change, before, after, uid, resourceVersion }) as ObjectReceipt;
}
