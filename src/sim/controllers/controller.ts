import { type Clock, isObject, type KubeObject, type Logger, type Random } from '../../base/index.ts';
import {
  controllerOf,
  controllerReference,
  type Happening,
  isTerminating,
  keyOf,
  type LabelSelector,
  type Labels,
  matchesSelector,
} from '../kinds/index.ts';
import type { ApiDoor, ApiResult, ResourceName } from '../types.ts';
import type { Informer, Informers } from './informer.ts';
import type { EventRecorder } from './recorder.ts';
import { WorkQueue } from './work-queue.ts';

/** What every controller is given. */
export interface Context {
  readonly door: ApiDoor;
  readonly informers: Informers;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Folder under which bound claims get a folder each; without one, claims are bound to a path nobody makes. */
  readonly volumesDir?: string;
}

export const MANAGER = 'kube-controller-manager';

/** A request that the API server refused; the queue tries the key again. */
export class ApiFailure extends Error {
  readonly status: number;
  readonly reason: string;
  constructor(status: number, reason: string, message: string) {
    super(message);
    this.name = 'ApiFailure';
    this.status = status;
    this.reason = reason;
  }
}

/** Nothing is wrong: a webhook has been asked about this write, which passes or fails when it is tried again. */
export function isAwaited(error: unknown): boolean {
  return error instanceof ApiFailure && error.status === 503;
}

/** The object as written. @throws ApiFailure when the server refused. */
export function written(result: ApiResult): KubeObject {
  if (result.status < 300) return result.body as KubeObject;
  const body = isObject(result.body) ? result.body : {};
  throw new ApiFailure(result.status, String(body.reason ?? ''), String(body.message ?? `status ${result.status}`));
}

/** A queue whose failures are logged: conflicts are the daily bread of optimistic locking, the rest is worth a line. */
export function queueOf(
  { clock, logger }: Context,
  controller: string,
  handle: (key: string) => number | undefined,
): WorkQueue {
  return new WorkQueue(clock, handle, (key, error) => {
    if (error instanceof ApiFailure && (error.status === 409 || isAwaited(error))) return;
    logger.warn({ controller, key, error: String(error) }, 'reconciling failed, will try again');
  });
}

export function record(context: Context, component: string, happening: Happening): void {
  context.recorder.record(component, happening);
}

/** Writes a status if it differs. @throws ApiFailure */
export function writeStatus(
  { door }: Context,
  resource: ResourceName,
  object: KubeObject,
  status: KubeObject['status'],
): void {
  written(door.update(resource, { ...object, status }, MANAGER, 'status'));
}

/** Deletes exactly this object; one that is gone or was replaced counts as deleted. @throws ApiFailure */
export function remove({ door }: Context, resource: ResourceName, object: KubeObject): void {
  const { namespace, name, uid } = object.metadata;
  const result = door.delete(resource, namespace, name, {
    ...(uid === undefined ? {} : { uid }),
    propagationPolicy: 'Background',
  });
  if (result.status !== 404 && result.status !== 409) written(result);
}

/**
 * What `owner` manages of a resource: its own that still match its selector, and matching ones that nobody manages,
 * which it takes over. Own ones that no longer match are let go.
 */
export function claim<T extends KubeObject>(
  { door }: Context,
  informer: Informer<T>,
  resource: ResourceName,
  owner: KubeObject,
  selector: LabelSelector | undefined,
): readonly T[] {
  const matches = (object: KubeObject) => matchesSelector(selector, object.metadata.labels as Labels);
  const mine: T[] = [];
  for (const object of informer.ownedBy(owner.metadata.uid)) {
    if (matches(object)) mine.push(object);
    else if (!isTerminating(owner)) letGo(door, resource, object, owner);
  }
  if (isTerminating(owner)) return mine;
  for (const object of informer.orphansIn(owner.metadata.namespace)) {
    if (isTerminating(object) || !matches(object)) continue;
    const ownerReferences = [...((object.metadata.ownerReferences ?? []) as []), controllerReference(owner)];
    const adopted = { ...object, metadata: { ...object.metadata, ownerReferences } };
    mine.push(written(door.update(resource, adopted, MANAGER)) as T);
  }
  return mine;
}

function letGo(door: ApiDoor, resource: ResourceName, object: KubeObject, owner: KubeObject): void {
  const references = (object.metadata.ownerReferences ?? []) as readonly { uid: string }[];
  const ownerReferences = references.filter(({ uid }) => uid !== owner.metadata.uid) as [];
  written(door.update(resource, { ...object, metadata: { ...object.metadata, ownerReferences } }, MANAGER));
}

/** Adds an owner's key whenever something that it manages changes (or used to manage: `before`). */
export function enqueueOwners<T extends KubeObject>(informer: Informer<T>, kind: string, queue: WorkQueue): void {
  informer.onChange((object, before) => {
    for (const owner of [controllerOf(object), before && controllerOf(before)]) {
      if (owner?.kind === kind) queue.add(`${object.metadata.namespace}/${owner.name}`);
    }
  });
}

export function enqueueSelf<T extends KubeObject>(informer: Informer<T>, queue: WorkQueue): void {
  informer.onChange((object, before) => {
    // a write of the status alone (same generation, same metadata) is this controller's own echo
    if (before !== undefined && isStatusEcho(object, before)) return;
    queue.add(keyOf(object));
  });
}

function isStatusEcho(object: KubeObject, before: KubeObject): boolean {
  const { metadata: a } = object;
  const { metadata: b } = before;
  return (
    a.uid === b.uid &&
    a.generation !== undefined &&
    a.generation === b.generation &&
    a.deletionTimestamp === b.deletionTimestamp &&
    JSON.stringify([a.labels, a.annotations, a.finalizers]) ===
      JSON.stringify([b.labels, b.annotations, b.finalizers]) &&
    JSON.stringify(object.status) !== JSON.stringify(before.status)
  );
}

const SUFFIX = 'bcdfghjklmnpqrstvwxz2456789';

/** The ending that Kubernetes gives to generated names: letters and digits that spell no words. */
export function nameSuffix(random: Random, length = 5): string {
  return Array.from(random.bytes(length), (byte) => SUFFIX[byte % SUFFIX.length]).join('');
}

/** A hash value in the same alphabet, as in `pod-template-hash`. */
export function safeEncode(digits: string): string {
  return Array.from(digits, (digit) => SUFFIX[digit.charCodeAt(0) % SUFFIX.length]).join('');
}
