/** Rules about the kinds that own pods, and what of them may not change. */
import { isObject, type Json, jsonEqual, type KubeObject } from '../../../base/index.ts';
import { checkLabels, checkSelector, isEmptySelector, selects } from './metadata.ts';
import { percent } from './names.ts';
import { checkPodSpec } from './pod.ts';
import { fields, list, part, text } from './read.ts';
import type { Report } from './report.ts';
import { checkClaimSpec } from './storage.ts';

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
  if (selector === undefined || selector === null) return null;
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

export function checkTemplate(report: Report, field: string, template: Json | undefined): void {
  checkLabels(report, `${field}.metadata.labels`, part(template, 'metadata', 'labels'));
  checkPodSpec(report, `${field}.spec`, part(template, 'spec'));
}

function checkAlways(report: Report, spec: Json | undefined): void {
  const policy = part(spec, 'template', 'spec', 'restartPolicy');
  if (policy !== 'Always') report.notSupported('spec.template.spec.restartPolicy', policy, ['Always']);
  if (part(spec, 'template', 'spec', 'activeDeadlineSeconds') !== undefined) {
    const why = 'activeDeadlineSeconds in ReplicaSet is not Supported';
    report.forbidden('spec.template.spec.activeDeadlineSeconds', why);
  }
}

function checkAmount(report: Report, field: string, value: Json | undefined, isShare = false): void {
  if (typeof value !== 'string') {
    report.notNegative(field, value);
    return;
  }
  const complaints = percent(value);
  report.each(field, value, complaints);
  if (isShare && complaints.length === 0 && Number.parseInt(value, 10) > 100) {
    report.invalid(field, value, 'must not be greater than 100%');
  }
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
    checkAmount(report, 'spec.strategy.rollingUpdate.maxUnavailable', part(rolling, 'maxUnavailable'), true);
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
    checkAmount(report, 'spec.updateStrategy.rollingUpdate.maxUnavailable', part(rolling, 'maxUnavailable'), true);
    checkAmount(report, 'spec.updateStrategy.rollingUpdate.maxSurge', part(rolling, 'maxSurge'));
    if (isNone(part(rolling, 'maxUnavailable')) && isNone(part(rolling, 'maxSurge'))) {
      report.required('spec.updateStrategy.rollingUpdate.maxUnavailable', 'cannot be 0 when maxSurge is 0');
    } else if (!isNone(part(rolling, 'maxUnavailable')) && !isNone(part(rolling, 'maxSurge'))) {
      const why = 'may not be set when maxUnavailable is non-zero';
      report.invalid('spec.updateStrategy.rollingUpdate.maxSurge', part(rolling, 'maxSurge'), why);
    }
  } else if (part(spec, 'updateStrategy', 'type') !== 'OnDelete') {
    const shape = { Type: part(spec, 'updateStrategy', 'type') ?? '', RollingUpdate: rolling ?? null };
    report.notSupported('spec.updateStrategy', shape, ['RollingUpdate', 'OnDelete']);
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
    const shape = {
      Partition: part(rolling, 'partition') ?? null,
      MaxUnavailable: part(rolling, 'maxUnavailable') ?? null,
    };
    report.invalid('spec.updateStrategy.rollingUpdate', shape, why);
  } else if (type === 'RollingUpdate') {
    report.notNegative('spec.updateStrategy.rollingUpdate.partition', part(rolling, 'partition'));
  } else if (type !== 'OnDelete') {
    const shape = { Type: type ?? '', RollingUpdate: rolling ?? null };
    report.invalid('spec.updateStrategy', shape, "must be 'RollingUpdate' or 'OnDelete'");
  }
  const retention = fields(spec, 'persistentVolumeClaimRetentionPolicy');
  for (const key of ['whenDeleted', 'whenScaled']) {
    if (retention[key] === undefined) continue;
    report.oneOf(`spec.persistentVolumeClaimRetentionPolicy.${key}`, retention[key], ['Retain', 'Delete']);
  }
  report.notNegative('spec.ordinals.start', part(spec, 'ordinals', 'start'));
  for (const [index, claim] of list(spec, 'volumeClaimTemplates').entries()) {
    checkClaimSpec(report, `spec.volumeClaimTemplates[${index}].spec`, part(claim, 'spec'));
  }
  report.notNegative('spec.replicas', part(spec, 'replicas'));
  report.notNegative('spec.minReadySeconds', part(spec, 'minReadySeconds'));
  checkTemplateSelector(report, spec, 'statefulset');
  checkTemplate(report, 'spec.template', withClaims(part(spec, 'template'), list(spec, 'volumeClaimTemplates')));
  checkAlways(report, spec);
}

/** The template as its pods get it: each claim is a volume. */
function withClaims(template: Json | undefined, claims: readonly Json[]): Json | undefined {
  if (!isObject(template) || claims.length === 0) return template;
  const names = new Set(claims.map((claim) => text(claim, 'metadata', 'name')));
  const own = list(template, 'spec', 'volumes').filter((volume) => !names.has(text(volume, 'name')));
  const claimed = [...names].map((name) => ({ name, persistentVolumeClaim: { claimName: name } }));
  return { ...template, spec: { ...fields(template, 'spec'), volumes: [...own, ...claimed] } };
}

export function replicationController(report: Report, object: KubeObject): void {
  const spec = object.spec as Json | undefined;
  const selector = fields(spec, 'selector');
  const template = part(spec, 'template');
  report.notNegative('spec.replicas', part(spec, 'replicas'));
  report.notNegative('spec.minReadySeconds', part(spec, 'minReadySeconds'));
  if (Object.keys(selector).length === 0) report.required('spec.selector');
  if (template === undefined) {
    report.required('spec.template');
    return;
  }
  const labels = part(template, 'metadata', 'labels');
  if (!selects({ matchLabels: selector }, labels)) {
    report.invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`');
  }
  checkTemplate(report, 'spec.template', template);
  checkAlways(report, spec);
}

export function podTemplate(report: Report, object: KubeObject): void {
  checkTemplate(report, 'template', object.template as Json | undefined);
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
  for (const [index, container] of list(object.spec as Json, 'containers').entries()) {
    // asked for a second time, as by a real server
    if (text(container, 'image') === '') report.required(`spec.containers[${index}].image`);
  }
  if (!jsonEqual(lasting(object), lasting(before))) report.forbidden('spec', POD_FIXED);
}
