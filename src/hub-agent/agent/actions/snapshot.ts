import { type Digest, type KubeObject, type ObjectRef, refOf, refText } from '../../../base/index.ts';
import { type Bundle, type Location, packPreImages, readBundle, readPreImage, servedObjects } from '../bundle.ts';
import { judgementOf } from '../judging.ts';
import { requireAccess } from './access.ts';
import type { Done, Work } from './work.ts';

/** Reads the pre-images of all that the bundle and the one before it touch. Asked twice it reads twice: nothing was written in between. */
export async function snapshot(
  work: Work,
  body: { location: Location; bundle: Digest | null; previous: Digest | null },
  isRepaired: (read: readonly KubeObject[]) => Promise<boolean>,
): Promise<Done> {
  if (body.bundle !== null) await mayDo(work, body.bundle, body.previous);
  const refs = new Map<string, ObjectRef>();
  // before and after the undo by the same rules: those of the first of the two
  let rules: Bundle | undefined;
  for (const digest of [body.bundle, body.previous]) {
    if (digest === null) continue;
    const bundle = readBundle(await work.blob(digest));
    rules ??= bundle;
    for (const object of await servedObjects(work.objects, bundle.objects)) {
      const ref = refOf(object);
      if (!refs.has(refText(ref))) refs.set(refText(ref), ref);
    }
  }
  const judge = await judgementOf(work.client, rules ?? { objects: [] });
  const readAll = () =>
    Promise.all([...refs.values()].map((ref) => readPreImage(work.objects, ref, work.cutKey, judge)));
  let images = await readAll();
  // what is about to be repaired is no state to come back to: the undo would bring the drift, the repair take it away, for ever
  if (await isRepaired(images.flatMap(({ object }) => object ?? []))) images = await readAll();
  const { blob, secrets } = packPreImages(body.location, images, work.cutKey);
  const present = images.filter((image) => image.object !== null).length;
  return {
    output: { kind: 'snapshot', preImages: blob.digest, objects: images.length, present },
    blobs: [work.sealed(blob, secrets)],
  };
}

/** The first step of a transaction in a cluster, so the first that can say that it would fail for want of a right. */
async function mayDo(work: Work, next: Digest, previous: Digest | null): Promise<void> {
  const wanted = readBundle(await work.blob(next)).objects;
  const before = previous === null ? [] : readBundle(await work.blob(previous)).objects.map(refOf);
  const kept = new Set(wanted.map((object) => refText(refOf(object))));
  await requireAccess(work, { wanted, needed: [], gone: before.filter((ref) => !kept.has(refText(ref))) });
}
