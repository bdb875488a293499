/** The hub's side of the line to the agents, as the saga and the stacks see it. Message shapes are in messages.ts. */
import type { Cancel, Digest, Json, JsonObject, Outcome, Refusal } from '../base/index.ts';
import type { Command, CommandOutput, StreamItem, StreamRequest } from './messages.ts';

/**
 * Commands to agents. One id (`<transaction>/<step>/do|undo`) is one piece of work however often it is sent: an agent
 * that has finished it answers from its memory, one that is at it answers when it is done.
 */
export interface AgentLink {
  /**
   * Never rejects. `refused`: the agent did not do it, and what it had begun is for the undo to find (its output says
   * nothing). `unknown`: the line was cut or timeoutMs passed: send it again. `retry`: the agent is busy.
   */
  execute(
    cluster: string,
    command: Command,
    options: { timeoutMs: number; signal?: AbortSignal },
  ): Promise<Outcome<CommandOutput>>;
  /** Whether an agent of that cluster is connected now. */
  connected(cluster: string): boolean;
  onChange(listener: (change: LinkChange) => void): Cancel;
}

/** Streams from agents: what is read on demand and kept by nobody. */
export interface AgentStreams {
  /**
   * Yields as fast as it is read, in batches; the agent waits meanwhile. Returns how it ended, and never throws. Leaving it
   * early (`return`, the signal) ends it at the agent too.
   */
  stream(
    cluster: string,
    request: StreamRequest,
    signal: AbortSignal,
  ): AsyncGenerator<readonly StreamItem[], StreamEnd>;
}

export type StreamEnd =
  /** There is no more, or it was left. */
  | { readonly kind: 'ended' }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  /** The line to the agent ended, or there is none. */
  | { readonly kind: 'cut'; readonly reason: string };

export type LinkChange =
  | { readonly kind: 'connected'; readonly cluster: string }
  | { readonly kind: 'disconnected'; readonly cluster: string; readonly reason: string }
  /** A heartbeat arrived; `atMs` on the hub's monotonic clock. */
  | { readonly kind: 'heartbeat'; readonly cluster: string; readonly atMs: number }
  | { readonly kind: 'observed'; readonly cluster: string }
  /** Its server serves other kinds than the hub knew of; the hub's record says so already. */
  | { readonly kind: 'served'; readonly cluster: string }
  | { readonly kind: 'inventory'; readonly cluster: string; readonly locations: readonly HeldLocation[] };

/** A location that an agent holds, whatever the hub thinks of it. */
export interface HeldLocation {
  /** `project/stack/name` with the kind before it when it is a member: the agent's cluster is known. */
  readonly location: string;
  readonly revision: number;
  readonly bundle: Digest;
}

export type { Command, CommandOutput, Json, JsonObject };
