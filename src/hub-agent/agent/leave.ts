/**
 * A cluster leaves: what ldc put there is deleted, or (`orphan`) only its marks are taken off, so that the workloads run on as
 * they are. What it may not or must not delete is named, with what a person runs for it.
 */
import {
  isObject,
  type Json,
  type JsonObject,
  type KubeObject,
  limits,
  type ObjectRef,
  refOf,
  refText,
} from '../../base/index.ts';
import {
  collectionPath,
  deleteOrder,
  isGround,
  isStateful,
  type KindInfo,
  listAll,
  verdictOf,
} from '../../kubernetes/index.ts';
import type { CommandBody, Remaining } from '../../protocol/index.ts';
import { AGENT_PART } from '../manifests/manifests.ts';
import { undoEnsure } from './actions/ensure.ts';
import type { Done, Work } from './actions/work.ts';
import { readBundle } from './bundle.ts';
import { ownersOf } from './field-set.ts';
import { Halted, retryLater } from './halted.ts';
import type { ServiceAccountRef } from './identities.ts';
import type { Memory } from './memory.ts';
import { SYSTEM_NAMESPACE } from './stored.ts';

interface Leave {
  readonly work: Work;
  readonly orphan: boolean;
  /** What the agent holds, and as whom (what it may not see by itself it looks for as that account), and what was left before. */
  readonly held: readonly HeldObject[];
}

export type LeaveBody = Extract<CommandBody, { readonly kind: 'leave' }>;

interface HeldObject {
  readonly ref: ObjectRef;
  /** With the rights of the account that its stack names. */
  readonly work: Work;
}

/** One to take away, and with whose rights. */
interface Ours {
  readonly object: KubeObject;
  readonly work: Work;
}

interface Cleared {
  /** Objects that were deleted, or had their marks taken off. */
  readonly objects: number;
  readonly remains: readonly Remaining[];
}

/** Field managers of ldc: `ldc.<project>.<stack>`. */
const MANAGER = 'ldc.';
const KEY = 'ldc.dev/';
const LABELS = ['function', 'project', 'stack'].map((name) => `${KEY}${name}`);
const CRD_STAYS = 'a CRD is never deleted: its resources would go with it';
const UNMARK_ROUNDS_MAX = 8;

/**
 * `workAs`: with the agent's own rights (or with those of who joined the cluster by a kubeconfig), or with those of an account
 * that a stack names. The agent's namespace goes last, with its memory. @throws Halted `retry`: asked again, it goes on where it was
 */
export async function leaveCluster(
  workAs: (account?: ServiceAccountRef) => Work,
  { orphan, kept = [] }: LeaveBody,
  memory: Memory,
): Promise<Done> {
  const work = workAs();
  const left = kept.map((ref) => ({ ref: ref as ObjectRef, work }));
  const leave = { work, orphan, held: [...(await heldObjects(memory, workAs)), ...left] };
  const { objects, remains } = await clear(leave);
  const system = await clearSystem(leave, memory);
  return { output: { kind: 'left', objects, remains: [...system, ...remains].slice(0, limits.leaveRemainsMax) } };
}

async function heldObjects(
  memory: Memory,
  workAs: (account?: ServiceAccountRef) => Work,
): Promise<readonly HeldObject[]> {
  const held: HeldObject[] = [];
  for (const { location } of memory.held.all()) {
    const stored = await memory.held.bundle(location);
    if (stored === undefined) continue;
    const { objects, serviceAccount } = readBundle(stored);
    const work = workAs(serviceAccount);
    held.push(...objects.map((object) => ({ ref: refOf(object), work })));
  }
  return held;
}

