/**
 * Why an object is not ready: the chain that a person would dig through (Deployment → ReplicaSet → Pod → container), with
 * its events and the last lines of the log. Only read when something is not well; every list is capped.
 */
import { type Clock, isObject, type Json, type JsonObject, type KubeObject, limits, refOf } from '../base/index.ts';
import { containerTrouble } from './containers.ts';
import type { Discovery } from './discovery.ts';
import { objectPath } from './paths.ts';
import { statusOf } from './status/index.ts';
import { condition } from './status/read.ts';
import type { Client, Reason } from './types.ts';
import { listAll } from './watch.ts';

/** How many children of one object are shown: the first that are not well say what the others would. */
const CHILDREN_MAX = 3;
const CHILD_KINDS: {
  readonly [kind: string]: { readonly apiVersion: string; readonly kind: string; readonly plural: string };
} = {
  Deployment: { apiVersion: 'apps/v1', kind: 'ReplicaSet', plural: 'replicasets' },
  ReplicaSet: { apiVersion: 'v1', kind: 'Pod', plural: 'pods' },
  StatefulSet: { apiVersion: 'v1', kind: 'Pod', plural: 'pods' },
  DaemonSet: { apiVersion: 'v1', kind: 'Pod', plural: 'pods' },
  Job: { apiVersion: 'v1', kind: 'Pod', plural: 'pods' },
};

export interface ReasonSource {
  readonly client: Client;
  readonly discovery: Discovery;
  readonly clock: Clock;
}

/** The reason tree of an object; undefined object: it does not exist. */
export async function reasonOf(source: ReasonSource, object: KubeObject): Promise<Reason> {
  const status = statusOf(object);
  const [events, causes] = await Promise.all([eventsOf(source, object), causesOf(source, object)]);
  const pod = object.kind === 'Pod' && object.apiVersion === 'v1';
  const trouble = pod ? containerTrouble(object) : [];
  const logs = await Promise.all(trouble.filter((one) => one.ran).map((one) => logOf(source, object, one.container)));
  const named = trouble[0] ?? byConditions(object);
  return {
    ref: refOf(object),
    status,
    ...(named?.reason ? { reason: named.reason } : {}),
    ...(named?.message ? { message: clip(named.message) } : {}),
    events,
    logs: logs.filter((log) => log.lines.length > 0),
    causes,
  };
}

/** The condition that speaks of trouble: no room, a deadline passed, no quota. */
function byConditions(object: KubeObject): { readonly reason: string; readonly message: string } | undefined {
  for (const type of ['Failed', 'ReplicaFailure', 'Stalled']) {
    const found = condition(object, type);
    if (found?.status === 'True') return found;
  }
  for (const type of ['PodScheduled', 'Progressing', 'Ready', 'Available', 'NamesAccepted']) {
    const found = condition(object, type);
    if (found?.status === 'False') return found;
  }
  return undefined;
}

/** Children that are not well, those that were made last first (of a Deployment only the newest ReplicaSet counts). */
async function causesOf(source: ReasonSource, object: KubeObject): Promise<readonly Reason[]> {
  const child = CHILD_KINDS[object.kind];
  const namespace = object.metadata.namespace;
  if (child === undefined || namespace === undefined) return claimsOf(source, object);
  const group = child.apiVersion === 'v1' ? '/api/v1' : `/apis/${child.apiVersion}`;
  const selector = labelSelector(object);
  const listed = await listAll(source.client, {
    path: `${group}/namespaces/${namespace}/${child.plural}`,
    apiVersion: child.apiVersion,
    kind: child.kind,
    ...(selector === undefined ? {} : { labelSelector: selector }),
  });
  if (listed.kind === 'failed') return [];
  const own = listed.objects.filter((one) => ownedBy(one, object)).sort(newestFirst);
  const looked = object.kind === 'Deployment' ? own.slice(0, 1) : own;
  const unwell = looked.filter((one) => statusOf(one).status !== 'current').slice(0, CHILDREN_MAX);
  return Promise.all(unwell.map((one) => reasonOf(source, one)));
}

