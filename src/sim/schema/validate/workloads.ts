/** Rules about the kinds that own pods, and what of them may not change. */
import { isObject, type Json, jsonEqual, type KubeObject } from '../../../base/index.ts';
import { checkLabels, checkSelector, isEmptySelector, selects } from './metadata.ts';
import { percent } from './names.ts';
import { checkPodSpec } from './pod.ts';
import { fields, list, part, text } from './read.ts';
import type { Report } from './report.ts';

const STATEFUL_SET_FIXED =
  "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
const STATEFUL_SET_FREE = new Set([
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
]);

/** A selector as messages show it: labels first. */
function selectorShown(selector: Json | undefined): Json {
  const { matchLabels, matchExpressions, ...rest } = fields(selector);
  return {
    ...(matchLabels === undefined ? {} : { matchLabels }),
    ...(matchExpressions === undefined ? {} : { matchExpressions }),
    ...rest,
  };
}

/** A selector that must be there and match the template's labels. */
function checkTemplateSelector(report: Report, spec: Json | undefined, what: string, isRequired = true): void {
  const selector = part(spec, 'selector');
  const labels = part(spec, 'template', 'metadata', 'labels');
  let readable = true;
  if (selector === undefined || selector === null) {
    if (isRequired) report.required('spec.selector');
    readable = false;
  } else {
    readable = checkSelector(report, 'spec.selector', selector);
    if (what !== '' && isEmptySelector(selector)) {
      report.invalid('spec.selector', selector, `empty selector is invalid for ${what}`);
      return;
    }
  }
  if (!readable && selector !== undefined && selector !== null) {
    report.invalid('spec.selector', selectorShown(selector), 'invalid label selector');
    return;
  }
  if (!isRequired && !readable) return;
  if (!readable || !selects(selector, labels)) {
    report.invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`');
  }
}

function checkTemplate(report: Report, field: string, template: Json | undefined): void {
  checkLabels(report, `${field}.metadata.labels`, part(template, 'metadata', 'labels'));
  checkPodSpec(report, `${field}.spec`, part(template, 'spec'));
}

function checkAlways(report: Report, spec: Json | undefined): void {
  const policy = part(spec, 'template', 'spec', 'restartPolicy');
  if (policy !== 'Always') report.notSupported('spec.template.spec.restartPolicy', policy, ['Always']);
}

function checkAmount(report: Report, field: string, value: Json | undefined): void {
  if (typeof value === 'string') report.each(field, value, percent(value));
  else report.notNegative(field, value);
}

function isNone(value: Json | undefined): boolean {
  return value === 0 || value === '0%' || value === undefined;
}

export function deployment(report: Report, object: KubeObject): void {
  const spec = object.spec as Json | undefined;
  report.notNegative('spec.replicas', part(spec, 'replicas'));
  checkTemplateSelector(report, spec, 'deployment');
  checkTemplate(report, 'spec.template', part(spec, 'template'));
  checkAlways(report, spec);
  checkDeploymentStrategy(report, part(spec, 'strategy'));
  report.notNegative('spec.minReadySeconds', part(spec, 'minReadySeconds'));
  report.notNegative('spec.revisionHistoryLimit', part(spec, 'revisionHistoryLimit'));
  const deadline = part(spec, 'progressDeadlineSeconds');
  report.notNegative('spec.progressDeadlineSeconds', deadline);
  const ready = part(spec, 'minReadySeconds') ?? 0;
  if (typeof deadline === 'number' && typeof ready === 'number' && deadline <= ready) {
    report.invalid('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds');
  }
}

function checkDeploymentStrategy(report: Report, strategy: Json | undefined): void {
  const type = part(strategy, 'type');
  const rolling = part(strategy, 'rollingUpdate');
  if (type === 'Recreate') {
    if (rolling === undefined) return;
    report.forbidden('spec.strategy.rollingUpdate', "may not be specified when strategy `type` is 'Recreate'");
  } else if (type === 'RollingUpdate') {
    checkAmount(report, 'spec.strategy.rollingUpdate.maxUnavailable', part(rolling, 'maxUnavailable'));
    checkAmount(report, 'spec.strategy.rollingUpdate.maxSurge', part(rolling, 'maxSurge'));
    const unavailable = part(rolling, 'maxUnavailable');
    if (isNone(unavailable) && isNone(part(rolling, 'maxSurge'))) {
      report.invalid('spec.strategy.rollingUpdate.maxUnavailable', unavailable, 'may not be 0 when `maxSurge` is 0');
    }
  } else {
    report.notSupported('spec.strategy', { Type: type ?? '', RollingUpdate: rolling ?? null }, [
      'Recreate',
      'RollingUpdate',
    ]);
  }
}

export function replicaSet(report: Report, object: KubeObject): void {
  const spec = object.spec as Json | undefined;
  report.notNegative('spec.replicas', part(spec, 'replicas'));
  report.notNegative('spec.minReadySeconds', part(spec, 'minReadySeconds'));
  checkTemplateSelector(report, spec, 'deployment');
  checkTemplate(report, 'spec.template', part(spec, 'template'));
  checkAlways(report, spec);
}

export function daemonSet(report: Report, object: KubeObject): void {
  const spec = object.spec as Json | undefined;
  checkTemplateSelector(report, spec, 'daemonset', false);
  if (!isObject(part(spec, 'selector'))) {
    const labels = part(spec, 'template', 'metadata', 'labels');
    report.invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`');
  }
  checkTemplate(report, 'spec.template', part(spec, 'template'));
  checkAlways(report, spec);
  report.notNegative('spec.minReadySeconds', part(spec, 'minReadySeconds'));
  const rolling = part(spec, 'updateStrategy', 'rollingUpdate');
  if (part(spec, 'updateStrategy', 'type') === 'RollingUpdate') {
    checkAmount(report, 'spec.updateStrategy.rollingUpdate.maxUnavailable', part(rolling, 'maxUnavailable'));
    checkAmount(report, 'spec.updateStrategy.rollingUpdate.maxSurge', part(rolling, 'maxSurge'));
    if (isNone(part(rolling, 'maxUnavailable')) && isNone(part(rolling, 'maxSurge'))) {
      report.required('spec.updateStrategy.rollingUpdate.maxUnavailable', 'cannot be 0 when maxSurge is 0');
    }
  }
  report.notNegative('spec.revisionHistoryLimit', part(spec, 'revisionHistoryLimit'));
}