/** All but `ldc-system`. */
async function clear(leave: Leave): Promise<Cleared> {
  const { orphan } = leave;
  const remains: Remaining[] = [];
  const ours = await everythingOurs(leave, remains);
  const [ground, objects] = [
    ours.filter(({ object }) => isGround(object)),
    ours.filter(({ object }) => !isGround(object)),
  ];
  for (const { object, work } of objects) {
    if (orphan) await guarded(object, remains, orphan, () => unmark(work, object));
    else if (isStateful(object)) await keep(work, object, 'it holds data: a person deletes it', remains);
    else await guarded(object, remains, orphan, () => work.objects.remove(refOf(object), String(object.metadata.uid)));
  }
  if (!orphan)
    for (const { object, work } of objects.filter((one) => !isStateful(one.object) && !named(one.object, remains)))
      await work.objects.gone(refOf(object), String(object.metadata.uid), work.signal);
  for (const { object, work } of ground) {
    if (orphan) await guarded(object, remains, orphan, () => unmark(work, object));
    else await guarded(object, remains, orphan, () => clearGround(work, object, remains));
  }
  if (orphan)
    await unmarkCopies(
      leave.work,
      ours.map(({ object }) => object),
    );
  remains.push(...(await clearRights(leave)));
  return { objects: ours.length, remains };
}

/** A CRD stays; a namespace goes when ldc made it and nothing foreign is in it. */
async function clearGround(work: Work, object: KubeObject, remains: Remaining[]): Promise<void> {
  const ref = refOf(object);
  if (ref.kind !== 'Namespace') return keep(work, object, CRD_STAYS, remains);
  if (ownersOf(object).some(({ manager, subresource }) => subresource !== 'status' && !manager.startsWith(MANAGER)))
    return unmark(work, object); // it was there before
  const { output } = await undoEnsure(work, { created: [{ ...ref, uid: String(object.metadata.uid) }] });
  const kept = output.kind === 'receipt' ? output.objects.find(({ change }) => change === 'kept') : undefined;
  if (kept !== undefined) await keep(work, object, kept.note ?? '', remains);
}

async function keep(work: Work, object: KubeObject, why: string, remains: Remaining[]): Promise<void> {
  remains.push(remainingOf(refOf(object), why));
  await guarded(object, remains, false, () => unmark(work, object));
}

/** A refusal leaves that one object; anything else ends the whole, which is asked again. */
async function guarded(
  object: KubeObject,
  remains: Remaining[],
  orphan: boolean,
  act: () => Promise<unknown>,
): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof Halted) || error.outcome.kind !== 'refused') throw error;
    if (!named(object, remains)) remains.push(remainingOf(refOf(object), error.outcome.refusal.message, orphan));
  }
}

function named(object: KubeObject, remains: readonly Remaining[]): boolean {
  return remains.some(({ what }) => what === refText(refOf(object)));
}

/** `orphan`: a person takes its marks off, as the agent would have. */
function remainingOf(ref: ObjectRef, why: string, orphan = false): Remaining {
  return { what: refText(ref), why, command: orphan ? unmarking(ref) : deletion(ref) };
}

function deletion(ref: ObjectRef): string {
  return `kubectl delete ${targetOf(ref)}`;
}

function unmarking(ref: ObjectRef): string {
  return `kubectl label ${targetOf(ref)} ${LABELS.map((label) => `${label}-`).join(' ')}`;
}

function targetOf({ apiVersion, kind, namespace, name }: ObjectRef): string {
  const [version = '', group] = apiVersion.split('/').reverse();
  const type = group === undefined ? kind.toLowerCase() : `${kind.toLowerCase()}.${version}.${group}`;
  return `${type} ${name}${namespace === undefined ? '' : ` -n ${namespace}`}`;
}

/**
 * Takes our labels, annotations and field managers off and touches nothing else: no template, so nothing restarts. Ownership
 * is written as a whole; `[{}]` is how Kubernetes is told that nobody is left.
 */
