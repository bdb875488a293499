/** The events about a stack's objects, and all that was made for them, in this cluster: oldest first, then as they come. */
import { type Clock, isObject, type KubeObject, type Random } from '../../../base/index.ts';
import { type Client, descendantsByName, eventOf, listAll, type Mask, watchLoop } from '../../../kubernetes/index.ts';
import type { StreamItem } from '../../../protocol/index.ts';
import type { StreamPlace } from './streams.ts';

export interface EventStream {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly mask: Mask;
  readonly signal: AbortSignal;
  push(item: StreamItem): Promise<void>;
  places(): readonly StreamPlace[];
}

/** Of one namespace, when they are listed; the newest. */
const EVENTS_MAX = 500;

export async function streamEvents(follow: boolean, stream: EventStream): Promise<void> {
  const namespaces = [...new Set(stream.places().flatMap(({ objects }) => objects.map(namespaceOf)))];
  await Promise.all(namespaces.map((namespace) => ofNamespace(namespace, follow, stream)));
}

async function ofNamespace(namespace: string, follow: boolean, stream: EventStream): Promise<void> {
  const target = { path: `/api/v1/namespaces/${namespace}/events`, apiVersion: 'v1', kind: 'Event' };
  const { client, push } = stream;
  /** uid and resourceVersion: a watch that has to list again tells nothing twice. */
  const told = new Map<string, string>();
  const tell = async (events: readonly KubeObject[]) => {
    for (const event of events) {
      const { uid = '', resourceVersion = '' } = event.metadata;
      const item = told.get(uid) === resourceVersion ? undefined : itemOf(event, stream);
      if (item === undefined) continue;
      told.delete(uid);
      told.set(uid, resourceVersion);
      if (told.size > 4 * EVENTS_MAX) told.delete(told.keys().next().value as string);
      await push(item);
    }
  };
  const newest = (events: readonly KubeObject[]) => {
    const mine = events.filter((event) => itemOf(event, stream) !== undefined);
    return mine.sort((a, b) => timeOf(a, stream) - timeOf(b, stream)).slice(-EVENTS_MAX);
  };
  if (!follow) {
    const listed = await listAll(client, target, stream.signal);
    if (listed.kind === 'listed') return tell(newest(listed.objects));
    return push({ kind: 'note', name: '', message: listed.reason });
  }
  let trouble: string | undefined;
  await watchLoop(
    client,
    target,
    {
      onList: (events) => tell(newest(events)),
      onEvent: (type, event) => (type === 'DELETED' ? undefined : tell([event])),
      onHealth(problem) {
        if (problem !== undefined && problem !== trouble) void push({ kind: 'note', name: '', message: problem });
        trouble = problem;
      },
    },
    stream,
  );
}

/** undefined: it is about nothing of what was asked for. */
function itemOf(event: KubeObject, { places, mask }: EventStream): StreamItem | undefined {
  const about = isObject(event.involvedObject) ? event.involvedObject : {};
  const [kind, name] = [String(about.kind), String(about.name)];
  const place = places().find(({ belongs }) => belongs(kind, name));
  if (place === undefined) return undefined;
  const ref = { apiVersion: String(about.apiVersion ?? 'v1'), kind, name };
  const namespace = typeof about.namespace === 'string' ? { namespace: about.namespace } : {};
  return { kind: 'event', name: place.name, ref: { ...ref, ...namespace }, ...eventOf(event, mask) };
}

function timeOf(event: KubeObject, { mask }: EventStream): number {
  return Date.parse(eventOf(event, mask).at) || 0;
}

function namespaceOf({ metadata }: KubeObject): string {
  return metadata.namespace ?? 'default';
}

/** Whether something of that kind and name is, or was made for, one of these. */
export function belongsTo(objects: readonly KubeObject[]): (kind: string, name: string) => boolean {
  let each: ReturnType<typeof descendantsByName>[] | undefined; // patterns for thousands of objects are made when somebody asks
  return (kind, name) => {
    each ??= objects.map(descendantsByName);
    return each.some((is) => is(kind, name));
  };
}
