/**
 * Sees what is held: one watch per kind, the status of each location, and drift, which it repairs, reports or leaves as the
 * bundle says. Works the same with and without a hub.
 */
import {
  type Clock,
  canonical,
  errorText,
  isObject,
  type KubeObject,
  type Logger,
  type ObjectRef,
  type Random,
  refOf,
  refText,
} from '../../base/index.ts';
import {
  type Client,
  collectionPath,
  contentDigest,
  type ObjectStatus,
  reasonOf,
  statusOf,
  watchLoop,
} from '../../kubernetes/index.ts';
import type { AgentMessage, Observation } from '../../protocol/index.ts';
import type { Held } from '../types.ts';
import type { Work } from './actions/work.ts';
import { type Bundle, type Location, servedObjects } from './bundle.ts';
import { checkDrift, type DriftCheck } from './drift.ts';
import { Halted } from './halted.ts';
import { locationKey } from './memory.ts';
import type { Queues } from './queues.ts';

export interface Observer {
  hold(held: Held, bundle: Bundle): Promise<void>;
  release(location: Location): void;
  /** What it looks like now is as it was applied. */
  good(object: KubeObject): void;
  /** All observations, for a new line; later ones come by `report`. */
  all(): readonly Observation[];
}

export interface ObserverOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly queues: Queues;
  readonly signal: AbortSignal;
  work(signal: AbortSignal): Work;
  report(message: Extract<AgentMessage, { kind: 'observed' | 'drift' }>): void;
}

interface Place {
  readonly held: Held;
  readonly bundle: Bundle;
  readonly objects: readonly KubeObject[];
  readonly drift: Map<string, DriftCheck>;
  observation: Observation | undefined;
  due: boolean;
  /** Clock.monotonic() when reasons were last dug for. */
  reasonsMs: number;
}

const SETTLE_MS = 50;
const REASONS_EVERY_MS = 5_000;
const REASONS_MAX = 3;
const RANK: readonly ObjectStatus['status'][] = [
  'current',
  'inProgress',
  'unknown',
  'notFound',
  'terminating',
  'failed',
];

export function createObserver(options: ObserverOptions): Observer {
  return new Observing(options);
}

class Observing implements Observer {
  readonly #options: ObserverOptions;
  /** By location. */
  readonly #places = new Map<string, Place>();
  /** Which location an object belongs to, by its ref. */
  readonly #owners = new Map<string, string>();
  /** Objects as the watches last showed them, by ref. */
  readonly #live = new Map<string, KubeObject>();
  /** Content digests that are known to be as applied, by ref. */
  readonly #good = new Map<string, string>();
  readonly #watched = new Map<string, { ready: boolean }>();

  constructor(options: ObserverOptions) {
    this.#options = options;
  }

