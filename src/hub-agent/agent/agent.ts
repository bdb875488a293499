/** What an agent does once it is who it is: its line to the hub, the hub's commands, and its watch over what it holds. */
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
import type { Begun, Done, Work } from './actions/work.ts';
import { type BlobSource, createBlobSource } from './blob-source.ts';
import { type Location, readBundle } from './bundle.ts';
import { type CapacityWatch, watchCapacity } from './capacity.ts';
import { type Commands, createCommands } from './commands.ts';
import { type Connection, connectToHub, type Welcome } from './connection.ts';
import { disowned } from './disowned.ts';
import { createDriftOutbox, type DriftOutbox } from './drift-outbox.ts';
import { Halted } from './halted.ts';
import { locationKey } from './held.ts';
import { createIdentities, type Identities, type Identity } from './identities.ts';
import type { Leadership } from './lease.ts';
import { type LeaveBody, leaveCluster } from './leave.ts';
import type { Memory } from './memory.ts';
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
  /** Of whoever may more than the agent, such as the kubeconfig by which its rights were installed: takes them away when the cluster leaves. Default: `client`. */
  readonly administrator?: Client;
  /** It has ended by itself: its cluster has left (null), or the hub has removed it. */
  readonly onEnd?: (refusal: Refusal | null) => void;
}

/** For the answer to a leave to go out, and the hub to end the line. */
const LEFT_WAIT_MS = 10_000;
const CAPACITY_EVERY_MS = 2_000;
const STOP_MS_MAX = 2_000;
const FIRST_LIST_MS_MAX = 3_000;
/** With the reasons of a location that is not well each may be limits.locationReasonsBytesMax, and all are one message. */
const OBSERVED_AT_ONCE = 100;

/** Of what the agent does by itself. */
const NO_COMMAND: Begun = { resumed: false, begin: async () => {} };

/** Who a session is, and what it may do to itself. */
export interface Self {
  readonly door: HubDoor;
  readonly uid: string | undefined;
  readonly leadership: Leadership;
  identity(): StoredIdentity;
  /** @throws Halted when the hub, or the want of a token, refuses it */
  rejoin(): Promise<void>;
  end(refusal: Refusal | null): void;
}

/** What works between the agent's memory, its cluster and the line to its hub. */
export class Session {
  readonly connection: Connection;
  readonly #self: Self;
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
  #left = false;
  #hubKey = '';
  /** Until a hub has said with which key, one of our own cuts: digests are only compared among themselves. */
  #cutKey: Uint8Array;
  #capacitySent = '';
  #capacityDue: Cancel | undefined;

