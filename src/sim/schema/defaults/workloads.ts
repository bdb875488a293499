/** Defaults of the kinds that own pods. */
import { type Draft, each, fill, made, under } from './draft.ts';
import { podTemplate } from './pod.ts';

export function deployment(object: Draft): void {
  const spec = made(object, 'spec');
  fill(spec, { replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600 });
  const strategy = made(spec, 'strategy');
  fill(strategy, { type: 'RollingUpdate' });
  if (strategy.type === 'RollingUpdate')
    fill(made(strategy, 'rollingUpdate'), { maxUnavailable: '25%', maxSurge: '25%' });
  podTemplate(spec);
}

export function replicaSet(object: Draft): void {
  const spec = made(object, 'spec');
  fill(spec, { replicas: 1 });
  podTemplate(spec);
}

export function replicationController(object: Draft): void {
  const spec = made(object, 'spec');
  const labels = under(spec, 'template', 'metadata', 'labels');
  if (labels !== undefined) {
    fill(spec, { selector: { ...labels } });
    fill(made(object, 'metadata'), { labels: { ...labels } });
  }
  replicaSet(object);
}

export function statefulSet(object: Draft): void {
  const spec = made(object, 'spec');
  fill(spec, { podManagementPolicy: 'OrderedReady', replicas: 1, revisionHistoryLimit: 10 });
  const strategy = made(spec, 'updateStrategy');
  fill(strategy, { type: 'RollingUpdate' });
  if (strategy.type === 'RollingUpdate') fill(made(strategy, 'rollingUpdate'), { partition: 0 });
  fill(made(spec, 'persistentVolumeClaimRetentionPolicy'), { whenDeleted: 'Retain', whenScaled: 'Retain' });
  for (const claim of each(spec, 'volumeClaimTemplates')) {
    Object.assign(claim, { apiVersion: 'v1', kind: 'PersistentVolumeClaim' });
    persistentVolumeClaim(claim);
  }
  podTemplate(spec);
}

export function persistentVolumeClaim(object: Draft): void {
  fill(made(object, 'spec'), { volumeMode: 'Filesystem' });
  fill(made(object, 'status'), { phase: 'Pending' });
}

export function daemonSet(object: Draft): void {
  const spec = made(object, 'spec');
  fill(spec, { revisionHistoryLimit: 10 });
  // The type that the server keeps has a field that v1 shows as an annotation only.
  fill(made(made(object, 'metadata'), 'annotations'), { 'deprecated.daemonset.template.generation': '1' });
  const strategy = made(spec, 'updateStrategy');
  fill(strategy, { type: 'RollingUpdate' });
  if (strategy.type === 'RollingUpdate') fill(made(strategy, 'rollingUpdate'), { maxUnavailable: 1, maxSurge: 0 });
  podTemplate(spec);
}

const INT32_MAX = 2 ** 31 - 1;

export function job(object: Draft): void {
  const spec = made(object, 'spec');
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  fill(spec, {
    parallelism: 1,
    backoffLimit: spec.backoffLimitPerIndex === undefined ? 6 : INT32_MAX,
    completionMode: 'NonIndexed',
    suspend: false,
    manualSelector: false,
    podReplacementPolicy: spec.podFailurePolicy === undefined ? 'TerminatingOrFailed' : 'Failed',
  });
  for (const rule of each(under(spec, 'podFailurePolicy'), 'rules')) {
    for (const pattern of each(rule, 'onPodConditions')) {
      if (pattern.status === '') pattern.status = 'True';
    }
  }
  const labels = under(spec, 'template', 'metadata', 'labels');
  if (labels !== undefined) fill(made(object, 'metadata'), { labels: { ...labels } });
  podTemplate(spec);
}

export function cronJob(object: Draft): void {
  const spec = made(object, 'spec');
  fill(spec, { concurrencyPolicy: 'Allow', suspend: false, successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 1 });
  podTemplate(under(spec, 'jobTemplate', 'spec'));
}
