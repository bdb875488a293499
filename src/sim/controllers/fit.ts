import type { KubeObject } from '../../base/index.ts';
import {
  matchesExpression,
  matchesLabels,
  milliCpu,
  type NodeTerm,
  type Pod,
  type PodSpec,
  quantity,
  type Resources,
  type Toleration,
} from '../kinds/index.ts';

/** Whether a pod fits a node, as kube-scheduler's filters decide it; pure. */

export type Taint = { readonly key: string; readonly value?: string; readonly effect: string };
export interface Node extends KubeObject {
  readonly spec?: { readonly taints?: readonly Taint[]; readonly unschedulable?: boolean };
  readonly status?: { readonly allocatable?: { readonly [resource: string]: string | number } };
}

/** Amounts in their base unit (cpu in thousandths of a core), by resource name. */
export type Amounts = ReadonlyMap<string, number>;

/** What a pod asks for: the sum of its containers, or its largest init container where that is more. */
export function requestsOf(spec: PodSpec): Amounts {
  const total = new Map<string, number>();
  const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  for (const { resources } of [...spec.containers, ...sidecars]) add(total, amounts(resources));
  for (const { resources, restartPolicy } of spec.initContainers ?? []) {
    if (restartPolicy === 'Always') continue;
    for (const [name, value] of amounts(resources)) total.set(name, Math.max(total.get(name) ?? 0, value));
  }
  return total;
}

function amounts(resources: Resources | undefined): Amounts {
  // a limit without a request is the request too
  const asked = { ...resources?.limits, ...resources?.requests };
  return new Map(Object.entries(asked).map(([name, value]) => [name, amount(name, value)]));
}

function amount(name: string, value: string | number): number {
  return name === 'cpu' ? milliCpu(value) : quantity(value);
}

function add(total: Map<string, number>, more: Amounts): void {
  for (const [name, value] of more) total.set(name, (total.get(name) ?? 0) + value);
}

/** What the pods of one node ask for together; the pods themselves count as `pods`. */
export function usage(pods: Iterable<Pod>): Amounts {
  const total = new Map<string, number>([['pods', 0]]);
  for (const pod of pods) {
    add(total, requestsOf(pod.spec));
    total.set('pods', (total.get('pods') ?? 0) + 1);
  }
  return total;
}

/** Why a pod does not fit a node, in the scheduler's words; none: it fits. */
export function misfits(pod: Pod, node: Node, used: Amounts): readonly string[] {
  if (node.spec?.unschedulable && !tolerates(pod.spec.tolerations, UNSCHEDULABLE))
    return ['node(s) were unschedulable'];
  const taint = node.spec?.taints?.find(({ effect, ...rest }) => {
    return effect !== 'PreferNoSchedule' && !tolerates(pod.spec.tolerations, { effect, ...rest });
  });
  if (taint !== undefined) return [`node(s) had untolerated taint(s)`];
  if (!matchesNode(pod.spec, node)) return ["node(s) didn't match Pod's node affinity/selector"];
  return shortages(pod, node, used);
}

const UNSCHEDULABLE = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

function shortages(pod: Pod, node: Node, used: Amounts): readonly string[] {
  const allocatable = node.status?.allocatable ?? {};
  const room = (name: string) => amount(name, allocatable[name] ?? 0) - (used.get(name) ?? 0);
  const reasons = room('pods') < 1 ? ['Too many pods'] : [];
  for (const [name, asked] of requestsOf(pod.spec)) {
    if (asked > 0 && asked > room(name)) reasons.push(`Insufficient ${name}`);
  }
  return reasons;
}

export function tolerates(tolerations: readonly Toleration[] | undefined, taint: Taint): boolean {
  return (tolerations ?? []).some(({ key, operator, value, effect }) => {
    if (effect && effect !== taint.effect) return false;
    if (key && key !== taint.key) return false;
    return operator === 'Exists' ? true : key !== undefined && (value ?? '') === (taint.value ?? '');
  });
}

/** Node selector and required node affinity. Terms are alternatives, the requirements of one term all hold. */
export function matchesNode(spec: PodSpec, node: KubeObject): boolean {
  if (!matchesLabels(spec.nodeSelector, node.metadata.labels)) return false;
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || required.nodeSelectorTerms.some((term) => matchesTerm(term, node));
}

function matchesTerm({ matchExpressions = [], matchFields = [] }: NodeTerm, node: KubeObject): boolean {
  if (matchExpressions.length + matchFields.length === 0) return false;
  return (
    matchExpressions.every((need) =>
      matchesExpression(need.operator, node.metadata.labels?.[need.key], need.values ?? []),
    ) && matchFields.every((need) => matchesExpression(need.operator, node.metadata.name, need.values ?? []))
  );
}

/** `0/2 nodes are available: 2 Insufficient cpu. preemption: …`, the wording of FailedScheduling. */
export function unschedulableMessage(reasons: readonly (readonly string[])[]): string {
  const total = reasons.length;
  if (total === 0) return 'no nodes available to schedule pods';
  const counts = new Map<string, number>();
  for (const reason of reasons.flat()) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const list = [...counts].map(([reason, count]) => `${count} ${reason}`).sort();
  const scarce = reasons.filter((of) => of.some((reason) => /^(Insufficient|Too many)/.test(reason))).length;
  const never = total - scarce;
  const parts = [
    ...(scarce > 0 ? [`${scarce} No preemption victims found for incoming pod`] : []),
    ...(never > 0 ? [`${never} Preemption is not helpful for scheduling`] : []),
  ];
  return `0/${total} nodes are available: ${list.join(', ')}. preemption: 0/${total} nodes are available: ${parts.join(', ')}.`;
}
