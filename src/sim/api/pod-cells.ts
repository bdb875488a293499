/** The status words of a pod as `kubectl get pods` shows them: the most telling state of its containers. */
import type { Json, KubeObject } from '../../base/index.ts';
import { age } from './age.ts';
import { list } from './cells.ts';
import { type Fields, part } from './cluster.ts';
import { fields } from './strategy.ts';

export function podReady(pod: KubeObject): Json {
  const total = list(part(pod, 'spec').containers).length;
  const ready = statuses(pod, 'containerStatuses').filter((one) => one.ready === true && running(one)).length;
  return `${ready}/${total}`;
}

function statuses(pod: KubeObject, field: 'containerStatuses' | 'initContainerStatuses'): readonly Fields[] {
  return list(part(pod, 'status')[field]).map(fields);
}

function running(container: Fields): boolean {
  return fields(container.state).running !== undefined;
}

export function podRestarts(pod: KubeObject, nowMs: number): Json {
  const all = [...statuses(pod, 'containerStatuses'), ...statuses(pod, 'initContainerStatuses')];
  const count = statuses(pod, 'containerStatuses').reduce((sum, one) => sum + Number(one.restartCount ?? 0), 0);
  const ends = all
    .map((one) => fields(fields(one.lastState).terminated).finishedAt)
    .filter((end) => typeof end === 'string');
  const last = ends.sort().at(-1);
  return count > 0 && last !== undefined ? `${count} (${age(last, nowMs)} ago)` : String(count);
}

export function podStatus(pod: KubeObject): Json {
  const status = part(pod, 'status');
  const base = String(status.reason ?? status.phase ?? 'Unknown');
  const initializing = initStatus(pod);
  const reason = initializing ?? containersStatus(pod, gated(status) ? 'SchedulingGated' : base);
  if (pod.metadata.deletionTimestamp === undefined) return reason;
  if (status.reason === 'NodeLost') return 'Unknown';
  return status.phase === 'Succeeded' || status.phase === 'Failed' ? reason : 'Terminating';
}

function gated(status: Fields): boolean {
  return list(status.conditions)
    .map(fields)
    .some((one) => one.type === 'PodScheduled' && one.reason === 'SchedulingGated');
}

/** `Init:1/2`, `Init:CrashLoopBackOff`, …, or undefined when every init container is done. */
function initStatus(pod: KubeObject): string | undefined {
  const all = statuses(pod, 'initContainerStatuses');
  for (const [index, container] of all.entries()) {
    const { terminated, waiting } = fields(container.state);
    if (terminated !== undefined && Number(fields(terminated).exitCode ?? 0) === 0) continue;
    if (container.started === true && restartsAlways(pod, container)) continue;
    if (terminated !== undefined) return `Init:${terminatedReason(fields(terminated))}`;
    const reason = fields(waiting).reason;
    if (typeof reason === 'string' && reason !== '' && reason !== 'PodInitializing') return `Init:${reason}`;
    return `Init:${index}/${list(part(pod, 'spec').initContainers).length}`;
  }
  return undefined;
}

function restartsAlways(pod: KubeObject, container: Fields): boolean {
  return list(part(pod, 'spec').initContainers)
    .map(fields)
    .some((one) => one.name === container.name && one.restartPolicy === 'Always');
}

function terminatedReason(terminated: Fields): string {
  if (typeof terminated.reason === 'string' && terminated.reason !== '') return terminated.reason;
  return Number(terminated.signal ?? 0) !== 0
    ? `Signal:${String(terminated.signal)}`
    : `ExitCode:${String(terminated.exitCode ?? 0)}`;
}

/** The first container in trouble names the pod's state. */
function containersStatus(pod: KubeObject, base: string): string {
  let reason = base;
  let hasRunning = false;
  for (const container of statuses(pod, 'containerStatuses').toReversed()) {
    const { waiting, terminated } = fields(container.state);
    const why = fields(waiting).reason;
    if (typeof why === 'string' && why !== '') reason = why;
    else if (terminated !== undefined) reason = terminatedReason(fields(terminated));
    else if (container.ready === true && running(container)) hasRunning = true;
  }
  if (reason !== 'Completed' || !hasRunning) return reason;
  const ready = list(part(pod, 'status').conditions)
    .map(fields)
    .some((one) => one.type === 'Ready' && one.status === 'True');
  return ready ? 'Running' : 'NotReady';
}
