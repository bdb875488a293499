/** The agent of one cluster, built: lease, memory, identity, then its line to the hub and its watch over what it holds. */
import {
  backoffMs,
  type Cancel,
  type Clock,
  errorText,
  type Ids,
  type Logger,
  limits,
  type Random,
  type Refusal,
  RefusedError,
  refOf,
  refused,
} from '../../base/index.ts';
import { type Client, createDiscovery, type Discovery } from '../../kubernetes/index.ts';
import {
  type AgentMessage,
  type Command,
  createSealKey,
  PROTOCOL_VERSION,
  type Sent,
  sealJson,
} from '../../protocol/index.ts';
import type { Held, HubDoor, StoredIdentity } from '../types.ts';
import type { Work } from './actions/work.ts';
import { type BlobSource, createBlobSource } from './blob-source.ts';
import { type Location, readBundle } from './bundle.ts';
import { type CapacityWatch, watchCapacity } from './capacity.ts';
import { type Commands, createCommands } from './commands.ts';
import { type Connection, connectToHub, type Welcome } from './connection.ts';
import { networkDoor } from './door.ts';
import { createDriftOutbox, type DriftOutbox } from './drift-outbox.ts';
import { Halted } from './halted.ts';
import { createIdentities, type Identities, type Identity } from './identities.ts';
import { certified, keepFresh } from './identity.ts';
import { createLeadership } from './lease.ts';
import { locationKey, type Memory, openMemory } from './memory.ts';
import { createObserver, type Observer } from './observer.ts';
import { apiServerProbe, type ServiceProbe } from './probe.ts';
import { createQueues } from './queues.ts';
import { type ServedWatch, watchServed } from './served.ts';
import { createStreams, type Streams } from './streams/streams.ts';

export interface AgentOptions {
  readonly client: Client;
  /** Where the hub's agents' port is reached: a URL (a gateway's will do), or a door of another kind. */
  readonly hub: { readonly url: string } | HubDoor;
  /** For the first start: a join token, and the name under which the cluster is to join. */
  readonly join?: { readonly token: string; readonly name: string };
  readonly clock: Clock;
  readonly random: Random;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly version: string;
  /** How Services are asked for their health; default: through the API server. */
  readonly probe?: ServiceProbe;
  /** Who holds the cluster's Lease: one that starts again under the same name goes on at once. Default: a new name. */
  readonly holder?: string;
}

export interface Agent {
  /** Resolves when it is who it is (joined) and works; the line to the hub may come later. @throws RefusedError when joining is refused. */
  start(): Promise<void>;
  stop(): Promise<void>;
  connected(): boolean;
}

const CAPACITY_EVERY_MS = 2_000;
const STOP_MS_MAX = 2_000;
const FIRST_LIST_MS_MAX = 3_000;
/** With the reasons of a location that is not well each may be limits.locationReasonsBytesMax, and all are one message. */
const OBSERVED_AT_ONCE = 100;

export function createAgent(options: AgentOptions): Agent {
  let running: Running | undefined;
  let stopping = new AbortController();
  return {
    async start() {
      stopping = new AbortController();
      running = await startAgent(options, stopping, () => void restart());
    },
    async stop() {
      stopping.abort();
      await running?.stop();
    },
    connected: () => running?.connection.connected() ?? false,
  };

  /** The lease was lost: what was remembered may be another's by now. */
  async function restart(): Promise<void> {
    if (stopping.signal.aborted) return;
    stopping.abort();
    await running?.stop();
    stopping = new AbortController();
    await startAgent(options, stopping, () => void restart()).then(
      (next) => {
        running = next;
      },
      (error) => options.logger.error({ error: errorText(error) }, 'the agent could not start again'),
    );
  }
}

interface Running {
  readonly connection: Connection;
  stop(): Promise<void>;
}

async function startAgent(options: AgentOptions, stopping: AbortController, onLost: () => void): Promise<Running> {
  const { client, clock, random, logger } = options;
  const { signal } = stopping;
  const door = 'url' in options.hub ? networkDoor(options.hub.url, clock) : options.hub;
  // the namespace comes first: the lease lies in it
  await patiently(options, signal, () => openMemory(client, clock));
  const leadership = createLeadership(client, clock, logger, options.holder ?? options.ids.next('agent'), onLost);
  await leadership.acquire(signal);
  const memory = await patiently(options, signal, () => openMemory(client, clock));
  let identity = await patiently(options, signal, () => certified(memory, door, options.join));
  const session = new Session(options, memory, signal, door, () => identity);
  const renewing = keepFresh({ memory, door, clock, random, logger, signal }, identity, (fresh) => {
    identity = fresh;
  });
  session.resume();
  return {
    connection: session.connection,
    async stop() {
      stopping.abort();
      renewing();
      await session.stop();
      await leadership.release();
    },
  };
}

