/** Protobuf request bodies: the `k8s\0` envelope and the built-in kinds in it, turned to the JSON that they stand for. */
import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';
import { isObject, type Json, type JsonObject } from '../../base/index.ts';
import type { ResourceRegistry } from './resources.ts';
import { badRequest, unsupportedMediaType } from './status.ts';

const MAGIC = Buffer.from('k8s\0');
const META = 'k8s.io.apimachinery.pkg.apis.meta.v1';
const JSON_TYPES = ['application/json', 'application/yaml'];

let descriptors: protobuf.Root | undefined;

/** Read when the first such body comes: most servers never see one. */
function root(): protobuf.Root {
  if (descriptors === undefined) {
    const data = readFileSync(new URL('./data/protobuf.generated.json', import.meta.url), 'utf8');
    descriptors = protobuf.Root.fromJSON((JSON.parse(data) as { root: protobuf.INamespace }).root);
    descriptors.resolveAll();
  }
  return descriptors;
}

/** @throws ApiError 400 for what is no envelope, 415 for a kind that has no descriptor here (a custom resource). */
export function decodeProtobuf(_registry: ResourceRegistry, bytes: Buffer): Json {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw badRequest(
      'the body is no protobuf object: provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]',
    );
  }
  const unknown = root().lookupType('k8s.io.apimachinery.pkg.runtime.Unknown');
  const envelope = decode(unknown, bytes.subarray(MAGIC.length)) as unknown as {
    typeMeta?: { apiVersion?: string; kind?: string };
    raw?: Uint8Array;
  };
  const { apiVersion = '', kind = '' } = envelope.typeMeta ?? {};
  const type = typeOf(apiVersion, kind);
  if (type === undefined) throw unsupportedMediaType(JSON_TYPES);
  const value = messageJson(type, decode(type, envelope.raw ?? new Uint8Array()));
  return isObject(value) ? { ...value, apiVersion, kind } : value;
}

function decode(type: protobuf.Type, bytes: Uint8Array): protobuf.Message {
  try {
    return type.decode(bytes);
  } catch (error) {
    throw badRequest(`the body is no protobuf object: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** `apps/v1` Deployment → k8s.io.api.apps.v1.Deployment; the first word of a group names its package. */
function typeOf(apiVersion: string, kind: string): protobuf.Type | undefined {
  const slash = apiVersion.indexOf('/');
  const group = slash === -1 ? 'core' : (apiVersion.slice(0, slash).split('.')[0] ?? '');
  const name = `k8s.io.api.${group}.${apiVersion.slice(slash + 1)}.${kind}`;
  const found = root().lookup(name);
  return found instanceof protobuf.Type ? found : undefined;
}

/** Go embeds these structures: their fields stand beside the others in JSON. */
const INLINE = new Set([
  'volumeSource',
  'persistentVolumeSource',
  'localObjectReference',
  'handler',
  'ephemeralContainerCommon',
  'ingressRuleValue',
]);

function messageJson(type: protobuf.Type, message: object): Json {
  const special = specialJson(type, message as { readonly [field: string]: unknown });
  if (special !== undefined) return special.value;
  const out: { [name: string]: Json } = {};
  for (const field of type.fieldsArray) {
    if (!Object.hasOwn(message, field.name)) continue;
    const value = fieldJson(field, (message as { readonly [name: string]: unknown })[field.name]);
    if (value === undefined) continue;
    if (INLINE.has(field.name)) Object.assign(out, value);
    else out[field.name] = value;
  }
  return out;
}

/** Types whose JSON is not that of their fields. */
function specialJson(
  type: protobuf.Type,
  message: { readonly [field: string]: unknown },
): { readonly value: Json } | undefined {
  switch (type.fullName.slice(1)) {
    case `${META}.Time`:
    case `${META}.Timestamp`:
      return { value: timeJson(message, 0) };
    case `${META}.MicroTime`:
      return { value: timeJson(message, 6) };
    case 'k8s.io.apimachinery.pkg.api.resource.Quantity':
      return { value: String(message.string ?? '0') };
    case 'k8s.io.apimachinery.pkg.util.intstr.IntOrString':
      return { value: Number(message.type ?? 0) === 0 ? Number(message.intVal ?? 0) : String(message.strVal ?? '') };
    case 'k8s.io.apimachinery.pkg.runtime.RawExtension':
      return { value: rawJson(message.raw) };
    case `${META}.FieldsV1`:
      return { value: rawJson(message.Raw) };
    default:
      return isListType(type)
        ? { value: fieldJson(type.fieldsArray[0] as protobuf.Field, message.items ?? []) ?? [] }
        : undefined;
  }
}

/** `ExtraValue` and its like are lists of strings under a name. */
function isListType(type: protobuf.Type): boolean {
  const [field, ...others] = type.fieldsArray;
  return others.length === 0 && field?.name === 'items' && field.repeated && field.type === 'string';
}

function timeJson(message: { readonly [field: string]: unknown }, digits: 0 | 6): Json {
  const seconds = Number(message.seconds ?? 0);
  if (message.seconds === undefined || seconds <= -62_135_596_800) return null;
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19);
  if (digits === 0) return `${whole}Z`;
  return `${whole}.${String(Math.floor(Number(message.nanos ?? 0) / 1000)).padStart(6, '0')}Z`;
}

function rawJson(raw: unknown): Json {
  if (!(raw instanceof Uint8Array) || raw.length === 0) return null;
  return JSON.parse(Buffer.from(raw).toString('utf8')) as Json;
}

/** undefined: nothing to show (a time that was never set, for example). */
function fieldJson(field: protobuf.Field, value: unknown): Json | undefined {
  if (value === undefined || value === null) return undefined;
  if (field instanceof protobuf.MapField) {
    const entries = Object.entries(value as { readonly [key: string]: unknown }).map(
      ([key, item]) => [key, scalarJson(field, item) ?? ''] as const,
    );
    return entries.length === 0 ? undefined : Object.fromEntries(entries);
  }
  if (field.repeated) {
    const items = (value as readonly unknown[]).map((item) => scalarJson(field, item) ?? null);
    return items.length === 0 ? undefined : items;
  }
  return scalarJson(field, value) ?? undefined;
}

function scalarJson(field: protobuf.Field, value: unknown): Json | undefined {
  if (field.resolvedType instanceof protobuf.Type) return messageJson(field.resolvedType, value as object);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (typeof value === 'object' && value !== null) return Number(String(value)); // a 64 bit number
  return value as JsonObject[string];
}
