import type { Condition, ContainerState, ContainerStatus, Pod, PodPhase, PodStatus } from '../kinds/index.ts';
import { conditionOf, kubeTime, withCondition } from '../kinds/index.ts';

/** What the kubelet knows of one container; the pod's status follows from these alone. */
export interface ContainerView {
  readonly name: string;
  readonly image: string;
  readonly state: ContainerState;
  readonly lastState: ContainerState;
  readonly restartCount: number;
  readonly started: boolean;
  readonly ready: boolean;
  readonly containerId?: string;
}

export interface PodView {
  readonly pod: Pod;
  readonly init: readonly ContainerView[];
  readonly containers: readonly ContainerView[];
  readonly podIp: string | undefined;
  readonly hostIp: string;
  /** It is being deleted and nothing of it runs any more: its phase is final, whatever its restart policy. */
  readonly ended?: boolean;
  readonly nowMs: number;
}

/** The status of a pod from what is known of its containers; pure. Conditions of others (PodScheduled) stay. */
export function podStatus(view: PodView): PodStatus {
  const { pod, nowMs, podIp, hostIp } = view;
  const before = pod.status ?? {};
  const phase = phaseOf(view);
  const now = kubeTime(nowMs);
  let conditions = before.conditions ?? [];
  for (const condition of conditionsOf(view, phase)) conditions = withCondition(conditions, condition, now);
  return {
    ...before,
    phase,
    conditions: conditions.map((condition) => ({ lastProbeTime: null, ...condition })),
    hostIP: hostIp,
    hostIPs: [{ ip: hostIp }],
    ...(podIp === undefined ? {} : { podIP: podIp, podIPs: [{ ip: podIp }] }),
    startTime: before.startTime ?? now,
    ...(view.init.length > 0 ? { initContainerStatuses: view.init.map(statusOf) } : {}),
    containerStatuses: view.containers.map(statusOf),
    qosClass: before.qosClass ?? qosClass(pod),
  };
}

function statusOf(container: ContainerView): ContainerStatus {
  const { name, image, state, lastState, restartCount, started, ready, containerId } = container;
  return {
    name,
    state,
    lastState,
    ready,
    started,
    restartCount,
    image,
    imageID: state.waiting === undefined || restartCount > 0 ? image : '',
    ...(containerId === undefined ? {} : { containerID: containerId }),
  };
}

/** Pending until every init container is done; then by what runs, and by what ended once nothing will run again. */
export function phaseOf({ pod, init, containers, ended = false }: PodView): PodPhase {
  if (ended) return containers.every(({ state }) => state.terminated?.exitCode === 0) ? 'Succeeded' : 'Failed';
  const policy = pod.spec.restartPolicy ?? 'Always';
  const failedInit = init.some(({ state }) => (state.terminated?.exitCode ?? 0) !== 0);
  if (failedInit && policy === 'Never') return 'Failed';
  if (init.some((container, index) => !isInitDone(pod, container, index))) return 'Pending';
  const states = containers.map(({ state }) => state);
  if (states.every(({ terminated }) => terminated !== undefined) && policy !== 'Always') {
    const failed = states.some(({ terminated }) => terminated?.exitCode !== 0);
    if (!failed) return 'Succeeded';
    if (policy === 'Never') return 'Failed';
  }
  const neverStarted = containers.some(({ state, lastState }) => state.waiting !== undefined && !lastState.terminated);
  return neverStarted ? 'Pending' : 'Running';
}

function isInitDone(pod: Pod, { state, started }: ContainerView, index: number): boolean {
  const sidecar = pod.spec.initContainers?.[index]?.restartPolicy === 'Always';
  return sidecar ? started : state.terminated?.exitCode === 0;
}

function conditionsOf(view: PodView, phase: PodPhase): readonly Condition[] {
  const { pod, init, containers } = view;
  const initialised = init.every((container, index) => isInitDone(pod, container, index));
  const unready = containers.filter(({ ready }) => !ready).map(({ name }) => name);
  const gates = (pod.spec.readinessGates ?? []).filter(({ conditionType }) => {
    return conditionOf(pod.status?.conditions, conditionType)?.status !== 'True';
  });
  const finished = phase === 'Succeeded' ? 'PodCompleted' : phase === 'Failed' ? 'PodFailed' : undefined;
  const notReady =
    finished !== undefined
      ? { reason: finished }
      : { reason: 'ContainersNotReady', message: `containers with unready status: [${unready.join(' ')}]` };
  const containersReady: Condition =
    unready.length === 0 && finished === undefined
      ? { type: 'ContainersReady', status: 'True' }
      : { type: 'ContainersReady', status: 'False', ...notReady };
  const ready: Condition =
    containersReady.status === 'True' && gates.length > 0
      ? { type: 'Ready', status: 'False', reason: 'ReadinessGatesNotReady' }
      : { ...containersReady, type: 'Ready' };
  const incomplete = init.filter((container, index) => !isInitDone(pod, container, index)).map(({ name }) => name);
  const initCondition: Condition = initialised
    ? { type: 'Initialized', status: 'True', ...(phase === 'Succeeded' ? { reason: 'PodCompleted' } : {}) }
    : {
        type: 'Initialized',
        status: 'False',
        reason: 'ContainersNotInitialized',
        message: `containers with incomplete status: [${incomplete.join(' ')}]`,
      };
  const scheduled = conditionOf(pod.status?.conditions, 'PodScheduled') ?? { type: 'PodScheduled', status: 'True' };
  return [
    { type: 'PodReadyToStartContainers', status: finished === undefined ? 'True' : 'False' },
    initCondition,
    ready,
    containersReady,
    { ...scheduled, status: 'True' },
  ];
}

function qosClass({ spec }: Pod): string {
  const resources = [...spec.containers, ...(spec.initContainers ?? [])].map((container) => container.resources ?? {});
  const bare = resources.every(({ requests, limits }) => !hasAny(requests) && !hasAny(limits));
  if (bare) return 'BestEffort';
  const guaranteed = resources.every(({ requests, limits }) =>
    ['cpu', 'memory'].every((name) => {
      const limit = limits?.[name];
      return limit !== undefined && String(requests?.[name] ?? limit) === String(limit);
    }),
  );
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

function hasAny(values: object | undefined): boolean {
  return Object.keys(values ?? {}).length > 0;
}
