/** The in-process way in, for the cluster's own controllers: the rules of REST without HTTP. */
import type { Cancel, Json, KubeObject } from '../../base/index.ts';
import type { ApiDoor, ApiResult, Change, DeleteOptions, ResourceInfo, ResourceName } from '../types.ts';
import { Unanswered, type Verdicts } from './admit-webhooks.ts';
import { bindPod } from './binding.ts';
import { type Call, type Cluster, part, SYSTEM_USER } from './cluster.ts';
import { remove } from './deleter.ts';
import { sameObject } from './replacing.ts';
import { ApiError } from './status.ts';
import { create, update } from './writer.ts';

/** @param verdicts where webhooks' answers come from; absent: the server's own writes, of which no webhook is asked. */
export function createDoor(cluster: Cluster, verdicts?: Verdicts): ApiDoor {
  const { store, registry } = cluster;
  const resourceOf = (name: ResourceName): ResourceInfo => {
    const resource = registry.byName(name);
    if (resource === undefined) throw new Error(`no resource ${name} is served here`);
    return resource;
  };
  const call = (
    resource: ResourceInfo,
    namespace: string | undefined,
    name: string,
    manager: string,
    subresource = '',
  ): Call => ({
    user: SYSTEM_USER,
    resource,
    ...(namespace === undefined ? {} : { namespace }),
    name,
    subresource,
    manager,
    dryRun: false,
    fieldValidation: 'Ignore',
    force: false,
    ...(verdicts === undefined ? { isExempt: true } : { verdicts }),
    warn: () => {},
  });
  return {
    get: (name, namespace, objectName) => store.get(registry.bucketOf(resourceOf(name)), namespace, objectName),
    list(name, options = {}) {
      const found = store.list(registry.bucketOf(resourceOf(name)), options.namespace);
      const wanted = Object.entries(options.labels ?? {});
      return found.filter((object) => wanted.every(([key, value]) => object.metadata.labels?.[key] === value));
    },
    create: (name, object, manager) =>
      answer(201, () => {
        const resource = resourceOf(name);
        return create(cluster, call(resource, object.metadata.namespace, object.metadata.name, manager), object);
      }),
    update: (name, object, manager, subresource = undefined) =>
      answer(200, () => {
        const { namespace, name: objectName } = object.metadata;
        const asked = call(resourceOf(name), namespace, objectName, manager, subresource ?? '');
        const node = name === 'pods' && subresource === undefined ? newNode(cluster, object) : undefined;
        return node === undefined
          ? update(cluster, asked, (live) => sameObject(cluster, asked, live, object)).object
          : bindPod(cluster, asked, node);
      }),
    delete: (name, namespace, objectName, options: DeleteOptions = {}) =>
      answer(200, () => remove(cluster, call(resourceOf(name), namespace, objectName, 'door'), options)),
    onChange: (name, listener) => onChange(cluster, registry.bucketOf(resourceOf(name)), listener),
  };
}

/** The node that an update gives to an unplaced pod: through the door, that is a binding. */
function newNode(cluster: Cluster, pod: KubeObject): string | undefined {
  const { nodeName } = part(pod, 'spec');
  const live = cluster.store.get('pods', pod.metadata.namespace, pod.metadata.name);
  const isUnplaced = live !== undefined && !part(live, 'spec').nodeName;
  return isUnplaced && typeof nodeName === 'string' && nodeName !== '' ? nodeName : undefined;
}

/** Not a real server's: there each controller waits for its own request. */
const AWAITED = new ApiError(503, 'ServiceUnavailable', 'a webhook is being asked: try again');

function answer(status: number, run: () => unknown): ApiResult {
  try {
    return { status, body: run() as Json };
  } catch (error) {
    if (error instanceof ApiError) return { status: error.code, body: error.body };
    if (error instanceof Unanswered) return { status: AWAITED.code, body: AWAITED.body };
    throw error;
  }
}

/** What is there comes first, as ADDED and in a call of its own, then every change in order. */
function onChange(cluster: Cluster, bucket: ResourceName, listener: (change: Change) => void): Cancel {
  const present: readonly KubeObject[] = cluster.store.list(bucket);
  let open = true;
  queueMicrotask(() => {
    for (const object of present) if (open) listener({ type: 'ADDED', object });
  });
  const cancel = cluster.store.subscribe(bucket, (change) => {
    if (open) listener(change);
  });
  return () => {
    open = false;
    cancel();
  };
}
