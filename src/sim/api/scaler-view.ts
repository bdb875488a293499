/**
 * HorizontalPodAutoscalers are stored as autoscaling/v2. autoscaling/v1 shows one CPU target as a number and keeps the rest in
 * annotations of its own, in the words that v1 had for them: nothing is lost by a write through either version.
 */
import { isObject, type Json, type JsonObject, type KubeObject } from '../../base/index.ts';

const METRICS = 'autoscaling.alpha.kubernetes.io/metrics';
const CURRENT = 'autoscaling.alpha.kubernetes.io/current-metrics';
const CONDITIONS = 'autoscaling.alpha.kubernetes.io/conditions';
const BEHAVIOR = 'autoscaling.alpha.kubernetes.io/behavior';

type Fields = { readonly [name: string]: Json | undefined };

/** autoscaling/v2 → v1. */
export function scalerV1(stored: KubeObject): KubeObject {
  const { metrics, behavior, ...spec } = fields(stored.spec);
  const { currentMetrics, conditions, ...status } = fields(stored.status);
  const targets = list(metrics);
  const cpu = targets.find((metric) => utilization(metric, 'target') !== undefined);
  const load = list(currentMetrics).map((metric) => utilization(metric, 'current'));
  const annotations = kept(
    [CONDITIONS, list(conditions)],
    [CURRENT, list(currentMetrics).map((metric) => metricToV1(metric, 'current'))],
    [METRICS, targets.filter((metric) => metric !== cpu).map((metric) => metricToV1(metric, 'target'))],
    [BEHAVIOR, behavior === undefined ? undefined : behaviorToV1(behavior)],
  );
  const currentCpu = load.find((value) => value !== undefined);
  return {
    ...stored,
    apiVersion: 'autoscaling/v1',
    metadata: withAnnotations(stored, { ...stored.metadata.annotations, ...annotations }),
    spec: present({ ...spec, targetCPUUtilizationPercentage: utilization(cpu, 'target') }),
    ...(stored.status === undefined
      ? {}
      : { status: present({ ...status, currentCPUUtilizationPercentage: currentCpu }) }),
  };
}

/** autoscaling/v1 → v2. */
export function scalerFromV1(object: KubeObject): KubeObject {
  const { targetCPUUtilizationPercentage: target, ...spec } = fields(object.spec);
  const { currentCPUUtilizationPercentage: _load, ...status } = fields(object.status);
  const {
    [METRICS]: metrics,
    [CURRENT]: current,
    [CONDITIONS]: conditions,
    [BEHAVIOR]: behavior,
    ...annotations
  } = object.metadata.annotations ?? {};
  const others = list(parsed(metrics)).map((metric) => metricFromV1(metric, 'target'));
  const cpu: Json[] =
    target === undefined
      ? []
      : [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: target } } }];
  const all = [...others, ...cpu];
  const now = list(parsed(current)).map((metric) => metricFromV1(metric, 'current'));
  const rules = parsed(behavior);
  return {
    ...object,
    apiVersion: 'autoscaling/v2',
    metadata: withAnnotations(object, annotations),
    spec: present({
      ...spec,
      metrics: all.length === 0 ? undefined : all,
      behavior: rules === undefined ? undefined : behaviorFromV1(rules),
    }),
    ...(object.status === undefined
      ? {}
      : {
          status: present({
            ...status,
            currentMetrics: now.length === 0 ? undefined : now,
            conditions: parsed(conditions),
          }),
        }),
  };
}

function fields(value: unknown): Fields {
  return isObject(value) ? (value as Fields) : {};
}

function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [];
}

function present(value: Fields): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as JsonObject;
}

function parsed(text: string | undefined): Json | undefined {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined; // not written by a server: it says nothing
  }
}