/** Tries until it stands; only a refusal ends it. */
async function patiently<T>(options: AgentOptions, signal: AbortSignal, run: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof Halted)) throw error;
      if (error.outcome.kind === 'refused') throw new RefusedError(error.outcome.refusal);
      if (signal.aborted) throw error;
      options.logger.warn({ reason: error.message }, 'the agent cannot start yet');
      await options.clock.sleep(backoffMs(options.random, attempt, 200, 10_000), signal);
    }
  }
}

/** What works between the agent's memory, its cluster and the line to its hub. */
class Session {
  readonly connection: Connection;
  readonly #options: AgentOptions;
  readonly #memory: Memory;
  readonly #signal: AbortSignal;
  readonly #discovery: Discovery;
  readonly #identities: Identities;
  readonly #queues = createQueues();
  readonly #sealKey = createSealKey();
  readonly #blobs: BlobSource;
  readonly #observer: Observer;
  readonly #commands: Commands;
  readonly #capacity: CapacityWatch;
  readonly #served: ServedWatch;
  readonly #streams: Streams;
  readonly #drifts: DriftOutbox;
  #hubKey = '';
  /** Until a hub has said with which key, one of our own cuts: digests are only compared among themselves. */
  #cutKey: Uint8Array;
  #capacitySent = '';
  #capacityDue: Cancel | undefined;

