import { isObject, type KubeObject, refOf, refText } from '../base/index.ts';
import type { LocationDifference } from './difference.ts';

/** Kinds that keep pods running for as long as they exist. */
const SERVING = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'ReplicationController', 'Pod']);

/**
 * Names of the workloads that a location makes or changes and whose pods are ready by having been started: a container
 * without a readiness or startup probe, in pods without `minReadySeconds`. `Deployment web`, sorted as the bundle is.
 */
export function unprobedIn({ bundle, objects }: Pick<LocationDifference, 'bundle' | 'objects'>): readonly string[] {
  const touched = new Set(
    objects.flatMap(({ ref, change }) => (change === 'create' || change === 'update' ? [refText(ref)] : [])),
  );
  return (bundle?.objects ?? [])
    .filter((object) => touched.has(refText(refOf(object))) && isUnprobed(object))
    .map(({ kind, metadata }) => `${kind} ${metadata.name}`);
}

function isUnprobed(object: KubeObject): boolean {
  const spec = isObject(object.spec) ? object.spec : {};
  if (!SERVING.has(object.kind) || Number(spec.minReadySeconds ?? 0) > 0 || spec.replicas === 0) return false;
  const template = isObject(spec.template) ? spec.template : {};
  const podSpec = object.kind === 'Pod' ? spec : template.spec;
  const containers = isObject(podSpec) && Array.isArray(podSpec.containers) ? podSpec.containers.filter(isObject) : [];
  return containers.some((one) => one.readinessProbe === undefined && one.startupProbe === undefined);
}
