/**
 * `rollback.verified {equal: true}` is true: on each cluster of which it speaks, what the stack has there is what it had when
 * the transaction started, owners of fields included. The comparison is this file's own: it shares nothing with the agent's.
 * Objects that a person had a hand in meanwhile are not judged, nor one of two transactions of a stack that ran at once.
 */
import { isDeepStrictEqual } from 'node:util';
import { isObject, type Json, type JsonObject, type KubeObject } from '../../../src/base/index.ts';
import { type Checker, type SimulationEvent, Violation } from '../events.ts';
import type { World } from '../world.ts';

/** Cluster → `bucket/name` → object as it is compared. */
type Image = ReadonlyMap<string, ReadonlyMap<string, Json>>;

interface Running {
  readonly namespace: string;
  readonly before: Image;
  readonly atMs: number;
  /** Another of the same stack was under way with it. */
  shared: boolean;
}

/** What a person did so long before a transaction is repaired, and in its image. */
const HANDS_MS = 120_000;

export function imageChecker(world: World): Checker & { readonly seen: { compared: number } } {
  const running = new Map<string, Running>();
  const stacks = new Map<string, string>();
  /** `cluster/namespace/name` → when a person last wrote it. */
  const hands = new Map<string, number>();
  const seen = { compared: 0 };
  return { name: 'image', seen, on };

  function on(event: SimulationEvent): void {
    if (event.kind === 'write') noteHands(event);
    if (event.kind !== 'entry' || !event.entry.tx.startsWith('tx-')) return;
    const { tx, type, data } = event.entry;
    switch (type) {
      case 'tx.created':
        stacks.set(tx, String((data.stack as JsonObject).name));
        return;
      case 'tx.started': {
        const namespace = stacks.get(tx) as string;
        const others = [...running.values()].filter((one) => one.namespace === namespace);
        for (const other of others) other.shared = true;
        running.set(tx, { namespace, before: imageOf(namespace), atMs: event.atMs, shared: others.length > 0 });
        return;
      }
      case 'rollback.verified':
        if (data.equal === true) compare(tx, data.clusters as JsonObject);
        return;
      case 'tx.sealed':
        running.delete(tx);
        return;
    }
  }

  function noteHands(event: Extract<SimulationEvent, { readonly kind: 'write' }>): void {
    const { before, after } = event.write;
    const object = after ?? before;
    if (object === undefined || !ownersOf(object).includes('person')) return;
    hands.set(`${event.cluster}/${object.metadata.namespace}/${object.metadata.name}`, event.atMs);
  }

  function compare(tx: string, clusters: JsonObject): void {
    const run = running.get(tx);
    if (run === undefined || run.shared) return;
    const after = imageOf(run.namespace);
    for (const [cluster, verdict] of Object.entries(clusters)) {
      if (verdict !== 'equal') continue;
      const [was, is] = [run.before.get(cluster), after.get(cluster)];
      for (const key of new Set([...(was?.keys() ?? []), ...(is?.keys() ?? [])])) {
        const touchedMs = hands.get(`${cluster}/${key}`);
        if (touchedMs !== undefined && touchedMs > run.atMs - HANDS_MS) continue;
        seen.compared++;
        const [past, now] = [was?.get(key), is?.get(key)];
        if (isDeepStrictEqual(past, now)) continue;
        const words = `was ${JSON.stringify(past) ?? 'absent'}, is ${JSON.stringify(now) ?? 'absent'}`;
        throw new Violation('image', `${tx} says that ${cluster} is as it was; ${key} is not: ${words}`);
      }
    }
  }

  function imageOf(namespace: string): Image {
    return new Map(
      [...world.clusters].map(([name, { api }]) => {
        const objects = ['configmaps', 'secrets'].flatMap((bucket) => api.store.list(bucket, namespace));
        return [name, new Map(objects.map((object) => [`${namespace}/${object.metadata.name}`, comparable(object)]))];
      }),
    );
  }
}

function managersOf({ metadata }: KubeObject): readonly JsonObject[] {
  return (Array.isArray(metadata.managedFields) ? (metadata.managedFields as Json[]) : []).filter(isObject);
}

function ownersOf(object: KubeObject): readonly string[] {
  return managersOf(object).map(({ manager }) => String(manager));
}

/** Without what only counts writes: resourceVersion, and when a manager last wrote. */
function comparable(object: KubeObject): Json {
  const { resourceVersion: _version, managedFields: _managers, ...metadata } = object.metadata;
  const owners = managersOf(object)
    .map(({ manager, operation, fieldsV1 }) => ({ manager, operation, fieldsV1 }))
    .sort((a, b) => (`${a.manager} ${a.operation}` < `${b.manager} ${b.operation}` ? -1 : 1));
  return JSON.parse(JSON.stringify({ ...object, metadata: { ...metadata, owners } })) as Json;
}
