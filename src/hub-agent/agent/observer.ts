/**
 * Sees what is held: one watch per kind, the status of each location, and drift, which it repairs, reports or leaves as the
 * bundle says. Works the same with and without a hub.
 */
import {
  type Clock,
  canonical,
  errorText,
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
  const { client, clock, logger, queues, signal } = options;
  const places = new Map<string, Place>();
  const owners = new Map<string, string>();
  const live = new Map<string, KubeObject>();
  const good = new Map<string, string>();
  const watched = new Map<string, { readonly listed: Promise<void>; ready: boolean }>();

  async function watchKind(ref: ObjectRef): Promise<void> {
    const name = `${ref.apiVersion}/${ref.kind}`;
    if (watched.has(name)) return;
    const info = await options.work(signal).objects.info(ref);
    if (info === undefined || watched.has(name)) return;
    const first = Promise.withResolvers<void>();
    const entry = { listed: first.promise, ready: false };
    watched.set(name, entry);
    const target = {
      path: collectionPath(info),
      apiVersion: ref.apiVersion,
      kind: ref.kind,
      labelSelector: 'ldc.dev/stack',
    };
    void watchLoop(
      client,
      target,
      {
        onList(objects) {
          for (const [key, object] of live) {
            if (object.apiVersion === ref.apiVersion && object.kind === ref.kind) live.delete(key);
          }
          for (const object of objects) seen(object);
          entry.ready = true;
          first.resolve();
          for (const place of places.values()) if (place.objects.some((one) => one.kind === ref.kind)) soon(place);
        },
        onEvent(type, object) {
          const whole = { ...object, apiVersion: ref.apiVersion, kind: ref.kind } as KubeObject;
          if (type === 'DELETED') live.delete(refText(refOf(whole)));
          else seen(whole);
          const place = places.get(owners.get(refText(refOf(whole))) ?? '');
          if (place !== undefined) soon(place);
        },
      },
      options,
    );
  }
  function seen(object: KubeObject): void {
    const key = refText(refOf(object));
    if (owners.has(key)) live.set(key, object);
  }
  function soon(place: Place): void {
    if (place.due) return;
    place.due = true;
    clock.after(SETTLE_MS, () => {
      place.due = false;
      void look(place).catch((error) => logger.error({ error: errorText(error) }, 'a location could not be observed'));
    });
  }
  const isHeld = (place: Place) => places.get(locationKey(place.held.location)) === place;

  async function look(place: Place): Promise<void> {
    if (signal.aborted || !isHeld(place)) return;
    await observe(place);
    const suspects = place.objects.filter((object) => suspect(place, object));
    const key = locationKey(place.held.location);
    if (suspects.length === 0 || queues.busy(key)) return suspects.length > 0 ? again(place) : undefined;
    await queues.run(key, async () => {
      for (const object of suspects) if (isHeld(place) && !signal.aborted) await check(place, object);
    });
    await observe(place);
  }
  /** A command is at it: look once more when it is done. */
  function again(place: Place): void {
    clock.after(200, () => isHeld(place) && soon(place));
  }
  function suspect(place: Place, object: KubeObject): boolean {
    if (place.bundle.drift.mode === 'ignore') return false;
    const key = refText(refOf(object));
    if (watched.get(`${object.apiVersion}/${object.kind}`)?.ready !== true) return false;
    const now = live.get(key);
    return now === undefined || good.get(key) !== contentDigest(now, options.work(signal).cutKey);
  }
  async function check(place: Place, object: KubeObject): Promise<void> {
    const key = refText(refOf(object));
    try {
      const result = await checkDrift(options.work(signal), place.bundle, object, place.drift.get(key));
      if (result.kind === 'same') {
        place.drift.delete(key);
        return noteGood(result.object);
      }
      place.drift.set(key, result);
      if (result.retryMs > 0) clock.after(result.retryMs, () => isHeld(place) && soon(place));
      if (result.object !== undefined) noteGood(result.object);
      if (result.receipt !== undefined) {
        const { location } = place.held;
        const { repaired, message, receipt } = result;
        options.report({ kind: 'drift', location, objects: [receipt], repaired, message });
        logger.info({ location: locationKey(location), object: key, repaired }, 'drift');
      }
    } catch (error) {
      if (!(error instanceof Halted)) throw error;
      logger.warn({ object: key, error: error.message }, 'drift could not be checked');
      clock.after(5_000, () => isHeld(place) && soon(place));
    }
  }
  function noteGood(object: KubeObject): void {
    good.set(refText(refOf(object)), contentDigest(object, options.work(signal).cutKey));
  }

  async function observe(place: Place): Promise<void> {
    const statuses = place.objects.map((object) => ({ object, status: statusOf(live.get(refText(refOf(object)))) }));
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
    options.report({ kind: 'observed', observations: [next] });
    if (next.status !== 'current') dig(place);
  }
  /** Reasons cost requests: they follow the status, not more often than each few seconds. */
  function dig(place: Place): void {
    const waitMs = Math.max(1_000, place.reasonsMs + REASONS_EVERY_MS - clock.monotonic());
    place.reasonsMs = clock.monotonic() + waitMs;
    clock.after(waitMs, async () => {
      const now = place.observation;
      if (!isHeld(place) || now === undefined || now.status === 'current' || signal.aborted) return;
      const unwell = place.objects
        .flatMap((object) => live.get(refText(refOf(object))) ?? [])
        .filter((object) => statusOf(object).status !== 'current');
      const reasons = await Promise.all(
        unwell.slice(0, REASONS_MAX).map((object) => reasonOf(options.work(signal), object)),
      );
      if (!isHeld(place) || place.observation !== now) return;
      place.observation = { ...now, reasons: reasons as unknown as NonNullable<Observation['reasons']> };
      options.report({ kind: 'observed', observations: [place.observation] });
    });
  }

  return {
    async hold(held, bundle) {
      const objects = await servedObjects(options.work(signal).objects, bundle.objects);
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
      for (const [ref, owner] of owners) if (owner === key) owners.delete(ref);
      places.set(key, place);
      const fresh = objects.map((object) => refOf(object));
      for (const ref of fresh) owners.set(refText(ref), key);
      await Promise.all(fresh.map(watchKind));
      await refresh(fresh);
      soon(place);
    },
    release(location) {
      const key = locationKey(location);
      if (!places.delete(key)) return;
      for (const [ref, owner] of owners) {
        if (owner !== key) continue;
        owners.delete(ref);
        live.delete(ref);
        good.delete(ref);
      }
      options.report({ kind: 'observed', observations: [], gone: [location] });
    },
    good: noteGood,
    all: () => [...places.values()].flatMap((place) => place.observation ?? []),
  };

  /** A watch that was there before passed these objects by: nobody held them then. */
  async function refresh(refs: readonly ObjectRef[]): Promise<void> {
    const { objects } = options.work(signal);
    await Promise.all(
      refs.map(async (ref) => {
        const key = refText(ref);
        if (live.has(key) || watched.get(`${ref.apiVersion}/${ref.kind}`)?.ready !== true) return;
        const found = await objects.get(ref);
        if (found !== undefined && !live.has(key)) live.set(key, found);
      }),
    );
  }
}
