/** Rules about horizontal autoscalers. */
import { isObject, type Json, type KubeObject } from '../../../base/index.ts';
import { list, part, text } from './read.ts';
import type { Report } from './report.ts';

export function horizontalPodAutoscaler(report: Report, object: KubeObject): void {
  const spec = object.spec as Json | undefined;
  const least = part(spec, 'minReplicas');
  const most = part(spec, 'maxReplicas');
  if (typeof least === 'number' && least < 1) {
    report.invalid('spec.minReplicas', least, 'must be greater than or equal to 1');
  }
  if (typeof most === 'number' && most < 1) report.invalid('spec.maxReplicas', most, 'must be greater than 0');
  if (typeof least === 'number' && typeof most === 'number' && most < least) {
    report.invalid('spec.maxReplicas', most, 'must be greater than or equal to `minReplicas`');
  }
  for (const key of ['kind', 'name'])
    if (text(spec, 'scaleTargetRef', key) === '') report.required(`spec.scaleTargetRef.${key}`);
  if (text(spec, 'scaleTargetRef', 'apiVersion') === '') {
    report.invalid('spec.scaleTargetRef.apiVersion', '', 'apiVersion must specify API group');
  }
  if (least === 0) {
    const types = list(spec, 'metrics').map((metric) => part(metric, 'type'));
    if (!types.includes('Object') && !types.includes('External')) {
      const why = 'must specify at least one Object or External metric to support scaling to zero replicas';
      report.forbidden('spec.metrics', why);
    }
  }
  for (const [index, metric] of list(spec, 'metrics').entries()) checkMetric(report, `spec.metrics[${index}]`, metric);
  for (const direction of ['scaleUp', 'scaleDown']) {
    checkBehavior(report, `spec.behavior.${direction}`, part(spec, 'behavior', direction));
  }
}

const METRIC_TYPES = ['ContainerResource', 'External', 'Object', 'Pods', 'Resource'];

function checkMetric(report: Report, at: string, metric: Json): void {
  const type = text(metric, 'type');
  if (type === '') report.required(`${at}.type`, 'must specify a metric source type');
  else if (!METRIC_TYPES.includes(type)) {
    // said twice: by the check of the type and by that of what it brings along
    report.notSupported(`${at}.type`, type, METRIC_TYPES);
    report.notSupported(`${at}.type`, type, METRIC_TYPES);
  } else {
    const source = `${type.slice(0, 1).toLowerCase()}${type.slice(1)}`;
    const given = part(metric, source);
    if (!isObject(given)) report.required(`${at}.${source}`, 'must populate information for the given metric source');
    else checkTarget(report, `${at}.${source}`, given);
  }
}

function checkTarget(report: Report, at: string, source: Json): void {
  const target = part(source, 'target');
  const utilization = part(target, 'averageUtilization');
  if (text(target, 'type') === '') report.required(`${at}.target.type`, 'must specify a metric target type');
  if (typeof utilization === 'number' && utilization < 1) {
    report.invalid(`${at}.target.averageUtilization`, utilization, 'must be greater than 0');
  }
}

function checkBehavior(report: Report, at: string, rules: Json | undefined): void {
  if (rules === undefined) return;
  if (list(rules, 'policies').length === 0) report.required(`${at}.policies`, 'must specify at least one Policy');
  const seconds = part(rules, 'stabilizationWindowSeconds');
  if (typeof seconds === 'number' && seconds < 0) {
    report.invalid(`${at}.stabilizationWindowSeconds`, seconds, 'must be greater than or equal to zero');
  }
}
