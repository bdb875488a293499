/** Bundles by digest, and what is asked of them again and again, kept in memory. */
import { type Blobs, type Digest, isObject, type JsonObject, refOf, refText } from '../base/index.ts';
import { isScalable, type ResolvedStack } from '../ldc/index.ts';
import type { CurrentLocation } from '../placement/index.ts';
import type { Bundle } from '../plan/index.ts';
import type { LocationRecord } from './records.ts';

const KEPT_MAX = 20_000;

interface Digested {
  /** Identities of its objects, refText. */
  readonly refs: ReadonlySet<string>;
  /** `spec.replicas` of its first workload that has some; null: none. */
  readonly replicas: number | null;
}

export interface Bundles {
  get(digest: Digest): Bundle | undefined;
  /** What is planned, and not stored yet. */
  learn(digest: Digest, bundle: Bundle): void;
  refs(digest: Digest): ReadonlySet<string>;
  replicas(digest: Digest): number | null;
  /** Locations as placement takes them; replicas only where the definition sets them. */
  current(records: readonly LocationRecord[], stack: ResolvedStack): readonly CurrentLocation[];
}

export function createBundles(blobs: Pick<Blobs, 'get'>): Bundles {
  const kept = new Map<Digest, Digested>();
  const get = (digest: Digest) => blobs.get(digest) as unknown as Bundle | undefined;
  const learn = (digest: Digest, bundle: Bundle | undefined): Digested => {
    const known = kept.get(digest);
    if (known !== undefined) return known;
    if (kept.size >= KEPT_MAX) kept.clear();
    const objects = bundle?.objects ?? [];
    const made = {
      refs: new Set(objects.map((object) => refText(refOf(object)))),
      replicas: objects.filter(isScalable).map(replicasOf)[0] ?? null,
    };
    if (bundle !== undefined) kept.set(digest, made);
    return made;
  };
  const digested = (digest: Digest) => kept.get(digest) ?? learn(digest, get(digest));
  return {
    get,
    learn,
    refs: (digest) => digested(digest).refs,
    replicas: (digest) => digested(digest).replicas,
    current: (records, stack) =>
      records.map(({ location: { kind, name, cluster }, bundle }) => {
        const divided = stack.functions.find((part) => part.name === name)?.spec.replicas !== undefined;
        return { kind, name, cluster, replicas: divided ? digested(bundle).replicas : null };
      }),
  };
}

function replicasOf(object: { readonly [field: string]: unknown }): number | null {
  const spec: JsonObject = isObject(object.spec) ? object.spec : {};
  return typeof spec.replicas === 'number' ? spec.replicas : 1;
}
