/** The hub's end of all lines: AgentLink for commands, and what agents report. */
import {
  type Cancel,
  type Clock,
  type Ids,
  type Json,
  type JsonObject,
  jsonEqual,
  type Logger,
  limits,
  type Outcome,
  type Random,
  type Refusal,
  type Store,
  unknown,
} from '../../base/index.ts';
import {
  type AgentLink,
  type AgentStreams,
  type Capacity,
  type Channel,
  type Command,
  type CommandOutput,
  createSealKey,
  type LinkChange,
  type Observation,
  PROTOCOL_VERSION,
  type StreamRequest,
  sealJson,
} from '../../protocol/index.ts';
import { type Silence, watchSilence } from '../silence.ts';
import type { AgentIdentity, Held } from '../types.ts';
import { type BlobExchange, createBlobExchange } from './blob-exchange.ts';
import { createDrifts, type Drifts } from './drifts.ts';
import { CLUSTER_UIDS, CLUSTERS, FACTS } from './entries.ts';
import { anotherCluster } from './joining.ts';
import { createObservations } from './observations.ts';
import type { Reports } from './reports.ts';
import {
  guarded,
  type Hello,
  readHello,
  type Session,
  type SessionOptions,
  startSession,
  type Welcome,
} from './session.ts';

export interface HubLines extends AgentLink, AgentStreams {
  /** A line that an agent of that identity has opened. */
  accept(identity: AgentIdentity, channel: Channel): void;
  /** What is known of a cluster's line goes over to its new name; the line itself ends, for its agent to dial again. */
  renamed(cluster: string, to: string): void;
  /** Ends the line of a cluster, if there is one. */
  end(cluster: string, reason: string): void;
  capacity(cluster: string): Capacity | undefined;
  lastHeartbeatMs(cluster: string): number | undefined;
  observations(cluster: string): readonly Observation[];
  stop(): void;
}

export interface HubLinesOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly random: Random;
  readonly logger: Logger;
  readonly hubName: string;
  readonly heartbeatMs: number;
  readonly desired: (cluster: string) => readonly Held[];
  /** The hub was restored from a backup: nothing is told to agents, what they hold is kept. */
  readonly observeOnly: boolean;
  readonly reports: Reports;
}

const TOO_MANY_STREAMS: Refusal = {
  kind: 'tooManyStreams',
  message: `${limits.hubStreamsMax} streams of this hub are open`,
  hint: 'name a cluster or a function, or try again in a moment',
};
const HELLO_MS_MAX = 10_000;

export function createHubLines(options: HubLinesOptions): HubLines {
  return new Lines(options);
}

class Lines implements HubLines {
  readonly #options: HubLinesOptions;
  readonly #own = createSealKey();
  readonly #exchange: BlobExchange;
  readonly #sessions = new Map<string, Session>();
  readonly #heartbeats = new Map<string, number>();
  readonly #capacities = new Map<string, Capacity>();
  readonly #observed = createObservations();
  readonly #drifts: Drifts;
  readonly #listeners = new Set<(change: LinkChange) => void>();
  #streaming = 0;
  #stopped = false;
  readonly #silence: Silence;
  #sweep: Cancel;

  constructor(options: HubLinesOptions) {
    this.#options = options;
    this.#exchange = createBlobExchange(options.store, this.#own, options.random);
    this.#drifts = createDrifts(options);
    this.#silence = watchSilence(options.clock, options.heartbeatMs);
    this.#sweep = options.clock.after(options.heartbeatMs, () => this.#sweepSilent());
  }

  #tell(change: LinkChange): void {
    for (const listener of this.#listeners) listener(change);
  }
  #sweepSilent(): void {
    const deadline = this.#silence.look();
    for (const session of this.#sessions.values()) if (session.lastMs < deadline) session.close('silent');
    if (!this.#stopped) this.#sweep = this.#options.clock.after(this.#options.heartbeatMs, () => this.#sweepSilent());
  }
  #heartbeat(cluster: string): void {
    this.#heartbeats.set(cluster, this.#options.clock.monotonic());
    this.#tell({ kind: 'heartbeat', cluster, atMs: this.#options.clock.monotonic() });
  }

