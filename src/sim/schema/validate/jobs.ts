/** Rules about Jobs and CronJobs. */
import { type Json, jsonEqual, type KubeObject } from '../../../base/index.ts';
import { selects } from './metadata.ts';
import { fields, list, part, text } from './read.ts';
import type { Report } from './report.ts';
import { checkTemplate } from './workloads.ts';

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

const FAILURE_ACTIONS = ['Count', 'FailIndex', 'FailJob', 'Ignore'];

function checkFailurePolicy(report: Report, field: string, policy: Json | undefined): void {
  for (const [index, rule] of list(policy, 'rules').entries()) {
    const at = `${field}.rules[${index}]`;
    const action = text(rule, 'action');
    if (action === '') report.required(`${at}.action`, 'valid values: ["Count" "FailIndex" "FailJob" "Ignore"]');
    else if (!FAILURE_ACTIONS.includes(action)) report.notSupported(`${at}.action`, action, FAILURE_ACTIONS);
    const conditions = list(rule, 'onPodConditions');
    const codes = part(rule, 'onExitCodes');
    if (codes === undefined && conditions.length === 0) {
      report.add(
        'FieldValueInvalid',
        at,
        'Invalid value: specifying one of OnExitCodes and OnPodConditions is required',
      );
    }
  }
}

function checkJobSpec(report: Report, field: string, spec: Json | undefined): void {
  for (const key of JOB_FIELDS) report.notNegative(`${field}.${key}`, part(spec, key));
  const mode = part(spec, 'completionMode');
  if (mode !== undefined) report.oneOf(`${field}.completionMode`, mode, ['NonIndexed', 'Indexed']);
  if (mode === 'Indexed' && part(spec, 'completions') === undefined) {
    report.required(`${field}.completions`, 'when completion mode is Indexed');
  }
  const perIndex = part(spec, 'backoffLimitPerIndex');
  if (perIndex !== undefined && mode !== 'Indexed') {
    report.invalid(`${field}.backoffLimitPerIndex`, perIndex, 'requires indexed completion mode');
  }
  const replacement = part(spec, 'podReplacementPolicy');
  if (replacement !== undefined) {
    report.oneOf(`${field}.podReplacementPolicy`, replacement, ['Failed', 'TerminatingOrFailed']);
  }
  checkFailurePolicy(report, `${field}.podFailurePolicy`, part(spec, 'podFailurePolicy'));
  checkJobTemplate(report, `${field}.template`, part(spec, 'template'));
}

export function job(report: Report, object: KubeObject): void {
  const spec = object.spec as Json | undefined;
  checkJobSpec(report, 'spec', spec);
  const selector = part(spec, 'selector');
  const labels = part(spec, 'template', 'metadata', 'labels');
  if (selector === undefined) {
    if (part(spec, 'manualSelector') !== true) return;
    report.required('spec.selector');
    report.invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`');
    return;
  }
  checkOwnSelector(report, spec, object.metadata.uid);
  if (!selects(selector, labels)) {
    report.invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`');
  }
}

/** Unless told otherwise a Job's selector is its uid and nothing else. */
function checkOwnSelector(report: Report, spec: Json | undefined, uid: string | undefined): void {
  if (part(spec, 'manualSelector') === true || uid === undefined) return;
  const selector = part(spec, 'selector');
  const own = { matchLabels: { 'batch.kubernetes.io/controller-uid': uid } };
  if (!jsonEqual(selector, own)) report.invalid('spec.selector', selector, '`selector` not auto-generated');
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
  else if (schedule.includes('TZ')) {
    const why = 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead';
    report.invalid('spec.schedule', schedule, why);
  } else if (!SCHEDULE_SHORTHAND.test(schedule) && words.length !== 5) {
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
  if (zone.toLowerCase() === 'local') {
    const why = 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones';
    report.invalid('spec.timeZone', zone, why);
    return;
  }
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
  } catch {
    report.invalid('spec.timeZone', zone, `unknown time zone ${zone}`);
  }
}
