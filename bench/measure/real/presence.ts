/** Sees the bench's sets by watches straight at the clusters, past hub and agents; one watch per kind and cluster, nothing polls. */
import { isObject, type KubeObject, systemClock, systemRandom } from '../../../src/base/index.ts';
import { type Client, watchLoop } from '../../../src/kubernetes/index.ts';
import { KINDS, MARK } from './sets.ts';

/** `exists`: all three objects; `ready`: its Deployment's pod too; `unready`: not any more. */
export type Sight = 'exists' | 'ready' | 'unready';

interface OnCluster {
  readonly kinds: Set<string>;
  ready: boolean;
}

export class Presence {
  /** By `<cluster>/<name>`. */
  readonly #sets = new Map<string, OnCluster>();
  /** When something was first seen (`performance.now`), by name and sight; a promise, so that many may wait at no cost. */
  readonly #sights = new Map<string, PromiseWithResolvers<number>>();
  readonly #stop = new AbortController();

  /** Resolves when everything that is there has been listed. */
  async watch(cluster: string, client: Client): Promise<void> {
    const ports = { clock: systemClock, random: systemRandom, signal: this.#stop.signal };
    const listed = KINDS.map((target) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const handlers = {
        onList: (objects: readonly KubeObject[]) => {
          this.#absent(cluster, target.kind);
          for (const object of objects) this.#hear(cluster, 'ADDED', object);
          resolve();
        },
        onEvent: (type: string, object: KubeObject) => this.#hear(cluster, type, object),
      };
      void watchLoop(client, { ...target, labelSelector: `${MARK.key}=${MARK.value}` }, handlers, ports);
      return promise;
    });
    await Promise.all(listed);
  }

  /** When it was first seen; the wait begins anew after `forget`. With a cluster: there, and not only anywhere. */
  seen(name: string, sight: Sight, cluster = 'any'): Promise<number> {
    return this.#sight(`${name}/${sight}/${cluster}`).promise;
  }
  /** The next such sight is a new one. */
  forget(name: string, sight: Sight): void {
    for (const key of this.#sights.keys()) if (key.startsWith(`${name}/${sight}/`)) this.#sights.delete(key);
  }
  /** Where the whole set is now. */
  clustersOf(name: string): readonly string[] {
    return [...this.#sets].flatMap(([key, { kinds }]) => {
      const [cluster = '', of] = key.split('/');
      return of === name && kinds.size === KINDS.length ? [cluster] : [];
    });
  }
  stop(): void {
    this.#stop.abort();
  }

  #sight(key: string): PromiseWithResolvers<number> {
    const known = this.#sights.get(key) ?? Promise.withResolvers<number>();
    this.#sights.set(key, known);
    return known;
  }
  #tell(name: string, sight: Sight, cluster: string): void {
    for (const where of [cluster, 'any']) this.#sight(`${name}/${sight}/${where}`).resolve(performance.now());
  }
  /** A list replaces what was known. */
  #absent(cluster: string, kind: string): void {
    for (const [key, { kinds }] of this.#sets) if (key.startsWith(`${cluster}/`)) kinds.delete(kind);
  }
  #hear(cluster: string, type: string, object: KubeObject): void {
    const { kind, metadata } = object;
    const key = `${cluster}/${metadata.name}`;
    const set = this.#sets.get(key) ?? { kinds: new Set(), ready: false };
    this.#sets.set(key, set);
    if (type === 'DELETED') {
      set.kinds.delete(kind);
      return;
    }
    set.kinds.add(kind);
    if (set.kinds.size === KINDS.length) this.#tell(metadata.name, 'exists', cluster);
    if (kind !== 'Deployment') return;
    const ready = isReady(object);
    if (ready !== set.ready) this.#tell(metadata.name, ready ? 'ready' : 'unready', cluster);
    set.ready = ready;
  }
}

function isReady({ metadata, status }: KubeObject): boolean {
  if (!isObject(status)) return false;
  return (
    status.observedGeneration === metadata.generation && status.readyReplicas === 1 && status.updatedReplicas === 1
  );
}
