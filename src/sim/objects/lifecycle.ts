/** The rules of an object's metadata over its life, without I/O: what a real server's registry does around every write. */
import { jsonEqual, type KubeObject, type ObjectMeta } from '../../base/index.ts';
import type { DeleteOptions, FieldError, ResourceInfo } from '../types.ts';

export const FOREGROUND = 'foregroundDeletion';
export const ORPHAN = 'orphan';

/** Kubernetes times have whole seconds: `2026-11-22T14:46:13Z`. */
export function kubeTime(unixMs: number): string {
  return `${new Date(unixMs).toISOString().slice(0, 19)}Z`;
}

/** A version 4 UUID from 16 random bytes. */
export function uuid(bytes: Uint8Array): string {
  const hex = [...bytes].map((byte, index) => {
    const value = index === 6 ? (byte & 0x0f) | 0x40 : index === 8 ? (byte & 0x3f) | 0x80 : byte;
    return value.toString(16).padStart(2, '0');
  });
  return [4, 2, 2, 2, 6].map((size) => hex.splice(0, size).join('')).join('-');
}

/** Built-in kinds whose writers count generations; every custom resource does. */
const WITH_GENERATION = new Set([
  'cronjobs.batch',
  'customresourcedefinitions.apiextensions.k8s.io',
  'daemonsets.apps',
  'deployments.apps',
  'endpointslices.discovery.k8s.io',
  'ingressclasses.networking.k8s.io',
  'ingresses.networking.k8s.io',
  'jobs.batch',
  'mutatingwebhookconfigurations.admissionregistration.k8s.io',
  'networkpolicies.networking.k8s.io',
  'poddisruptionbudgets.policy',
  'pods',
  'podtemplates',
  'priorityclasses.scheduling.k8s.io',
  'replicasets.apps',
  'replicationcontrollers',
  'statefulsets.apps',
  'validatingadmissionpolicies.admissionregistration.k8s.io',
  'validatingadmissionpolicybindings.admissionregistration.k8s.io',
  'validatingwebhookconfigurations.admissionregistration.k8s.io',
]);

export function countsGenerations(bucket: string, custom: boolean): boolean {
  return custom || WITH_GENERATION.has(bucket);
}

/**
 * Whether a change of the main resource is one of the intent, so that `generation` moves on. `withStatus`: the kind has no
 * `/status`, and what it calls so is a field like any.
 */
export function changesIntent(bucket: string, before: KubeObject, after: KubeObject, withStatus = false): boolean {
  if (bucket === 'priorityclasses.scheduling.k8s.io') return false; // what it means cannot change
  if (bucket === 'deployments.apps' && !jsonEqual(before.metadata.annotations, after.metadata.annotations)) return true;
  if (bucket === 'endpointslices.discovery.k8s.io' && !jsonEqual(before.metadata.labels, after.metadata.labels))
    return true;
  if (withStatus && !jsonEqual(before.status, after.status)) return true;
  return !jsonEqual(intentOf(before), intentOf(after));
}

function intentOf(object: KubeObject): { readonly [field: string]: KubeObject[string] } {
  const { metadata: _metadata, status: _status, apiVersion: _version, kind: _kind, ...intent } = object;
  return intent;
}

/** The metadata of an update: what the server owns comes from the stored object, whatever the client sent. */
export function keepServerMetadata(stored: ObjectMeta, sent: ObjectMeta): ObjectMeta {
  const {
    uid: _uid,
    creationTimestamp: _created,
    deletionTimestamp: _deleted,
    deletionGracePeriodSeconds: _grace,
    generation: _generation,
    selfLink: _link,
    resourceVersion: _version,
    ...own
  } = sent;
  return {
    ...own,
    ...pick(stored, [
      'name',
      'namespace',
      'uid',
      'resourceVersion',
      'generation',
      'creationTimestamp',
      'deletionTimestamp',
      'deletionGracePeriodSeconds',
    ]),
    ...pick(stored, ['generateName']),
  };
}

function pick(meta: ObjectMeta, names: readonly string[]): { [name: string]: ObjectMeta[string] } {
  return Object.fromEntries(names.filter((name) => meta[name] !== undefined).map((name) => [name, meta[name]]));
}

/** Another uid than the stored one, in a patch or an apply. The real server names the error twice; so does this. */
export function uidErrors(stored: KubeObject, sent: KubeObject): readonly FieldError[] {
  const { uid } = sent.metadata;
  if (!uid || uid === stored.metadata.uid) return [];
  const message = `Invalid value: ${JSON.stringify(uid)}: field is immutable`;
  const error: FieldError = { reason: 'FieldValueInvalid', field: 'metadata.uid', message };
  return [error, error];
}

