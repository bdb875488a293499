/** The agent of one cluster, from its start to its end: lease, memory, identity, then a session; anew when those are not so any more. */
import { backoffMs, errorText, type Refusal, RefusedError } from '../../base/index.ts';
import type { HubDoor, StoredIdentity } from '../types.ts';
import { type AgentOptions, Session } from './agent.ts';
import { readClusterUid } from './cluster-uid.ts';
import type { Connection } from './connection.ts';
import { networkDoor } from './door.ts';
import { Halted } from './halted.ts';
import { certified, keepFresh, rejoined } from './identity.ts';
import { createLeadership } from './lease.ts';
import { ensureSystemNamespace, type Memory, openMemory } from './memory.ts';

export interface Agent {
  /** Resolves when it is who it is (joined) and works; the line to the hub may come later. @throws RefusedError when joining is refused. */
  start(): Promise<void>;
  stop(): Promise<void>;
  connected(): boolean;
}

export function createAgent(options: AgentOptions): Agent {
  let running: Running | undefined;
  let stopping = new AbortController();
  let ended = false;
  const life: Life = { restart: () => void restart(), end: (refusal) => void end(refusal) };
  return {
    async start() {
      stopping = new AbortController();
      running = await startAgent(options, stopping, life);
    },
    async stop() {
      stopping.abort();
      await running?.stop();
    },
    connected: () => running?.connection.connected() ?? false,
  };

  /** The lease was lost, or the cluster went back in time: what was remembered is not what is there. */
  async function restart(): Promise<void> {
    if (stopping.signal.aborted) return;
    const identity = running?.identity();
    stopping.abort();
    await running?.stop();
    stopping = new AbortController();
    await startAgent(options, stopping, life, identity).then(
      (next) => {
        running = next;
      },
      (error) => options.logger.error({ error: errorText(error) }, 'the agent could not start again'),
    );
  }
  async function end(refusal: Refusal | null): Promise<void> {
    if (ended) return;
    ended = true;
    if (refusal !== null) options.logger.error({ reason: refusal.message, next: refusal.hint }, 'the agent ends');
    stopping.abort();
    // its memory may be gone by now
    await running
      ?.stop()
      .catch((error) => options.logger.warn({ error: errorText(error) }, 'the agent did not end well'));
    options.onEnd?.(refusal);
  }
}

/** What a running agent may ask of its own life. */
interface Life {
  restart(): void;
  end(refusal: Refusal | null): void;
}

interface Running {
  readonly connection: Connection;
  identity(): StoredIdentity;
  stop(): Promise<void>;
}

async function startAgent(
  options: AgentOptions,
  stopping: AbortController,
  life: Life,
  before?: StoredIdentity,
): Promise<Running> {
  const { client, clock, random, logger } = options;
  const { signal } = stopping;
  const door = 'url' in options.hub ? networkDoor(options.hub.url, clock) : options.hub;
  // the namespace comes first: the lease lies in it
  await patiently(options, signal, () => ensureSystemNamespace(client));
  const holder = options.holder ?? options.ids.next('agent');
  let opened: Memory | undefined;
  const isAsWritten = async () => opened?.held.isAsWritten();
  const leadership = createLeadership(options, holder, { onLost: life.restart, isAsWritten });
  await leadership.acquire(signal);
  const begun = await settle(options, { door, signal, before, onForeign: life.restart }).catch(
    async (error: unknown) => {
      await leadership.release(); // refused or stopped: another may try
      throw error;
    },
  );
  const { memory, uid, candidate } = begun;
  opened = memory;
  let { identity } = begun;
  const session = new Session(options, memory, signal, {
    ...{ door, uid, leadership, identity: () => identity, end: life.end },
    async rejoin() {
      identity = await rejoined(memory, identity, candidate);
    },
  });
  const renewing = keepFresh({ memory, door, clock, random, logger, signal }, identity, (fresh) => {
    identity = fresh;
  });
  session.resume();
  return {
    connection: session.connection,
    identity: () => identity,
    async stop() {
      stopping.abort();
      renewing();
      await session.stop();
      await leadership.release();
    },
  };
}

interface Beginning {
  readonly door: HubDoor;
  readonly signal: AbortSignal;
  readonly before: StoredIdentity | undefined;
  onForeign(): void;
}

/** What the agent remembers, which cluster this is, and who it is there. */
async function settle(options: AgentOptions, { door, signal, before, onForeign }: Beginning) {
  const { client, join } = options;
  const memory = await patiently(options, signal, () => openMemory(client, options, onForeign));
  const uid = await patiently(options, signal, () => readClusterUid(client));
  const candidate = { door, join, uid, before };
  const identity = await patiently(options, signal, () => certified(memory, candidate));
  return { memory, uid, candidate, identity };
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