  constructor(options: AgentOptions, memory: Memory, signal: AbortSignal, self: Self) {
    const { client, clock, random, logger } = options;
    const { door, identity } = self;
    this.#self = self;
    this.#options = options;
    this.#memory = memory;
    this.#signal = signal;
    this.#cutKey = random.bytes(32);
    this.#discovery = createDiscovery(client, clock);
    this.#identities = createIdentities(client, this.#discovery, clock);
    this.#blobs = createBlobSource(clock, this.#sealKey, (digest) => {
      return this.#send({ kind: 'need', digests: [digest] }) === 'queued';
    });
    const isLeader = () => self.leadership.isHeld();
    const parts = { client, clock, random, logger, signal, queues: this.#queues, memory, identities: this.#identities };
    const work = (abort: AbortSignal, begun = NO_COMMAND, identity = this.#identities.itself) =>
      this.#work(abort, begun, identity);
    this.#drifts = createDriftOutbox({ ...parts, send: (drift) => this.#send(drift) === 'queued' });
    this.#observer = createObserver({
      ...{ ...parts, ids: options.ids, work, isLeader, report: (message) => void this.#send(message) },
      drifted: (drift) => this.#drifts.add(drift),
    });
    this.#commands = createCommands({
      ...{ ...parts, work, isLeader },
      onHeld: (held, blob, coming) => this.#observer.hold(held, readBundle(blob), coming),
      onReleased: (location) => this.#observer.release(location),
      onSnapshot: (location, read) => this.#observer.mend(location, read),
      leave: (body, abort) => this.#leave(body, abort),
    });
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
        if (this.#left) self.end(null);
      },
      onRefused: (refusal) => this.#onRefused(refusal),
    });
  }

  /** Goes on keeping what it held, hub or no hub. */
  resume(): void {
    for (const { location } of this.#memory.held.all()) void this.#resume(location);
  }

  /** What was repaired until now is remembered. */
  async stop(): Promise<void> {
    this.#commands.stop();
    this.#capacityDue?.();
    const waited = new AbortController();
    await Promise.race([this.#observer.settled(), this.#options.clock.sleep(STOP_MS_MAX, waited.signal)]);
    waited.abort();
    await this.#drifts.stop();
    if (!this.#left)
      await this.#memory.stop().catch((error) => this.#warn(error, 'what was answered is not remembered'));
  }

  #warn(error: unknown, what: string): void {
    this.#options.logger.warn({ error: errorText(error) }, what);
  }

  #send(message: AgentMessage): Sent {
    return this.connection.send(message);
  }

  #work(signal: AbortSignal, begun: Begun, identity: Identity): Work {
    const { client, clock, random, probe } = this.#options;
    const discovery = { ...this.#discovery, forget: () => this.#kindsChanged() };
    return {
      ...{ ...begun, client, clock, signal, identity, objects: identity.objects, discovery, cutKey: this.#cutKey },
      probe: probe ?? apiServerProbe(client),
      blob: (digest) => this.#blobs.get(digest),
      sealed: (blob, secrets) => {
        this.#blobs.made(blob.digest, { value: blob.value, secrets });
        if (secrets.size === 0) return blob;
        return { ...blob, secrets: sealJson(this.#hubKey, Object.fromEntries(secrets), random) };
      },
      onApplied: (object) => this.#observer.good(object),
      current: async (ref) => {
        const seen = this.#observer.current(ref, identity.serviceAccount);
        return seen === undefined ? identity.objects.get(ref) : seen.object;
      },
      mask: (stack) => this.#observer.mask(stack),
    };
  }

  /** In its turn, for a command may hold something newer meanwhile; until it stands, for what is not looked at is not kept. */
  async #resume(location: Location): Promise<void> {
    const { clock, random } = this.#options;
    for (let attempt = 0; !this.#signal.aborted; attempt++) {
      try {
        return await this.#queues.run(locationKey(location), () => this.#look(location));
      } catch (error) {
        this.#warn(error, 'a held location could not be read: it is tried again');
        await clock.sleep(backoffMs(random, attempt, 500, 30_000), this.#signal);
      }
    }
  }
  async #look(location: Location): Promise<void> {
    const held = this.#memory.held.at(location);
    if (held === undefined || this.#observer.holds(held)) return;
    const stored = await this.#memory.held.bundle(location);
    // what is not there, or in pieces, comes from the hub with what it wants
    if (stored !== undefined) await this.#observer.hold(held, readBundle(stored));
  }

  #run(command: Command): void {
    void this.#commands.handle(command)?.then(({ outcome, blobs }) => {
      const { id } = command;
      const sent = this.#send({ kind: 'result', id, outcome, blobs: [...blobs] } as AgentMessage);
      // the hub ends the line; when it does not, or there is none, there is nothing to wait for
      if (this.#left) this.#options.clock.after(LEFT_WAIT_MS, () => this.#self.end(null));
      if (sent === 'tooLarge') this.#send({ kind: 'result', id, outcome: refused(tooLarge(command)), blobs: [] });
    });
  }

  /** From here on nothing is repaired; when only its own namespace is left, the agent lets go of everything. */
  async #leave(body: LeaveBody, signal: AbortSignal): Promise<Done> {
    for (const { location } of this.#memory.held.all()) this.#observer.release(location);
    const { administrator, clock } = this.#options;
    const identities =
      administrator === undefined ? this.#identities : createIdentities(administrator, this.#discovery, clock);
    const done = await leaveCluster(
      (account) => {
        const identity = identities.of(administrator === undefined ? account : undefined);
        return { ...this.#work(signal, NO_COMMAND, identity), client: identity.client };
      },
      body,
      this.#memory,
    );
    this.#self.leadership.abandon();
    this.#left = true;
    return done;
  }

  /** A removed cluster is done; a certificate that ran out is had again by a token, where the agent was given one. */
  async #onRefused(refusal: Refusal): Promise<boolean> {
    const rejoins = await this.#self.rejoin().then(
      () => true,
      (error: unknown) => {
        if (!(error instanceof Halted)) throw error;
        return false;
      },
    );
    if (!rejoins && refusal.kind === 'clusterRemoved') this.#self.end(refusal);
    return rejoins;
  }

  /** Why this hub is refused, if it is. */
  async #accept(welcome: Welcome): Promise<string | undefined> {
    const known = this.#memory.state;
    const observing = welcome.observing === true;
    const refusal = observing ? undefined : disowned(welcome, known);
    if (refusal !== undefined) {
      this.#options.logger.error({ epoch: welcome.epoch, known: known.epoch }, refusal);
      return refusal;
    }
    const { epoch, holder } = welcome;
    if (!observing && (epoch > known.epoch || holder !== known.holder)) {
      await this.#memory.update(({ holder: _former, ...state }) => ({
        ...state,
        epoch,
        ...(holder === undefined ? {} : { holder }),
      }));
    }
    this.#hubKey = welcome.sealKey;
    const cutKey = JSON.parse(Buffer.from(this.#sealKey.open(welcome.cutKey)).toString('utf8')) as string;
    const bytes = Buffer.from(cutKey, 'base64');
    // digests that were made know their key by its array: while it is the same key they stand
    if (!bytes.equals(this.#cutKey)) this.#cutKey = new Uint8Array(bytes);
    return undefined;
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
      const now = this.#memory.held.at(wanted.location);
      if (now !== undefined && now.revision > wanted.revision) return;
      if (now?.bundle === wanted.bundle && this.#observer.holds(now)) return;
      const blob = await this.#blobs.get(wanted.bundle);
      await this.#memory.held.hold(wanted, blob);
      await this.#observer.hold(wanted, readBundle(blob));
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
      ...(this.#self.uid === undefined ? {} : { clusterUid: this.#self.uid }),
      highestEpoch: this.#memory.state.epoch,
      held: [...this.#memory.held.all()],
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
