import type { Json, KubeObject } from '../../base/index.ts';

/** Kubernetes writes object times with whole seconds: `2026-01-02T03:04:05Z`. */
export function kubeTime(unixMs: number): string {
  return `${new Date(unixMs).toISOString().slice(0, 19)}Z`;
}

/** Unix milliseconds of an RFC 3339 time; undefined for an absent or broken one. */
export function fromKubeTime(text: string | null | undefined): number | undefined {
  if (text === undefined || text === null) return undefined;
  const unixMs = Date.parse(text);
  return Number.isNaN(unixMs) ? undefined : unixMs;
}

export type OwnerReference = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
};

export function ownersOf(object: KubeObject): readonly OwnerReference[] {
  return (object.metadata.ownerReferences ?? []) as readonly OwnerReference[];
}

/** The owner that manages this object, if any: the reference with `controller: true`. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return ownersOf(object).find((owner) => owner.controller === true);
}

/** The reference by which `owner` manages what it creates. */
export function controllerReference(owner: KubeObject): OwnerReference {
  const { apiVersion, kind, metadata } = owner;
  const uid = metadata.uid ?? '';
  return { apiVersion, kind, name: metadata.name, uid, controller: true, blockOwnerDeletion: true };
}

/** `namespace/name`, or the name alone for cluster-scoped objects. */
export function keyOf(object: KubeObject): string {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? name : `${namespace}/${name}`;
}

export function splitKey(key: string): { namespace: string | undefined; name: string } {
  const slash = key.indexOf('/');
  return slash === -1
    ? { namespace: undefined, name: key }
    : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

export function isTerminating(object: KubeObject): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}

/** Oldest first; names decide among equals. */
export function byAge(a: KubeObject, b: KubeObject): number {
  const [left, right] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''];
  if (left !== right) return left < right ? -1 : 1;
  return a.metadata.name < b.metadata.name ? -1 : a.metadata.name > b.metadata.name ? 1 : 0;
}

/** A status as a server shows it: counts that are 0 and absent values are left out. */
export function withoutZeros<T extends { readonly [key: string]: Json | undefined }>(
  status: T,
  keep: string[] = [],
): T {
  const entries = Object.entries(status).filter(([key, value]) => {
    return value !== undefined && (value !== 0 || keep.includes(key));
  });
  return Object.fromEntries(entries) as T;
}

export type Condition = {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
  readonly lastUpdateTime?: string;
  readonly lastProbeTime?: string | null;
};

export function conditionOf(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** Puts a condition in place of the one of its type; the transition time moves only when the status does. */
export function withCondition(conditions: readonly Condition[], next: Condition, now: string): readonly Condition[] {
  const before = conditionOf(conditions, next.type);
  const lastTransitionTime = before?.status === next.status ? (before.lastTransitionTime ?? now) : now;
  const value = { ...next, lastTransitionTime };
  if (before === undefined) return [...conditions, value];
  return conditions.map((condition) => (condition.type === next.type ? value : condition));
}
