import { jsonEqual, type KubeObject } from '../../base/index.ts';
import {
  availableAt,
  isActive,
  isFinished,
  isReady,
  isTerminating,
  keyOf,
  type LabelSelector,
  type Pod,
  type PodTemplate,
  splitKey,
  withoutZeros,
} from '../kinds/index.ts';
import { type Context, claim, enqueueOwners, enqueueSelf, queueOf, writeStatus } from './controller.ts';
import { matchesNode, type Node, tolerates } from './fit.ts';
import { createPod, deletePod } from './pod-factory.ts';
import { ensureRevision, forgetRevisions, REVISIONS, revisionsOf } from './revisions.ts';
import type { IntOrPercent } from './rolling-update.ts';
import { REVISION_HASH } from './statefulset.ts';
import type { WorkQueue } from './work-queue.ts';

const COMPONENT = 'daemonset-controller';
const SETS = 'daemonsets.apps';

export interface DaemonSet extends KubeObject {
  readonly spec: {
    readonly selector: LabelSelector;
    readonly template: PodTemplate;
    readonly updateStrategy?: {
      readonly type?: string;
      readonly rollingUpdate?: { readonly maxUnavailable?: IntOrPercent };
    };
    readonly minReadySeconds?: number;
    readonly revisionHistoryLimit?: number;
  };
  readonly status?: { readonly [field: string]: number };
}

/** What a DaemonSet's pods tolerate beside their own tolerations: a daemon runs where nothing else may. */
const DAEMON_TOLERATIONS = [
  { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/disk-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/pid-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' },
];

export function startDaemonSets(context: Context): WorkQueue {
  const sets = context.informers.of<DaemonSet>(SETS);
  const nodes = context.informers.of<Node>('nodes');
  const queue = queueOf(context, COMPONENT, (key) => {
    const { namespace, name } = splitKey(key);
    const set = sets.get(namespace, name);
    return set === undefined || isTerminating(set) ? undefined : reconcile(context, set, [...nodes.all()]);
  });
  enqueueSelf(sets, queue);
  enqueueOwners(context.informers.of<Pod>('pods'), 'DaemonSet', queue);
  context.informers.of(REVISIONS);
  nodes.onChange((node, before) => {
    const moved =
      before === undefined ||
      !jsonEqual([node.spec, node.metadata.labels] as never, [before.spec, before.metadata.labels] as never);
    if (moved) for (const set of sets.all()) queue.add(keyOf(set));
  });
  return queue;
}

function reconcile(context: Context, set: DaemonSet, nodes: readonly Node[]): number | undefined {
  const pods = claim(context, context.informers.of<Pod>('pods'), 'pods', set, set.spec.selector);
  const revisions = revisionsOf(context, set);
  const newest = ensureRevision(context, set, revisions, REVISION_HASH);
  const hash = newest.metadata.labels?.[REVISION_HASH] ?? '';
  const eligible = new Set(nodes.filter((node) => shouldRun(set, node)).map(({ metadata }) => metadata.name));
  const byNode = new Map<string, Pod[]>();
  for (const pod of pods) byNode.set(nodeOf(pod), [...(byNode.get(nodeOf(pod)) ?? []), pod]);
  for (const [node, own] of byNode) {
    const surplus = eligible.has(node) ? own.filter((pod) => isFinished(pod)) : own;
    for (const pod of surplus) if (!isTerminating(pod)) deletePod(context, COMPONENT, set, pod);
  }
  for (const node of eligible) if (!byNode.has(node)) create(context, set, node, hash);
  if (set.spec.updateStrategy?.type !== 'OnDelete') update(context, set, pods, eligible.size, hash);
  const used = new Set(pods.map((pod) => pod.metadata.labels?.[REVISION_HASH])).add(hash);
  forgetRevisions(context, set, revisions, ({ metadata }) => used.has(metadata.labels?.[REVISION_HASH]));
  return report(context, set, pods, eligible, hash);
}

/** The node that a pod runs on or, not scheduled yet, is meant for. */
function nodeOf({ spec }: Pod): string {
  const term = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms[0];
  return spec.nodeName || (term?.matchFields?.[0]?.values?.[0] ?? '');
}

function shouldRun({ spec }: DaemonSet, node: Node): boolean {
  const tolerations = [...(spec.template.spec.tolerations ?? []), ...DAEMON_TOLERATIONS];
  const taints = (node.spec?.taints ?? []).filter(({ effect }) => effect !== 'PreferNoSchedule');
  return matchesNode(spec.template.spec, node) && taints.every((taint) => tolerates(tolerations, taint));
}

function create(context: Context, set: DaemonSet, node: string, hash: string): void {
  const { template } = set.spec;
  const nodeSelectorTerms = [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] }];
  const nodeAffinity = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } };
  const spec = {
    affinity: { ...template.spec.affinity, nodeAffinity },
    tolerations: [...(template.spec.tolerations ?? []), ...DAEMON_TOLERATIONS],
  };
  createPod(context, COMPONENT, { owner: set, template, labels: { [REVISION_HASH]: hash }, spec });
}

/** Replaces pods of an older template, at most maxUnavailable at a time; those that do not serve go first and at once. */
function update(context: Context, set: DaemonSet, pods: readonly Pod[], wanted: number, hash: string): void {
  const share = set.spec.updateStrategy?.rollingUpdate?.maxUnavailable ?? 1;
  const allowed = typeof share === 'number' ? share : Math.ceil((Number.parseInt(share, 10) * wanted) / 100);
  const old = pods.filter((pod) => isActive(pod) && pod.metadata.labels?.[REVISION_HASH] !== hash);
  const broken = old.filter((pod) => !isReady(pod));
  const serving = pods.filter((pod) => isReady(pod) && isActive(pod)).length;
  const budget = Math.max(0, Math.max(1, allowed) - (wanted - serving));
  const healthy = old.filter(isReady).slice(0, budget);
  for (const pod of [...broken, ...healthy]) deletePod(context, COMPONENT, set, pod);
}

function report(
  context: Context,
  set: DaemonSet,
  pods: readonly Pod[],
  eligible: ReadonlySet<string>,
  hash: string,
): number | undefined {
  const nowMs = context.clock.now();
  const here = pods.filter((pod) => eligible.has(nodeOf(pod)) && isActive(pod));
  const times = here.map((pod) => availableAt(pod, set.spec.minReadySeconds ?? 0)).filter((time) => time !== undefined);
  const later = times.filter((time) => time > nowMs);
  const available = times.length - later.length;
  const status = withoutZeros(
    {
      currentNumberScheduled: here.length,
      numberMisscheduled: pods.filter((pod) => !eligible.has(nodeOf(pod)) && isActive(pod)).length,
      desiredNumberScheduled: eligible.size,
      numberReady: here.filter(isReady).length,
      observedGeneration: set.metadata.generation ?? 0,
      updatedNumberScheduled: here.filter((pod) => pod.metadata.labels?.[REVISION_HASH] === hash).length,
      numberAvailable: available,
      numberUnavailable: eligible.size - available,
    },
    ['currentNumberScheduled', 'numberMisscheduled', 'desiredNumberScheduled', 'numberReady'],
  );
  if (!jsonEqual(status, set.status)) writeStatus(context, SETS, set, status);
  return later.length === 0 ? undefined : Math.min(...later) - nowMs;
}
