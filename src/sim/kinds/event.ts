import type { KubeObject } from '../../base/index.ts';
import { kubeTime } from './meta.ts';

/** What happened to an object; becomes a core/v1 Event. */
export interface Happening {
  readonly about: KubeObject;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  /** Such as `spec.containers{web}`. */
  readonly fieldPath?: string;
}

/** Happenings of one key are one Event with a growing count. */
export function happeningKey({ about, type, reason, message, fieldPath }: Happening): string {
  return [about.metadata.uid ?? about.metadata.name, type, reason, fieldPath ?? '', message].join('\u0000');
}

/** Where events about cluster-scoped objects live. */
export function eventNamespace(about: KubeObject): string {
  return about.metadata.namespace ?? 'default';
}

/** The first Event of a kind of happening. `sequence` keeps names apart that are made in one millisecond. */
export function newEvent(
  happening: Happening,
  source: { readonly component: string; readonly host?: string },
  nowMs: number,
  sequence: number,
): KubeObject {
  const { about, type, reason, message, fieldPath } = happening;
  const time = kubeTime(nowMs);
  const { namespace, name, uid, resourceVersion } = about.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: {
      name: `${name}.${(BigInt(nowMs) * 1_000_000n + BigInt(sequence % 1_000_000)).toString(16)}`,
      namespace: eventNamespace(about),
    },
    involvedObject: {
      apiVersion: about.apiVersion,
      kind: about.kind,
      name,
      namespace,
      uid,
      resourceVersion,
      fieldPath,
    },
    reason,
    message,
    source: { ...source },
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
    type,
    eventTime: null,
    reportingComponent: source.component,
    reportingInstance: source.host ?? '',
  };
}

/** The same Event seen once more. */
export function repeatedEvent(event: KubeObject, nowMs: number): KubeObject {
  return { ...event, lastTimestamp: kubeTime(nowMs), count: (typeof event.count === 'number' ? event.count : 1) + 1 };
}
