/** What is held as it was last seen, by watches and by answers; what nobody reads later is not kept. */
import { type Digest, type KubeObject, type ObjectRef, refOf, refText } from '../../base/index.ts';
import { contentDigest } from '../../kubernetes/index.ts';
import { isOlder } from './versions.ts';

/** One object that is held. */
interface Sight {
  /** The location that it belongs to, by its key. */
  owner: string;
  object: KubeObject | undefined;
  /** Its deletion, as a watch told it: what is older says nothing of what is there now. */
  ended: KubeObject | undefined;
  /** Of `object`, made when it is first asked for. */
  digest: Digest | undefined;
  /** The content digest that is known to be as applied. */
  good: Digest | undefined;
}

export interface Sights {
  /** From now on these, and no others, belong to that location. */
  own(owner: string, refs: readonly ObjectRef[]): void;
  /** None of that location is held any more. */
  disown(owner: string): void;
  ownerOf(ref: ObjectRef): string | undefined;
  /** What is not held, or older than what was seen, is passed over. */
  seen(object: KubeObject): void;
  /** It is gone, as of that version. */
  gone(object: KubeObject): void;
  /** Whatever `covers` names and is not among these is gone. */
  listed(objects: readonly KubeObject[], covers: (ref: ObjectRef, owner: string) => boolean): void;
  /** What it looks like now is as it was applied. */
  good(object: KubeObject): void;
  /** Without its managedFields; undefined: it is not there, or was not seen yet. */
  at(ref: ObjectRef): KubeObject | undefined;
  /** Whether it looks as it did when it was as applied. */
  isGood(ref: ObjectRef): boolean;
}

/** `cutKey`: that of the hub, which may come to be another one. */
export function createSights(cutKey: () => Uint8Array): Sights {
  const sights = new Map<string, Sight>();
  let cutBy: Uint8Array | undefined;

  const find = (ref: ObjectRef) => sights.get(refText(ref));
  function put(sight: Sight, object: KubeObject | undefined): void {
    sight.object = object === undefined ? undefined : slim(object);
    sight.digest = undefined;
  }
  function digestAt(sight: Sight): Digest | undefined {
    const key = cutKey();
    // digests by different keys are never compared
    if (cutBy !== undefined && key !== cutBy && !Buffer.from(key).equals(cutBy))
      for (const one of sights.values()) recut(one, cutBy, key);
    cutBy = key;
    if (sight.object !== undefined) sight.digest ??= contentDigest(sight.object, key);
    return sight.digest;
  }
  function seen(object: KubeObject): void {
    const sight = find(refOf(object));
    // what was applied may be known by its answer before the watch comes to it
    if (sight === undefined || isOlder(object, sight.object ?? sight.ended) || isSame(object, sight.object)) return;
    put(sight, object);
  }
  return {
    own(owner, refs) {
      const names = new Set(refs.map(refText));
      for (const [name, sight] of sights) if (sight.owner === owner && !names.has(name)) sights.delete(name);
      for (const name of names) {
        const sight = sights.get(name);
        if (sight !== undefined) sight.owner = owner;
        else sights.set(name, { owner, object: undefined, ended: undefined, digest: undefined, good: undefined });
      }
    },
    disown(owner) {
      for (const [name, sight] of sights) if (sight.owner === owner) sights.delete(name);
    },
    ownerOf: (ref) => find(ref)?.owner,
    seen,
    gone(object) {
      const sight = find(refOf(object));
      if (sight === undefined || isOlder(object, sight.object)) return;
      put(sight, undefined);
      sight.ended = { apiVersion: object.apiVersion, kind: object.kind, metadata: slim(object).metadata };
    },
    listed(objects, covers) {
      const there = new Set(objects.map((object) => refText(refOf(object))));
      for (const [name, sight] of sights) {
        if (sight.object === undefined || there.has(name)) continue;
        if (covers(refOf(sight.object), sight.owner)) put(sight, undefined);
      }
      for (const object of objects) seen(object);
    },
    good(object) {
      const sight = find(refOf(object));
      if (sight === undefined) return;
      if (isSame(object, sight.object)) sight.good = digestAt(sight);
      else sight.good = contentDigest(object, cutKey());
    },
    at: (ref) => find(ref)?.object,
    isGood(ref) {
      const sight = find(ref);
      if (sight?.object === undefined) return false;
      const digest = digestAt(sight); // by another key by now, it may be, and `good` with it
      return sight.good === digest;
    },
  };
}

/** What was as applied by the former key is it by the new one: an agent that looked before its hub was there had a key of its own, and would ask for each Secret again. */
function recut(sight: Sight, former: Uint8Array, key: Uint8Array): void {
  const { object, digest, good } = sight;
  sight.digest = undefined;
  if (object === undefined || good === undefined) return;
  if ((digest ?? contentDigest(object, former)) === good) sight.good = contentDigest(object, key);
}

/** Whether both are one reading of one object. */
function isSame({ metadata }: KubeObject, other: KubeObject | undefined): boolean {
  const { resourceVersion, uid } = metadata;
  return (
    resourceVersion !== undefined && resourceVersion === other?.metadata.resourceVersion && uid === other.metadata.uid
  );
}

/** Who owns which field is read anew when it matters, and is half of most objects. */
function slim(object: KubeObject): KubeObject {
  const { managedFields: _owners, ...metadata } = object.metadata;
  return { ...object, metadata };
}