  async #watchKind(ref: ObjectRef): Promise<void> {
    const name = `${ref.apiVersion}/${ref.kind}`;
    if (this.#watched.has(name)) return;
    const info = await this.#options.work(this.#options.signal).objects.info(ref);
    if (info === undefined || this.#watched.has(name)) return;
    const entry = { ready: false };
    this.#watched.set(name, entry);
    const target = {
      path: collectionPath(info),
      apiVersion: ref.apiVersion,
      kind: ref.kind,
      labelSelector: 'ldc.dev/stack',
    };
    void watchLoop(
      this.#options.client,
      target,
      {
        onList: (objects) => {
          for (const [key, object] of this.#live) {
            if (object.apiVersion === ref.apiVersion && object.kind === ref.kind) this.#live.delete(key);
          }
          for (const object of objects) this.#seen(object);
          entry.ready = true;
          for (const place of this.#places.values())
            if (place.objects.some((one) => one.kind === ref.kind)) this.#soon(place);
        },
        onEvent: (type, object) => {
          const whole = { ...object, apiVersion: ref.apiVersion, kind: ref.kind } as KubeObject;
          if (type === 'DELETED') this.#live.delete(refText(refOf(whole)));
          else this.#seen(whole);
          const place = this.#places.get(this.#owners.get(refText(refOf(whole))) ?? '');
          if (place !== undefined) this.#soon(place);
        },
      },
      this.#options,
    );
  }
  #seen(object: KubeObject): void {
    const key = refText(refOf(object));
    if (this.#owners.has(key)) this.#live.set(key, object);
  }
  #soon(place: Place): void {
    if (place.due) return;
    place.due = true;
    this.#options.clock.after(SETTLE_MS, () => {
      place.due = false;
      void this.#look(place).catch((error) =>
        this.#options.logger.error({ error: errorText(error) }, 'a location could not be observed'),
      );
    });
  }
  #isHeld(place: Place): boolean {
    return this.#places.get(locationKey(place.held.location)) === place;
  }

  async #look(place: Place): Promise<void> {
    if (this.#options.signal.aborted || !this.#isHeld(place)) return;
    await this.#observe(place);
    const suspects = place.objects.filter((object) => this.#suspect(place, object));
    const key = locationKey(place.held.location);
    if (suspects.length === 0 || this.#options.queues.busy(key))
      return suspects.length > 0 ? this.#again(place) : undefined;
    await this.#options.queues.run(key, async () => {
      for (const object of suspects)
        if (this.#isHeld(place) && !this.#options.signal.aborted) await this.#check(place, object);
    });
    await this.#observe(place);
  }
  /** A command is at it: look once more when it is done. */
  #again(place: Place): void {
    this.#options.clock.after(200, () => this.#isHeld(place) && this.#soon(place));
  }
  #suspect(place: Place, object: KubeObject): boolean {
    if (place.bundle.drift.mode === 'ignore') return false;
    const key = refText(refOf(object));
    if (this.#watched.get(`${object.apiVersion}/${object.kind}`)?.ready !== true) return false;
    const now = this.#live.get(key);
    return (
      now === undefined || this.#good.get(key) !== contentDigest(now, this.#options.work(this.#options.signal).cutKey)
    );
  }
  async #check(place: Place, object: KubeObject): Promise<void> {
    const key = refText(refOf(object));
    try {
      const result = await checkDrift(
        this.#options.work(this.#options.signal),
        place.bundle,
        object,
        place.drift.get(key),
      );
      if (result.kind === 'same') {
        place.drift.delete(key);
        return this.#noteGood(result.object);
      }
      place.drift.set(key, result);
      if (result.retryMs > 0) this.#options.clock.after(result.retryMs, () => this.#isHeld(place) && this.#soon(place));
      if (result.object !== undefined) this.#noteGood(result.object);
      if (result.receipt !== undefined) {
        const { location } = place.held;
        const { repaired, message, receipt } = result;
        this.#options.report({ kind: 'drift', location, objects: [receipt], repaired, message });
        this.#options.logger.info({ location: locationKey(location), object: key, repaired }, 'drift');
      }
    } catch (error) {
      if (!(error instanceof Halted)) throw error;
      this.#options.logger.warn({ object: key, error: error.message }, 'drift could not be checked');
      this.#options.clock.after(5_000, () => this.#isHeld(place) && this.#soon(place));
    }
  }
  #noteGood(object: KubeObject): void {
    this.#good.set(refText(refOf(object)), contentDigest(object, this.#options.work(this.#options.signal).cutKey));
  }

  async #observe(place: Place): Promise<void> {
    const statuses = place.objects.map((object) => ({
      object,
      status: seenStatus(object, this.#live.get(refText(refOf(object)))),
    }));
    const worst = statuses.reduce((a, b) => (RANK.indexOf(b.status.status) > RANK.indexOf(a.status.status) ? b : a), {
      object: undefined as KubeObject | undefined,
      status: { status: 'current', message: `${statuses.length} objects ready` } as ObjectStatus,
    });
    const drift = [...place.drift.values()].filter((one) => !one.repaired).map((one) => one.ref);
    const { location, revision, bundle } = place.held;
    const name = worst.object === undefined ? '' : `${refText(refOf(worst.object))}: `;
    const next: Observation = {
      location,
      revision,
      bundle,
      status: worst.status.status,
      message: `${name}${worst.status.message}`,
      ...(drift.length === 0 ? {} : { drift }),
    };
    const { reasons: _reasons, ...before } = place.observation ?? {};
    if (canonical(before) === canonical(next)) return;
    place.observation = next;
    this.#options.report({ kind: 'observed', observations: [next] });
    if (next.status !== 'current') this.#dig(place);
  }
  /** Reasons cost requests: they follow the status, not more often than each few seconds. */
  #dig(place: Place): void {
    const waitMs = Math.max(1_000, place.reasonsMs + REASONS_EVERY_MS - this.#options.clock.monotonic());
    place.reasonsMs = this.#options.clock.monotonic() + waitMs;
    this.#options.clock.after(waitMs, async () => {
      const now = place.observation;
      if (!this.#isHeld(place) || now === undefined || now.status === 'current' || this.#options.signal.aborted) return;
      const unwell = place.objects
        .flatMap((object) => this.#live.get(refText(refOf(object))) ?? [])
        .filter((object) => statusOf(object).status !== 'current');
      const reasons = await Promise.all(
        unwell.slice(0, REASONS_MAX).map((object) => reasonOf(this.#options.work(this.#options.signal), object)),
      );
      if (!this.#isHeld(place) || place.observation !== now) return;
      place.observation = { ...now, reasons: reasons as unknown as NonNullable<Observation['reasons']> };
      this.#options.report({ kind: 'observed', observations: [place.observation] });
    });
  }

  /** A watch that was there before passed these objects by: nobody held them then. */
  async #refresh(refs: readonly ObjectRef[]): Promise<void> {
    const { objects } = this.#options.work(this.#options.signal);
    await Promise.all(
      refs.map(async (ref) => {
        const key = refText(ref);
        if (this.#live.has(key) || this.#watched.get(`${ref.apiVersion}/${ref.kind}`)?.ready !== true) return;
        const found = await objects.get(ref);
        if (found !== undefined && !this.#live.has(key)) this.#live.set(key, found);
      }),
    );
  }
  async hold(held: Held, bundle: Bundle): Promise<void> {
    const objects = await servedObjects(this.#options.work(this.#options.signal).objects, bundle.objects);
    const key = locationKey(held.location);
    const place: Place = {
      held,
      bundle,
      objects,
      drift: new Map(),
      observation: undefined,
      due: false,
      reasonsMs: 0,
    };
    for (const [ref, owner] of this.#owners) if (owner === key) this.#owners.delete(ref);
    this.#places.set(key, place);
    const fresh = objects.map((object) => refOf(object));
    for (const ref of fresh) this.#owners.set(refText(ref), key);
    await Promise.all(fresh.map((ref) => this.#watchKind(ref)));
    await this.#refresh(fresh);
    this.#soon(place);
  }
  release(location: Location): void {
    const key = locationKey(location);
    if (!this.#places.delete(key)) return;
    for (const [ref, owner] of this.#owners) {
      if (owner !== key) continue;
      this.#owners.delete(ref);
      this.#live.delete(ref);
      this.#good.delete(ref);
    }
    this.#options.report({ kind: 'observed', observations: [], gone: [location] });
  }
  good(object: KubeObject): void {
    this.#noteGood(object);
  }
  all(): readonly Observation[] {
    return [...this.#places.values()].flatMap((place) => place.observation ?? []);
  }
}

/** A Job that says when it is to be cleaned up, and was, has done its work. */
function seenStatus(wanted: KubeObject, live: KubeObject | undefined): ObjectStatus {
  const spec = isObject(wanted.spec) ? wanted.spec : {};
  if (live === undefined && wanted.kind === 'Job' && spec.ttlSecondsAfterFinished !== undefined) {
    return { status: 'current', message: 'ended and cleaned up' };
  }
  return statusOf(live);
}
