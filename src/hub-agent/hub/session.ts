/** One agent on one line, from its hello to the end of the line. */
import {
  type Digest,
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
  type CommandOutput,
  type HubMessage,
  PROTOCOL_VERSION,
} from '../../protocol/index.ts';
import { type BlobExchange, digestsIn } from './blob-exchange.ts';

export type Hello = Extract<AgentMessage, { kind: 'hello' }>;

export interface Session {
  readonly cluster: string;
  readonly hello: Hello;
  /** Clock.monotonic() of the last message. */
  lastMs: number;
  /** Sends a command and waits for its result; settles `unknown` when the line ends. The same id may be asked twice. */
  execute(command: Command): Promise<Outcome<CommandOutput>>;
  /** Nobody waits for that id any more: a late result is stored and dropped. */
  forget(id: string, waiter: Promise<Outcome<CommandOutput>>): void;
  close(reason: string): void;
}

export interface SessionOptions {
  readonly cluster: string;
  readonly hello: Hello;
  readonly channel: Channel;
  readonly welcome: Extract<HubMessage, { kind: 'welcome' }>;
  readonly exchange: BlobExchange;
  readonly logger: Logger;
  now(): number;
  onHeartbeat(): void;
  onObserved(message: Extract<AgentMessage, { kind: 'observed' }>): void;
  onDrift(message: Extract<AgentMessage, { kind: 'drift' }>): void;
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
const NOT_STORED = 'what the agent sent along could not be stored';

interface Waiting {
  readonly promise: Promise<Outcome<CommandOutput>>;
  settle(outcome: Outcome<CommandOutput>): void;
}

/** Starts the session: answers the hello with the welcome and reads from then on. */
export function startSession(options: SessionOptions): Session {
  const { cluster, channel, exchange, hello } = options;
  const waiting = new Map<string, Waiting>();
  /** What this agent may ask for. */
  const granted = digestsIn(options.welcome.desired);
  const send = (message: HubMessage, urgency?: 'urgent') => channel.send(message as Json, urgency);

  function give(digest: Digest): void {
    const blob = granted.has(digest) ? exchange.outgoing(digest, hello.sealKey) : undefined;
    if (blob === undefined) send({ kind: 'blobMissing', digest });
    else if (send({ kind: 'blob', blob }) === 'tooLarge')
      send({ kind: 'blobMissing', digest, refusal: BLOB_TOO_LARGE });
  }
  function onMessage(message: AgentMessage): void {
    switch (message.kind) {
      case 'heartbeat':
        send({ kind: 'heartbeatAck', seq: message.seq }, 'urgent');
        options.onHeartbeat();
        return;
      case 'observed':
        options.onObserved(message);
        return;
      case 'drift':
        options.onDrift(message);
        return;
      case 'need':
        for (const digest of message.digests) give(digest);
        return;
      case 'result':
        void settle(message, waiting.get(message.id), options);
        return;
      case 'hello':
        channel.close('a second hello');
        return;
    }
  }

  const session: Session = {
    cluster,
    hello,
    lastMs: options.now(),
    execute(command) {
      const known = waiting.get(command.id);
      const waiter = known ?? createWaiting();
      waiting.set(command.id, waiter);
      for (const digest of digestsIn(command.body)) granted.add(digest);
      const sent = send({ kind: 'command', command });
      if (sent === 'closed') waiter.settle(unknown('the line is closed'));
      if (sent === 'tooLarge') waiter.settle(refused(COMMAND_TOO_LARGE));
      void waiter.promise.then(() => waiting.get(command.id) === waiter && waiting.delete(command.id));
      return waiter.promise;
    },
    forget(id, promise) {
      if (waiting.get(id)?.promise === promise) waiting.delete(id);
    },
    close: (reason) => channel.close(reason),
  };
  channel.onClose((reason) => {
    for (const waiter of waiting.values()) waiter.settle(unknown(`the line to ${cluster} ended: ${reason}`));
    options.onEnd(reason);
  });
  send(options.welcome);
  channel.onMessage((raw) => {
    session.lastMs = options.now();
    const message = readMessage(raw);
    if (message !== undefined) return onMessage(message);
    send(NOT_UNDERSTOOD);
  });
  return session;
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
  refusal: { kind: 'protocol', message: 'this hub does not understand that message' },
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
