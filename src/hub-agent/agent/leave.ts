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
import type { Remaining } from '../../protocol/index.ts';
import { AGENT_PART } from '../manifests/manifests.ts';
import { undoEnsure } from './actions/ensure.ts';
import type { Done, Work } from './actions/work.ts';
import { readBundle } from './bundle.ts';
import { ownersOf } from './field-set.ts';
import { Halted, retryLater } from './halted.ts';
import type { Memory } from './memory.ts';
import { SYSTEM_NAMESPACE } from './stored.ts';

interface Leave {
  readonly work: Work;
  readonly orphan: boolean;
  /** Where stacks have been: what may not be listed in the whole cluster is looked for there. */
  readonly namespaces: readonly string[];
}

interface Cleared {
  /** Objects that were deleted, or had their marks taken off. */
  readonly objects: number;
  readonly remains: readonly Remaining[];
}

/** Field managers of ldc: `ldc.<project>.<stack>`. */
const MANAGER = 'ldc.';
const KEY = 'ldc.dev/';
const CRD_STAYS = 'a CRD is never deleted: its resources would go with it';
const UNMARK_ROUNDS_MAX = 8;

/**
 * `work`: with the agent's own rights, or with those of who joined the cluster by a kubeconfig. The agent's namespace goes last,
 * with its memory. @throws Halted `retry`: asked again, it goes on where it was
 */
export async function leaveCluster(work: Work, orphan: boolean, memory: Memory): Promise<Done> {
  const leave = { work, orphan, namespaces: await namespacesOf(memory) };
  const { objects, remains } = await clear(leave);
  const system = await clearSystem(leave, memory);
  return { output: { kind: 'left', objects, remains: [...system, ...remains].slice(0, limits.leaveRemainsMax) } };
}

async function namespacesOf(memory: Memory): Promise<readonly string[]> {
  const namespaces = new Set<string>();
  for (const { location } of memory.held.all()) {
    const stored = await memory.held.bundle(location);
    const objects = stored === undefined ? [] : readBundle(stored).objects;
    for (const { metadata } of objects) if (metadata.namespace !== undefined) namespaces.add(metadata.namespace);
  }
  return [...namespaces];
}

/** All but `ldc-system`. */
async function clear(leave: Leave): Promise<Cleared> {
  const { work, orphan } = leave;
  const remains: Remaining[] = [];
  const marked = deleteOrder((await everything(leave)).filter(isOurs));
  const [ground, objects] = [marked.filter(isGround), marked.filter((object) => !isGround(object))];
  for (const object of objects) {
    if (orphan) await guarded(object, remains, () => unmark(work, object));
    else if (isStateful(object)) await keep(work, object, 'it holds data: a person deletes it', remains);
    else await guarded(object, remains, () => work.objects.remove(refOf(object), String(object.metadata.uid)));
  }
  if (!orphan)
    for (const object of objects.filter((one) => !isStateful(one) && !named(one, remains)))
      await work.objects.gone(refOf(object), String(object.metadata.uid), work.signal);
  for (const object of ground) {
    if (orphan) await guarded(object, remains, () => unmark(work, object));
    else await guarded(object, remains, () => clearGround(work, object, remains));
  }
  if (orphan) await unmarkCopies(work, marked);
  remains.push(...(await clearRights(leave)));
  return { objects: marked.length, remains };
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
  remains.push(remainingOf(object, why));
  await guarded(object, remains, () => unmark(work, object));
}

/** A refusal leaves that one object; anything else ends the whole, which is asked again. */
async function guarded(object: KubeObject, remains: Remaining[], act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof Halted) || error.outcome.kind !== 'refused') throw error;
    if (!named(object, remains)) remains.push(remainingOf(object, error.outcome.refusal.message));
  }
}

function named(object: KubeObject, remains: readonly Remaining[]): boolean {
  return remains.some(({ what }) => what === refText(refOf(object)));
}

function remainingOf(object: KubeObject, why: string): Remaining {
  const ref = refOf(object);
  return { what: refText(ref), why, command: deletion(ref) };
}

function deletion({ apiVersion, kind, namespace, name }: ObjectRef): string {
  const [version = '', group] = apiVersion.split('/').reverse();
  const type = group === undefined ? kind.toLowerCase() : `${kind.toLowerCase()}.${version}.${group}`;
  return `kubectl delete ${type} ${name}${namespace === undefined ? '' : ` -n ${namespace}`}`;
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

/** Everything with a stack's label, kind by kind; of several versions of a kind the first. */
async function everything({ work, namespaces }: Leave): Promise<readonly KubeObject[]> {
  const found: KubeObject[] = [];
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
