/** Who made what: from a workload down to its pods. */
import { isObject, type JsonObject, type KubeObject } from '../base/index.ts';
import type { WatchTarget } from './watch.ts';

interface ChildKind {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
}

const POD: ChildKind = { apiVersion: 'v1', kind: 'Pod', plural: 'pods' };
const CHILD_KINDS: { readonly [kind: string]: ChildKind } = {
  'apps/v1 Deployment': { apiVersion: 'apps/v1', kind: 'ReplicaSet', plural: 'replicasets' },
  'apps/v1 ReplicaSet': POD,
  'apps/v1 StatefulSet': POD,
  'apps/v1 DaemonSet': POD,
  'v1 ReplicationController': POD,
  'batch/v1 Job': POD,
  'batch/v1 CronJob': { apiVersion: 'batch/v1', kind: 'Job', plural: 'jobs' },
};

/** Whether pods come of it, by itself or by what it makes. */
export function ownsPods({ apiVersion, kind }: Pick<KubeObject, 'apiVersion' | 'kind'>): boolean {
  return `${apiVersion} ${kind}` in CHILD_KINDS;
}

/** What it makes, as a list to ask for; those of others are among it (`ownedBy`). undefined: it makes nothing that is known. */
export function childrenOf(object: KubeObject): WatchTarget | undefined {
  const child = CHILD_KINDS[`${object.apiVersion} ${object.kind}`];
  const { namespace } = object.metadata;
  if (child === undefined || namespace === undefined) return undefined;
  const group = child.apiVersion === 'v1' ? '/api/v1' : `/apis/${child.apiVersion}`;
  const labelSelector = podsSelector(object);
  return {
    path: `${group}/namespaces/${namespace}/${child.plural}`,
    apiVersion: child.apiVersion,
    kind: child.kind,
    ...(labelSelector === undefined ? {} : { labelSelector }),
  };
}

/** A selector that its pods match; others may match it too. undefined: it has none by labels alone. */
export function podsSelector(object: KubeObject): string | undefined {
  const selector = isObject(object.spec) && isObject(object.spec.selector) ? object.spec.selector : undefined;
  const plain = object.kind === 'ReplicationController' ? selector : selector?.matchLabels;
  const labels: JsonObject = isObject(plain) ? plain : {};
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${String(value)}`);
  return pairs.length === 0 ? undefined : pairs.join(',');
}

export function ownedBy(object: KubeObject, owner: KubeObject): boolean {
  const { uid } = owner.metadata;
  const references = object.metadata.ownerReferences;
  return (
    uid !== undefined &&
    Array.isArray(references) &&
    references.some((reference) => isObject(reference) && reference.uid === uid)
  );
}
