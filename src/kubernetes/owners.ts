/** Who made what: from a workload down to its pods. */
import { isObject, type JsonObject, type KubeObject } from '../base/index.ts';
import type { Client } from './types.ts';
import { listAll, type WatchTarget } from './watch.ts';

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

/** Whether pods may come of it: asked before it is read. */
export function mayHavePods({ apiVersion, kind }: Pick<KubeObject, 'apiVersion' | 'kind'>): boolean {
  return `${apiVersion} ${kind}` in CHILD_KINDS || kind === 'Pod' || CUSTOM_GROUP.test(apiVersion);
}

export type Pods =
  | { readonly kind: 'listed'; readonly pods: readonly KubeObject[] }
  | { readonly kind: 'failed'; readonly reason: string };

/** The pods that come of an object, by name; of a kind that is not known, those that it owns itself. */
export async function podsOf(client: Client, object: KubeObject): Promise<Pods> {
  if (object.kind === 'Pod') return { kind: 'listed', pods: [object] };
  const target = childrenOf(object) ?? allPodsBeside(object);
  if (target === undefined || asksForNone(object)) return { kind: 'listed', pods: [] };
  const listed = await listAll(client, target);
  if (listed.kind === 'failed') return listed;
  const below = await Promise.all(
    listed.objects.filter((one) => ownedBy(one, object)).map((child) => podsOf(client, child)),
  );
  const failed = below.find(({ kind }) => kind === 'failed');
  if (failed !== undefined) return failed;
  const pods = below.flatMap((one) => (one.kind === 'listed' ? one.pods : []));
  return { kind: 'listed', pods: pods.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1)) };
}

/** A ReplicaSet of an earlier revision, kept for its template. */
function asksForNone({ kind, spec, status }: KubeObject): boolean {
  const none = (part: unknown) => isObject(part) && (part.replicas === 0 || part.replicas === undefined);
  return kind === 'ReplicaSet' && isObject(spec) && spec.replicas === 0 && none(status);
}

const CUSTOM_GROUP = /^(?!(?:[^/]*\.k8s\.io|apps|batch|policy|autoscaling)\/)[^/]+\//;

function allPodsBeside({ apiVersion, metadata: { namespace } }: KubeObject): WatchTarget | undefined {
  if (namespace === undefined || !CUSTOM_GROUP.test(apiVersion)) return undefined;
  return { path: `/api/v1/namespaces/${namespace}/pods`, apiVersion: 'v1', kind: 'Pod' };
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
