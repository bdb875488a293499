/** The agent of one cluster, built: lease, memory, identity, then its line to the hub and its watch over what it holds. */
import {
  backoffMs,
  type Cancel,
  type Clock,
  type Digest,
  errorText,
  type Ids,
  isObject,
  type Logger,
  type Random,
  RefusedError,
} from '../../base/index.ts';
import { type Client, createDiscovery } from '../../kubernetes/index.ts';
import { type AgentMessage, type Command, createSealKey, PROTOCOL_VERSION, sealJson } from '../../protocol/index.ts';
import type { Held, HubDoor } from '../types.ts';
import type { Work } from './actions/work.ts';
import { createBlobSource } from './blob-source.ts';
import { type Location, readBundle } from './bundle.ts';
import { watchCapacity } from './capacity.ts';
import { type Commands, createCommands } from './commands.ts';
import { type Connection, connectToHub, type Welcome } from './connection.ts';
import { networkDoor } from './door.ts';
import { Halted } from './halted.ts';
import { certified, keepFresh } from './identity.ts';
import { createLeadership } from './lease.ts';
import { locationKey, type Memory, openMemory } from './memory.ts';
import { createObjects } from './objects.ts';
import { createObserver, type Observer } from './observer.ts';
import { apiServerProbe, type ServiceProbe } from './probe.ts';
import { createQueues } from './queues.ts';

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
  const session = createSession(options, memory, signal, door, () => identity);
  const renewing = keepFresh({ memory, door, clock, random, logger, signal }, identity, (fresh) => {
    identity = fresh;
  });
  session.resume();
  return {
    connection: session.connection,
    async stop() {
      stopping.abort();
      renewing();
      session.stop();
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

type IdentityOf = Parameters<typeof connectToHub>[0]['identity'];

function createSession(
  options: AgentOptions,
  memory: Memory,
  signal: AbortSignal,
  door: HubDoor,
  identity: IdentityOf,
) {
  const { client, clock, random, logger } = options;
  const discovery = createDiscovery(client, clock);
  const objects = createObjects(client, discovery, clock);
  const queues = createQueues();
  const sealKey = createSealKey();
  let hubKey = '';
  // until a hub has said with which key, a key of our own cuts: digests are only compared among themselves
  let cutKey = random.bytes(32);
  const send = (message: AgentMessage) => connection.send(message);
  const blobs = createBlobSource(clock, sealKey, (digest: Digest) => send({ kind: 'need', digests: [digest] }));

  const work = (abort: AbortSignal, resumed = false): Work => ({
    objects,
    client,
    discovery,
    clock,
    cutKey,
    probe: options.probe ?? apiServerProbe(client),
    signal: abort,
    resumed,
    blob: (digest) => blobs.get(digest),
    sealed: (blob, secrets) =>
      secrets.size === 0 ? blob : { ...blob, secrets: sealJson(hubKey, Object.fromEntries(secrets), random) },
    onApplied: (object) => observer.good(object),
  });
  const observer: Observer = createObserver({
    client,
    clock,
    random,
    logger,
    queues,
    signal,
    work,
    report: (m) => void send(m),
  });
  const commands: Commands = createCommands({ memory, queues, clock, logger, work, onHeld });

  async function onHeld(location: Location, held: Held | null): Promise<void> {
    if (held === null) return observer.release(location);
    const stored = await memory.loadBundle(location);
    if (stored !== undefined) await observer.hold(held, readBundle(stored));
  }
  function run(command: Command): void {
    void commands.handle(command)?.then(({ outcome, blobs: sent }) => {
      send({ kind: 'result', id: command.id, outcome, blobs: [...sent] } as AgentMessage);
    });
  }
  async function onWelcome(welcome: Welcome): Promise<boolean> {
    if (welcome.epoch < memory.state.epoch) {
      logger.error(
        { epoch: welcome.epoch, known: memory.state.epoch },
        'this hub is older than one that was here: it needs `ldc hub rearm`',
      );
      return false;
    }
    if (welcome.epoch > memory.state.epoch) await memory.update((state) => ({ ...state, epoch: welcome.epoch }));
    hubKey = welcome.sealKey;
    const fresh = JSON.parse(Buffer.from(sealKey.open(welcome.cutKey)).toString('utf8')) as string;
    cutKey = new Uint8Array(Buffer.from(fresh, 'base64'));
    queueMicrotask(() => {
      send({ kind: 'observed', observations: [...observer.all()], capacity: capacity.now() });
      for (const wanted of welcome.desired)
        void adopt(wanted).catch((error) =>
          logger.warn({ error: errorText(error) }, 'a wish of the hub could not be followed'),
        );
    });
    return true;
  }
  /** What the hub wants and this cluster does not hold (its memory was lost, or it was away): taken over as the thing to keep. */
  async function adopt(wanted: Held): Promise<void> {
    await queues.run(locationKey(wanted.location), async () => {
      const now = memory.state.held.find((one) => locationKey(one.location) === locationKey(wanted.location));
      if (now !== undefined && (now.bundle === wanted.bundle || now.revision > wanted.revision)) return;
      await memory.saveBundle(wanted.location, await blobs.get(wanted.bundle));
      const others = (held: readonly Held[]) =>
        held.filter((one) => locationKey(one.location) !== locationKey(wanted.location));
      await memory.update((state) => ({ ...state, held: [...others(state.held), wanted] }));
      await onHeld(wanted.location, wanted);
    });
  }

  let capacitySent = '';
  let capacityDue: Cancel | undefined;
  const capacity = watchCapacity(client, { clock, random, signal }, () => {
    capacityDue ??= clock.after(CAPACITY_EVERY_MS, () => {
      capacityDue = undefined;
      const now = capacity.now();
      if (JSON.stringify(now) === capacitySent) return;
      if (send({ kind: 'observed', observations: [], capacity: now })) capacitySent = JSON.stringify(now);
    });
  });
  async function hello(): Promise<AgentMessage> {
    await Promise.race([capacity.known, clock.sleep(3_000, signal)]);
    return {
      kind: 'hello',
      v: PROTOCOL_VERSION,
      agentVersion: options.version,
      kubernetesVersion: await versionOf(client),
      apis: [...((await discovery.all()) ?? [])],
      capacity: capacity.now(),
      sealKey: sealKey.publicKey,
      highestEpoch: memory.state.epoch,
      held: [...memory.state.held],
      openCommands: [...commands.open()],
    };
  }
  const connection: Connection = connectToHub({
    ...{ door, clock, random, logger, signal, identity, hello, onWelcome },
    onCommand: run,
    onBlob: (blob) => blobs.received(blob),
    onBlobMissing: (digest) => blobs.missing(digest),
    onEnd: () => blobs.lineEnded(),
  });
  return {
    connection,
    /** Goes on keeping what it held, hub or no hub. */
    resume() {
      for (const held of memory.state.held) {
        onHeld(held.location, held).catch((error) =>
          logger.warn({ error: errorText(error) }, 'a held location could not be read'),
        );
      }
    },
    stop() {
      commands.stop();
      capacityDue?.();
    },
  };
}

async function versionOf(client: Client): Promise<string> {
  const answer = await client.request({ method: 'GET', path: '/version' });
  return answer.kind === 'answered' && isObject(answer.body) ? String(answer.body.gitVersion ?? '') : '';
}
