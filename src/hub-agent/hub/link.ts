/** The hub's end of all lines: AgentLink for commands, and what agents report. */
import {
  type Cancel,
  type Clock,
  type Json,
  type JsonObject,
  jsonEqual,
  type Logger,
  type Random,
  type Store,
  unknown,
} from '../../base/index.ts';
import {
  type AgentLink,
  type AgentMessage,
  type Capacity,
  type Channel,
  createSealKey,
  type LinkChange,
  type Observation,
  PROTOCOL_VERSION,
  sealJson,
} from '../../protocol/index.ts';
import type { AgentIdentity, Held } from '../types.ts';
import { createBlobExchange } from './blob-exchange.ts';
import { FACTS } from './entries.ts';
import { type Hello, readHello, type Session, startSession } from './session.ts';

export interface HubLines extends AgentLink {
  /** A line that an agent of that identity has opened. */
  accept(identity: AgentIdentity, channel: Channel): void;
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
  readonly random: Random;
  readonly logger: Logger;
  readonly hubName: string;
  readonly heartbeatMs: number;
  readonly desired: (cluster: string) => readonly Held[];
}

const HELLO_MS_MAX = 10_000;
/** A line without a word for so many heartbeats is dead: what is under way on it becomes `unknown`. */
const SILENT_HEARTBEATS_MAX = 3;
const DRIFT_OBJECTS_MAX = 20;

export function createHubLines(options: HubLinesOptions): HubLines {
  const { store, clock, random, logger, heartbeatMs } = options;
  const own = createSealKey();
  const exchange = createBlobExchange(store, own, random);
  const sessions = new Map<string, Session>();
  const heartbeats = new Map<string, number>();
  const capacities = new Map<string, Capacity>();
  const observed = new Map<string, Map<string, Observation>>();
  const listeners = new Set<(change: LinkChange) => void>();
  const tell = (change: LinkChange) => {
    for (const listener of listeners) listener(change);
  };
  let stopped = false;
  let sweep: Cancel = clock.after(heartbeatMs, sweepSilent);

  function sweepSilent(): void {
    const deadline = clock.monotonic() - SILENT_HEARTBEATS_MAX * heartbeatMs;
    for (const session of sessions.values()) if (session.lastMs < deadline) session.close('silent');
    if (!stopped) sweep = clock.after(heartbeatMs, sweepSilent);
  }
  function heartbeat(cluster: string): void {
    heartbeats.set(cluster, clock.monotonic());
    tell({ kind: 'heartbeat', cluster, atMs: clock.monotonic() });
  }

  function begin(identity: AgentIdentity, channel: Channel, hello: Hello): void {
    const { cluster } = identity;
    sessions.get(cluster)?.close('replaced by a newer line');
    observed.set(cluster, new Map());
    capacities.set(cluster, hello.capacity);
    keepFacts(store, cluster, hello, logger);
    const session = startSession({
      cluster,
      hello,
      channel,
      exchange,
      logger,
      now: () => clock.monotonic(),
      welcome: {
        kind: 'welcome',
        v: PROTOCOL_VERSION,
        hub: options.hubName,
        epoch: store.epoch,
        cluster,
        heartbeatMs,
        sealKey: own.publicKey,
        cutKey: sealJson(hello.sealKey, Buffer.from(store.secrets.cutKey).toString('base64'), random),
        desired: [...options.desired(cluster)],
      },
      onHeartbeat: () => heartbeat(cluster),
      onObserved(message) {
        merge(observed.get(cluster) ?? new Map(), message);
        if (message.capacity !== undefined) capacities.set(cluster, message.capacity);
        tell({ kind: 'observed', cluster });
      },
      onDrift: (message) => journalDrift(store, cluster, message, logger),
      onEnd(reason) {
        if (sessions.get(cluster) !== session) return;
        sessions.delete(cluster);
        logger.info({ cluster, reason }, 'agent disconnected');
        tell({ kind: 'disconnected', cluster, reason });
      },
    });
    sessions.set(cluster, session);
    logger.info({ cluster, agent: hello.agentVersion }, 'agent connected');
    tell({ kind: 'connected', cluster });
    const locations = hello.held.map(({ location, revision, bundle }) => ({
      location: `${location.kind === 'member' ? 'member ' : ''}${location.stack.project}/${location.stack.name}/${location.name}`,
      revision,
      bundle,
    }));
    tell({ kind: 'inventory', cluster, locations });
    heartbeat(cluster);
  }

  return {
    accept(identity, channel) {
      const cancel = clock.after(HELLO_MS_MAX, () => channel.close('no hello'));
      channel.onMessage((raw) => {
        cancel();
        const read = readHello(raw);
        if ('hello' in read) return begin(identity, channel, read.hello);
        channel.send({ kind: 'refuse', refusal: { kind: 'protocol', message: read.problem } });
        channel.close(read.problem);
      });
    },
    end: (cluster, reason) => sessions.get(cluster)?.close(reason),
    connected: (cluster) => sessions.has(cluster),
    capacity: (cluster) => capacities.get(cluster),
    lastHeartbeatMs: (cluster) => heartbeats.get(cluster),
    observations: (cluster) => [...(observed.get(cluster)?.values() ?? [])],
    execute(cluster, command, { timeoutMs, signal }) {
      const session = sessions.get(cluster);
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
        const cancel = clock.after(timeoutMs, () => giveUp(`no answer of ${cluster} within ${timeoutMs} ms`));
        signal?.addEventListener('abort', abort, { once: true });
        void answer.then(settle);
      });
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    stop() {
      stopped = true;
      sweep();
      for (const session of sessions.values()) session.close('the hub stops');
    },
  };
}

function merge(known: Map<string, Observation>, message: Extract<AgentMessage, { kind: 'observed' }>): void {
  const key = (location: Observation['location']) => JSON.stringify([location.stack, location.kind, location.name]);
  for (const location of message.gone ?? []) known.delete(key(location));
  for (const one of message.observations) known.set(key(one.location), one);
}

/** Versions and kinds change with upgrades only: a record of its own, written when they do. */
function keepFacts(store: Store, cluster: string, hello: Hello, logger: Logger): void {
  const body: JsonObject = {
    kubernetesVersion: hello.kubernetesVersion,
    agentVersion: hello.agentVersion,
    apis: hello.apis,
    capacity: hello.capacity as unknown as Json,
  };
  if (jsonEqual(store.documents.get(FACTS, cluster)?.body, body)) return;
  store.documents
    .write([{ collection: FACTS, key: cluster, body }])
    .catch((error: Error) => logger.error({ cluster, error: error.message }, 'facts of a cluster could not be stored'));
}

function journalDrift(
  store: Store,
  cluster: string,
  message: Extract<AgentMessage, { kind: 'drift' }>,
  logger: Logger,
): void {
  const { stack, name } = message.location;
  const data: JsonObject = {
    name: cluster,
    location: `${stack.project}/${stack.name}/${name}@${cluster}`,
    repaired: message.repaired,
    message: message.message.slice(0, 1_000),
    objects: message.objects.slice(0, DRIFT_OBJECTS_MAX) as unknown as Json,
  };
  store.journal
    .append([{ tx: `cluster/${cluster}`, type: 'cluster.drift', actor: `agent:${cluster}`, data }])
    .catch((error: Error) => logger.error({ cluster, error: error.message }, 'a drift could not be journaled'));
}
