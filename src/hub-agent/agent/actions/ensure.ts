import { digestOf, isObject, type KubeObject, type ObjectRef, refOf, refText } from '../../../base/index.ts';
import { collectionPath, isStateful, listAll, rankGroups, statusOf } from '../../../kubernetes/index.ts';
import { applyEntry } from '../field-set.ts';
import { Halted, refuse, retryLater } from '../halted.ts';
import { objectOf } from '../objects.ts';
import type { Done, Work } from './work.ts';

interface StackRef {
  readonly project: string;
  readonly name: string;
}
export type Created = ObjectRef & { readonly uid: string };

const READY_MS_MAX = 30_000;
const POLL_MS = 100;

interface Wish {
  readonly stack: StackRef;
  readonly objects: readonly KubeObject[];
}

/**
 * Creates what others need to exist (namespace, CRDs) and waits until they can be used. What exists is left as it is. A
 * refusal half-way names in `details.created` what its undo has to delete.
 */
export async function ensure(work: Work, body: Wish): Promise<Done> {
  const created: Created[] = [];
  try {
    return await createAbsent(work, body, created);
  } catch (error) {
    if (!(error instanceof Halted) || error.outcome.kind !== 'refused' || created.length === 0) throw error;
    const { refusal } = error.outcome;
    const details = isObject(refusal.details) ? refusal.details : {};
    return refuse({ ...refusal, details: { ...details, created: created.map((one) => ({ ...one })) } });
  }
}

/** @param created is filled as it goes on */
async function createAbsent(work: Work, body: Wish, created: Created[]): Promise<Done> {
  const manager = managerOf(body.stack);
  const existed: ObjectRef[] = [];
  for (const group of rankGroups(body.objects)) {
    for (const object of group) {
      const ref = refOf(object);
      const live = await work.objects.get(ref);
      if (live?.metadata.deletionTimestamp !== undefined) {
        return refuse({
          kind: 'terminating',
          message: `${refText(ref)} is being deleted`,
          where: refText(ref),
          hint: 'wait until it is gone',
        });
      }
      const ours = live !== undefined && work.resumed && applyEntry(live, manager) !== undefined;
      if (live !== undefined && !ours) existed.push(ref);
      else {
        await work.begin();
        const made = objectOf(await work.objects.apply(object, { manager, force: false }));
        created.push({ ...ref, uid: String(made.metadata.uid) });
      }
    }
    await usable(work, group.map(refOf));
  }
  return { output: { kind: 'ensure', created, existed } };
}

/** Waits for CRDs to be established and served; one whose names are taken is refused at once. */
export async function usable(work: Work, refs: readonly ObjectRef[]): Promise<void> {
  const untilMs = work.clock.monotonic() + READY_MS_MAX;
  for (const ref of refs.filter((one) => one.kind === 'CustomResourceDefinition')) {
    for (;;) {
      const live = await work.objects.get(ref);
      const status = statusOf(live);
      if (status.status === 'current') break;
      if (status.status === 'failed') {
        return refuse({
          kind: 'notEstablished',
          message: `${refText(ref)} cannot be served: ${status.message}`,
          where: refText(ref),
          hint: 'another CRD of its group has taken its names',
        });
      }
      if (work.signal.aborted || work.clock.monotonic() > untilMs) retryLater(`${refText(ref)}: ${status.message}`);
      await work.clock.sleep(POLL_MS, work.signal);
    }
    work.discovery.forget();
  }
}

/** The field manager of a stack (DESIGN §5). */
export function managerOf(stack: StackRef): string {
  return `ldc.${stack.project}.${stack.name}`;
}

/**
 * Deletes what an ensure created: never a CRD (its resources would go with it), a namespace only when nothing foreign is in
 * it. What stays is `kept` and no difference.
 */
export async function undoEnsure(work: Work, body: { created: readonly Created[] }): Promise<Done> {
  const receipts = [];
  for (const { uid, ...ref } of [...body.created].reverse()) {
    const why = await keepReason(work, ref, uid);
    if (why === 'absent') receipts.push({ ref, change: 'absent' as const, before: null, after: null });
    else if (why !== undefined)
      receipts.push({ ref, change: 'kept' as const, before: null, after: null, uid, note: why });
    else {
      await work.objects.remove(ref, uid);
      await work.objects.gone(ref, uid, work.signal);
      receipts.push({ ref, change: 'deleted' as const, before: null, after: null, uid });
    }
  }
  return { output: { kind: 'receipt', objects: receipts, digest: digestOf(receipts) } };
}

/** Why what an ensure created stays there by rule; `absent`: it is gone. */
export async function keepReason(work: Work, ref: ObjectRef, uid: string): Promise<string | undefined> {
  const live = await work.objects.get(ref);
  if (live === undefined || live.metadata.uid !== uid) return 'absent';
  if (ref.kind === 'CustomResourceDefinition') return 'a CRD is never deleted: its resources would go with it';
  if (ref.kind !== 'Namespace' || ref.apiVersion !== 'v1') return undefined;
  const foreign = await foreignIn(work, ref.name);
  return foreign === undefined ? undefined : `${foreign} is in it`;
}

/** What every namespace has, or what goes with its owner. */
const ITS_OWN = ['ConfigMap kube-root-ca.crt', 'ServiceAccount default'];
const PASSING = ['Event', 'Lease', 'Endpoints', 'EndpointSlice', 'ControllerRevision', 'PodMetrics'];

/** Something in a namespace that nobody here put there; undefined when there is nothing. */
async function foreignIn(work: Work, namespace: string): Promise<string | undefined> {
  const names = await work.discovery.all();
  if (names === undefined) return retryLater('the API server did not say what it serves');
  for (const name of names) {
    const at = name.lastIndexOf('/');
    const info = await work.objects.info({ apiVersion: name.slice(0, at), kind: name.slice(at + 1) });
    if (info === undefined || !info.namespaced || !info.verbs.includes('list') || PASSING.includes(info.kind)) continue;
    const listed = await listAll(work.client, {
      path: collectionPath(info, namespace),
      apiVersion: info.apiVersion,
      kind: info.kind,
    });
    if (listed.kind === 'failed' && passes(listed.status)) return retryLater(listed.reason);
    // what may not be listed might hold something: better a namespace too many than one too few
    if (listed.kind === 'failed') return `something of kind ${info.kind} (${listed.reason})`;
    const found = listed.objects.find((object) => isForeign(object));
    if (found !== undefined) return refText(refOf(found));
  }
  return undefined;
}

/** No answer, or one that says nothing of the request: another time it is another. */
function passes(status: number | undefined): boolean {
  return status === undefined || status === 401 || status === 429 || status >= 500;
}

function isForeign(object: KubeObject): boolean {
  if (ITS_OWN.includes(`${object.kind} ${object.metadata.name}`)) return false;
  if (object.metadata.deletionTimestamp !== undefined) return false;
  const owners = object.metadata.ownerReferences;
  return isStateful(object) || !(Array.isArray(owners) && owners.some(isObject));
}
