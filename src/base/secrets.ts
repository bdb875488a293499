import { keyedDigest } from './digest.ts';
import { isObject, type Json } from './json.ts';
import type { KubeObject } from './kube-object.ts';

/** In place of a Secret's value: names the value to who holds the key, and says nothing of it to others. */
const CUT = 'ldc-cut:v1:';

/** Values by their cut reference; a value is what stood in the Secret's `data` (base64). Never logged, never journaled. */
export type SecretValues = ReadonlyMap<string, string>;

/**
 * Takes the values out of a Secret (`data`; `stringData` first becomes `data`) and leaves keyed digests in their place.
 * Any other object comes back as it is. The annotation that `kubectl apply` keeps a copy of the Secret in is cut whole.
 * `partly`: the object may have been cut before, and its references stay. Never for what comes from outside: there, text
 * that looks like a reference is a value like any other, or somebody's wish to be given the value of another's Secret.
 */
export function cutSecret(
  object: KubeObject,
  key: Uint8Array,
  { partly = false }: { readonly partly?: boolean } = {},
): { object: KubeObject; values: SecretValues } {
  if (object.apiVersion !== 'v1' || object.kind !== 'Secret') return { object, values: new Map() };
  const values = new Map<string, string>();
  const cutValue = (value: string) => {
    if (partly && value.startsWith(CUT)) return value;
    const reference = cutReferenceOf(value, key);
    values.set(reference, value);
    return reference;
  };
  const { stringData, data, ...rest } = object;
  const all: Record<string, Json | undefined> = isObject(data) ? { ...data } : {};
  for (const [name, value] of Object.entries(isObject(stringData) ? stringData : {})) {
    all[name] = Buffer.from(String(value)).toString('base64');
  }
  for (const [name, value] of Object.entries(all)) if (typeof value === 'string') all[name] = cutValue(value);
  const annotations = object.metadata.annotations;
  const kept = annotations?.[LAST_APPLIED];
  const metadata =
    kept === undefined
      ? object.metadata
      : { ...object.metadata, annotations: { ...annotations, [LAST_APPLIED]: cutValue(kept) } };
  const hasData = data !== undefined || stringData !== undefined;
  return { object: { ...rest, metadata, ...(hasData ? { data: all } : {}) } as KubeObject, values };
}

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** Puts the values back in. @throws Error naming the object when a value is missing. */
export function fillSecret(object: KubeObject, values: SecretValues): KubeObject {
  if (object.apiVersion !== 'v1' || object.kind !== 'Secret') return object;
  const fill = (text: string) => {
    if (!text.startsWith(CUT)) return text;
    const value = values.get(text);
    if (value === undefined) throw new Error(`a value of Secret ${object.metadata.name} is missing`);
    return value;
  };
  const data = isObject(object.data)
    ? Object.fromEntries(Object.entries(object.data).map(([k, v]) => [k, typeof v === 'string' ? fill(v) : v]))
    : undefined;
  const kept = object.metadata.annotations?.[LAST_APPLIED];
  const metadata =
    kept === undefined
      ? object.metadata
      : { ...object.metadata, annotations: { ...object.metadata.annotations, [LAST_APPLIED]: fill(kept) } };
  return { ...object, metadata, ...(data === undefined ? {} : { data }) } as KubeObject;
}

/** Whether a text is, or passes for, what stands in place of a Secret's value. */
export function isCutReference(text: string): boolean {
  return text.startsWith(CUT);
}

/** The reference of a value. */
export function cutReferenceOf(value: string, key: Uint8Array): string {
  return `${CUT}${keyedDigest(key, value)}`;
}

/** The cut references that an object holds; an object that is no Secret holds none, whatever its texts look like. */
export function cutReferences(object: KubeObject): readonly string[] {
  if (object.apiVersion !== 'v1' || object.kind !== 'Secret') return [];
  const values = isObject(object.data) ? Object.values(object.data) : [];
  return [...values, object.metadata.annotations?.[LAST_APPLIED]].filter(
    (value): value is string => typeof value === 'string' && isCutReference(value),
  );
}
