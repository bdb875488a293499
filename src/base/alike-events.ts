/** Events that only the generated name of a pod tells apart, told once: a quota refuses each of a hundred pods by its name. Pure. */

export interface EventWords {
  /** Seen last, RFC 3339. */
  readonly at: string;
  /** Seen first; absent: only then. */
  readonly since?: string | undefined;
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly count: number;
}

export interface AlikeEvents<T extends EventWords> {
  /** The newest, with the counts of all and since when there are any. */
  readonly event: T;
  /** Newest first. */
  readonly members: readonly T[];
}

/** As Kubernetes ends names that it makes: five characters without vowels and the digits that look like some. */
const GENERATED = /-[bcdfghjklmnpqrstvwxz2456789]{5}(?![a-z0-9])/g;
/** So Kubernetes begins the message of an event into which it has put later ones. */
const COMBINED = /^\(combined from similar events\): /;

/** @param of what else must be the same, such as cluster and object; what it answers is compared like the message */
export function foldAlike<T extends EventWords>(
  events: readonly T[],
  of: (event: T) => readonly string[] = () => [],
): readonly AlikeEvents<T>[] {
  const newestFirst = events.toSorted((a, b) => timeOf(b.at) - timeOf(a.at));
  const keyOf = (event: T) => {
    const words = [event.type, event.reason, event.message.replace(COMBINED, ''), ...of(event)];
    return JSON.stringify(words.map((text) => text.replace(GENERATED, '-…')));
  };
  return [...Map.groupBy(newestFirst, keyOf).values()].map((members) => ({ event: merged(members), members }));
}

function merged<T extends EventWords>(members: readonly T[]): T {
  const [newest] = members as readonly [T, ...T[]];
  const first = members.map(({ at, since }) => since ?? at).reduce((a, b) => (timeOf(b) < timeOf(a) ? b : a));
  const count = members.reduce((sum, event) => sum + event.count, 0);
  return {
    ...newest,
    message: newest.message.replace(COMBINED, ''),
    count,
    ...(first === newest.at ? {} : { since: first }),
  };
}

function timeOf(text: string): number {
  return Date.parse(text) || 0;
}
