import { errorText, jsonEqual, type KubeObject } from '../../base/index.ts';
import { byAge, controllerReference, fromKubeTime, isTerminating, kubeTime, splitKey } from '../kinds/index.ts';
import {
  ApiFailure,
  type Context,
  enqueueOwners,
  enqueueSelf,
  queueOf,
  record,
  remove,
  writeStatus,
} from './controller.ts';
import { nextTime, parseSchedule, type Schedule } from './cron-schedule.ts';
import { createJob, type Job } from './job.ts';
import type { WorkQueue } from './work-queue.ts';

const COMPONENT = 'cronjob-controller';
const CRONJOBS = 'cronjobs.batch';
const JOBS = 'jobs.batch';
/** A CronJob that missed more starts than this without a deadline is told, not flooded. */
const MISSED_MAX = 100;
/** Kubernetes' controller looks at most this far ahead too: a timer never outlives a changed clock by more. */
const LOOK_AHEAD_MS = 3_600_000;

export interface CronJob extends KubeObject {
  readonly spec: {
    readonly schedule: string;
    readonly timeZone?: string;
    readonly suspend?: boolean;
    readonly concurrencyPolicy?: string;
    readonly startingDeadlineSeconds?: number;
    readonly successfulJobsHistoryLimit?: number;
    readonly failedJobsHistoryLimit?: number;
    readonly jobTemplate: { readonly metadata?: KubeObject['metadata']; readonly spec: KubeObject['spec'] };
  };
  readonly status?: {
    readonly active?: readonly { readonly [field: string]: string | undefined }[];
    readonly lastScheduleTime?: string;
    readonly lastSuccessfulTime?: string;
  };
}

export function startCronJobs(context: Context): WorkQueue {
  const cronJobs = context.informers.of<CronJob>(CRONJOBS);
  const queue = queueOf(context, COMPONENT, (key) => {
    const { namespace, name } = splitKey(key);
    const cronJob = cronJobs.get(namespace, name);
    return cronJob === undefined || isTerminating(cronJob) ? undefined : reconcile(context, cronJob);
  });
  enqueueSelf(cronJobs, queue);
  enqueueOwners(context.informers.of<Job>(JOBS), 'CronJob', queue);
  return queue;
}

function reconcile(context: Context, cronJob: CronJob): number | undefined {
  const jobs = [...context.informers.of<Job>(JOBS).ownedBy(cronJob.metadata.uid)].sort(byAge);
  const active = jobs.filter((job) => outcome(job) === undefined);
  forget(context, jobs, 'Complete', cronJob.spec.successfulJobsHistoryLimit ?? 3);
  forget(context, jobs, 'Failed', cronJob.spec.failedJobsHistoryLimit ?? 1);
  let schedule: Schedule;
  try {
    schedule = parseSchedule(cronJob.spec.schedule);
  } catch (error) {
    const message = `unparseable schedule: ${cronJob.spec.schedule} : ${errorText(error)}`;
    record(context, COMPONENT, { about: cronJob, type: 'Warning', reason: 'UnparseableSchedule', message });
    return undefined;
  }
  const nowMs = context.clock.now();
  const due = cronJob.spec.suspend ? undefined : dueTime(cronJob, schedule, nowMs);
  const started = due === undefined ? undefined : startJob(context, cronJob, active, due);
  report(context, cronJob, started === undefined ? active : [...active, started], jobs, started && due);
  if (cronJob.spec.suspend) return undefined;
  const next = nextTime(schedule, nowMs);
  return next === undefined ? undefined : Math.min(LOOK_AHEAD_MS, next - nowMs);
}

function outcome(job: Job): 'Complete' | 'Failed' | undefined {
  const over = job.status?.conditions?.find(
    ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
  );
  return over?.type as 'Complete' | 'Failed' | undefined;
}

