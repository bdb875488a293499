/** The agent's end of the line: dial, hello, welcome, heartbeats; again with jitter whenever it ends. */
import {
  backoffMs,
  type Clock,
  type Digest,
  errorText,
  isObject,
  type Json,
  type Logger,
  limits,
  type Random,
  type Refusal,
} from '../../base/index.ts';
import {
  type AgentMessage,
  type Channel,
  type Command,
  type HubMessage,
  hubMessageSchema,
  PROTOCOL_VERSION,
  type Sent,
} from '../../protocol/index.ts';
import { watchSilence } from '../silence.ts';
import type { HubDoor, StoredIdentity } from '../types.ts';
import type { StreamMessage } from './streams/streams.ts';

export type Welcome = Extract<HubMessage, { kind: 'welcome' }>;
type Work = Exclude<HubMessage, Welcome>;

export interface Connection {
  /** `closed` also when there is no line now. */
  send(message: AgentMessage): Sent;
  connected(): boolean;
}

export interface ConnectionOptions {
  readonly door: HubDoor;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  identity(): StoredIdentity;
  hello(): Promise<AgentMessage>;
  /** Why this hub is not the one to obey, in words; undefined: it is. */
  accept(welcome: Welcome): Promise<string | undefined>;
  /** The line is good: from here on it carries messages. */
  onGood(welcome: Welcome): void;
  onCommand(command: Command): void;
  onBlob(message: Extract<HubMessage, { kind: 'blob' }>['blob']): void;
  onBlobMissing(digest: Digest, refusal?: Refusal): void;
  onStream(message: StreamMessage): void;
  onDriftJournaled(id: string): void;
  onEnd(): void;
  /** The hub opens no line; answers whether the identity is another since, so that it is worth dialling at once. */
  onRefused(refusal: Refusal): Promise<boolean>;
}

const RETRY_FIRST_MS = 500;
/** A hub that knows an agent not now will hardly know it in a moment. */
const REFUSED_WAIT_MS = 30_000;
/** Until a welcome has named the hub's. */
const HEARTBEAT_MS = 5_000;
/** Back-off and patience are counted in heartbeats: a cluster that was healed is back well before it is declared lost. */
const RETRY_HEARTBEATS_MAX = 2;
const PATIENCE_HEARTBEATS = 2;
const PATIENCE_MS_MIN = 2_000;

/** Dials until the signal is aborted. */
export function connectToHub(options: ConnectionOptions): Connection {
  return new HubConnection(options);
}