function kept(...entries: readonly (readonly [string, Json | undefined])[]): { [name: string]: string } {
  const said = entries.filter(([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0));
  return Object.fromEntries(said.map(([name, value]) => [name, JSON.stringify(value)]));
}

function withAnnotations(object: KubeObject, annotations: { readonly [name: string]: string }): KubeObject['metadata'] {
  const { annotations: _former, ...metadata } = object.metadata;
  return Object.keys(annotations).length === 0 ? metadata : { ...metadata, annotations };
}

type Side = 'target' | 'current';

/** The percentage of CPU that a metric is about, or undefined. */
function utilization(metric: Json | undefined, side: Side): Json | undefined {
  const { type, resource } = fields(metric);
  const { name, [side]: value } = fields(resource);
  return type === 'Resource' && name === 'cpu' ? fields(value).averageUtilization : undefined;
}

/** `{type: 'Pods', pods: …}`: the source of a metric stands under its type in lower case. */
const SOURCES: { readonly [type: string]: string } = {
  Resource: 'resource',
  ContainerResource: 'containerResource',
  Pods: 'pods',
  Object: 'object',
  External: 'external',
};

function metricToV1(metric: Json, side: Side): Json {
  const type = String(fields(metric).type);
  const source = SOURCES[type] ?? '';
  const { name, container, metric: about, describedObject, [side]: value } = fields(fields(metric)[source]);
  const { averageUtilization, averageValue, value: whole } = fields(value);
  const { name: metricName, selector } = fields(about);
  const prefixed = (suffix: string) => `${side}${suffix}`;
  const shaped: Fields =
    type === 'Resource' || type === 'ContainerResource'
      ? {
          name,
          [prefixed('AverageUtilization')]: averageUtilization,
          [prefixed('AverageValue')]: averageValue,
          container,
        }
      : type === 'Object'
        ? { target: describedObject, metricName, [prefixed('Value')]: whole ?? '0', selector, averageValue }
        : type === 'External'
          ? {
              metricName,
              metricSelector: selector,
              [prefixed('Value')]: whole,
              [prefixed('AverageValue')]: averageValue,
            }
          : { metricName, [prefixed('AverageValue')]: averageValue, selector };
  return { type, [source]: present(shaped) };
}

function metricFromV1(metric: Json, side: Side): Json {
  const type = String(fields(metric).type);
  const source = SOURCES[type] ?? '';
  const from = fields(fields(metric)[source]);
  const averageUtilization = from[`${side}AverageUtilization`];
  const averageValue = from[`${side}AverageValue`] ?? from.averageValue;
  const whole = averageValue === undefined || type === 'External' ? from[`${side}Value`] : undefined;
  const kind = averageUtilization !== undefined ? 'Utilization' : averageValue !== undefined ? 'AverageValue' : 'Value';
  const value = present({
    type: side === 'target' ? kind : undefined,
    averageUtilization,
    averageValue,
    value: whole,
  });
  const about =
    from.metricName === undefined
      ? undefined
      : present({ name: from.metricName, selector: from.selector ?? from.metricSelector });
  const shaped = { name: from.name, container: from.container, metric: about, describedObject: from.target };
  return { type, [source]: present({ ...shaped, [side]: value }) };
}

/** The rules of scaling are kept under Go's own names of their fields. */
function behaviorToV1(value: Json): Json {
  return recased(value, (name) => `${name.charAt(0).toUpperCase()}${name.slice(1)}`, true);
}

function behaviorFromV1(value: Json): Json {
  return recased(value, (name) => `${name.charAt(0).toLowerCase()}${name.slice(1)}`, false);
}

function recased(value: Json, rename: (name: string) => string, withTolerance: boolean): Json {
  if (Array.isArray(value)) return (value as readonly Json[]).map((item) => recased(item, rename, false));
  if (!isObject(value)) return value;
  const entries = Object.entries(value)
    .filter(([, item]) => item !== null && item !== undefined)
    .map(([name, item]) => {
      const next = recased(item as Json, rename, false);
      return [rename(name), withTolerance && isObject(next) ? { ...next, Tolerance: null } : next];
    });
  return Object.fromEntries(entries) as Json;
}
