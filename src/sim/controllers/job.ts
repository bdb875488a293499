import { jsonEqual, type KubeObject } from '../../base/index.ts';
import {
  type Condition,
  conditionOf,
  fromKubeTime,
  isFinished,
  isReady,
  isTerminating,
  kubeTime,
  type LabelSelector,
  type Pod,
  type PodTemplate,
  splitKey,
  withCondition,
  withoutZeros,
} from '../kinds/index.ts';
import {
  type Context,
  claim,
  enqueueOwners,
  enqueueSelf,
  MANAGER,
  queueOf,
  record,
  remove,
  writeStatus,
  written,
} from './controller.ts';
import { createPod, deletePod } from './pod-factory.ts';
import type { WorkQueue } from './work-queue.ts';

const COMPONENT = 'job-controller';
const JOBS = 'jobs.batch';
const INDEX = 'batch.kubernetes.io/job-completion-index';
const BACKOFF_FIRST_MS = 10_000;
const BACKOFF_MAX_MS = 600_000;

export interface Job extends KubeObject {
  readonly spec: {
    readonly parallelism?: number;
    readonly completions?: number;
    readonly backoffLimit?: number;
    readonly completionMode?: string;
    readonly suspend?: boolean;
    readonly activeDeadlineSeconds?: number;
    readonly ttlSecondsAfterFinished?: number;
    readonly selector?: LabelSelector;
    readonly manualSelector?: boolean;
    readonly template: PodTemplate;
  };
  readonly status?: {
    readonly active?: number;
    readonly ready?: number;
    readonly succeeded?: number;
    readonly failed?: number;
    readonly terminating?: number;
    readonly completedIndexes?: string;
    readonly startTime?: string;
    readonly completionTime?: string;
    readonly conditions?: readonly Condition[];
    readonly uncountedTerminatedPods?: { readonly [field: string]: readonly string[] };
  };
}

export function startJobs(context: Context): WorkQueue {
  const jobs = context.informers.of<Job>(JOBS);
  const queue = queueOf(context, COMPONENT, (key) => {
    const { namespace, name } = splitKey(key);
    const job = jobs.get(namespace, name);
    return job === undefined || isTerminating(job) ? undefined : reconcile(context, job);
  });
  enqueueSelf(jobs, queue);
  enqueueOwners(context.informers.of<Pod>('pods'), 'Job', queue);
  return queue;
}

type Verdict = { readonly type: 'Complete' | 'Failed'; readonly reason: string; readonly message: string };

interface Observed {
  readonly pods: readonly Pod[];
  readonly active: readonly Pod[];
  readonly succeeded: readonly Pod[];
  readonly failed: readonly Pod[];
}

function reconcile(context: Context, job: Job): number | undefined {
  if (isOver(job)) return expire(context, job);
  const nowMs = context.clock.now();
  const seen = observe(context, job);
  const verdict = judge(job, seen, nowMs);
  const stopped = verdict !== undefined || job.spec.suspend === true;
  if (stopped) for (const pod of seen.active) deletePod(context, COMPONENT, job, pod);
  const againMs = stopped ? undefined : keepWorking(context, job, seen, nowMs);
  const observed = stopped ? { ...seen, active: [] } : seen;
  const status = jobStatus(job, observed, verdict, nowMs);
  if (!jsonEqual(status as never, job.status as never)) writeStatus(context, JOBS, job, status as never);
  if (verdict === undefined) return againMs ?? deadlineIn(job, nowMs);
  announce(context, job, verdict);
  const { ttlSecondsAfterFinished } = job.spec;
  return ttlSecondsAfterFinished === undefined ? undefined : ttlSecondsAfterFinished * 1000;
}

function observe(context: Context, job: Job): Observed {
  // the API server sets the selector of a new Job; one without it would let go of its own pods
  const selector = job.spec.selector ?? {
    matchLabels: { 'batch.kubernetes.io/controller-uid': job.metadata.uid ?? '' },
  };
  const pods = claim(context, context.informers.of<Pod>('pods'), 'pods', job, selector);
  return {
    pods,
    active: pods.filter((pod) => !isFinished(pod) && !isTerminating(pod)),
    succeeded: pods.filter((pod) => pod.status?.phase === 'Succeeded'),
    failed: pods.filter((pod) => pod.status?.phase === 'Failed'),
  };
}

