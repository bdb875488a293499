/** A stack definition on its way into memory: read, checked, its Secret values cut before anything is hashed or stored. */
import { stringify } from 'yaml';
import {
  cutSecret,
  type Digest,
  digestOf,
  isObject,
  type Json,
  jsonEqual,
  type KubeObject,
  keyedDigest,
  type Problem,
  type Refusal,
  type SecretStore,
  type Store,
} from '../base/index.ts';
import { type Override, parseStack, type ResolvedStack, readStack } from '../ldc/index.ts';
import type { Outline, RevisionRecord } from './records.ts';
import type { StackSource } from './types.ts';

/** A definition without a value of a Secret in it; `values` are those that were cut out. */
export interface CutStack {
  readonly resolved: ResolvedStack;
  readonly values: ReadonlyMap<string, string>;
  /** Says whether two definitions mean the same, whatever their text looks like. */
  readonly digest: Digest;
}

export type SourceRead =
  | { readonly kind: 'read'; readonly stack: CutStack }
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[] };

export function readSource(source: StackSource, cutKey: Uint8Array): SourceRead {
  const files = new Map(Object.entries(source.files));
  const { resolved, problems } = readStack({ path: source.path, text: source.stack, files });
  if (resolved === undefined) return { kind: 'invalid', problems };
  return { kind: 'read', stack: cutStack(resolved, cutKey) };
}

/** What ldc understands but cannot do yet: said before anything is planned. */
export function refusedPart({ stack }: ResolvedStack): Refusal | undefined {
  const database = stack.spec.databases[0];
  if (database === undefined) return undefined;
  return {
    kind: 'databasesNotServed',
    message: `database ${database.name} is understood, but this version of ldc deploys no databases yet`,
    where: 'spec.databases',
    hint: 'take spec.databases out to deploy the functions alone',
  };
}

/** Keeps the source encrypted and the cut stack by digest; answers where. Durable when it resolves. */
export async function keepSource(
  store: Pick<Store, 'blobs' | 'secrets'>,
  source: StackSource,
  stack: CutStack,
): Promise<Pick<RevisionRecord, 'resolved' | 'source'>> {
  const text = JSON.stringify(source);
  const reference = `ldc-source:v1:${keyedDigest(store.secrets.cutKey, text)}`;
  await store.secrets.put(new Map([...stack.values, [reference, text]]));
  const resolved = await store.blobs.put(stack.resolved as unknown as Json);
  return { resolved, source: reference };
}

/**
 * The definition as it was sent; undefined when it is not kept. When its overrides put values into Secrets, it is written
 * anew from what it says: in the text a value may be quoted, folded or named by an anchor, and could not be found for sure.
 */
export function shownSource(secrets: SecretStore, reference: string): string | undefined {
  const kept = secrets.get([reference]).get(reference);
  if (kept === undefined) return undefined;
  const sent = JSON.parse(kept) as StackSource;
  const { source } = parseStack({ path: sent.path, text: sent.stack });
  const shown = source === undefined ? undefined : redacted(source.value);
  return shown === undefined || jsonEqual(shown, source?.value) ? sent.stack : stringify(shown, { lineWidth: 0 });
}

/** The same with every value of an operation on a Secret taken out. */
function redacted(value: Json): Json {
  if (Array.isArray(value)) return value.map(redacted);
  if (!isObject(value)) return value;
  const isSecret = isObject(value.target) && value.target.kind === 'Secret' && value.value !== undefined;
  const entries = Object.entries(value).map(([key, inner]) => {
    const shown = isSecret && key === 'value' ? '<redacted>' : redacted(inner as Json);
    return [key, shown] as const;
  });
  return Object.fromEntries(entries);
}

export function outlineOf({ labels, functions, databases }: ResolvedStack): Outline {
  return {
    labels,
    functions: functions.map(({ name, spec }) => {
      const { min, max } = spec.availability.locations;
      return { name, min, max };
    }),
    databases: databases.map(({ name, spec }) => ({ name, driver: spec.driver })),
  };
}

function cutStack(resolved: ResolvedStack, cutKey: Uint8Array): CutStack {
  const values = new Map<string, string>();
  const cut = (object: KubeObject) => {
    const result = cutSecret(object, cutKey);
    for (const [reference, value] of result.values) values.set(reference, value);
    return result.object;
  };
  const specs = resolved.functions.map(({ spec }) => ({
    ...spec,
    overrides: spec.overrides.map((one) => cutOverride(one, cut)),
  }));
  const functions = resolved.functions.map((part, index) => {
    return { ...part, spec: specs[index] ?? part.spec, objects: part.objects.map(cut) };
  });
  const databases = resolved.databases.map((part) => ({ ...part, objects: part.objects.map(cut) }));
  const stack = { ...resolved.stack, spec: { ...resolved.stack.spec, functions: specs } };
  const without = { ...resolved, stack, functions, databases };
  return { resolved: without, values, digest: digestOf(without) };
}

/** An override may put a value into a Secret: it is cut as if it had stood there. */
function cutOverride(override: Override, cut: (object: KubeObject) => KubeObject): Override {
  const patch = override.patch.map((operation) => {
    const [, field, key] = operation.path.split('/');
    if (operation.target.kind !== 'Secret' || operation.value === undefined) return operation;
    if (field !== 'data' && field !== 'stringData') return operation;
    const given = key === undefined ? operation.value : { value: operation.value };
    const { data } = cut({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'override' }, [field]: given });
    const value = key === undefined || !isObject(data) ? data : data.value;
    return {
      ...operation,
      path: operation.path.replace(/^\/stringData/, '/data'),
      value: value as typeof operation.value,
    };
  });
  return { ...override, patch };
}
