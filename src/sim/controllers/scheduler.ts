import { jsonEqual, type KubeObject } from '../../base/index.ts';
import {
  conditionOf,
  isFinished,
  isTerminating,
  keyOf,
  kubeTime,
  type Pod,
  splitKey,
  withCondition,
} from '../kinds/index.ts';
import { type Context, queueOf, record, written } from './controller.ts';
import { type Amounts, misfits, type Node, unschedulableMessage, usage } from './fit.ts';
import type { WorkQueue } from './work-queue.ts';

const COMPONENT = 'default-scheduler';

/** Gives pods to nodes with room for them. What fits nowhere waits and is tried again when a node or a pod's end changes the room. */
export function startScheduler(context: Context): WorkQueue {
  const pods = context.informers.of<Pod>('pods');
  const nodes = context.informers.of<Node>('nodes');
  const ledger = new Ledger();
  const waiting = new Set<string>();
  const queue = queueOf(context, COMPONENT, (key) => {
    const { namespace, name } = splitKey(key);
    const pod = pods.get(namespace, name);
    waiting.delete(key);
    if (pod === undefined || !wantsNode(pod)) return undefined;
    if (!schedule(context, pod, [...nodes.all()], ledger)) waiting.add(key);
    return undefined;
  });
  const retryAll = () => {
    for (const key of waiting) queue.add(key);
  };
  pods.onChange((pod, before) => {
    const present = pods.get(pod.metadata.namespace, pod.metadata.name) !== undefined;
    if (ledger.follow(pod, present)) retryAll();
    if (present && wantsNode(pod) && (before === undefined || !jsonEqual(before.spec, pod.spec))) queue.add(keyOf(pod));
  });
  nodes.onChange((node, before) => {
    if (before === undefined || roomMoved(node, before)) retryAll();
  });
  return queue;
}

function roomMoved(node: Node, before: Node): boolean {
  const room = ({ spec, status, metadata }: Node) => [spec, status?.allocatable, metadata.labels] as never;
  return !jsonEqual(room(node), room(before));
}

function wantsNode(pod: Pod): boolean {
  const { schedulerName = COMPONENT, nodeName, schedulingGates = [] } = pod.spec;
  return (
    schedulerName === COMPONENT && !nodeName && schedulingGates.length === 0 && !isFinished(pod) && !isTerminating(pod)
  );
}

/** Which pods take room on which node, kept as they change, so that a decision never adds up the whole cluster. */
class Ledger {
  readonly #nodes = new Map<string, Map<string, Pod>>();

  podsOf(node: string): Iterable<Pod> {
    return this.#nodes.get(node)?.values() ?? [];
  }

  used(node: string): Amounts {
    return usage(this.podsOf(node));
  }

  /** Whether room was set free. */
  follow(pod: Pod, present: boolean): boolean {
    const { nodeName } = pod.spec;
    if (!nodeName) return false;
    const key = keyOf(pod);
    const pods = this.#nodes.get(nodeName) ?? new Map<string, Pod>();
    this.#nodes.set(nodeName, pods);
    if (present && !isFinished(pod)) {
      pods.set(key, pod);
      return false;
    }
    return pods.delete(key);
  }

  take(node: string, pod: Pod): void {
    this.follow({ ...pod, spec: { ...pod.spec, nodeName: node } }, true);
  }
}

function schedule(context: Context, pod: Pod, nodes: readonly Node[], ledger: Ledger): boolean {
  const rated = nodes.map((node) => {
    const used = ledger.used(node.metadata.name);
    return { node, used, reasons: misfits(pod, node, used) };
  });
  const fitting = rated.filter(({ reasons }) => reasons.length === 0);
  const best = fitting.sort(
    (a, b) => fullness(a) - fullness(b) || (a.node.metadata.name < b.node.metadata.name ? -1 : 1),
  )[0];
  if (best === undefined) {
    refuse(context, pod, unschedulableMessage(rated.map(({ reasons }) => reasons)));
    return false;
  }
  bind(context, pod, best.node.metadata.name);
  ledger.take(best.node.metadata.name, pod);
  return true;
}

/** Share of the node that is taken, the pods' number included: the emptiest node is taken first. */
function fullness({ node, used }: { node: Node; used: Amounts }): number {
  const pods = Number(node.status?.allocatable?.pods ?? 1) || 1;
  return (used.get('pods') ?? 0) / pods + (used.get('cpu') ?? 0) / 1e6;
}

function bind(context: Context, pod: Pod, node: string): void {
  const { namespace, name } = pod.metadata;
  // through the door, an update that gives an unplaced pod its node is a binding
  const bound = { ...pod, spec: { ...pod.spec, nodeName: node } };
  written(context.door.update('pods', bound, COMPONENT));
  const message = `Successfully assigned ${namespace}/${name} to ${node}`;
  record(context, COMPONENT, { about: pod, type: 'Normal', reason: 'Scheduled', message });
}

function refuse(context: Context, pod: Pod, message: string): void {
  record(context, COMPONENT, { about: pod, type: 'Warning', reason: 'FailedScheduling', message });
  const before = conditionOf(pod.status?.conditions, 'PodScheduled');
  if (before?.message === message) return;
  const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message } as const;
  const conditions = withCondition(pod.status?.conditions ?? [], condition, kubeTime(context.clock.now()));
  written(
    context.door.update('pods', { ...pod, status: { ...pod.status, conditions } } as KubeObject, COMPONENT, 'status'),
  );
}
