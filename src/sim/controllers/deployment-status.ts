import { type Condition, conditionOf, fromKubeTime, kubeTime, withCondition, withoutZeros } from '../kinds/index.ts';
import type { Deployment, DeploymentStatus } from './deployment-types.ts';
import type { ReplicaSet } from './replicaset.ts';
import { resolveBounds } from './rolling-update.ts';

/** Kubernetes' word for "no deadline": the largest int32. */
const NO_DEADLINE = 2_147_483_647;

export interface Observed {
  readonly deployment: Deployment;
  readonly fresh: ReplicaSet | undefined;
  readonly sets: readonly ReplicaSet[];
  readonly nowMs: number;
  /** A condition that this pass found (a new ReplicaSet, a failure to make one). */
  readonly progress?: Pick<Condition, 'status' | 'reason' | 'message'> | undefined;
  readonly collisionCount: number | undefined;
}

/** A Deployment's status from its ReplicaSets, and after how many milliseconds its progress deadline has to be looked at. */
export function deploymentStatus(observed: Observed): { status: DeploymentStatus; againMs: number | undefined } {
  const { deployment, sets, fresh, nowMs } = observed;
  const counts = countReplicas(sets, fresh);
  const before = deployment.status ?? {};
  const next = { ...counts, observedGeneration: deployment.metadata.generation ?? 0 };
  let conditions = withProgress(before.conditions ?? [], observed.progress, nowMs);
  conditions = availability(deployment, counts.availableReplicas, conditions, nowMs);
  const progressed = progressing(observed, next, conditions);
  conditions = failureOf(sets, progressed.conditions, nowMs);
  const status = withoutZeros({ ...next, collisionCount: observed.collisionCount ?? 0, conditions });
  return { status: status as DeploymentStatus, againMs: progressed.againMs };
}

function countReplicas(sets: readonly ReplicaSet[], fresh: ReplicaSet | undefined) {
  const total = (read: (status: NonNullable<ReplicaSet['status']>) => number | undefined) =>
    sets.reduce((sum, set) => sum + (read(set.status ?? {}) ?? 0), 0);
  const wanted = sets.reduce((sum, set) => sum + (set.spec.replicas ?? 0), 0);
  const availableReplicas = total((status) => status.availableReplicas);
  return {
    replicas: total((status) => status.replicas),
    updatedReplicas: fresh?.status?.replicas ?? 0,
    readyReplicas: total((status) => status.readyReplicas),
    availableReplicas,
    unavailableReplicas: Math.max(0, wanted - availableReplicas),
  };
}

function availability(
  { spec }: Deployment,
  available: number,
  conditions: readonly Condition[],
  nowMs: number,
): readonly Condition[] {
  const desired = spec.replicas ?? 1;
  const rolling = spec.strategy?.type !== 'Recreate';
  const { rollingUpdate } = spec.strategy ?? {};
  const missing = rolling
    ? resolveBounds(desired, rollingUpdate?.maxSurge, rollingUpdate?.maxUnavailable).maxUnavailable
    : 0;
  const enough = available >= desired - missing;
  return setCondition(conditions, nowMs, {
    type: 'Available',
    status: enough ? 'True' : 'False',
    reason: enough ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
    message: enough ? 'Deployment has minimum availability.' : 'Deployment does not have minimum availability.',
  });
}

type Counts = ReturnType<typeof countReplicas> & { observedGeneration: number };

function progressing({ deployment, fresh, nowMs }: Observed, next: Counts, conditions: readonly Condition[]) {
  const deadlineS = deployment.spec.progressDeadlineSeconds ?? 600;
  const current = conditionOf(conditions, 'Progressing');
  if (deadlineS === NO_DEADLINE) {
    return { conditions: conditions.filter(({ type }) => type !== 'Progressing'), againMs: undefined };
  }
  const settled = next.replicas === next.updatedReplicas && current?.reason === 'NewReplicaSetAvailable';
  if (settled || deployment.spec.paused) return { conditions, againMs: undefined };
  const about =
    fresh === undefined ? `Deployment "${deployment.metadata.name}"` : `ReplicaSet "${fresh.metadata.name}"`;
  const say = (status: Condition['status'], reason: string, what: string) =>
    renewCondition(conditions, nowMs, { type: 'Progressing', status, reason, message: `${about} ${what}` });
  if (isComplete(deployment, next)) {
    return { conditions: say('True', 'NewReplicaSetAvailable', 'has successfully progressed.'), againMs: undefined };
  }
  if (hasMoved(deployment.status ?? {}, next)) {
    return { conditions: say('True', 'ReplicaSetUpdated', 'is progressing.'), againMs: deadlineS * 1000 };
  }
  const sinceMs = fromKubeTime(current?.lastUpdateTime);
  if (current === undefined || current.reason === 'NewReplicaSetAvailable' || sinceMs === undefined) {
    return { conditions, againMs: undefined };
  }
  if (current.reason === 'ProgressDeadlineExceeded') return { conditions, againMs: undefined };
  const leftMs = sinceMs + deadlineS * 1000 - nowMs;
  if (leftMs > 0) return { conditions, againMs: leftMs };
  return { conditions: say('False', 'ProgressDeadlineExceeded', 'has timed out progressing.'), againMs: undefined };
}

/** Every pod is of the newest template, all of them wanted, all of them available. */
export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const desired = deployment.spec.replicas ?? 1;
  return (
    (status.updatedReplicas ?? 0) === desired &&
    (status.replicas ?? 0) === desired &&
    (status.availableReplicas ?? 0) === desired &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
}

function hasMoved(before: DeploymentStatus, next: Counts): boolean {
  const old = (status: DeploymentStatus) => (status.replicas ?? 0) - (status.updatedReplicas ?? 0);
  return (
    next.updatedReplicas > (before.updatedReplicas ?? 0) ||
    old(next) < old(before) ||
    next.readyReplicas > (before.readyReplicas ?? 0) ||
    next.availableReplicas > (before.availableReplicas ?? 0)
  );
}

function failureOf(sets: readonly ReplicaSet[], conditions: readonly Condition[], nowMs: number): readonly Condition[] {
  const failure = sets.map((set) => conditionOf(set.status?.conditions, 'ReplicaFailure')).find(Boolean);
  if (failure === undefined) return conditions.filter(({ type }) => type !== 'ReplicaFailure');
  const { type, status, reason, message } = failure;
  return setCondition(conditions, nowMs, {
    type,
    status,
    ...(reason ? { reason } : {}),
    ...(message ? { message } : {}),
  });
}

function withProgress(conditions: readonly Condition[], progress: Observed['progress'], nowMs: number) {
  return progress === undefined ? conditions : setCondition(conditions, nowMs, { type: 'Progressing', ...progress });
}

/** Sets a condition unless it already says the same (then its times stay). */
function setCondition(conditions: readonly Condition[], nowMs: number, next: Condition): readonly Condition[] {
  const before = conditionOf(conditions, next.type);
  if (before?.status === next.status && before.reason === next.reason) return conditions;
  return renewCondition(conditions, nowMs, next);
}

/** Sets a condition with a new update time even when it says the same: that is how progress is counted. It then stands last. */
function renewCondition(conditions: readonly Condition[], nowMs: number, next: Condition): readonly Condition[] {
  const now = kubeTime(nowMs);
  const others = conditions.filter(({ type }) => type !== next.type);
  const made = withCondition(conditions, { ...next, lastUpdateTime: now }, now).filter(
    ({ type }) => type === next.type,
  );
  return [...others, ...made];
}
