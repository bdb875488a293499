/**
 * Sees what is held: one watch per kind, the status of each location, and drift, which it repairs, reports or leaves as the
 * bundle says. Works the same with and without a hub.
 */
import {
  type Clock,
  canonical,
  errorText,
  type Ids,
  isObject,
  type Json,
  jsonEqual,
  type KubeObject,
  type Logger,
  limits,
  type ObjectRef,
  type Random,
  refOf,
  refText,
  timestamp,
} from '../../base/index.ts';
import { createMask, type Mask, type ObjectStatus, secretTexts, shortReason } from '../../kubernetes/index.ts';
import type { AgentMessage, Observation } from '../../protocol/index.ts';
import type { Held } from '../types.ts';
import type { Begun, Work } from './actions/work.ts';
import { type Bundle, type Location, servedObjects, unservedOf } from './bundle.ts';
import { createDigging, type Digging, type Found } from './digging.ts';
import { checkDrift, type DriftCheck, type DriftNews } from './drift.ts';
import type { Drift } from './drift-outbox.ts';
import { Halted } from './halted.ts';
import { locationKey } from './held.ts';
import type { Identities, Identity, ServiceAccountRef } from './identities.ts';
import { type Judgement, judgementOf } from './judging.ts';
import type { Queues } from './queues.ts';
import { createSights, type Sights } from './sights.ts';
import { belongsTo } from './streams/events.ts';
import type { StreamPlace } from './streams/streams.ts';
import { createWatches, type Watches } from './watches.ts';
import { whyUnwell } from './why.ts';

export interface Observer {
  /** `coming`: its objects are about to be applied, so that what is there now need not be read. */
  hold(held: Held, bundle: Bundle, coming?: 'coming'): Promise<void>;
  /** Repairs what has drifted there by what was read just now, whether a watch has told of it yet or not; true: read again. */
  mend(location: Location, read: readonly KubeObject[]): Promise<boolean>;
  release(location: Location): void;
  /** Whether it is that which is looked at. */
  holds(held: Held): boolean;
  /** Kinds have come or gone: what is held is looked at in the versions that are served now. */
  kindsChanged(): Promise<void>;
  /** What it looks like now is as it was applied. */
  good(object: KubeObject): void;
  /** How an object that is held looks by its watch, never older than it was applied; undefined: it is not watched (yet). */
  current(ref: ObjectRef, as: ServiceAccountRef | undefined): { readonly object: KubeObject | undefined } | undefined;
  /** Hides the values of the Secrets that are held of a stack, and what looks like one. */
  mask(stack: Location['stack']): Mask;
  /** What is held of a stack (of these functions and members), as it should be. */
  holding(stack: Location['stack'], names: readonly string[] | undefined): readonly StreamPlace[];
  /** Resolves when nothing is being looked at, or repaired. */
  settled(): Promise<void>;
  /** All observations, for a new line; later ones come by `report`. */
  all(): readonly Observation[];
}

export interface ObserverOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly queues: Queues;
  readonly signal: AbortSignal;
  readonly identities: Identities;
  work(signal: AbortSignal, begun?: Begun, identity?: Identity): Work;
  readonly ids: Ids;
  report(message: Extract<AgentMessage, { kind: 'observed' }>): void;
  drifted(drift: Drift): void;
  /** Whether this agent still is the one that acts. */
  isLeader(): boolean;
}

interface Place {
  readonly held: Held;
  readonly bundle: Bundle;
  readonly objects: readonly KubeObject[];
  readonly judge: Judgement;
  readonly belongs: StreamPlace['belongs'];
  readonly drift: Map<string, DriftCheck>;
  observation: Observation | undefined;
  due: boolean;
  /** Clock.monotonic() of the last look. */
  lookedMs: number;
}