class HubConnection implements Connection {
  readonly #options: ConnectionOptions;
  #channel: Channel | undefined;
  #welcomed = false;
  #refused = false;
  #heartbeatMs = HEARTBEAT_MS;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    void this.#loop();
  }

  connected(): boolean {
    return this.#welcomed;
  }
  send(message: AgentMessage): Sent {
    return this.#welcomed && this.#channel !== undefined ? this.#channel.send(message as unknown as Json) : 'closed';
  }

  /** How long a dial, and the wait for a welcome, may take. */
  get #patienceMs(): number {
    return Math.max(PATIENCE_MS_MIN, PATIENCE_HEARTBEATS * this.#heartbeatMs);
  }

  async #loop(): Promise<void> {
    const { clock, random, signal } = this.#options;
    for (let attempt = 0; !signal.aborted; attempt++) {
      if (await this.#once()) attempt = 0;
      const waitMs = backoffMs(random, attempt, RETRY_FIRST_MS, RETRY_HEARTBEATS_MAX * this.#heartbeatMs);
      await clock.sleep(this.#refused ? REFUSED_WAIT_MS * (0.75 + random.next() / 2) : waitMs, signal);
    }
  }

  /** One line from its dialling to its end; true when it was a good one. */
  async #once(): Promise<boolean> {
    const { logger, signal, onEnd } = this.#options;
    const line = await this.#dial();
    if (line === undefined) return false;
    this.#channel = line;
    const stop = () => line.close('the agent stops');
    signal.addEventListener('abort', stop, { once: true });
    const reason = await this.#follow(line);
    signal.removeEventListener('abort', stop);
    const good = this.#welcomed;
    this.#welcomed = false;
    this.#channel = undefined;
    onEnd();
    logger.info({ reason }, 'the line to the hub ended');
    return good;
  }

  async #dial(): Promise<Channel | undefined> {
    const { door, clock, logger, signal, identity } = this.#options;
    const patience = new AbortController();
    const cancel = clock.after(this.#patienceMs, () => patience.abort());
    const opened = await door.open(identity(), AbortSignal.any([signal, patience.signal]));
    cancel();
    this.#refused = false;
    if (opened.kind === 'done') return opened.value;
    const reason = opened.kind === 'refused' ? opened.refusal.message : opened.reason;
    const hint = opened.kind === 'refused' ? { next: opened.refusal.hint } : {};
    logger.warn({ reason, ...hint }, 'no line to the hub');
    if (opened.kind === 'refused') this.#refused = !(await this.#options.onRefused(opened.refusal));
    return undefined;
  }

  /** Speaks on one line until it ends; answers why it did. */
  async #follow(line: Channel): Promise<string> {
    const { clock, logger, hello } = this.#options;
    const ended = Promise.withResolvers<string>();
    let heardMs = clock.monotonic();
    let beat = () => {};
    let seq = 0;
    const heartbeat = (everyMs: number, silence = watchSilence(clock, everyMs)) => {
      if (heardMs < silence.look()) return line.close('the hub is silent');
      line.send({ kind: 'heartbeat', seq: seq++, sentAtMs: clock.now() } as Json, 'urgent');
      beat = clock.after(everyMs, () => heartbeat(everyMs, silence));
    };
    let over = false;
    line.onClose((reason) => {
      over = true;
      beat();
      ended.resolve(reason);
    });
    // a hub sends work right behind its welcome: until that is accepted (keys, epoch) nothing could be answered
    const early: Work[] = [];
    const welcome = async (message: Welcome): Promise<void> => {
      this.#heartbeatMs = message.heartbeatMs;
      const refusal = await this.#options.accept(message);
      if (over) return;
      if (refusal !== undefined) return line.close(`refused: ${refusal}`);
      this.#welcomed = true;
      heartbeat(message.heartbeatMs);
      this.#options.onGood(message);
      for (const waiting of early.splice(0)) onMessage(waiting, this.#options);
    };
    line.onMessage((raw) => {
      heardMs = clock.monotonic();
      const parsed = hubMessageSchema.safeParse(raw);
      if (!parsed.success) return notUnderstood(raw, line, logger);
      const message = parsed.data;
      if (message.kind === 'welcome') {
        beat();
        if (message.v !== PROTOCOL_VERSION) return line.close(otherProtocol(message.v));
        welcome(message).catch((error: unknown) => line.close(`no welcome: ${errorText(error)}`));
      } else if (this.#welcomed || message.kind === 'refuse') onMessage(message, this.#options);
      else if (early.length < limits.protocolQueueMessagesMax) early.push(message);
      else line.close('the hub sends without a welcome');
    });
    const greet = async () => {
      const first = (await hello()) as unknown as Json;
      // what the agent itself took to know its cluster is not the hub's delay
      beat = clock.after(this.#patienceMs, () => line.close('no welcome'));
      if (line.send(first) === 'tooLarge') line.close('the hello is above the size of a message');
    };
    greet().catch((error: unknown) => line.close(`no hello: ${errorText(error)}`));
    return ended.promise;
  }
}

function otherProtocol(v: number): string {
  return `the hub speaks protocol ${v}, this agent ${PROTOCOL_VERSION}: bring both to one release`;
}

/** A hub of a later release may ask for what this agent has never heard of: it is told at once, and does not wait for an answer. */
function notUnderstood(raw: Json, line: Channel, logger: Logger): void {
  logger.warn({}, 'the hub sent a message that this agent does not understand: bring both to one release');
  const command = isObject(raw) && raw.kind === 'command' && isObject(raw.command) ? raw.command : {};
  if (typeof command.id !== 'string') return;
  const kind = isObject(command.body) && typeof command.body.kind === 'string' ? command.body.kind : 'that';
  const refusal: Refusal = {
    kind: 'notUnderstood',
    message: `the agent does not understand ${kind.slice(0, 40)}: it is of another release than the hub`,
    hint: 'bring the agent to the release of the hub, then try again',
  };
  line.send({ kind: 'result', id: command.id, outcome: { kind: 'refused', refusal }, blobs: [] } as unknown as Json);
}

function onMessage(message: Work, options: ConnectionOptions): void {
  switch (message.kind) {
    case 'heartbeatAck':
      return;
    case 'driftJournaled':
      options.onDriftJournaled(message.id);
      return;
    case 'command':
      options.onCommand(message.command);
      return;
    case 'blob':
      options.onBlob(message.blob);
      return;
    case 'blobMissing':
      options.onBlobMissing(message.digest, message.refusal as Refusal | undefined);
      return;
    case 'stream':
    case 'streamMore':
    case 'streamStop':
      options.onStream(message);
      return;
    case 'refuse':
      options.logger.error(
        { refusal: message.refusal.message, next: message.refusal.hint },
        'the hub refused this agent',
      );
      return;
  }
}
