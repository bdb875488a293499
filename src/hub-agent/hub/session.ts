/** One agent on one line, from its hello to the end of the line. */
import {
  type Clock,
  type Digest,
  errorText,
  type Ids,
  isObject,
  type Json,
  type Logger,
  limits,
  type Outcome,
  type Refusal,
  refused,
  unknown,
} from '../../base/index.ts';
import {
  type AgentMessage,
  agentMessageSchema,
  type Channel,
  type Command,
  type CommandBody,
  type CommandOutput,
  type HubMessage,
  PROTOCOL_VERSION,
} from '../../protocol/index.ts';
import { type BlobExchange, digestsIn } from './blob-exchange.ts';
import { createLineStreams, type LineStreams } from './streams.ts';

export type Hello = Extract<AgentMessage, { kind: 'hello' }>;
export type Welcome = Extract<HubMessage, { kind: 'welcome' }>;

export interface Session {
  readonly cluster: string;
  /** Clock.monotonic() of the last message. */
  lastMs: number;
  /** Sends a command and waits for its result; settles `unknown` when the line ends. The same id may be asked twice. */
  execute(command: Command): Promise<Outcome<CommandOutput>>;
  readonly streams: LineStreams;
  /** Nobody waits for that id any more: a late result is stored and dropped. */
  forget(id: string, waiter: Promise<Outcome<CommandOutput>>): void;
  close(reason: string): void;
}

export interface SessionOptions {
  readonly cluster: string;
  /** The agent's: what is secret is sealed to it. */
  readonly sealKey: string;
  readonly channel: Channel;
  readonly exchange: BlobExchange;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly ids: Pick<Ids, 'next'>;
  onHeartbeat(): void;
  onObserved(message: Extract<AgentMessage, { kind: 'observed' }>): void;
  onDrift(message: Extract<AgentMessage, { kind: 'drift' }>, journaled: (id: string) => void): void;
  onEnd(reason: string): void;
}

const MESSAGE_MIB_MAX = limits.protocolMessageBytesMax / 1024 / 1024;
const BLOB_TOO_LARGE: Refusal = {
  kind: 'tooLarge',
  message: `what the hub has to send for this location is above ${MESSAGE_MIB_MAX} MiB`,
  hint: 'divide the function: each location travels as one piece',
};
const COMMAND_TOO_LARGE: Refusal = {
  kind: 'tooLarge',
  message: `this command is above ${MESSAGE_MIB_MAX} MiB`,
  hint: 'divide the stack, or its CRDs, into smaller ones',
};
/** What each command is answered with; anything else says nothing about it. */
const OUTPUT_OF: { readonly [kind in CommandBody['kind']]: CommandOutput['kind'] } = {
  snapshot: 'snapshot',
  ensure: 'ensure',
  dryRun: 'dryRun',
  apply: 'receipt',
  gate: 'gate',
  readBack: 'readBack',
  prune: 'receipt',
  remove: 'receipt',
  undo: 'receipt',
  undoEnsure: 'receipt',
  verify: 'verify',
  preview: 'preview',
  describe: 'describe',
  access: 'access',
  recallBundle: 'recallBundle',
  leave: 'left',
  cancel: 'cancelled',
};
const NOT_ASKED = 'an agent answered what it was not asked';
const NOT_STORED = 'what the agent sent along could not be stored';

interface Waiting {
  readonly promise: Promise<Outcome<CommandOutput>>;
  settle(outcome: Outcome<CommandOutput>): void;
}

/**
 * Starts the session: answers the hello with the welcome and reads from then on. Neither of the two is kept: with the kinds
 * that a cluster serves they are half of what a line costs.
 */
export function startSession(options: SessionOptions, welcome: Welcome): Session {
  return new Line(options, welcome);
}

class Line implements Session {
  readonly cluster: string;
  lastMs: number;
  readonly #options: SessionOptions;
  readonly #waiting = new Map<string, Waiting>();
  /** Commands that were sent on this line and not answered: a result of any other is nobody's, and nothing of it is kept. */
  readonly #asked = new Map<string, CommandBody['kind']>();
  /** What this agent may ask for. */
  readonly #granted: Set<Digest>;
  readonly streams: LineStreams;
  #ended = false;

