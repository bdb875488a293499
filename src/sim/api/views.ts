/** Objects of one resource as its other versions show them. Storage holds one form; everything else is a view of it. */
import type { KubeObject } from '../../base/index.ts';
import { dropUnknown } from '../schema/index.ts';
import type { ResourceInfo } from '../types.ts';
import { groupVersionText } from './resources.ts';
import { scalerFromV1, scalerV1 } from './scaler-view.ts';

/** The stored object in the version that was asked for. */
export function toVersion(resource: ResourceInfo, stored: KubeObject): KubeObject {
  const apiVersion = groupVersionText(resource);
  if (stored.apiVersion === apiVersion) return resource.kind === 'Event' ? coreEvent(stored) : stored;
  if (resource.group === 'events.k8s.io') return newEvent(stored);
  if (resource.group === 'autoscaling' && resource.version === 'v1') return scalerV1(stored);
  return declared(resource, { ...stored, apiVersion });
}

/** An object of any served version in the form that is stored. */
export function toStorage(storage: ResourceInfo, object: KubeObject): KubeObject {
  const apiVersion = groupVersionText(storage);
  if (object.apiVersion === 'events.k8s.io/v1' && storage.group === '') return eventFromNew(object);
  if (object.apiVersion === apiVersion) return object;
  if (object.apiVersion === 'autoscaling/v1' && storage.group === 'autoscaling') return scalerFromV1(object);
  return declared(storage, { ...object, apiVersion });
}

/** Between versions of a custom resource nothing is converted: what the other one does not declare is lost. */
function declared(resource: ResourceInfo, object: KubeObject): KubeObject {
  return resource.schema === undefined ? object : dropUnknown(object, resource.schema);
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