  #begin(identity: AgentIdentity, channel: Channel, hello: Hello): void {
    const { cluster } = identity;
    const wrong = identified(this.#options, cluster, hello.clusterUid);
    if (wrong !== undefined) {
      channel.send({ kind: 'refuse', refusal: wrong } as unknown as Json);
      channel.close(wrong.message);
      return;
    }
    this.#sessions.get(cluster)?.close('replaced by a newer line');
    this.#observed.begin(cluster);
    this.#capacities.set(cluster, hello.capacity);
    this.#keepFacts(cluster, hello);
    this.#open(cluster, hello.sealKey, channel, this.#welcome(cluster, hello.sealKey));
    this.#options.logger.info({ cluster, agent: hello.agentVersion }, 'agent connected');
    this.#tell({ kind: 'connected', cluster });
    const opened = this.#sessions.get(cluster);
    if (opened !== undefined) this.#options.reports.heard(opened, hello.held);
    const locations = hello.held.map(({ location, revision, bundle }) => ({
      location: `${location.kind === 'member' ? 'member ' : ''}${location.stack.project}/${location.stack.name}/${location.name}`,
      revision,
      bundle,
    }));
    this.#tell({ kind: 'inventory', cluster, locations });
    this.#heartbeat(cluster);
  }

  #welcome(cluster: string, sealKey: string): Welcome {
    const { store, random, hubName, heartbeatMs, desired, observeOnly, reports } = this.#options;
    return {
      kind: 'welcome',
      v: PROTOCOL_VERSION,
      hub: hubName,
      epoch: store.epoch,
      holder: store.holder,
      cluster,
      heartbeatMs,
      sealKey: this.#own.publicKey,
      cutKey: sealJson(sealKey, Buffer.from(store.secrets.cutKey).toString('base64'), random),
      desired: reports.awaits(cluster) ? [] : [...desired(cluster)],
      ...(observeOnly ? { observing: true } : {}),
    };
  }

  /** Versions and kinds change with upgrades only: a record of its own, written when they do. `highestEpoch` is for `ldc hub rearm`. */
  #keepFacts(cluster: string, facts: Hello | Pick<Hello, 'apis'>): void {
    const { store, logger } = this.#options;
    const before = store.documents.get(FACTS, cluster)?.body;
    const body: JsonObject = 'agentVersion' in facts ? factsOf(facts) : { ...before, ...facts };
    if (jsonEqual(before, body)) return;
    store.documents
      .write([{ collection: FACTS, key: cluster, body }])
      .then(() => {
        if (!jsonEqual(before?.apis, body.apis)) this.#tell({ kind: 'served', cluster });
      })
      .catch((error: Error) =>
        logger.error({ cluster, error: error.message }, 'facts of a cluster could not be stored'),
      );
  }

  /** Apart from #begin, whose closures would keep the hello for as long as the line lives. */
  #open(cluster: string, sealKey: string, channel: Channel, welcome: Welcome): void {
    const { clock, ids, logger } = this.#options;
    const told: SessionOptions = {
      ...{ cluster, sealKey, channel, logger, clock, ids },
      exchange: this.#exchange,
      onHeartbeat: () => this.#heartbeat(cluster),
      onObserved: (message) => {
        this.#observed.merge(cluster, message);
        if (message.capacity !== undefined) this.#capacities.set(cluster, message.capacity);
        const { apis } = message;
        if (apis !== undefined) this.#keepFacts(cluster, { apis });
        this.#tell({ kind: 'observed', cluster });
      },
      onDrift: (message, journaled) => this.#drifts.received(cluster, message, journaled),
      onEnd: (reason) => {
        if (this.#sessions.get(cluster) !== session) return;
        this.#sessions.delete(cluster);
        logger.info({ cluster, reason }, 'agent disconnected');
        this.#tell({ kind: 'disconnected', cluster, reason });
      },
    };
    const session = startSession(told, welcome);
    this.#sessions.set(cluster, session);
  }

  accept(identity: AgentIdentity, channel: Channel): void {
    const cancel = this.#options.clock.after(HELLO_MS_MAX, () => channel.close('no hello'));
    channel.onMessage((raw) => {
      cancel();
      guarded(channel, this.#options.logger, () => {
        const read = readHello(raw);
        if ('hello' in read) return this.#begin(identity, channel, read.hello);
        channel.send({ kind: 'refuse', refusal: { kind: 'protocol', message: read.problem } });
        channel.close(read.problem);
      });
    });
  }
  renamed(cluster: string, to: string): void {
    const beatMs = this.#heartbeats.get(cluster);
    const capacity = this.#capacities.get(cluster);
    // it is not silent for having another name
    if (beatMs !== undefined) this.#heartbeats.set(to, beatMs);
    if (capacity !== undefined) this.#capacities.set(to, capacity);
    this.#heartbeats.delete(cluster);
    this.#capacities.delete(cluster);
    this.end(cluster, `this cluster is ${to} now`);
  }
  end(cluster: string, reason: string): void {
    this.#sessions.get(cluster)?.close(reason);
  }
  connected(cluster: string): boolean {
    return this.#sessions.has(cluster);
  }
  capacity(cluster: string): Capacity | undefined {
    return this.#capacities.get(cluster);
  }
  lastHeartbeatMs(cluster: string): number | undefined {
    return this.#heartbeats.get(cluster);
  }
  observations(cluster: string): readonly Observation[] {
    return this.#observed.of(cluster);
  }
  execute(
    cluster: string,
    command: Command,
    { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal },
  ): Promise<Outcome<CommandOutput>> {
    const session = this.#sessions.get(cluster);
    if (session === undefined) return Promise.resolve(unknown(`no agent of ${cluster} is connected`));
    const answer = session.execute(command);
    return new Promise((resolve) => {
      const giveUp = (reason: string) => {
        session.forget(command.id, answer);
        settle(unknown(reason));
      };
      const abort = () => giveUp('no longer asked for');
      const settle = (outcome: Awaited<typeof answer>) => {
        cancel();
        signal?.removeEventListener('abort', abort);
        resolve(outcome);
      };
      const cancel = this.#options.clock.after(timeoutMs, () =>
        giveUp(`no answer of ${cluster} within ${timeoutMs} ms`),
      );
      signal?.addEventListener('abort', abort, { once: true });
      void answer.then(settle);
    });
  }
  async *stream(cluster: string, request: StreamRequest, signal: AbortSignal): ReturnType<AgentStreams['stream']> {
    const session = this.#sessions.get(cluster);
    if (session === undefined) return { kind: 'cut', reason: `no agent of ${cluster} is connected` };
    if (this.#streaming >= limits.hubStreamsMax) return { kind: 'refused', refusal: TOO_MANY_STREAMS };
    this.#streaming++;
    try {
      return yield* session.streams.open(request, signal);
    } finally {
      this.#streaming--;
    }
  }
  onChange(listener: (change: LinkChange) => void): Cancel {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  stop(): void {
    this.#stopped = true;
    this.#sweep();
    this.#drifts.stop();
    for (const session of this.#sessions.values()) session.close('the hub stops');
  }
}

/** A cluster that joined before its uid was asked for gets it by its next hello; an identity that was copied elsewhere is refused. */
function identified({ store, logger }: HubLinesOptions, cluster: string, uid: string | undefined): Refusal | undefined {
  const record = store.documents.get(CLUSTERS, cluster)?.body;
  if (uid === undefined || record === undefined || record.uid === uid) return undefined;
  if (typeof record.uid === 'string') {
    logger.error({ cluster }, 'an agent was refused: its identity was copied to another cluster');
    return anotherCluster(cluster);
  }
  const other = store.documents.get(CLUSTER_UIDS, uid)?.body.cluster;
  if (other !== undefined) logger.error({ cluster, other }, 'one cluster has joined by two names: remove one of them');
  else
    store.journal
      .append([
        {
          tx: `cluster/${cluster}`,
          type: 'cluster.identified',
          actor: `agent:${cluster}`,
          data: { name: cluster, uid },
        },
      ])
      .catch((error: Error) =>
        logger.error({ cluster, error: error.message }, 'the uid of a cluster could not be stored'),
      );
  return undefined;
}

function factsOf({ kubernetesVersion, agentVersion, apis, capacity, highestEpoch }: Hello): JsonObject {
  return { kubernetesVersion, agentVersion, apis, capacity: capacity as unknown as Json, highestEpoch };
}