  constructor(options: SessionOptions, welcome: Welcome) {
    this.#options = options;
    this.cluster = options.cluster;
    this.lastMs = options.clock.monotonic();
    this.#granted = digestsIn(welcome.desired);
    const line = { send: (message: HubMessage) => this.#send(message) === 'queued' };
    this.streams = createLineStreams(options.cluster, line, options.clock, options.ids);
    this.#send(welcome);
    this.#listen();
  }

  /** Apart from the constructor, whose closures would keep the welcome. */
  #listen(): void {
    const { channel, cluster, logger } = this.#options;
    channel.onClose((reason) => {
      this.#ended = true;
      for (const waiter of this.#waiting.values()) waiter.settle(unknown(`the line to ${cluster} ended: ${reason}`));
      this.streams.lineEnded(reason);
      this.#options.onEnd(reason);
    });
    channel.onMessage((raw) => {
      this.lastMs = this.#options.clock.monotonic();
      guarded(channel, logger, () => {
        const message = readMessage(raw);
        if (message === undefined) this.#onNotUnderstood(raw);
        else this.#onMessage(message);
      });
    });
  }

  execute(command: Command): Promise<Outcome<CommandOutput>> {
    const { id, body } = command;
    const waiter = this.#waiting.get(id) ?? createWaiting();
    this.#waiting.set(id, waiter);
    this.#asked.set(id, body.kind);
    for (const digest of digestsIn(body)) this.#granted.add(digest);
    const sent = this.#send({ kind: 'command', command });
    if (sent === 'closed') waiter.settle(unknown('the line is closed'));
    if (sent === 'tooLarge') waiter.settle(refused(COMMAND_TOO_LARGE));
    void waiter.promise.then(() => this.forget(id, waiter.promise));
    return waiter.promise;
  }
  forget(id: string, promise: Promise<Outcome<CommandOutput>>): void {
    if (this.#waiting.get(id)?.promise === promise) this.#waiting.delete(id);
  }
  close(reason: string): void {
    this.#options.channel.close(reason);
  }

  #send(message: HubMessage, urgency?: 'urgent') {
    return this.#options.channel.send(message as Json, urgency);
  }
  #onMessage(message: AgentMessage): void {
    switch (message.kind) {
      case 'heartbeat':
        this.#send({ kind: 'heartbeatAck', seq: message.seq }, 'urgent');
        this.#options.onHeartbeat();
        return;
      case 'observed':
        this.#options.onObserved(message);
        return;
      case 'drift':
        this.#options.onDrift(message, (id) => void this.#send({ kind: 'driftJournaled', id }));
        return;
      case 'need':
        for (const digest of new Set(message.digests)) if (!this.#ended) this.#give(digest);
        return;
      case 'result':
        this.#onResult(message);
        return;
      case 'streamed':
      case 'streamEnded':
        this.streams.received(message);
        return;
      case 'hello':
        this.close('a second hello');
        return;
    }
  }
  /** An agent of a later release: who waits for its answer is told, and does not wait until the time is over. */
  #onNotUnderstood(raw: Json): void {
    this.#send(NOT_UNDERSTOOD);
    const id = isObject(raw) && raw.kind === 'result' && typeof raw.id === 'string' ? raw.id : '';
    if (!this.#asked.delete(id)) return;
    const why = `the agent of ${this.cluster} answered what this hub does not understand: bring both to one release`;
    this.#waiting.get(id)?.settle(unknown(why));
  }
  #give(digest: Digest): void {
    const { exchange, sealKey } = this.#options;
    const blob = this.#granted.has(digest) ? exchange.outgoing(digest, sealKey) : undefined;
    if (blob === undefined) this.#send({ kind: 'blobMissing', digest });
    else if (this.#send({ kind: 'blob', blob }) === 'tooLarge')
      this.#send({ kind: 'blobMissing', digest, refusal: BLOB_TOO_LARGE });
  }
  #onResult(message: Extract<AgentMessage, { kind: 'result' }>): void {
    const { id, outcome } = message;
    const command = this.#asked.get(id);
    if (command === undefined) {
      this.#options.logger.warn({ cluster: this.cluster, command: id }, NOT_ASKED);
      return;
    }
    this.#asked.delete(id);
    const waiter = this.#waiting.get(id);
    if (outcome.kind === 'done' && outcome.value.kind !== OUTPUT_OF[command])
      waiter?.settle(unknown(`the agent of ${this.cluster} answered ${outcome.value.kind} to ${command}`));
    else void settle(message, waiter, this.#options);
  }
}

/** What one agent sends may end its line and nothing else: a key that is none, a value nested too deeply for any reader. */
export function guarded(channel: Channel, logger: Logger, handle: () => void): void {
  try {
    handle();
  } catch (error) {
    logger.error({ error: errorText(error) }, 'a message of an agent could not be handled');
    channel.close('protocol: this message cannot be handled');
  }
}

/** What came along is stored before anybody hears of the result: the engine may use it at once. */
async function settle(
  message: Extract<AgentMessage, { kind: 'result' }>,
  waiter: Waiting | undefined,
  { exchange, logger }: SessionOptions,
): Promise<void> {
  try {
    await exchange.incoming(message.blobs);
    waiter?.settle(message.outcome as Outcome<CommandOutput>);
  } catch (error) {
    logger.error({ command: message.id, error: String(error) }, NOT_STORED);
    waiter?.settle(unknown(NOT_STORED));
  }
}

const NOT_UNDERSTOOD: HubMessage = {
  kind: 'refuse',
  refusal: {
    kind: 'protocol',
    message: 'this hub does not understand that message',
    hint: 'bring hub and agent to one release',
  },
};

function createWaiting(): Waiting {
  const { promise, resolve } = Promise.withResolvers<Outcome<CommandOutput>>();
  return { promise, settle: resolve };
}

function readMessage(raw: Json): AgentMessage | undefined {
  const parsed = agentMessageSchema.safeParse(raw);
  return parsed.success ? parsed.data : undefined;
}

/** Reads the first message of a line: a hello of a version that is spoken here, or why not. */
export function readHello(raw: Json): { hello: Hello } | { problem: string } {
  if (isObject(raw) && raw.kind === 'hello' && typeof raw.v === 'number' && raw.v !== PROTOCOL_VERSION) {
    return { problem: `the agent speaks protocol ${raw.v}, this hub ${PROTOCOL_VERSION}: bring both to one release` };
  }
  const message = readMessage(raw);
  return message?.kind === 'hello' ? { hello: message } : { problem: 'the first message was no hello' };
}
