/** Events as the API server keeps them, in either of their two dresses. */
import { foldAlike, isObject, type KubeObject, limits } from '../base/index.ts';
import type { Mask } from './masking.ts';
import { clip } from './text.ts';
import type { Client, ReasonEvent } from './types.ts';
import { listAll } from './watch.ts';

/** One Event: a series counts as one that was seen so many times, last when it was seen last. */
export function eventOf(event: KubeObject, mask: Mask): ReasonEvent {
  const series = isObject(event.series) ? event.series : {};
  const at = series.lastObservedTime ?? event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp;
  const first = event.firstTimestamp ?? event.eventTime;
  const count = [series.count, event.count].find((one) => typeof one === 'number');
  return {
    at: String(at ?? ''),
    ...(typeof first !== 'string' || Date.parse(first) === Date.parse(String(at)) ? {} : { since: first }),
    type: String(event.type ?? ''),
    reason: String(event.reason ?? ''),
    message: clip(mask(String(event.message ?? ''))),
    count: count ?? 1,
  };
}

/** The newest events about one object, newest first, those alike told once; none when they cannot be read. */
export async function eventsAbout(client: Client, object: KubeObject, mask: Mask): Promise<readonly ReasonEvent[]> {
  const uid = object.metadata.uid;
  if (uid === undefined) return [];
  const namespace = object.metadata.namespace ?? 'default';
  const listed = await listAll(client, {
    path: `/api/v1/namespaces/${namespace}/events`,
    apiVersion: 'v1',
    kind: 'Event',
    fieldSelector: `involvedObject.uid=${uid}`,
  });
  if (listed.kind === 'failed') return [];
  return foldAlike(listed.objects.map((event) => eventOf(event, mask)))
    .map(({ event }) => event)
    .slice(0, limits.eventsPerReasonMax);
}
