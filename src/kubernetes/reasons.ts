/**
 * Why an object is not ready: the chain that a person would dig through (Deployment → ReplicaSet → Pod → container), with
 * its events and the last lines of the log, every word the cluster's own. Only read when something is not well; every list
 * is capped, what fares alike is told once, and what looks like a secret is masked.
 */
import { isObject, type Json, type KubeObject, limits, refOf } from '../base/index.ts';
import { type Alike, alike } from './alike.ts';
import { containerTrouble, isVague } from './containers.ts';
import { eventsAbout } from './events.ts';
import { createLineMask } from './line-mask.ts';
import { type Mask, maskedLine } from './masking.ts';
import { childrenOf, ownedBy } from './owners.ts';
import { objectPath } from './paths.ts';
import { statusOf } from './status/index.ts';
import { condition } from './status/read.ts';
import { clip } from './text.ts';
import type { Client, ContainerTrouble, Reason, ReasonEvent } from './types.ts';
import { listAll } from './watch.ts';

/** How many groups of children that fare alike are dug into. */
const GROUPS_MAX = 4;
/** Deployment, ReplicaSet, Pod, claim; a CronJob has one more. */
const DEPTH_MAX = 5;
const CLAIMS_MAX = 3;
const OTHERS_NAMED_MAX = 5;
const LOG_TIMEOUT_MS = 5_000;

export interface ReasonSource {
  readonly client: Client;
  /** For every word that comes from a workload. */
  readonly mask: Mask;
}

/** The reason tree of an object that exists. Never rejects: what cannot be read is missing in it. */
export async function reasonOf(source: ReasonSource, object: KubeObject, depth = 0): Promise<Reason> {
  const status = statusOf(object);
  const isPod = object.kind === 'Pod' && object.apiVersion === 'v1';
  const trouble = isPod ? containerTrouble(object) : [];
  const [events, below, logs] = await Promise.all([
    eventsAbout(source.client, object, source.mask),
    depth < DEPTH_MAX ? causesOf(source, object, depth) : NOTHING_BELOW,
    Promise.all(trouble.filter(({ ran }) => ran).map(({ container }) => logOf(source, object, container))),
  ]);
  const named = namedBy(object, trouble[0], events);
  const words = (text: string) => clip(source.mask(text));
  return {
    ref: refOf(object),
    status: { ...status, message: words(status.message) },
    ...(named?.reason ? { reason: named.reason } : {}),
    ...(named?.message ? { message: words(named.message) } : {}),
    ...(trouble.length === 0 ? {} : { containers: trouble.map((one) => ({ ...one, message: words(one.message) })) }),
    events,
    logs: logs.filter(({ lines }) => lines.length > 0),
    ...below,
  };
}

interface Named {
  readonly reason: string;
  readonly message: string;
}

/** What is said of it most directly: a container, a condition, or the newest warning where those know less. */
function namedBy(
  object: KubeObject,
  trouble: ContainerTrouble | undefined,
  events: readonly ReasonEvent[],
): Named | undefined {
  if (trouble !== undefined && !isVague(trouble)) return trouble;
  const warning = events.find(({ type }) => type === 'Warning');
  return byStrongCondition(object) ?? warning ?? trouble ?? byWeakCondition(object);
}

/** Conditions that name a cause. What the scheduler could not do is called as its event is, which lasts only an hour. */
function byStrongCondition(object: KubeObject): Named | undefined {
  for (const type of ['Failed', 'ReplicaFailure', 'Stalled']) {
    const found = condition(object, type);
    if (found?.status === 'True') return found;
  }
  const scheduled = condition(object, 'PodScheduled');
  if (scheduled?.status !== 'False') return undefined;
  return scheduled.reason === 'Unschedulable' ? { ...scheduled, reason: 'FailedScheduling' } : scheduled;
}

/** Conditions that only say that it is not well. */
function byWeakCondition(object: KubeObject): Named | undefined {
  for (const type of ['Progressing', 'Ready', 'Available', 'NamesAccepted']) {
    const found = condition(object, type);
    if (found?.status === 'False') return found;
  }
  return undefined;
}

type Below = Pick<Reason, 'causes' | 'leftOut'>;
const NOTHING_BELOW: Below = { causes: [] };

