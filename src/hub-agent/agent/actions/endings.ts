/**
 * Whether containers end while they are watched. A container without a probe is ready as soon as it is started, also in the
 * moments between two crashes: its count of restarts tells, a look at readiness may not.
 */
import { isObject, type JsonObject, type KubeObject, refOf } from '../../../base/index.ts';
import { mayHavePods, podsOf } from '../../../kubernetes/index.ts';
import type { Unwell } from '../why.ts';
import type { Work } from './work.ts';

export interface Endings<T extends Unwell> {
  /** Those whose containers have ended since this was asked before, as not ready; the first time: none. */
  since(seen: readonly T[]): Promise<readonly T[]>;
}

/** By uid of the pod and name of the container. What is done once is no server: pods of Jobs are not watched. */
type Restarts = ReadonlyMap<string, number>;
const ONCE = ['Job', 'CronJob'];

export function createEndings<T extends Unwell>({ client }: Pick<Work, 'client'>): Endings<T> {
  let before: Restarts | undefined;
  return {
    async since(seen) {
      const now = new Map<string, number>();
      const ended: T[] = [];
      for (const one of seen) {
        const ending = await read(one, before, now);
        if (ending !== undefined) ended.push({ ...one, status: { status: 'inProgress', message: ending } });
      }
      before = now;
      return ended;
    },
  };

  /** Notes the restarts of an object's pods; answers the first that is new. Pods that may not be read say nothing. */
  async function read(
    { object }: Unwell,
    known: Restarts | undefined,
    now: Map<string, number>,
  ): Promise<string | undefined> {
    if (object === undefined || !mayHavePods(object) || ONCE.includes(object.kind)) return undefined;
    const found = await podsOf(client, object);
    let ending: string | undefined;
    for (const pod of found.kind === 'listed' ? found.pods : []) {
      for (const container of containersOf(pod)) {
        const key = `${pod.metadata.uid}/${String(container.name)}`;
        const restarts = Number(container.restartCount ?? 0);
        now.set(key, restarts);
        if (known !== undefined && restarts > (known.get(key) ?? 0)) ending ??= endingText(pod, container);
      }
    }
    return ending;
  }
}

function containersOf({ status }: KubeObject): readonly JsonObject[] {
  const found = isObject(status) ? status.containerStatuses : undefined;
  return Array.isArray(found) ? found.filter(isObject) : [];
}

function endingText(pod: KubeObject, { name, lastState }: JsonObject): string {
  const ended = isObject(lastState) && isObject(lastState.terminated) ? lastState.terminated : {};
  const exit = ended.exitCode === undefined ? '' : ` with exit code ${String(ended.exitCode)}`;
  return `container ${String(name)} of ${refOf(pod).name} was ready, and ended${exit} a moment later`;
}
