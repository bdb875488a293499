import { type Digest, digestOf, type ObjectRef, refOf, refText } from '../../../base/index.ts';
import { deleteOrder, isGround, isStateful, normalizedDigest, sameRef } from '../../../kubernetes/index.ts';
import type { ObjectReceipt } from '../../../protocol/index.ts';
import { type Location, readBundle, servedObjects } from '../bundle.ts';
import { ownersOf } from '../field-set.ts';
import { OURS, refuse } from '../halted.ts';
import { managerOf } from './ensure.ts';
import type { Done, Work } from './work.ts';

/** Deletes objects that the bundle which stays no longer has. */
export async function prune(
  work: Work,
  body: { location: Location; objects: readonly ObjectRef[]; keep: Digest },
): Promise<Done> {
  const kept = readBundle(await work.blob(body.keep)).objects.map(refOf);
  const wrong = body.objects.find((ref) => kept.some((other) => sameRef(ref, other)));
  if (wrong !== undefined) {
    return refuse({
      kind: 'protocol',
      message: `${refText(wrong)} is part of what stays: it is not pruned`,
      hint: OURS,
    });
  }
  return removeAll(work, body.location, body.objects);
}

/** Deletes a whole location. */
export async function remove(work: Work, body: { location: Location; previous: { bundle: Digest } }): Promise<Done> {
  const bundle = readBundle(await work.blob(body.previous.bundle));
  return removeAll(work, body.location, (await servedObjects(work.objects, bundle.objects)).map(refOf));
}

async function removeAll(work: Work, location: Location, refs: readonly ObjectRef[]): Promise<Done> {
  const manager = managerOf(location.stack);
  const receipts: ObjectReceipt[] = [];
  for (const ref of deleteOrder(refs)) receipts.push(await removeOne(work, ref, manager));
  for (const { ref, uid, change } of receipts) {
    if (change === 'deleted' && uid !== undefined)
      await work.objects.gone((await work.objects.served(ref)) ?? ref, uid, work.signal);
  }
  return { output: { kind: 'receipt', objects: receipts, digest: digestOf(receipts) } };
}

/** With a uid precondition, and only what this stack has applied: an object of the same name may be another's by now. */
export async function removeOne(work: Work, ref: ObjectRef, manager: string): Promise<ObjectReceipt> {
  // a plan names one version; the cluster may have been given, or serve by now, another
  const served = await work.objects.served(ref);
  const live = served === undefined ? undefined : await work.objects.get(served);
  if (served === undefined || live === undefined) return { ref, change: 'absent', before: null, after: null };
  const before = normalizedDigest(live, work.cutKey);
  const uid = String(live.metadata.uid);
  const kept = (note: string): ObjectReceipt => ({ ref, change: 'kept', before, after: before, uid, note });
  if (!ownersOf(live).some((owner) => owner.manager === manager)) return kept('it is not managed by this stack');
  const ground = groundNote(ref);
  if (ground !== undefined) return kept(ground);
  if (isStateful(ref)) return kept('it holds data: a person deletes it');
  const removed = await work.objects.remove(served, uid);
  return { ref, change: removed ? 'deleted' : 'absent', before, after: null, uid };
}

/** Why a namespace or a CRD stays, whatever lists it; undefined for all other kinds. */
export function groundNote(ref: ObjectRef): string | undefined {
  if (!isGround(ref)) return undefined;
  return ref.kind === 'Namespace'
    ? 'a namespace goes only with the transaction that made it, when nothing foreign is in it'
    : 'a CRD is never deleted: its resources would go with it';
}

/** The digests of everything of a bundle as it stands there now. */
export async function readBack(work: Work, body: { location: Location; bundle: Digest }): Promise<Done> {
  const bundle = readBundle(await work.blob(body.bundle));
  const refs = (await servedObjects(work.objects, bundle.objects)).map(refOf);
  const read = await Promise.all(
    refs.map(async (ref) => {
      const live = await work.objects.get(ref);
      if (live === undefined || live.metadata.deletionTimestamp !== undefined) {
        return refuse({
          kind: 'missing',
          message: `${refText(ref)} is not there any more`,
          where: refText(ref),
          hint: 'find out who deletes it, then apply the stack again',
        });
      }
      return { ref, digest: normalizedDigest(live, work.cutKey) };
    }),
  );
  return { output: { kind: 'readBack', digest: digestOf(read), objects: read.length } };
}