/** A pod that waits for a claim: the claim's own reason. */
async function claimsOf(source: ReasonSource, object: KubeObject): Promise<readonly Reason[]> {
  if (object.kind !== 'Pod' || !isObject(object.status) || object.status.phase !== 'Pending') return [];
  const volumes =
    isObject(object.spec) && Array.isArray(object.spec.volumes) ? object.spec.volumes.filter(isObject) : [];
  const claims = volumes.flatMap((volume) =>
    isObject(volume.persistentVolumeClaim) ? [String(volume.persistentVolumeClaim.claimName)] : [],
  );
  const found = await Promise.all(
    claims.slice(0, CHILDREN_MAX).map(async (name) => {
      const path = `/api/v1/namespaces/${object.metadata.namespace}/persistentvolumeclaims/${name}`;
      const answer = await source.client.request({ method: 'GET', path });
      if (answer.kind !== 'answered' || answer.status !== 200) return undefined;
      const claim = answer.body as unknown as KubeObject;
      return statusOf(claim).status === 'current' ? undefined : reasonOf(source, claim);
    }),
  );
  return found.filter((reason) => reason !== undefined);
}

async function eventsOf(source: ReasonSource, object: KubeObject): Promise<Reason['events']> {
  const uid = object.metadata.uid;
  if (uid === undefined) return [];
  const namespace = object.metadata.namespace ?? 'default';
  const listed = await listAll(source.client, {
    path: `/api/v1/namespaces/${namespace}/events`,
    apiVersion: 'v1',
    kind: 'Event',
    fieldSelector: `involvedObject.uid=${uid}`,
  });
  if (listed.kind === 'failed') return [];
  return listed.objects
    .map((event) => ({
      at: String(event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp ?? ''),
      type: String(event.type ?? ''),
      reason: String(event.reason ?? ''),
      message: clip(String(event.message ?? '')),
      count: typeof event.count === 'number' ? event.count : 1,
    }))
    .sort((a, b) => (a.at < b.at ? -1 : 1))
    .slice(-limits.eventsPerReasonMax);
}

async function logOf(source: ReasonSource, pod: KubeObject, container: string) {
  const info = { apiVersion: 'v1', kind: 'Pod', plural: 'pods', namespaced: true, verbs: [], subresources: [] };
  const answer = await source.client.request({
    method: 'GET',
    path: objectPath(info, refOf(pod), 'log'),
    query: { container, tailLines: limits.logLinesMax },
    accept: 'text/plain, */*',
    timeoutMs: 5_000,
  });
  const text = answer.kind === 'answered' && answer.status === 200 ? asText(answer.body) : '';
  const lines = text.split('\n').filter((line) => line !== '');
  return { container, lines: lines.slice(-limits.logLinesMax).map(clip) };
}

/** A log that happens to be JSON (one line `{"a":1}`) was parsed on the way. */
function asText(body: Json): string {
  return typeof body === 'string' ? body : JSON.stringify(body);
}

function labelSelector(object: KubeObject): string | undefined {
  const selector = isObject(object.spec) && isObject(object.spec.selector) ? object.spec.selector : undefined;
  const labels: JsonObject = selector !== undefined && isObject(selector.matchLabels) ? selector.matchLabels : {};
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${String(value)}`);
  return pairs.length === 0 ? undefined : pairs.join(',');
}

export function ownedBy(object: KubeObject, owner: KubeObject): boolean {
  const references = object.metadata.ownerReferences;
  return (
    Array.isArray(references) &&
    references.some((reference) => isObject(reference) && reference.uid === owner.metadata.uid)
  );
}

function newestFirst(a: KubeObject, b: KubeObject): number {
  const revision = (object: KubeObject) =>
    Number(object.metadata.annotations?.['deployment.kubernetes.io/revision'] ?? 0);
  if (revision(a) !== revision(b)) return revision(b) - revision(a);
  return (a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? 1 : -1;
}

function clip(text: string): string {
  return text.length <= limits.logLineBytesMax ? text : `${text.slice(0, limits.logLineBytesMax - 1)}…`;
}
