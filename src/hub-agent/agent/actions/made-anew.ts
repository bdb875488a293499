/**
 * Objects that were made anew have another uid, and what they own names them by it: whoever names the former one is collected
 * as an orphan within seconds, however equal it looks now. Pure.
 */
import { isObject, type Json, type KubeObject } from '../../../base/index.ts';

/** By the uid of then, the uid of now; of objects that are there and are not the same. */
export type MadeAnew = ReadonlyMap<string, string>;

export interface OwnerLink {
  /** For people: `.metadata.ownerReferences[name=web].uid`. */
  readonly field: string;
  readonly before: string;
  readonly after: string;
}

export function madeAnew(pairs: readonly { past: KubeObject | null; live: KubeObject | undefined }[]): MadeAnew {
  return new Map(
    pairs.flatMap(({ past, live }): [string, string][] => {
      const [then, now] = [past?.metadata.uid, live?.metadata.uid];
      return then === undefined || now === undefined || then === now ? [] : [[then, now]];
    }),
  );
}

/** References of an object to owners that are not there any more under that uid. */
export function deadLinks(live: KubeObject, uids: MadeAnew): readonly OwnerLink[] {
  return linksOf(live).flatMap(({ name, uid }) => {
    const now = uids.get(uid);
    const after = `${uid}, which is gone: its owner was made anew as ${now}`;
    return now === undefined ? [] : [{ field: fieldOf(name), before: uid, after }];
  });
}

/** A pre-image as it has to be by now, its owners having another uid, and which of its references that moved. */
export function linkedAnew(
  past: KubeObject,
  uids: MadeAnew,
): { readonly past: KubeObject; readonly links: readonly OwnerLink[] } {
  const links = linksOf(past).flatMap(({ name, uid }): OwnerLink[] => {
    const now = uids.get(uid);
    return now === undefined ? [] : [{ field: fieldOf(name), before: uid, after: now }];
  });
  if (links.length === 0) return { past, links };
  const { ownerReferences, managedFields } = past.metadata;
  const moved = (value: Json | undefined) =>
    JSON.parse(links.reduce((text, { before, after }) => text.replaceAll(before, after), JSON.stringify(value ?? [])));
  const metadata = {
    ...past.metadata,
    ownerReferences: moved(ownerReferences),
    // who owns an item of that list is told by the item's uid, too
    ...(managedFields === undefined ? {} : { managedFields: moved(managedFields) }),
  };
  return { past: { ...past, metadata }, links };
}

/** What owns others before what it owns; else in the order given. What own each other in a circle come as they are. */
export function ownersFirst<T extends { readonly object: KubeObject | null }>(images: readonly T[]): readonly T[] {
  const byUid = new Map(images.map((image) => [image.object?.metadata.uid, image]));
  const ordered = new Set<T>();
  const begun = new Set<T>();
  const take = (image: T): void => {
    if (begun.has(image)) return;
    begun.add(image);
    for (const { uid } of image.object === null ? [] : linksOf(image.object)) {
      const owner = byUid.get(uid);
      if (owner !== undefined) take(owner);
    }
    ordered.add(image);
  };
  for (const image of images) take(image);
  return [...ordered];
}

function linksOf({ metadata }: KubeObject): readonly { readonly name: string; readonly uid: string }[] {
  const references = metadata.ownerReferences;
  return (Array.isArray(references) ? (references as readonly Json[]) : []).flatMap((one) =>
    isObject(one) && typeof one.uid === 'string' ? [{ name: String(one.name), uid: one.uid }] : [],
  );
}

function fieldOf(name: string): string {
  return `.metadata.ownerReferences[name=${name}].uid`;
}