async function unmark(work: Work, found: KubeObject): Promise<void> {
  const ref = refOf(found);
  let live: KubeObject | undefined = found;
  for (let round = 0; round < UNMARK_ROUNDS_MAX && live !== undefined; round++) {
    const { labels, annotations, managedFields, resourceVersion } = live.metadata;
    const others = (Array.isArray(managedFields) ? (managedFields as readonly Json[]) : []).filter(
      (entry) => !(isObject(entry) && String(entry.manager).startsWith(MANAGER)),
    );
    const metadata = {
      resourceVersion: resourceVersion as Json,
      ...withoutOurs('labels', labels),
      ...withoutOurs('annotations', annotations),
      managedFields: others.length === 0 ? [{}] : others,
    };
    const merge = { contentType: 'application/merge-patch+json', manager: 'ldc' };
    const verdict = await work.objects.patch(ref, { metadata }, merge);
    if (verdict.kind === 'ok' || verdict.kind === 'notFound') return;
    if (verdict.kind === 'retry') return retryLater(verdict.reason, verdict.afterMs);
    if (verdict.kind === 'refused') throw new Halted({ kind: 'refused', refusal: verdict.refusal });
    live = await work.objects.get(ref);
  }
  if (live !== undefined) retryLater(`${refText(ref)} is being written by others`);
}

/** Controllers copy annotations of a workload to its revisions. Where those may not be seen they stay: they mean nothing. */
async function unmarkCopies(work: Work, marked: readonly KubeObject[]): Promise<void> {
  const namespaces = new Set(marked.flatMap(({ metadata }) => metadata.namespace ?? []));
  for (const kind of ['ReplicaSet', 'ControllerRevision']) {
    const apiVersion = 'apps/v1';
    const info = await work.objects.info({ apiVersion, kind });
    if (info === undefined) continue;
    for (const namespace of namespaces) {
      const listed = await listAll(work.client, { path: collectionPath(info, namespace), apiVersion, kind });
      for (const { metadata } of listed.kind === 'listed' ? listed.objects : []) {
        const annotations = withoutOurs('annotations', metadata.annotations);
        if (Object.keys(annotations).length === 0) continue;
        const merge = { contentType: 'application/merge-patch+json', manager: 'ldc' };
        await work.objects.patch(
          { apiVersion, kind, namespace, name: metadata.name },
          { metadata: annotations },
          merge,
        );
      }
    }
  }
}

function withoutOurs(
  field: 'labels' | 'annotations',
  values: { readonly [key: string]: string } | undefined,
): JsonObject {
  const ours = Object.keys(values ?? {}).filter((key) => key.startsWith(KEY));
  return ours.length === 0 ? {} : { [field]: Object.fromEntries(ours.map((key) => [key, null])) };
}

/** Labels of templates are the user's: only what our managers own is ours. */
function isOurs(object: KubeObject): boolean {
  return ownersOf(object).some(({ manager }) => manager.startsWith(MANAGER));
}

/** Everything of ours: what has a stack's label, kind by kind, and what is held and may not be listed. */
async function everythingOurs(leave: Leave, remains: Remaining[]): Promise<readonly Ours[]> {
  const { work, held } = leave;
  const holder = new Map(held.map((one) => [refText(one.ref), one.work]));
  const listed = (await labelled(leave))
    .filter(isOurs)
    .map((object) => ({ object, work: holder.get(refText(refOf(object))) ?? work }));
  const known = new Set(listed.map(({ object }) => refText(refOf(object))));
  const hidden: Ours[] = [];
  for (const one of held.filter(({ ref }) => !known.has(refText(ref)))) {
    try {
      const object = await one.work.objects.get(one.ref);
      if (object !== undefined && isOurs(object)) hidden.push({ object, work: one.work });
    } catch (error) {
      if (!(error instanceof Halted) || error.outcome.kind !== 'refused') throw error;
      remains.push(remainingOf(one.ref, error.outcome.refusal.message, leave.orphan));
    }
  }
  const all = [...listed, ...hidden];
  const ofObject = new Map(all.map((one) => [one.object, one]));
  return deleteOrder(all.map(({ object }) => object)).flatMap((object) => ofObject.get(object) ?? []);
}