function isOver(job: Job): boolean {
  return (job.status?.conditions ?? []).some(
    ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
  );
}

/** Whether the job has come to its end, and how; pure. */
export function judge(job: Job, { succeeded, failed, pods }: Observed, nowMs: number): Verdict | undefined {
  const { backoffLimit = 6, activeDeadlineSeconds } = job.spec;
  const restarts = pods
    .filter((pod) => !isFinished(pod))
    .flatMap((pod) => pod.status?.containerStatuses ?? [])
    .reduce((sum, { restartCount }) => sum + restartCount, 0);
  const onFailure = job.spec.template.spec.restartPolicy === 'OnFailure';
  if (failed.length > backoffLimit || (onFailure && restarts > 0 && restarts >= backoffLimit)) {
    return { type: 'Failed', reason: 'BackoffLimitExceeded', message: 'Job has reached the specified backoff limit' };
  }
  const startedMs = fromKubeTime(job.status?.startTime);
  if (
    activeDeadlineSeconds !== undefined &&
    startedMs !== undefined &&
    nowMs - startedMs >= activeDeadlineSeconds * 1000
  ) {
    return { type: 'Failed', reason: 'DeadlineExceeded', message: 'Job was active longer than specified deadline' };
  }
  const { completions } = job.spec;
  const done = indexed(job) ? indexesOf(succeeded).size : succeeded.length;
  const living = pods.filter((pod) => !isFinished(pod));
  const complete = completions === undefined ? succeeded.length > 0 && living.length === 0 : done >= completions;
  if (!complete) return undefined;
  return { type: 'Complete', reason: 'CompletionsReached', message: 'Reached expected number of succeeded pods' };
}

function indexed({ spec }: Job): boolean {
  return spec.completionMode === 'Indexed';
}

function indexesOf(pods: readonly Pod[]): ReadonlySet<number> {
  return new Set(pods.map((pod) => Number(pod.metadata.annotations?.[INDEX] ?? -1)));
}

/** Makes pods up to the parallelism; after failures only after a growing wait, which it answers. */
function keepWorking(
  context: Context,
  job: Job,
  { active, succeeded, failed }: Observed,
  nowMs: number,
): number | undefined {
  const { parallelism = 1, completions } = job.spec;
  const left =
    completions === undefined ? (succeeded.length > 0 ? active.length : parallelism) : completions - succeeded.length;
  const wanted = Math.min(parallelism, left);
  for (const pod of active.slice(wanted)) deletePod(context, COMPONENT, job, pod);
  if (active.length >= wanted) return undefined;
  const waitMs = backoffLeft(failed, nowMs);
  if (waitMs > 0) return waitMs;
  const taken = new Set([...indexesOf(active), ...indexesOf(succeeded)]);
  let index = 0;
  for (let made = active.length; made < wanted; made++) {
    while (indexed(job) && taken.has(index)) index++;
    createPod(context, COMPONENT, {
      owner: job,
      template: templateFor(job),
      ...(indexed(job) ? identity(job, index++) : {}),
    });
  }
  return undefined;
}

function identity(job: Job, index: number) {
  const text = String(index);
  const containers = job.spec.template.spec.containers.map((container) => ({
    ...container,
    env: [...(container.env ?? []), { name: 'JOB_COMPLETION_INDEX', value: text }],
  }));
  return { annotations: { [INDEX]: text }, labels: { [INDEX]: text }, spec: { containers: containers as never } };
}

function templateFor({ spec, metadata }: Job): PodTemplate {
  const own: { readonly [label: string]: string } = spec.manualSelector
    ? {}
    : {
        'batch.kubernetes.io/controller-uid': metadata.uid ?? '',
        'batch.kubernetes.io/job-name': metadata.name,
        'controller-uid': metadata.uid ?? '',
        'job-name': metadata.name,
      };
  return {
    ...spec.template,
    metadata: { ...spec.template.metadata, labels: { ...own, ...spec.template.metadata?.labels } },
  };
}

