/** Bundles and pre-images as they come from and go to the hub: checked, and Secret values put back in. */
import { z } from 'zod';
import {
  cutSecret,
  type Digest,
  digestOf,
  errorText,
  fillSecret,
  type Json,
  type KubeObject,
  type ObjectRef,
  refOf,
  refText,
  type SecretValues,
} from '../../base/index.ts';
import { applyOrder, normalize, normalizedDigest, type ObjectStatus } from '../../kubernetes/index.ts';
import type { Blob, Command } from '../../protocol/index.ts';
import { OURS, refuse } from './halted.ts';
import type { Objects } from './objects.ts';

export type Location = Extract<Command['body'], { kind: 'apply' }>['location'];

const kubeObject = z.custom<KubeObject>(
  (value) => typeof value === 'object' && value !== null && 'kind' in value && 'metadata' in value,
);
const healthRule = z.object({
  kind: z.string(),
  apiVersion: z.string().optional(),
  current: z.string(),
  failed: z.string().optional(),
  message: z.string().optional(),
});
const bundleSchema = z.object({
  v: z.literal(1),
  location: z.object({
    stack: z.object({ project: z.string(), name: z.string() }),
    kind: z.enum(['function', 'member']),
    name: z.string(),
    cluster: z.string(),
  }),
  revision: z.number(),
  fieldManager: z.string(),
  serviceAccount: z.object({ namespace: z.string(), name: z.string() }).optional(),
  conflicts: z.enum(['refuse', 'take']),
  drift: z.object({ mode: z.enum(['repair', 'report', 'ignore']), ignore: z.array(z.string()) }),
  objects: z.array(kubeObject),
  health: z.object({ service: z.string(), port: z.union([z.number(), z.string()]), path: z.string() }).optional(),
  healthRules: z.array(healthRule).optional(),
});
const actingSchema = bundleSchema.pick({ serviceAccount: true });
/** plan's Bundle, as an agent reads it; `objects` with their Secret values. */
export type Bundle = z.infer<typeof bundleSchema>;

/** A blob with the values that its cut references stand for. */
export interface OpenBlob {
  readonly value: Json;
  readonly secrets: SecretValues;
}

/** Each command of a transaction reads the same blob: it is parsed once. */
const parsed = new WeakMap<OpenBlob, Bundle>();

export function readBundle(blob: OpenBlob): Bundle {
  const known = parsed.get(blob) ?? parseBundle(blob);
  parsed.set(blob, known);
  return known;
}

function parseBundle(blob: OpenBlob): Bundle {
  const found = bundleSchema.safeParse(blob.value);
  if (!found.success)
    return refuse({ kind: 'protocol', message: `this is no bundle: ${z.prettifyError(found.error)}`, hint: OURS });
  try {
    return { ...found.data, objects: found.data.objects.map((object) => fillSecret(object, blob.secrets)) };
  } catch (error) {
    return refuse({
      kind: 'secretMissing',
      message: errorText(error),
      hint: 'apply the stack again: that brings its Secrets anew',
    });
  }
}

/** As whom the agent acts for it; undefined: as itself. */
export function actsAs(blob: OpenBlob): Bundle['serviceAccount'] {
  return actingSchema.safeParse(blob.value).data?.serviceAccount;
}

/** An object before a transaction touched it. */
export interface PreImage {
  readonly ref: ObjectRef;
  /** As it was read, Secret values in; null: it was absent. */
  readonly object: KubeObject | null;
  readonly digest: Digest | null;
  /** Null where readiness means nothing (absent). */
  readonly ready: boolean | null;
}

export async function readPreImage(
  objects: Objects,
  ref: ObjectRef,
  cutKey: Uint8Array,
  judge: (wanted: KubeObject, live: KubeObject) => ObjectStatus,
): Promise<PreImage> {
  const object = await objects.get(ref);
  if (object === undefined) return { ref, object: null, digest: null, ready: null };
  const ready = judge(object, object).status === 'current';
  return { ref, object, digest: normalizedDigest(object, cutKey), ready };
}

/** The blob of pre-images; `secrets` are to be sealed to the hub. Status is left out: it is not brought back. */
export function packPreImages(
  location: Location,
  images: readonly PreImage[],
  cutKey: Uint8Array,
): { readonly blob: Blob; readonly secrets: SecretValues } {
  const secrets = new Map<string, string>();
  const packed = images.map((image) => {
    if (image.object === null) return image;
    const { object, values } = cutSecret(image.object, cutKey);
    for (const [reference, value] of values) secrets.set(reference, value);
    const { status: _status, ...rest } = object;
    return { ...image, object: rest };
  });
  const value = { location, objects: packed } as unknown as Json;
  return { blob: { digest: digestOf(value), value }, secrets };
}

export function readPreImages(blob: OpenBlob): ReadonlyMap<string, PreImage> {
  const list = (blob.value as { objects?: readonly PreImage[] }).objects;
  if (!Array.isArray(list)) return refuse({ kind: 'protocol', message: 'these are no pre-images', hint: OURS });
  const filled = (list as readonly PreImage[]).map((image) =>
    image.object === null ? image : { ...image, object: fillSecret(image.object, blob.secrets) },
  );
  return new Map(filled.map((image) => [refText(image.ref), image]));
}

/** Of an object that is given in several versions, the first that this cluster serves (of none: the first, to be refused by name). */
export async function servedObjects(objects: Objects, given: readonly KubeObject[]): Promise<readonly KubeObject[]> {
  const byName = Map.groupBy(given, (object) => refText(refOf(object)));
  const chosen = await Promise.all(
    [...byName.values()].map(async (versions) => {
      if (versions.length === 1) return versions[0] as KubeObject;
      for (const version of versions) if ((await objects.info(version)) !== undefined) return version;
      return versions[0] as KubeObject;
    }),
  );
  return applyOrder(chosen);
}

/** Of objects that are given in no version that this cluster serves (any more): what to say of them, by name. */
export async function unservedOf(
  objects: Objects,
  chosen: readonly KubeObject[],
): Promise<ReadonlyMap<string, ObjectStatus>> {
  const found = new Map<string, ObjectStatus>();
  for (const object of chosen) {
    const ref = refOf(object);
    if ((await objects.info(ref)) !== undefined) continue;
    const served = await objects.served(ref);
    const none = `this cluster serves no ${ref.apiVersion} ${ref.kind}`;
    // it may be there and well, and nothing may be made of it: how it should look is only said in a version that is gone
    if (served === undefined) found.set(refText(ref), { status: 'notFound', message: none });
    else
      found.set(refText(ref), {
        status: 'unknown',
        message: `${none}, but ${served.apiVersion}: give it in that version, too`,
      });
  }
  return found;
}

/** For showing: normalised, Secret values cut, without who owns what. */
export function shown(object: KubeObject, cutKey: Uint8Array): Json {
  const { managedFields: _owners, ...metadata } = normalize(object, cutKey).metadata;
  return { ...normalize(object, cutKey), metadata } as unknown as Json;
}