/** Of several versions of a kind the first; what may not be listed in the whole cluster is looked for where stacks have been. */
async function labelled({ work, held }: Leave): Promise<readonly KubeObject[]> {
  const found: KubeObject[] = [];
  const namespaces = [...new Set(held.flatMap(({ ref }) => ref.namespace ?? []))];
  for (const info of await kinds(work)) {
    const target = { apiVersion: info.apiVersion, kind: info.kind, labelSelector: 'ldc.dev/stack' };
    const listed = await listAll(work.client, { ...target, path: collectionPath(info) }, work.signal);
    if (listed.kind === 'listed') found.push(...listed.objects);
    else if (info.namespaced)
      for (const namespace of namespaces) {
        const own = await listAll(work.client, { ...target, path: collectionPath(info, namespace) }, work.signal);
        if (own.kind === 'listed') found.push(...own.objects);
      }
  }
  return found;
}

async function kinds({ discovery, objects }: Work): Promise<readonly KindInfo[]> {
  const names = await discovery.all();
  if (names === undefined) return retryLater('the API server did not say what it serves');
  const byPlural = new Map<string, KindInfo>();
  for (const name of names) {
    const at = name.lastIndexOf('/');
    const info = await objects.info({ apiVersion: name.slice(0, at), kind: name.slice(at + 1) });
    if (info === undefined || !['list', 'patch', 'delete'].every((verb) => info.verbs.includes(verb))) continue;
    const key = `${info.apiVersion.includes('/') ? info.apiVersion.split('/')[0] : ''}/${info.plural}`;
    if (!byPlural.has(key)) byPlural.set(key, info);
  }
  return [...byPlural.values()];
}

const RIGHTS = ['ClusterRoleBinding', 'RoleBinding', 'ClusterRole', 'Role'] as const;

/** The agent may not delete its own rights; whoever joined the cluster by a kubeconfig may. */
async function clearRights({ work }: Leave): Promise<readonly Remaining[]> {
  const left = new Set<string>();
  for (const kind of RIGHTS) {
    const apiVersion = 'rbac.authorization.k8s.io/v1';
    const info = await work.objects.info({ apiVersion, kind });
    if (info === undefined) continue;
    const labelSelector = `${AGENT_PART.key}=${AGENT_PART.value}`;
    const listed = await listAll(work.client, { path: collectionPath(info), apiVersion, kind, labelSelector });
    if (listed.kind === 'failed') left.add(info.plural);
    else
      for (const object of listed.objects.filter(({ metadata }) => metadata.namespace !== SYSTEM_NAMESPACE))
        await work.objects.remove(refOf(object), String(object.metadata.uid)).catch((error: unknown) => {
          if (!(error instanceof Halted) || error.outcome.kind !== 'refused') throw error;
          left.add(info.plural);
        });
  }
  if (left.size === 0) return [];
  return [
    {
      what: `${[...left].join(', ')} of the agent`,
      why: 'it may not delete its own rights',
      command: `kubectl delete ${[...left].join(',')} -A -l ${AGENT_PART.key}=${AGENT_PART.value}`,
    },
  ];
}

/** At last the agent's namespace, with its account, memory, key and pod. */
async function clearSystem({ work }: Leave, memory: Memory): Promise<readonly Remaining[]> {
  const path = `/api/v1/namespaces/${SYSTEM_NAMESPACE}`;
  const verdict = verdictOf(await work.client.request({ method: 'DELETE', path }), `Namespace ${SYSTEM_NAMESPACE}`);
  if (verdict.kind === 'ok' || verdict.kind === 'notFound' || verdict.kind === 'stale') return [];
  if (verdict.kind === 'retry') return retryLater(verdict.reason, verdict.afterMs);
  await memory.forget();
  const command = `kubectl delete namespace ${SYSTEM_NAMESPACE}`;
  return [{ what: `Namespace ${SYSTEM_NAMESPACE}`, why: verdict.refusal.message, command }];
}
