/** Blobs between hub and agent: an agent is given only what a command or its desired state names, sealed to its key. */
import {
  cutReferenceOf,
  cutReferences,
  type Digest,
  digestOf,
  isObject,
  type Json,
  type KubeObject,
  type Random,
  type Store,
} from '../../base/index.ts';
import { type Blob, type SealKey, sealJson } from '../../protocol/index.ts';

export interface BlobExchange {
  /** The blob with its Secret values sealed to that key, or undefined when it is not here. */
  outgoing(digest: Digest, sealKey: string): Blob | undefined;
  /** Stores what an agent sent, values first. @throws Error when a digest or a value is not what it says. */
  incoming(blobs: readonly Blob[]): Promise<void>;
}

export function createBlobExchange(store: Store, own: SealKey, random: Random): BlobExchange {
  return {
    outgoing(digest, sealKey) {
      const value = store.blobs.get(digest);
      if (value === undefined) return undefined;
      const references = [...cutReferencesIn(value)];
      if (references.length === 0) return { digest, value };
      const secrets = Object.fromEntries(store.secrets.get(references));
      return { digest, value, secrets: sealJson(sealKey, secrets, random) };
    },
    async incoming(blobs) {
      for (const blob of blobs) {
        if (digestOf(blob.value) !== blob.digest) throw new Error(`blob ${blob.digest} has another digest`);
        const values = openValues(blob, own);
        for (const [reference, value] of values) {
          // an agent must not be able to put its value in the place of another's
          if (reference !== cutReferenceOf(value, store.secrets.cutKey)) {
            throw new Error('a Secret value does not match its reference');
          }
        }
        for (const reference of cutReferencesIn(blob.value)) {
          // nor name a value that it does not have itself: the blob comes back to it with all its values
          if (!values.has(reference)) throw new Error('a blob names a Secret value that was not sent along');
        }
        await store.secrets.put(values);
        await store.blobs.put(blob.value);
      }
    },
  };
}

function openValues(blob: Blob, own: SealKey): ReadonlyMap<string, string> {
  if (blob.secrets === undefined) return new Map();
  return new Map(Object.entries(JSON.parse(Buffer.from(own.open(blob.secrets)).toString('utf8')) as object));
}

/** The cut references of every Secret within a value: what is to be filled in there, and nothing that merely looks so. */
export function cutReferencesIn(value: Json, found = new Set<string>()): Set<string> {
  if (typeof value !== 'object' || value === null) return found;
  if (isObject(value) && isObject(value.metadata)) {
    for (const reference of cutReferences(value as unknown as KubeObject)) found.add(reference);
  }
  for (const item of Object.values(value)) if (item !== undefined) cutReferencesIn(item as Json, found);
  return found;
}

/** Every digest that a command's body names. */
export function digestsIn(value: unknown, found = new Set<Digest>()): Set<Digest> {
  if (typeof value === 'string') {
    if (/^sha256:[0-9a-f]{64}$/.test(value)) found.add(value as Digest);
  } else if (typeof value === 'object' && value !== null) {
    for (const item of Object.values(value)) digestsIn(item, found);
  }
  return found;
}