/** The latest start that is due and was not made yet; starts missed before it are dropped, as Kubernetes does. */
export function dueTime(cronJob: CronJob, schedule: Schedule, nowMs: number): number | undefined {
  const { startingDeadlineSeconds } = cronJob.spec;
  const last = cronJob.status?.lastScheduleTime ?? cronJob.metadata.creationTimestamp;
  let fromMs = fromKubeTime(last) ?? nowMs;
  if (startingDeadlineSeconds !== undefined) fromMs = Math.max(fromMs, nowMs - startingDeadlineSeconds * 1000);
  let due: number | undefined;
  for (let missed = 0; missed < MISSED_MAX; missed++) {
    const time = nextTime(schedule, due ?? fromMs);
    if (time === undefined || time > nowMs) return due;
    due = time;
  }
  // too many: only the newest minutes are looked at
  return dueTime({ ...cronJob, status: { lastScheduleTime: kubeTime(nowMs - 60_000) } }, schedule, nowMs) ?? due;
}

function startJob(context: Context, cronJob: CronJob, active: readonly Job[], dueMs: number): Job | undefined {
  const { concurrencyPolicy = 'Allow' } = cronJob.spec;
  if (concurrencyPolicy === 'Forbid' && active.length > 0) {
    const message = 'Not starting job because prior execution is running and concurrency policy is Forbid';
    record(context, COMPONENT, { about: cronJob, type: 'Normal', reason: 'JobAlreadyActive', message });
    return undefined;
  }
  if (concurrencyPolicy === 'Replace') for (const job of active) remove(context, JOBS, job);
  const { name: owner, namespace = '' } = cronJob.metadata;
  const { metadata, spec } = cronJob.spec.jobTemplate;
  const name = `${owner}-${Math.floor(dueMs / 60_000)}`;
  const annotations = { ...metadata?.annotations, 'batch.kubernetes.io/cronjob-scheduled-timestamp': kubeTime(dueMs) };
  const labels = metadata?.labels === undefined ? {} : { labels: metadata.labels };
  const job = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace, ...labels, annotations, ownerReferences: [controllerReference(cronJob)] },
    spec,
  };
  try {
    const created = createJob(context, job as KubeObject) as Job;
    record(context, COMPONENT, {
      about: cronJob,
      type: 'Normal',
      reason: 'SuccessfulCreate',
      message: `Created job ${name}`,
    });
    return created;
  } catch (error) {
    // the name says the minute: it was made before, and only the status is behind
    if (error instanceof ApiFailure && error.reason === 'AlreadyExists') {
      return context.door.get(JOBS, namespace, name) as Job | undefined;
    }
    throw error;
  }
}

function report(
  context: Context,
  cronJob: CronJob,
  active: readonly Job[],
  jobs: readonly Job[],
  startedMs: number | undefined,
): void {
  const successes = jobs.filter((job) => outcome(job) === 'Complete').map((job) => job.status?.completionTime ?? '');
  const lastSuccess = [cronJob.status?.lastSuccessfulTime ?? '', ...successes].sort().at(-1);
  const lastSchedule = startedMs === undefined ? cronJob.status?.lastScheduleTime : kubeTime(startedMs);
  const references = active.map(({ apiVersion, kind, metadata: { namespace, name, uid } }) => ({
    apiVersion,
    kind,
    namespace,
    name,
    uid,
  }));
  const status = {
    ...(references.length > 0 ? { active: references } : {}),
    ...(lastSchedule ? { lastScheduleTime: lastSchedule } : {}),
    ...(lastSuccess ? { lastSuccessfulTime: lastSuccess } : {}),
  };
  if (!jsonEqual(status, cronJob.status ?? {})) writeStatus(context, CRONJOBS, cronJob, status);
}

function forget(context: Context, jobs: readonly Job[], how: 'Complete' | 'Failed', keep: number): void {
  const over = jobs.filter((job) => outcome(job) === how);
  for (const job of over.slice(0, Math.max(0, over.length - keep))) remove(context, JOBS, job);
}