/** A first change is looked at at once; what follows it within so long, or while a command is at it, is one look. */
const SETTLE_MS = 50;
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
  readonly #sights: Sights;
  readonly #watches: Watches;
  readonly #digging: Digging;
  readonly #looks = new Set<Promise<void>>();
  /** By project and stack; made when it is first asked for, anew when what is held has changed. */
  readonly #masks = new Map<string, Mask>();

  constructor(options: ObserverOptions) {
    this.#options = options;
    this.#sights = createSights(() => options.work(options.signal).cutKey);
    this.#digging = createDigging(options.clock, options.signal);
    this.#watches = createWatches({
      ...options,
      onList: (objects, covers) => this.#listed(objects, covers),
      onEvent: (type, object) => this.#happened(type, object),
    });
  }

  #listed(objects: readonly KubeObject[], covers: (ref: ObjectRef, as?: ServiceAccountRef) => boolean): void {
    this.#sights.listed(objects, (ref, owner) => covers(ref, this.#places.get(owner)?.bundle.serviceAccount));
    for (const place of this.#places.values()) {
      if (place.objects.some((one) => covers(refOf(one), place.bundle.serviceAccount))) this.#soon(place);
    }
  }
  #happened(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject): void {
    if (type === 'DELETED') this.#sights.gone(object);
    else this.#sights.seen(object);
    const place = this.#places.get(this.#sights.ownerOf(refOf(object)) ?? '');
    if (place !== undefined) this.#soon(place);
  }
  #soon(place: Place): void {
    if (place.due) return;
    place.due = true;
    const { clock, queues } = this.#options;
    const quietMs = clock.monotonic() - place.lookedMs;
    const waitMs = queues.busy(locationKey(place.held.location)) ? SETTLE_MS : Math.max(0, SETTLE_MS - quietMs);
    clock.after(waitMs, () => {
      place.due = false;
      place.lookedMs = clock.monotonic();
      const look = this.#look(place).catch((error) =>
        this.#options.logger.error({ error: errorText(error) }, 'a location could not be observed'),
      );
      this.#looks.add(look);
      void look.then(() => this.#looks.delete(look));
    });
  }
  #isHeld(place: Place): boolean {
    return this.#places.get(locationKey(place.held.location)) === place;
  }

  async #look(place: Place): Promise<void> {
    if (this.#options.signal.aborted || !this.#isHeld(place)) return;
    this.#observe(place);
    const suspects = place.objects.filter((object) => this.#suspect(place, object));
    const key = locationKey(place.held.location);
    if (suspects.length === 0) return;
    if (this.#options.queues.busy(key) || !this.#options.isLeader()) return this.#again(place);
    await this.#options.queues.run(key, async () => {
      for (const object of suspects)
        if (this.#isHeld(place) && !this.#options.signal.aborted) await this.#check(place, object);
    });
    this.#observe(place);
  }
  /** A command is at it, or another agent may be: look once more when it is done. */
  #again(place: Place): void {
    this.#options.clock.after(200, () => this.#isHeld(place) && this.#soon(place));
  }
  #suspect(place: Place, object: KubeObject): boolean {
    if (place.bundle.drift.mode === 'ignore') return false;
    const ref = refOf(object);
    return this.#watches.isReady(ref, place.bundle.serviceAccount) && !this.#sights.isGood(ref);
  }
  async #check(place: Place, object: KubeObject): Promise<void> {
    const key = refText(refOf(object));
    try {
      const { identities, signal } = this.#options;
      const identity = await identities.as(place.bundle.serviceAccount);
      const work = this.#options.work(signal, undefined, identity);
      const result = await checkDrift(work, place.bundle, object, place.drift.get(key));
      if (result.kind === 'same') {
        place.drift.delete(key);
        return this.#sights.good(result.object);
      }
      place.drift.set(key, result);
      if (result.retryMs > 0) this.#options.clock.after(result.retryMs, () => this.#isHeld(place) && this.#soon(place));
      if (result.object !== undefined) this.#sights.good(result.object);
      if (result.news !== undefined) this.#tellDrift(place, result, result.news);
    } catch (error) {
      if (!(error instanceof Halted)) throw error;
      this.#options.logger.warn({ object: key, error: error.message }, 'drift could not be checked');
      this.#options.clock.after(5_000, () => this.#isHeld(place) && this.#soon(place));
    }
  }
  #tellDrift({ held: { location } }: Place, { repaired, message, repairs }: DriftCheck, news: DriftNews): void {
    const { clock, ids, logger } = this.#options;
    const { receipt, changes, id = ids.next('drift') } = news;
    const left = changes.length - limits.driftChangesMax;
    this.#options.drifted({
      ...{ kind: 'drift', location, objects: [receipt], repaired, message, id, at: timestamp(clock.now()) },
      ...(changes.length === 0 ? {} : { changes: changes.slice(0, limits.driftChangesMax) }),
      ...(left > 0 ? { changesLeftOut: left } : {}),
      ...(repairs > 1 ? { repairs } : {}),
    });
    logger.info({ location: locationKey(location), object: refText(receipt.ref), repaired, message }, 'drift');
  }

  #observe(place: Place): void {
    const statuses = place.objects.map((object) => ({
      object,
      status: place.judge(object, this.#sights.at(refOf(object))),
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
      message: name === '' ? worst.status.message : this.mask(location.stack)(`${name}${worst.status.message}`),
      ...(drift.length === 0 ? {} : { drift }),
    };
    const { reasons, reason, ...before } = place.observation ?? {};
    if (canonical(before) === canonical(next)) return;
    // what was found before stands until the next dig says otherwise
    const found = { ...(reason === undefined ? {} : { reason }), ...(reasons === undefined ? {} : { reasons }) };
    place.observation = next.status === 'current' ? next : { ...next, ...found };
    this.#options.report({ kind: 'observed', observations: [place.observation] });
    const failed = next.status === 'failed';
    if (next.status !== 'current') this.#digging.soon(locationKey(location), () => this.#dig(place), failed);
  }
  async #dig(place: Place): Promise<Found> {
    if (!this.#isHeld(place) || place.observation === undefined || place.observation.status === 'current')
      return 'well';
    const unwell = place.objects
      .map((object) => ({ ref: refOf(object), object: this.#sights.at(refOf(object)) }))
      .map(({ ref, object }, at) => ({ ref, object, status: place.judge(place.objects[at] as KubeObject, object) }))
      .filter(({ status }) => status.status !== 'current');
    const reasons = await whyUnwell(this.#options.work(this.#options.signal), place.held.location, unwell);
    const now: Observation | undefined = place.observation;
    if (!this.#isHeld(place) || now === undefined || now.status === 'current') return 'well';
    const json = reasons as unknown as NonNullable<Observation['reasons']>;
    if (canonical(withoutTime(json)) === canonical(withoutTime(now.reasons ?? []))) return 'same';
    const reason = shortReason(reasons);
    const { reason: _before, ...rest } = now;
    place.observation = { ...rest, ...(reason === undefined ? {} : { reason }), reasons: json };
    this.#options.report({ kind: 'observed', observations: [place.observation] });
    return 'changed';
  }
  #ofStack({ project, name }: Location['stack']): readonly Place[] {
    return [...this.#places.values()].filter(({ held: { location } }) => {
      return location.stack.project === project && location.stack.name === name;
    });
  }
  holding(stack: Location['stack'], names: readonly string[] | undefined): readonly StreamPlace[] {
    return this.#ofStack(stack).flatMap(({ held: { location }, objects, belongs }) => {
      const { name } = location;
      return names === undefined || names.includes(name) ? [{ name, location, objects, belongs }] : [];
    });
  }
  mask(stack: Location['stack']): Mask {
    const key = stackKey(stack);
    const known = this.#masks.get(key);
    if (known !== undefined) return known;
    const mask = createMask(this.#ofStack(stack).flatMap(({ bundle }) => secretTexts(bundle.objects)));
    this.#masks.set(key, mask);
    return mask;
  }

  /** A watch that was there before passed these objects by: nobody held them then. */
  async #refresh(refs: readonly ObjectRef[], as: ServiceAccountRef | undefined): Promise<void> {
    const { objects } = this.#options.identities.of(as);
    await Promise.all(
      refs.map(async (ref) => {
        if (this.#sights.at(ref) !== undefined || !this.#watches.isReady(ref, as)) return;
        const found = await objects.get(ref);
        if (found !== undefined) this.#sights.seen(found);
      }),
    );
  }
  async mend(location: Location, read: readonly KubeObject[]): Promise<boolean> {
    const key = locationKey(location);
    const place = this.#places.get(key);
    if (place === undefined || place.bundle.drift.mode !== 'repair' || !this.#options.isLeader()) return false;
    const there = new Set(read.map((object) => refText(refOf(object))));
    for (const object of read) this.#sights.seen(object);
    const suspects = place.objects.filter((object) => {
      const ref = refOf(object);
      return !there.has(refText(ref)) || !this.#sights.isGood(ref);
    });
    if (suspects.length === 0) return false;
    await this.#options.queues.run(key, async () => {
      for (const object of suspects) if (this.#isHeld(place)) await this.#check(place, object);
    });
    return true;
  }
  async hold(held: Held, bundle: Bundle, coming?: 'coming'): Promise<void> {
    const work = this.#options.work(this.#options.signal);
    const [objects, judge] = await Promise.all([
      servedObjects(work.objects, bundle.objects),
      judgementOf(work.client, bundle),
    ]);
    const unserved = await unservedOf(work.objects, objects);
    const key = locationKey(held.location);
    const place: Place = {
      held,
      bundle,
      objects,
      judge: (wanted, live) => unserved.get(refText(refOf(wanted))) ?? judge(wanted, live),
      belongs: belongsTo(objects),
      drift: new Map(),
      observation: undefined,
      due: false,
      lookedMs: Number.NEGATIVE_INFINITY,
    };
    this.#masks.delete(stackKey(held.location.stack));
    this.#places.set(key, place);
    const fresh = objects.map((object) => refOf(object));
    this.#sights.own(key, fresh);
    const { serviceAccount } = bundle;
    await Promise.all(fresh.map((ref) => this.#watches.watch(ref, serviceAccount)));
    if (coming === undefined) await this.#refresh(fresh, serviceAccount);
    this.#soon(place);
  }
  async kindsChanged(): Promise<void> {
    const { objects } = this.#options.work(this.#options.signal);
    await this.#watches.endUnserved();
    for (const place of [...this.#places.values()]) {
      const now = (await servedObjects(objects, place.bundle.objects)).map(refOf);
      const watched = now.every((ref) => this.#watches.isReady(ref, place.bundle.serviceAccount));
      const same = jsonEqual(now as unknown as Json, place.objects.map(refOf) as unknown as Json);
      if (watched && same) continue;
      // in its turn: a command may be about to hold something newer
      await this.#options.queues.run(locationKey(place.held.location), async () => {
        if (this.#isHeld(place)) await this.hold(place.held, place.bundle);
      });
    }
  }
  release(location: Location): void {
    const key = locationKey(location);
    if (!this.#places.delete(key)) return;
    this.#masks.delete(stackKey(location.stack));
    this.#digging.forget(key);
    this.#sights.disown(key);
    this.#options.report({ kind: 'observed', observations: [], gone: [location] });
  }
  holds({ location, revision, bundle }: Held): boolean {
    const now = this.#places.get(locationKey(location))?.held;
    return now?.revision === revision && now.bundle === bundle;
  }
  good(object: KubeObject): void {
    this.#sights.seen(object);
    this.#sights.good(object);
  }
  current(ref: ObjectRef, as: ServiceAccountRef | undefined): { readonly object: KubeObject | undefined } | undefined {
    const known = this.#sights.ownerOf(ref) !== undefined && this.#watches.isReady(ref, as);
    return known ? { object: this.#sights.at(ref) } : undefined;
  }
  async settled(): Promise<void> {
    await Promise.all(this.#looks);
  }
  all(): readonly Observation[] {
    return [...this.#places.values()].flatMap((place) => place.observation ?? []);
  }
}

function stackKey({ project, name }: Location['stack']): string {
  return `${project}/${name}`;
}

/** The same cause read later is no news. */
function withoutTime(reasons: readonly Json[]): Json {
  return reasons.map((reason) => (isObject(reason) ? { ...reason, at: null } : reason));
}