/** After the n-th failure the next pod waits 10 s × 2^(n-1), at most 10 minutes, from the last failure on. */
export function backoffLeft(failed: readonly Pod[], nowMs: number): number {
  if (failed.length === 0) return 0;
  const ends = failed.map((pod) => {
    const finished = (pod.status?.containerStatuses ?? []).map(({ state }) => state?.terminated?.finishedAt);
    const told = [...finished, conditionOf(pod.status?.conditions, 'Ready')?.lastTransitionTime];
    return Math.max(0, ...told.map((time) => fromKubeTime(time) ?? 0));
  });
  const delay = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(failed.length - 1, 20));
  return Math.max(0, Math.max(0, ...ends) + delay - nowMs);
}

function deadlineIn({ spec, status }: Job, nowMs: number): number | undefined {
  const startedMs = fromKubeTime(status?.startTime);
  if (spec.activeDeadlineSeconds === undefined || startedMs === undefined) return undefined;
  return Math.max(0, startedMs + spec.activeDeadlineSeconds * 1000 - nowMs);
}

function jobStatus(
  job: Job,
  { active, succeeded, failed, pods }: Observed,
  verdict: Verdict | undefined,
  nowMs: number,
) {
  const now = kubeTime(nowMs);
  let conditions = job.status?.conditions ?? [];
  const set = (type: string, status: Condition['status'], reason: string, message: string) => {
    if (conditionOf(conditions, type)?.status === status) return;
    conditions = withCondition(conditions, { type, status, lastProbeTime: now, reason, message }, now);
  };
  const suspended = job.spec.suspend === true;
  if (suspended) set('Suspended', 'True', 'JobSuspended', 'Job suspended');
  else if (conditionOf(conditions, 'Suspended')) set('Suspended', 'False', 'JobResumed', 'Job resumed');
  if (verdict !== undefined) {
    // since 1.31 the outcome is named first, and the final condition follows once no pod of it runs
    const early = verdict.type === 'Complete' ? 'SuccessCriteriaMet' : 'FailureTarget';
    set(early, 'True', verdict.reason, verdict.message);
    set(verdict.type, 'True', verdict.reason, verdict.message);
  }
  const startTime = suspended ? undefined : (job.status?.startTime ?? now);
  const indexes = [...indexesOf(succeeded)].sort((a, b) => a - b);
  return withoutZeros(
    {
      ...(conditions.length > 0 ? { conditions } : {}),
      ...(startTime === undefined ? {} : { startTime }),
      ...(verdict?.type === 'Complete' ? { completionTime: now } : {}),
      active: active.length,
      ready: active.filter(isReady).length,
      terminating: pods.filter((pod) => isTerminating(pod) && !isFinished(pod)).length,
      succeeded: succeeded.length,
      failed: failed.length,
      ...(indexed(job) && indexes.length > 0 ? { completedIndexes: indexes.join(',') } : {}),
      uncountedTerminatedPods: {},
    },
    ['ready', 'terminating'],
  );
}

function announce(context: Context, job: Job, { type, reason, message }: Verdict): void {
  if (type === 'Complete') {
    record(context, COMPONENT, { about: job, type: 'Normal', reason: 'Completed', message: 'Job completed' });
  } else {
    record(context, COMPONENT, { about: job, type: 'Warning', reason, message });
  }
}

/** A job with a time to live is deleted when it has been over for so long. */
function expire(context: Context, job: Job): number | undefined {
  const { ttlSecondsAfterFinished } = job.spec;
  if (ttlSecondsAfterFinished === undefined) return undefined;
  const over = (job.status?.conditions ?? []).find(
    ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
  );
  const leftMs = (fromKubeTime(over?.lastTransitionTime) ?? 0) + ttlSecondsAfterFinished * 1000 - context.clock.now();
  if (leftMs > 0) return leftMs;
  remove(context, JOBS, job);
  return undefined;
}

/** The object as it stands after a write of its spec; used by CronJob. @throws ApiFailure */
export function createJob(context: Context, job: KubeObject): KubeObject {
  return written(context.door.create(JOBS, job, MANAGER));
}