export function statefulSet(report: Report, object: KubeObject): void {
  const spec = object.spec as Json | undefined;
  const policy = part(spec, 'podManagementPolicy');
  if (policy !== 'OrderedReady' && policy !== 'Parallel') {
    report.invalid('spec.podManagementPolicy', policy, "must be 'OrderedReady' or 'Parallel'");
  }
  const strategy = part(spec, 'updateStrategy');
  const type = part(strategy, 'type');
  const rolling = part(strategy, 'rollingUpdate');
  if (type === 'OnDelete' && rolling !== undefined) {
    const why = "only allowed for updateStrategy 'RollingUpdate'";
    report.invalid('spec.updateStrategy.rollingUpdate', rolling, why);
  } else if (type === 'RollingUpdate') {
    report.notNegative('spec.updateStrategy.rollingUpdate.partition', part(rolling, 'partition'));
  } else if (type !== 'OnDelete') {
    const shape = { Type: type ?? '', RollingUpdate: rolling ?? null };
    report.invalid('spec.updateStrategy', shape, "must be 'RollingUpdate' or 'OnDelete'");
  }
  report.notNegative('spec.replicas', part(spec, 'replicas'));
  report.notNegative('spec.minReadySeconds', part(spec, 'minReadySeconds'));
  checkTemplateSelector(report, spec, 'statefulset');
  checkTemplate(report, 'spec.template', part(spec, 'template'));
  checkAlways(report, spec);
}

/** What of a workload may not change. */
export function fixedSelector(report: Report, object: KubeObject, before: KubeObject): void {
  const selector = part(object.spec as Json, 'selector');
  if (!jsonEqual(selector, part(before.spec as Json, 'selector'))) {
    report.invalid('spec.selector', selectorShown(selector), 'field is immutable');
  }
}

export function fixedStatefulSet(report: Report, object: KubeObject, before: KubeObject): void {
  const rest = (value: Json | undefined) =>
    Object.fromEntries(Object.entries(fields(value)).filter(([key]) => !STATEFUL_SET_FREE.has(key)));
  if (!jsonEqual(rest(object.spec as Json), rest(before.spec as Json))) report.forbidden('spec', STATEFUL_SET_FIXED);
}

const JOB_FIELDS = [
  'parallelism',
  'completions',
  'activeDeadlineSeconds',
  'backoffLimit',
  'ttlSecondsAfterFinished',
  'backoffLimitPerIndex',
  'maxFailedIndexes',
];

function checkJobTemplate(report: Report, field: string, template: Json | undefined): void {
  const policy = part(template, 'spec', 'restartPolicy');
  checkTemplate(report, field, template);
  if (policy === 'Always') {
    report.required(`${field}.spec.restartPolicy`, 'valid values: "OnFailure", "Never"');
  }
}