  constructor(
    options: AgentOptions,
    memory: Memory,
    signal: AbortSignal,
    door: HubDoor,
    identity: () => StoredIdentity,
  ) {
    const { client, clock, random, logger } = options;
    this.#options = options;
    this.#memory = memory;
    this.#signal = signal;
    this.#cutKey = random.bytes(32);
    this.#discovery = createDiscovery(client, clock);
    this.#identities = createIdentities(client, this.#discovery, clock);
    this.#blobs = createBlobSource(clock, this.#sealKey, (digest) => {
      return this.#send({ kind: 'need', digests: [digest] }) === 'queued';
    });
    const parts = { client, clock, random, logger, signal, queues: this.#queues, memory, identities: this.#identities };
    const work = (abort: AbortSignal, resumed = false, identity = this.#identities.itself) =>
      this.#work(abort, resumed, identity);
    this.#drifts = createDriftOutbox({ ...parts, send: (drift) => this.#send(drift) === 'queued' });
    this.#observer = createObserver({
      ...{ ...parts, ids: options.ids, work, report: (message) => void this.#send(message) },
      drifted: (drift) => this.#drifts.add(drift),
    });
    this.#commands = createCommands({ ...parts, work, onHeld: (location, held) => this.#onHeld(location, held) });
    this.#capacity = watchCapacity(client, parts, () => this.#capacityChanged());
    this.#served = watchServed(client, this.#discovery, this.#identities.itself.access, parts, ({ apis }) => {
      this.#send({ kind: 'observed', observations: [], apis });
      this.#observer.kindsChanged().catch((error) => this.#warn(error, 'what is held could not be looked at anew'));
    });
    this.#streams = createStreams({
      ...parts,
      holding: (stack, names) => this.#observer.holding(stack, names),
      mask: (stack) => this.#observer.mask(stack),
      live: (object) => this.#identities.itself.objects.get(refOf(object)),
      send: (message) => void this.#send(message),
    });
    this.connection = connectToHub({
      ...{ door, clock, random, logger, signal, identity },
      hello: () => this.#hello(),
      accept: (welcome) => this.#accept(welcome),
      onGood: (welcome) => this.#onGood(welcome),
      onCommand: (command) => this.#run(command),
      onBlob: (blob) => this.#blobs.received(blob),
      onBlobMissing: (digest, refusal) => this.#blobs.missing(digest, refusal),
      onStream: (message) => this.#streams.handle(message),
      onDriftJournaled: (id) => this.#drifts.journaled(id),
      onEnd: () => {
        this.#blobs.lineEnded();
        this.#streams.lineEnded();
      },
    });
  }

  /** Goes on keeping what it held, hub or no hub. */
  resume(): void {
    for (const held of this.#memory.state.held) {
      this.#onHeld(held.location, held).catch((error) => this.#warn(error, 'a held location could not be read'));
    }
  }

  /** What was repaired until now is remembered. */
  async stop(): Promise<void> {
    this.#commands.stop();
    this.#capacityDue?.();
    const waited = new AbortController();
    await Promise.race([this.#observer.settled(), this.#options.clock.sleep(STOP_MS_MAX, waited.signal)]);
    waited.abort();
    await this.#drifts.stop();
  }

  #warn(error: unknown, what: string): void {
    this.#options.logger.warn({ error: errorText(error) }, what);
  }

  #send(message: AgentMessage): Sent {
    return this.connection.send(message);
  }

  #work(signal: AbortSignal, resumed: boolean, identity: Identity): Work {
    const { client, clock, random, probe } = this.#options;
    const discovery = { ...this.#discovery, forget: () => this.#kindsChanged() };
    return {
      ...{ client, clock, signal, resumed, identity, objects: identity.objects, discovery, cutKey: this.#cutKey },
      probe: probe ?? apiServerProbe(client),
      blob: (digest) => this.#blobs.get(digest),
      sealed: (blob, secrets) =>
        secrets.size === 0 ? blob : { ...blob, secrets: sealJson(this.#hubKey, Object.fromEntries(secrets), random) },
      onApplied: (object) => this.#observer.good(object),
      mask: (stack) => this.#observer.mask(stack),
    };
  }

  async #onHeld(location: Location, held: Held | null): Promise<void> {
    if (held === null) return this.#observer.release(location);
    const stored = await this.#memory.loadBundle(location);
    if (stored !== undefined) await this.#observer.hold(held, readBundle(stored));
  }

  #run(command: Command): void {
    void this.#commands.handle(command)?.then(({ outcome, blobs }) => {
      const { id } = command;
      const sent = this.#send({ kind: 'result', id, outcome, blobs: [...blobs] } as AgentMessage);
      if (sent === 'tooLarge') this.#send({ kind: 'result', id, outcome: refused(tooLarge(command)), blobs: [] });
    });
  }

  async #accept(welcome: Welcome): Promise<boolean> {
    const known = this.#memory.state.epoch;
    const observing = welcome.observing === true;
    if (welcome.epoch < known && !observing) {
      const text = 'this hub is older than one that was here: it needs `ldc hub rearm`';
      this.#options.logger.error({ epoch: welcome.epoch, known }, text);
      return false;
    }
    if (welcome.epoch > known && !observing) await this.#memory.update((state) => ({ ...state, epoch: welcome.epoch }));
    this.#hubKey = welcome.sealKey;
    const cutKey = JSON.parse(Buffer.from(this.#sealKey.open(welcome.cutKey)).toString('utf8')) as string;
    this.#cutKey = new Uint8Array(Buffer.from(cutKey, 'base64'));
    return true;
  }

  /** A hub remembers no observation of an earlier line: all are told anew, in pieces. */
  #onGood(welcome: Welcome): void {
    const capacity = this.#capacity.now();
    const observations = this.#observer.all();
    this.#send({ kind: 'observed', observations: observations.slice(0, OBSERVED_AT_ONCE), capacity });
    for (let from = OBSERVED_AT_ONCE; from < observations.length; from += OBSERVED_AT_ONCE) {
      this.#send({ kind: 'observed', observations: observations.slice(from, from + OBSERVED_AT_ONCE) });
    }
    this.#drifts.resend();
    for (const wanted of welcome.desired) {
      this.#adopt(wanted).catch((error) => this.#warn(error, 'a wish of the hub could not be followed'));
    }
  }

  /** What the hub wants and this cluster does not hold (its memory was lost, or it was away): taken over as the thing to keep. */
  #adopt(wanted: Held): Promise<void> {
    const key = locationKey(wanted.location);
    return this.#queues.run(key, async () => {
      const now = this.#memory.state.held.find((one) => locationKey(one.location) === key);
      if (now !== undefined && (now.bundle === wanted.bundle || now.revision > wanted.revision)) return;
      await this.#memory.saveBundle(wanted.location, await this.#blobs.get(wanted.bundle));
      await this.#memory.update((state) => {
        const others = state.held.filter((one) => locationKey(one.location) !== key);
        return { ...state, held: [...others, wanted] };
      });
      await this.#onHeld(wanted.location, wanted);
    });
  }

  #kindsChanged(): void {
    this.#discovery.forget();
    this.#served.soon();
  }

  #capacityChanged(): void {
    this.#capacityDue ??= this.#options.clock.after(CAPACITY_EVERY_MS, () => {
      this.#capacityDue = undefined;
      const now = this.#capacity.now();
      const text = JSON.stringify(now);
      if (text === this.#capacitySent) return;
      if (this.#send({ kind: 'observed', observations: [], capacity: now }) === 'queued') this.#capacitySent = text;
    });
  }

  async #hello(): Promise<AgentMessage> {
    const { clock, version } = this.#options;
    await Promise.race([this.#capacity.known, clock.sleep(FIRST_LIST_MS_MAX, this.#signal)]);
    return {
      kind: 'hello',
      v: PROTOCOL_VERSION,
      agentVersion: version,
      ...(await this.#served.read()),
      capacity: this.#capacity.now(),
      sealKey: this.#sealKey.publicKey,
      highestEpoch: this.#memory.state.epoch,
      held: [...this.#memory.state.held],
      openCommands: [...this.#commands.open()],
    };
  }
}

function tooLarge(command: Command): Refusal {
  return {
    kind: 'tooLarge',
    message: `the answer to ${command.body.kind} is above the ${limits.protocolMessageBytesMax / 1024 / 1024} MiB of a message`,
    hint: 'divide the function: each location travels as one piece',
  };
}
