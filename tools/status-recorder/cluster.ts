/** A cluster as a recorder uses it: plain requests that must succeed, waiting, and the reduced copies that are kept. */
import { isObject, type Json, type JsonObject, type KubeObject } from '../../src/base/index.ts';
import type { Client, Method } from '../../src/kubernetes/index.ts';

export interface Cluster {
  readonly namespace: string;
  create(path: string, object: object): Promise<KubeObject>;
  get(path: string): Promise<KubeObject>;
  list(path: string): Promise<readonly KubeObject[]>;
  /** A merge patch; `path` may end in `/status`. */
  patch(path: string, patch: object): Promise<KubeObject>;
  remove(path: string): Promise<void>;
  /** Reads until it holds, then keeps it under that name. */
  record(name: string, path: string, holds?: (object: KubeObject) => boolean): Promise<KubeObject>;
  keep(name: string, object: KubeObject): void;
}

const WAIT_MS = 30_000;
const POLL_MS = 50;

/** Namespaced paths are written from the plural on (`deployments/a`), with their group before (`apps/v1/deployments/a`). */
export function clusterOver(client: Client, namespace: string, kept: Map<string, KubeObject>): Cluster {
  async function ask(method: Method, path: string, body?: object, contentType?: string): Promise<Json> {
    const answer = await client.request({
      ...{ method, path },
      ...(body === undefined ? {} : { body: body as Json }),
      ...(contentType === undefined ? {} : { contentType }),
    });
    if (answer.kind !== 'answered') throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }
  const cluster: Cluster = {
    namespace,
    create: async (path, object) => (await ask('POST', path, object)) as unknown as KubeObject,
    get: async (path) => (await ask('GET', path)) as unknown as KubeObject,
    async list(path) {
      const body = (await ask('GET', path)) as JsonObject;
      return body.items as unknown as KubeObject[];
    },
    patch: async (path, patch) =>
      (await ask('PATCH', path, patch, 'application/merge-patch+json')) as unknown as KubeObject,
    async remove(path) {
      await ask('DELETE', path, { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Background' });
    },
    async record(name, path, holds = () => true) {
      const deadline = Date.now() + WAIT_MS;
      for (;;) {
        const object = await cluster.get(path);
        if (holds(object)) {
          cluster.keep(name, object);
          return object;
        }
        if (Date.now() > deadline) throw new Error(`${name}: never came; last ${JSON.stringify(object.status)}`);
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    },
    keep(name, object) {
      if (kept.has(name)) throw new Error(`recorded twice: ${name}`);
      kept.set(name, reduced(object, namespace));
    },
  };
  return cluster;
}

export function statusOf(object: KubeObject): JsonObject {
  return isObject(object.status) ? object.status : {};
}

export function hasCondition(object: KubeObject, type: string, status = 'True'): boolean {
  const { conditions } = statusOf(object);
  return (
    Array.isArray(conditions) && conditions.some((one) => isObject(one) && one.type === type && one.status === status)
  );
}

const NOISE =
  /^(managedFields|uid|resourceVersion|creationTimestamp|last\w*Time|startTime|completionTime|startedAt|finishedAt|containerID|imageID|hostIPs?|podIPs?|clusterIPs?|ownerReferences|kubectl\.kubernetes\.io\/.*)$/;
/** Of a pod template no rule reads more than which containers it has, and their probes. */
const CONTAINER = ['name', 'readinessProbe', 'startupProbe'];

/** What the rules may read, without what changes from one recording to the next. */
function reduced(object: KubeObject, namespace: string): KubeObject {
  const strip = (value: Json, path: readonly string[]): Json => {
    if (Array.isArray(value)) return value.map((item) => strip(item, path));
    if (typeof value === 'string')
      return value.replaceAll(namespace, 'recorded').replace(/-[bcdfghjklmnpqrstvwxz2456789]{5}\b/g, '-xxxxx');
    if (!isObject(value)) return value;
    const container = path.at(-1) === 'containers';
    return Object.fromEntries(
      Object.entries(value)
        .filter(([key]) => !NOISE.test(key) && (!container || CONTAINER.includes(key)))
        .filter(([key]) => path.at(-1) !== 'spec' || path.at(-2) !== 'template' || key === 'containers')
        .map(([key, inner]) => [
          key,
          key === 'deletionTimestamp' ? '2026-01-01T00:00:00Z' : strip(inner as Json, [...path, key]),
        ]),
    );
  };
  return strip(object as unknown as Json, []) as unknown as KubeObject;
}