/** Children that are not well, those that fare alike as one (of a Deployment only the newest ReplicaSet counts). */
async function causesOf(source: ReasonSource, object: KubeObject, depth: number): Promise<Below> {
  const target = childrenOf(object);
  if (target === undefined) return { causes: await claimsOf(source, object, depth) };
  const listed = await listAll(source.client, target);
  if (listed.kind === 'failed') return { causes: [], leftOut: clip(listed.reason) };
  const own = listed.objects.filter((one) => ownedBy(one, object)).sort(newestFirst);
  const looked = object.kind === 'Deployment' ? own.slice(0, 1) : own;
  const groups = alike(looked.filter((one) => statusOf(one).status !== 'current'));
  const shown = groups.slice(0, GROUPS_MAX);
  const left = groups.slice(GROUPS_MAX).reduce((sum, { members }) => sum + members.length, 0);
  return {
    causes: await Promise.all(shown.map((group) => reasonOfGroup(source, group, depth))),
    ...(left === 0 ? {} : { leftOut: `${left} more of kind ${target.kind} that are not ready for other reasons` }),
  };
}

/** The first stands for all. */
async function reasonOfGroup(source: ReasonSource, { members }: Alike, depth: number): Promise<Reason> {
  const [first, ...others] = members;
  const reason = await reasonOf(source, first, depth + 1);
  if (others.length === 0) return reason;
  const named = others.slice(0, OTHERS_NAMED_MAX).map(({ metadata }) => metadata.name);
  return { ...reason, count: members.length, others: named };
}

/** A pod that waits for a claim: the claim's own reason. */
async function claimsOf(source: ReasonSource, object: KubeObject, depth: number): Promise<readonly Reason[]> {
  if (object.kind !== 'Pod' || !isObject(object.status) || object.status.phase !== 'Pending') return [];
  const volumes =
    isObject(object.spec) && Array.isArray(object.spec.volumes) ? object.spec.volumes.filter(isObject) : [];
  const claims = volumes.flatMap((volume) =>
    isObject(volume.persistentVolumeClaim) ? [String(volume.persistentVolumeClaim.claimName)] : [],
  );
  const found = await Promise.all(
    claims.slice(0, CLAIMS_MAX).map(async (name) => {
      const path = `/api/v1/namespaces/${object.metadata.namespace}/persistentvolumeclaims/${name}`;
      const answer = await source.client.request({ method: 'GET', path });
      if (answer.kind !== 'answered' || answer.status !== 200) return undefined;
      const claim = answer.body as unknown as KubeObject;
      return statusOf(claim).status === 'current' ? undefined : reasonOf(source, claim, depth + 1);
    }),
  );
  return found.filter((reason) => reason !== undefined);
}

async function logOf({ client, mask }: ReasonSource, pod: KubeObject, container: string) {
  const info = { apiVersion: 'v1', kind: 'Pod', plural: 'pods', namespaced: true, verbs: [], subresources: [] };
  const answer = await client.request({
    method: 'GET',
    path: objectPath(info, refOf(pod), 'log'),
    query: { container, tailLines: limits.logLinesMax },
    accept: 'text/plain, */*',
    timeoutMs: LOG_TIMEOUT_MS,
  });
  const text = answer.kind === 'answered' && answer.status === 200 ? asText(answer.body) : '';
  const lines = text.split('\n').filter((line) => line !== '');
  const masked = createLineMask(mask);
  return {
    container,
    lines: lines.slice(-limits.logLinesMax).map((line) => maskedLine(masked, line, limits.logLineBytesMax)),
  };
}

/** A log that happens to be JSON (one line `{"a":1}`) was parsed on the way. */
function asText(body: Json): string {
  return typeof body === 'string' ? body : JSON.stringify(body);
}

function newestFirst(a: KubeObject, b: KubeObject): number {
  const revision = (object: KubeObject) =>
    Number(object.metadata.annotations?.['deployment.kubernetes.io/revision'] ?? 0);
  if (revision(a) !== revision(b)) return revision(b) - revision(a);
  return (a.metadata.creationTimestamp ?? '') < (b.metadata.creationTimestamp ?? '') ? 1 : -1;
}
