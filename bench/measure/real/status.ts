/**
 * Status from below: a pod of a set stops being ready (its status is written as its kubelet would) and becomes ready again;
 * from the moment when the member's own watch shows the Deployment's change until the hub shows it.
 */
import { routes } from '../../../src/api/client/index.ts';
import { isObject } from '../../../src/base/index.ts';
import { spread } from '../figures.ts';
import type { RealFleet } from './fleet.ts';
import type { BenchSet } from './sets.ts';
import { eventually, within } from './wait.ts';

const STRATEGIC = 'application/strategic-merge-patch+json';
/** Each look at the hub is one GET; the next follows so long after its answer. */
const LOOK_EVERY_MS = 2;

interface Change {
  /** The hub can be seen to have it before this process has read its own watch: then it is 0. */
  readonly memberToHubMs: number;
  /** From the answer to the pod's change: the member's controllers are in it. */
  readonly podToHubMs: number;
}

/** Two changes of each set in turn: not ready, ready. */
export async function statusChanges(fleet: RealFleet, sets: readonly BenchSet[]) {
  const down: Change[] = [];
  const up: Change[] = [];
  for (const set of sets) {
    const [cluster = ''] = fleet.presence.clustersOf(set.name);
    const pod = await podOf(fleet, set, cluster);
    down.push(await change(fleet, set, cluster, pod, false));
    up.push(await change(fleet, set, cluster, pod, true));
  }
  const both = [...down, ...up];
  return {
    memberToHubMs: spread(both.map(({ memberToHubMs }) => memberToHubMs)),
    memberToHubNotReadyMs: spread(down.map(({ memberToHubMs }) => memberToHubMs)),
    memberToHubReadyMs: spread(up.map(({ memberToHubMs }) => memberToHubMs)),
    podToHubMs: spread(both.map(({ podToHubMs }) => podToHubMs)),
  };
}

async function change(fleet: RealFleet, set: BenchSet, cluster: string, pod: string, ready: boolean): Promise<Change> {
  const sight = ready ? 'ready' : 'unready';
  fleet.presence.forget(set.name, sight);
  const seen = fleet.presence.seen(set.name, sight, cluster);
  await setReady(fleet, cluster, pod, ready);
  const changedMs = performance.now();
  const look = async () => ((await isCurrent(fleet, set)) === ready ? performance.now() : undefined);
  const shownMs = await eventually(`the hub shows ${set.name}`, look, { everyMs: LOOK_EVERY_MS });
  const seenMs = await within(`${set.name} is ${sight}`, seen);
  return { memberToHubMs: Math.max(0, shownMs - seenMs), podToHubMs: shownMs - changedMs };
}

async function isCurrent({ client }: RealFleet, { name }: BenchSet): Promise<boolean> {
  const { items } = await client.call(routes.functions.list, { query: { stack: name } });
  return items[0]?.locations[0]?.status === 'current';
}

async function podOf({ kube }: RealFleet, { name, namespace }: BenchSet, cluster: string): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/pods`;
  const answer = await kube.get(cluster)?.request({ method: 'GET', path, query: { labelSelector: `app=${name}` } });
  const items =
    answer?.kind === 'answered' && isObject(answer.body) ? (answer.body.items as { metadata: { name: string } }[]) : [];
  if (items[0] === undefined) throw new Error(`${name} has no pod on ${cluster}`);
  return `${path}/${items[0].metadata.name}`;
}

async function setReady({ kube }: RealFleet, cluster: string, pod: string, ready: boolean): Promise<void> {
  const status = ready ? 'True' : 'False';
  const conditions = ['ContainersReady', 'Ready'].map((type) => ({ type, status }));
  const request = {
    method: 'PATCH',
    path: `${pod}/status`,
    body: { status: { conditions } },
    contentType: STRATEGIC,
  } as const;
  const answer = await kube.get(cluster)?.request(request);
  if (answer?.kind !== 'answered' || answer.status !== 200) throw new Error(`${pod}: ${JSON.stringify(answer)}`);
}
