/**
 * The form in which two readings of one object are compared, exactly as DESIGN §5 lists "no difference": without status,
 * resourceVersion, generation, the times and status entries of managedFields, and two annotations that controllers write.
 */
import {
  canonical,
  cutSecret,
  type Digest,
  digestOf,
  isObject,
  type Json,
  type JsonObject,
  type KubeObject,
} from '../base/index.ts';

/** Written by controllers as a consequence of what we change, and not brought back by changing it back. */
const CONTROLLER_ANNOTATIONS = ['deployment.kubernetes.io/revision', 'deprecated.daemonset.template.generation'];

/** The normalised object; Secret values cut with the key, so that it may be shown and stored. */
export function normalize(object: KubeObject, cutKey: Uint8Array): KubeObject {
  const { status: _status, ...rest } = cutSecret(object, cutKey).object;
  const {
    resourceVersion: _rv,
    generation: _generation,
    selfLink: _link,
    managedFields,
    annotations,
    ...meta
  } = object.metadata;
  const cutAnnotations = rest.metadata.annotations ?? annotations;
  const keptAnnotations = without(cutAnnotations ?? {}, CONTROLLER_ANNOTATIONS);
  const owners = normalizeOwners(managedFields);
  return {
    ...rest,
    metadata: {
      ...meta,
      ...(Object.keys(keptAnnotations).length === 0 ? {} : { annotations: keptAnnotations }),
      ...(owners.length === 0 ? {} : { managedFields: owners }),
    },
  } as KubeObject;
}

/** The digest of the normalised object: equal digests mean that an undo brought everything back. */
export function normalizedDigest(object: KubeObject, cutKey: Uint8Array): Digest {
  return digestOf(normalize(object, cutKey));
}

/** A look at many objects, of which one has changed, is told nothing new of the others: readings are values, never changed. */
const contentDigests = new WeakMap<KubeObject, { readonly cutKey: Uint8Array; readonly digest: Digest }>();

/** The digest of what the object says, whoever owns it: for seeing drift. */
export function contentDigest(object: KubeObject, cutKey: Uint8Array): Digest {
  const known = contentDigests.get(object);
  if (known?.cutKey === cutKey) return known.digest;
  const digest = readContentDigest(object, cutKey);
  contentDigests.set(object, { cutKey, digest });
  return digest;
}

function readContentDigest(object: KubeObject, cutKey: Uint8Array): Digest {
  const normalized = normalize(object, cutKey);
  const { managedFields: _owners, ...metadata } = normalized.metadata;
  return digestOf({ ...normalized, metadata });
}

/** managedFields without times, without status entries, without the fields above; sorted. */
export function normalizeOwners(managedFields: Json | undefined): readonly JsonObject[] {
  if (!Array.isArray(managedFields)) return [];
  const entries = managedFields
    .filter(isObject)
    .filter((entry) => entry.subresource !== 'status')
    .map(({ time: _time, fieldsV1, ...entry }) => ({ ...entry, fieldsV1: withoutControllerFields(fieldsV1) }))
    .filter((entry) => Object.keys(entry.fieldsV1).length > 0);
  return entries.sort((a, b) => (canonical(a) < canonical(b) ? -1 : 1));
}

function withoutControllerFields(fields: Json | undefined): JsonObject {
  if (!isObject(fields)) return {};
  const { 'f:status': _status, ...rest } = fields;
  const metadata = rest['f:metadata'];
  if (!isObject(metadata) || !isObject(metadata['f:annotations'])) return rest;
  const annotations = without(
    metadata['f:annotations'],
    CONTROLLER_ANNOTATIONS.map((name) => `f:${name}`),
  );
  const { 'f:annotations': _annotations, ...others } = metadata;
  const bare = Object.keys(annotations).every((key) => key === '.');
  const kept = bare ? others : { ...others, 'f:annotations': annotations };
  const { 'f:metadata': _metadata, ...outside } = rest;
  return Object.keys(kept).length === 0 ? outside : { ...outside, 'f:metadata': kept };
}

function without<T extends object>(object: T, keys: readonly string[]): T {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key))) as T;
}
