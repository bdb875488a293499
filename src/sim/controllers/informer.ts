import type { Cancel, KubeObject } from '../../base/index.ts';
import { controllerOf, keyOf } from '../kinds/index.ts';
import type { ApiDoor, Change, ResourceName } from '../types.ts';

/** The objects of one resource as last seen, found by key, by namespace, and by the object that manages them. */
export class Informer<T extends KubeObject = KubeObject> {
  readonly #objects = new Map<string, T>();
  readonly #groups = new Map<string, Map<string, T>>();
  readonly #listeners: ((object: T, before: T | undefined) => void)[] = [];

  get(namespace: string | undefined, name: string): T | undefined {
    return this.#objects.get(namespace === undefined ? name : `${namespace}/${name}`);
  }

  all(): Iterable<T> {
    return this.#objects.values();
  }

  inNamespace(namespace: string | undefined): readonly T[] {
    return [...(this.#groups.get(`namespace ${namespace ?? ''}`)?.values() ?? [])];
  }

  /** What the object with this uid manages. */
  ownedBy(uid: string | undefined): readonly T[] {
    return [...(this.#groups.get(`owner ${uid ?? ''}`)?.values() ?? [])];
  }

  /** What nobody manages, in one namespace. */
  orphansIn(namespace: string | undefined): readonly T[] {
    return [...(this.#groups.get(`orphan ${namespace ?? ''}`)?.values() ?? [])];
  }

  /** Called after the stored state changed; on deletion `object` is the last state, and `get` no longer finds it. */
  onChange(listener: (object: T, before: T | undefined) => void): void {
    this.#listeners.push(listener);
    for (const object of this.#objects.values()) listener(object, undefined);
  }

  /** Takes over one change of the door. */
  take(change: Change): void {
    const object = change.object as T;
    const key = keyOf(object);
    const before = this.#objects.get(key);
    if (before !== undefined) for (const group of groupsOf(before)) this.#leave(group, key);
    if (change.type === 'DELETED') {
      this.#objects.delete(key);
    } else {
      this.#objects.set(key, object);
      for (const group of groupsOf(object)) this.#join(group, key, object);
    }
    for (const listener of this.#listeners) listener(object, before);
  }

  #join(group: string, key: string, object: T): void {
    const members = this.#groups.get(group);
    if (members === undefined) this.#groups.set(group, new Map([[key, object]]));
    else members.set(key, object);
  }

  #leave(group: string, key: string): void {
    const members = this.#groups.get(group);
    members?.delete(key);
    if (members?.size === 0) this.#groups.delete(group);
  }
}

function groupsOf(object: KubeObject): readonly string[] {
  const { namespace = '' } = object.metadata;
  const owner = controllerOf(object);
  return [`namespace ${namespace}`, owner === undefined ? `orphan ${namespace}` : `owner ${owner.uid}`];
}

/** One informer a resource, shared by all controllers of a cluster. */
export class Informers {
  readonly #door: ApiDoor;
  readonly #informers = new Map<ResourceName, Informer>();
  readonly #cancels: Cancel[] = [];

  constructor(door: ApiDoor) {
    this.#door = door;
  }

  of<T extends KubeObject = KubeObject>(resource: ResourceName): Informer<T> {
    const known = this.#informers.get(resource);
    if (known !== undefined) return known as unknown as Informer<T>;
    const informer = new Informer<KubeObject>();
    this.#informers.set(resource, informer);
    this.#cancels.push(this.#door.onChange(resource, (change) => informer.take(change)));
    return informer as unknown as Informer<T>;
  }

  close(): void {
    for (const cancel of this.#cancels) cancel();
  }
}
