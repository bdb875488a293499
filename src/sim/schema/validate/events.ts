/** Rules about events in either of their two forms. */
import { type Json, jsonEqual, type KubeObject } from '../../../base/index.ts';
import { qualifiedName } from './names.ts';
import { text } from './read.ts';
import type { Report } from './report.ts';

/** An event lives where what it is about lives; those of nothing's namespace in `default`. */
function checkPlace(report: Report, object: KubeObject, field: 'involvedObject' | 'regarding'): void {
  const about = text(object as unknown as Json, field, 'namespace');
  const own = object.metadata.namespace ?? '';
  if (about === own || (about === '' && (own === 'default' || own === 'kube-system'))) return;
  report.invalid('involvedObject.namespace', about, 'does not match event.namespace');
}

const EVENT_FIXED = [
  ['involvedObject', 'regarding'],
  ['reason', 'reason'],
  ['message', 'note'],
  ['action', 'action'],
  ['type', 'type'],
  ['reportingController', 'reportingController'],
  ['reportingInstance', 'reportingInstance'],
] as const;

/** What an event of events.k8s.io says stays said; its refusals name the fields of core/v1. */
export function fixedEvent(report: Report, object: KubeObject, before: KubeObject): void {
  for (const [core, field] of EVENT_FIXED) {
    const [now, old] = [object[field] as Json | undefined, before[field] as Json | undefined];
    if (!jsonEqual(now ?? '', old ?? '')) report.invalid(core, now ?? '', 'field is immutable');
  }
}

export function coreEvent(report: Report, object: KubeObject): void {
  checkPlace(report, object, 'involvedObject');
}

const NAMED = ['reportingInstance', 'action', 'reason'];

/** An event of events.k8s.io tells who reports what; its refusals name the fields of core/v1. */
export function newEvent(report: Report, object: KubeObject): void {
  const event = object as unknown as Json;
  checkPlace(report, object, 'regarding');
  if (object.eventTime === undefined || object.eventTime === null) report.required('eventTime');
  else {
    const controller = text(event, 'reportingController');
    if (controller === '') report.required('reportingController');
    report.each('reportingController', controller, qualifiedName(controller));
    for (const field of NAMED) if (text(event, field) === '') report.required(field);
  }
  const type = text(event, 'type');
  if (type !== 'Normal' && type !== 'Warning') report.invalid('type', '', `has invalid value: ${type}`);
}