function checkJobSpec(report: Report, field: string, spec: Json | undefined): void {
  for (const key of JOB_FIELDS) report.notNegative(`${field}.${key}`, part(spec, key));
  const mode = part(spec, 'completionMode');
  if (mode !== undefined) report.oneOf(`${field}.completionMode`, mode, ['NonIndexed', 'Indexed']);
  if (mode === 'Indexed' && part(spec, 'completions') === undefined) {
    report.required(`${field}.completions`, 'when completion mode is Indexed');
  }
  checkJobTemplate(report, `${field}.template`, part(spec, 'template'));
}

export function job(report: Report, object: KubeObject): void {
  const spec = object.spec as Json | undefined;
  checkJobSpec(report, 'spec', spec);
  const selector = part(spec, 'selector');
  if (selector === undefined) return;
  const labels = part(spec, 'template', 'metadata', 'labels');
  if (!selects(selector, labels)) {
    report.invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`');
  }
}

/** The template stays as it is, but for what a queue may set while the job is suspended and never started. */
export function fixedJob(report: Report, object: KubeObject, before: KubeObject): void {
  const spec = object.spec as Json;
  const old = before.spec as Json;
  const mayChange = part(old, 'suspend') === true && part(before.status as Json, 'startTime') === undefined;
  const keys = [
    'completions',
    'selector',
    'template',
    'completionMode',
    'podFailurePolicy',
    'backoffLimitPerIndex',
    'managedBy',
  ];
  for (const key of keys) {
    if (jsonEqual(part(spec, key), part(old, key))) continue;
    if (key === 'template' && mayChange && jsonEqual(schedulable(part(spec, key)), schedulable(part(old, key))))
      continue;
    const isElastic = key === 'completions' && part(spec, 'completionMode') === 'Indexed';
    if (isElastic && part(spec, 'completions') === part(spec, 'parallelism')) continue;
    report.invalid(`spec.${key}`, part(spec, key), 'field is immutable');
  }
}

/** A template without its scheduling directives. */
function schedulable(template: Json | undefined): Json {
  const { nodeSelector: _n, tolerations: _t, schedulingGates: _g, affinity: _a, ...spec } = fields(template, 'spec');
  const { labels: _l, annotations: _o, ...metadata } = fields(template, 'metadata');
  return { ...fields(template), spec, metadata };
}

const SCHEDULE_SHORTHAND = /^@(?:yearly|annually|monthly|weekly|daily|midnight|hourly|every \S+)$/;

export function cronJob(report: Report, object: KubeObject): void {
  const spec = object.spec as Json | undefined;
  const schedule = text(spec, 'schedule');
  const words = schedule.trim().split(/\s+/);
  if (schedule === '') report.required('spec.schedule');
  else if (!SCHEDULE_SHORTHAND.test(schedule) && words.length !== 5) {
    report.invalid('spec.schedule', schedule, `expected exactly 5 fields, found ${words.length}: [${words.join(' ')}]`);
  }
  report.notNegative('spec.startingDeadlineSeconds', part(spec, 'startingDeadlineSeconds'));
  checkTimeZone(report, part(spec, 'timeZone'));
  report.oneOf('spec.concurrencyPolicy', part(spec, 'concurrencyPolicy'), ['Allow', 'Forbid', 'Replace']);
  checkJobSpec(report, 'spec.jobTemplate.spec', part(spec, 'jobTemplate', 'spec'));
  for (const key of ['successfulJobsHistoryLimit', 'failedJobsHistoryLimit'])
    report.notNegative(`spec.${key}`, part(spec, key));
  // Eleven characters are kept for the time in the names of its jobs.
  if (object.metadata.name.length > 52)
    report.invalid('metadata.name', object.metadata.name, 'must be no more than 52 characters');
}

function checkTimeZone(report: Report, zone: Json | undefined): void {
  if (typeof zone !== 'string') return;
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
  } catch {
    report.invalid('spec.timeZone', zone, `unknown time zone ${zone}`);
  }
}

export function pod(report: Report, object: KubeObject): void {
  checkPodSpec(report, 'spec', object.spec as Json | undefined);
}

const POD_FIXED =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

/** A pod's spec without what may change after its creation. */
function lasting(object: KubeObject): Json {
  const { activeDeadlineSeconds: _d, tolerations: _t, schedulingGates: _g, ...spec } = fields(object.spec as Json);
  const images = (key: string) => list(spec, key).map((container) => ({ ...fields(container), image: '' }));
  return { ...spec, containers: images('containers'), initContainers: images('initContainers') };
}

export function fixedPod(report: Report, object: KubeObject, before: KubeObject): void {
  if (!jsonEqual(lasting(object), lasting(before))) report.forbidden('spec', POD_FIXED);
}
