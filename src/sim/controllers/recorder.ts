import { type Clock, isObject, type KubeObject } from '../../base/index.ts';
import { eventNamespace, fromKubeTime, type Happening, happeningKey, newEvent, repeatedEvent } from '../kinds/index.ts';
import type { ApiDoor } from '../types.ts';

const EVENT_TTL_MS = 3_600_000;

/** A webhook is being asked about the event. */
const AWAITED = 503;
const AWAITED_MS = 100;

/** Writes Events through the door; the same happening again raises the count. Events older than an hour go with the next write. */
export class EventRecorder {
  readonly #door: ApiDoor;
  readonly #clock: Clock;
  /** Insertion order is order of last use, so the oldest come first. */
  readonly #events = new Map<string, { namespace: string; name: string; lastMs: number }>();
  #sequence = 0;

  constructor(door: ApiDoor, clock: Clock) {
    this.#door = door;
    this.#clock = clock;
    for (const event of door.list('events')) {
      this.#remember(event.metadata.name, event, fromKubeTime(event.lastTimestamp as string | null) ?? 0);
    }
  }

  record(component: string, happening: Happening): void {
    const nowMs = this.#clock.now();
    this.#expire(nowMs);
    const key = `${component}\u0000${happeningKey(happening)}`;
    const known = this.#events.get(key);
    const stored = known && this.#door.get('events', known.namespace, known.name);
    if (stored !== undefined) {
      this.#door.update('events', repeatedEvent(stored, nowMs), component);
      this.#remember(key, stored, nowMs);
      return;
    }
    const event = newEvent(happening, { component }, nowMs, this.#sequence++);
    const { status, body } = this.#door.create('events', event, component);
    if (status === AWAITED) this.#clock.after(AWAITED_MS, () => this.record(component, happening));
    // a namespace that is going away refuses new events: nobody will read them
    if (status < 300 && isObject(body)) this.#remember(key, event, nowMs);
  }

  #remember(key: string, event: KubeObject, lastMs: number): void {
    this.#events.delete(key);
    this.#events.set(key, { namespace: eventNamespace(event), name: event.metadata.name, lastMs });
  }

  #expire(nowMs: number): void {
    for (const [key, { namespace, name, lastMs }] of this.#events) {
      if (nowMs - lastMs < EVENT_TTL_MS) return;
      this.#events.delete(key);
      const event = this.#door.get('events', namespace, name);
      const seenMs = fromKubeTime(event?.lastTimestamp as string | undefined) ?? 0;
      if (event !== undefined && nowMs - seenMs >= EVENT_TTL_MS) this.#door.delete('events', namespace, name);
    }
  }
}