/** A deleted object may lose finalizers but not gain any. The real server names the error twice; so does this. */
export function finalizerErrors(before: KubeObject, after: KubeObject): readonly FieldError[] {
  if (before.metadata.deletionTimestamp === undefined) return [];
  const old = new Set(before.metadata.finalizers ?? []);
  const added = (after.metadata.finalizers ?? []).filter((name) => !old.has(name));
  if (added.length === 0) return [];
  const shown = added.map((name) => JSON.stringify(name)).join(', ');
  const error: FieldError = {
    reason: 'FieldValueForbidden',
    field: 'metadata.finalizers',
    message: `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{${shown}}`,
  };
  return [error, error];
}

/** Whether a write left a deleted object with nothing to wait for. */
export function isFinished(object: KubeObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers } = object.metadata;
  if (deletionTimestamp === undefined) return false;
  const graceLeft = typeof deletionGracePeriodSeconds === 'number' && deletionGracePeriodSeconds > 0;
  return (finalizers ?? []).length === 0 && !graceLeft && specFinalizers(object).length === 0;
}

/** Namespaces wait for `spec.finalizers` too. */
export function specFinalizers(object: KubeObject): readonly string[] {
  if (object.kind !== 'Namespace' || object.apiVersion !== 'v1') return [];
  const spec = object.spec as { finalizers?: readonly string[] } | undefined;
  return spec?.finalizers ?? [];
}

export type DeletionStep =
  | { readonly kind: 'remove' }
  | { readonly kind: 'mark'; readonly object: KubeObject }
  | { readonly kind: 'waiting' };

/**
 * What a DELETE does to an object: gone at once, marked (finalizers, grace, namespaces), or already marked and still waiting.
 * @param graceSeconds what the kind's rules make of the requested grace; 0 for everything but running pods.
 */
export function deletionStep(
  object: KubeObject,
  options: DeleteOptions,
  graceSeconds: number,
  nowMs: number,
): DeletionStep {
  const { metadata } = object;
  const finalizers = propagated(metadata.finalizers ?? [], options.propagationPolicy);
  const waits = finalizers.length > 0 || specFinalizers(object).length > 0;
  const alreadySeconds = metadata.deletionGracePeriodSeconds;
  if (metadata.deletionTimestamp !== undefined) {
    const shorter = typeof alreadySeconds === 'number' && graceSeconds < alreadySeconds;
    const sameFinalizers = jsonEqual(finalizers, metadata.finalizers ?? []);
    if (!waits && (graceSeconds === 0 || alreadySeconds === 0)) return { kind: 'remove' };
    if (!shorter && sameFinalizers) return { kind: 'waiting' };
    const deadline = shorter
      ? { deletionTimestamp: kubeTime(nowMs + graceSeconds * 1000), deletionGracePeriodSeconds: graceSeconds }
      : {};
    return { kind: 'mark', object: { ...object, metadata: withFinalizers({ ...metadata, ...deadline }, finalizers) } };
  }
  if (!waits && graceSeconds === 0) return { kind: 'remove' };
  const marked = withFinalizers(
    {
      ...metadata,
      ...(metadata.generation === undefined ? {} : { generation: metadata.generation + 1 }),
      deletionTimestamp: kubeTime(nowMs + graceSeconds * 1000),
      ...(object.kind === 'Namespace' ? {} : { deletionGracePeriodSeconds: graceSeconds }),
    },
    finalizers,
  );
  return { kind: 'mark', object: { ...object, metadata: marked } };
}

function propagated(finalizers: readonly string[], policy: DeleteOptions['propagationPolicy']): readonly string[] {
  const others = finalizers.filter((name) => name !== FOREGROUND && name !== ORPHAN);
  switch (policy) {
    case 'Foreground':
      return [...others, FOREGROUND];
    case 'Orphan':
      return [...others, ORPHAN];
    case 'Background':
      return others;
    default:
      return finalizers;
  }
}

function withFinalizers(metadata: ObjectMeta, finalizers: readonly string[]): ObjectMeta {
  const { finalizers: _old, ...rest } = metadata;
  return finalizers.length === 0 ? rest : { ...rest, finalizers };
}

/** Seconds that a pod may take to stop: its own unless asked otherwise; none when it was never placed or has ended. */
export function graceSecondsOf(info: ResourceInfo, object: KubeObject, requested: number | undefined): number {
  if (info.group !== '' || info.plural !== 'pods') return 0;
  const spec = object.spec as { nodeName?: string; terminationGracePeriodSeconds?: number } | undefined;
  const phase = (object.status as { phase?: string } | undefined)?.phase;
  if (!spec?.nodeName || phase === 'Failed' || phase === 'Succeeded') return 0;
  return Math.max(0, requested ?? spec.terminationGracePeriodSeconds ?? 30);
}
