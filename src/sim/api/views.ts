/** Objects of one resource as its other versions show them. Storage holds one form; everything else is a view of it. */
import type { Json, JsonObject, KubeObject } from '../../base/index.ts';
import { isObject } from '../../base/index.ts';
import type { ResourceInfo } from '../types.ts';
import { groupVersionText } from './resources.ts';

/** The stored object in the version that was asked for. */
export function toVersion(resource: ResourceInfo, stored: KubeObject): KubeObject {
  const apiVersion = groupVersionText(resource);
  if (stored.apiVersion === apiVersion) return resource.kind === 'Event' ? coreEvent(stored) : stored;
  if (resource.group === 'events.k8s.io') return newEvent(stored);
  if (resource.group === 'autoscaling' && resource.version === 'v1') return scalerV1(stored);
  return { ...stored, apiVersion };
}

/** An object of any served version in the form that is stored. */
export function toStorage(storage: ResourceInfo, object: KubeObject): KubeObject {
  const apiVersion = groupVersionText(storage);
  if (object.apiVersion === 'events.k8s.io/v1' && storage.group === '') return eventFromNew(object);
  if (object.apiVersion === apiVersion) return object;
  if (object.apiVersion === 'autoscaling/v1' && storage.group === 'autoscaling') return scalerFromV1(object);
  return { ...object, apiVersion };
}

/** Fields of core/v1 Event beside those of events.k8s.io/v1; a pair of names for one fact. */
const EVENT_FIELDS: readonly (readonly [core: string, newer: string])[] = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
  ['reportingComponent', 'reportingController'],
];

function renamed(object: KubeObject, names: ReadonlyMap<string, string>, apiVersion: string): KubeObject {
  const entries = Object.entries(object).map(([field, value]) => [names.get(field) ?? field, value]);
  return { ...(Object.fromEntries(entries) as KubeObject), apiVersion };
}

function coreEvent(event: KubeObject): KubeObject {
  return {
    ...event,
    source: event.source ?? {},
    firstTimestamp: event.firstTimestamp ?? null,
    lastTimestamp: event.lastTimestamp ?? null,
    eventTime: event.eventTime ?? null,
    reportingComponent: event.reportingComponent ?? '',
    reportingInstance: event.reportingInstance ?? '',
  };
}

function newEvent(event: KubeObject): KubeObject {
  const view = renamed(event, new Map(EVENT_FIELDS), 'events.k8s.io/v1');
  const { reportingController, reportingInstance, ...rest } = view;
  return {
    ...(rest as KubeObject),
    ...(reportingController ? { reportingController } : {}),
    ...(reportingInstance ? { reportingInstance } : {}),
    eventTime: view.eventTime ?? null,
    deprecatedSource: view.deprecatedSource ?? {},
    deprecatedFirstTimestamp: view.deprecatedFirstTimestamp ?? null,
    deprecatedLastTimestamp: view.deprecatedLastTimestamp ?? null,
  };
}

function eventFromNew(event: KubeObject): KubeObject {
  const view = renamed(event, new Map(EVENT_FIELDS.map(([core, newer]) => [newer, core])), 'v1');
  const entries = Object.entries(view).filter(([, value]) => value !== null);
  return Object.fromEntries(entries) as KubeObject;
}

const METRICS_ANNOTATION = 'autoscaling.alpha.kubernetes.io/metrics';

/** autoscaling/v2 → v1: the target of CPU as one number, other metrics in an annotation. */
function scalerV1(stored: KubeObject): KubeObject {
  const spec = isObject(stored.spec) ? stored.spec : {};
  const { metrics, behavior: _behavior, ...rest } = spec;
  const list = Array.isArray(metrics) ? (metrics as readonly Json[]) : [];
  const cpu = list.find(isCpuUtilization);
  const others = list.filter((metric) => metric !== cpu);
  const annotations =
    others.length === 0
      ? {}
      : { annotations: { ...stored.metadata.annotations, [METRICS_ANNOTATION]: JSON.stringify(others) } };
  const target = cpuTarget(cpu);
  return {
    ...stored,
    apiVersion: 'autoscaling/v1',
    metadata: { ...stored.metadata, ...annotations },
    spec: target === undefined ? rest : { ...rest, targetCPUUtilizationPercentage: target },
  };
}

function scalerFromV1(object: KubeObject): KubeObject {
  const { targetCPUUtilizationPercentage: target, ...rest } = isObject(object.spec) ? object.spec : ({} as JsonObject);
  const { [METRICS_ANNOTATION]: kept, ...annotations } = object.metadata.annotations ?? {};
  const others = kept === undefined ? [] : (JSON.parse(kept) as Json[]);
  const cpu: Json[] =
    target === undefined
      ? []
      : [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: target } } }];
  const metrics = [...cpu, ...others];
  const { annotations: _annotations, ...metadata } = object.metadata;
  return {
    ...object,
    apiVersion: 'autoscaling/v2',
    metadata: Object.keys(annotations).length === 0 ? metadata : { ...metadata, annotations },
    spec: metrics.length === 0 ? rest : { ...rest, metrics },
  };
}

function isCpuUtilization(metric: Json): boolean {
  return cpuTarget(metric) !== undefined;
}

function cpuTarget(metric: Json | undefined): number | undefined {
  if (!isObject(metric) || metric.type !== 'Resource' || !isObject(metric.resource) || metric.resource.name !== 'cpu')
    return undefined;
  const target = metric.resource.target;
  return isObject(target) && typeof target.averageUtilization === 'number' ? target.averageUtilization : undefined;
}
