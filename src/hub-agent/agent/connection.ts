/** The agent's end of the line: dial, hello, welcome, heartbeats; again with jitter whenever it ends. */
import {
  backoffMs,
  type Clock,
  type Digest,
  type Json,
  type Logger,
  type Random,
  type Refusal,
} from '../../base/index.ts';
import {
  type AgentMessage,
  type Channel,
  type Command,
  type HubMessage,
  hubMessageSchema,
} from '../../protocol/index.ts';
import type { HubDoor, StoredIdentity } from '../types.ts';

export type Welcome = Extract<HubMessage, { kind: 'welcome' }>;

export interface Connection {
  /** False: no line now. */
  send(message: AgentMessage): boolean;
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
  /** The line is good; false: this hub is refused (an older epoch). */
  onWelcome(welcome: Welcome): Promise<boolean>;
  onCommand(command: Command): void;
  onBlob(message: Extract<HubMessage, { kind: 'blob' }>['blob']): void;
  onBlobMissing(digest: Digest): void;
  onEnd(): void;
}

const RETRY_FIRST_MS = 500;
const RETRY_MS_MAX = 30_000;
const WELCOME_MS_MAX = 10_000;
const SILENT_HEARTBEATS_MAX = 3;

/** Dials until the signal is aborted. */
export function connectToHub(options: ConnectionOptions): Connection {
  const { clock, random, logger, signal } = options;
  let channel: Channel | undefined;
  let welcomed = false;

  async function loop(): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt++) {
      const good = await once();
      if (good) attempt = 0;
      await clock.sleep(backoffMs(random, attempt, RETRY_FIRST_MS, RETRY_MS_MAX), signal);
    }
  }
  /** One line from its dialling to its end; true when it was a good one. */
  async function once(): Promise<boolean> {
    const opened = await options.door.open(options.identity(), signal);
    if (opened.kind !== 'done') {
      const reason = opened.kind === 'refused' ? opened.refusal.message : opened.reason;
      logger.warn({ reason }, 'no line to the hub');
      return false;
    }
    const line = opened.value;
    channel = line;
    const stop = () => line.close('the agent stops');
    signal.addEventListener('abort', stop, { once: true });
    const reason = await follow(line, options, () => {
      welcomed = true;
    });
    signal.removeEventListener('abort', stop);
    const good = welcomed;
    welcomed = false;
    channel = undefined;
    options.onEnd();
    logger.info({ reason }, 'the line to the hub ended');
    return good;
  }

  void loop();
  return {
    connected: () => welcomed,
    send: (message) => welcomed && channel?.send(message as unknown as Json) === true,
  };
}

/** Speaks on one line until it ends; answers why it did. */
async function follow(line: Channel, options: ConnectionOptions, onGood: () => void): Promise<string> {
  const { clock, logger } = options;
  const ended = Promise.withResolvers<string>();
  let heardMs = clock.monotonic();
  let beat = clock.after(WELCOME_MS_MAX, () => line.close('no welcome'));
  let seq = 0;
  function heartbeat(everyMs: number): void {
    if (clock.monotonic() - heardMs > SILENT_HEARTBEATS_MAX * everyMs) {
      line.close('the hub is silent');
      return;
    }
    line.send({ kind: 'heartbeat', seq: seq++, sentAtMs: clock.now() } as Json, 'urgent');
    beat = clock.after(everyMs, () => heartbeat(everyMs));
  }
  async function welcome(message: Welcome): Promise<void> {
    beat();
    if (!(await options.onWelcome(message))) return line.close('refused: an older epoch');
    onGood();
    heartbeat(message.heartbeatMs);
  }
  line.onClose((reason) => {
    beat();
    ended.resolve(reason);
  });
  line.onMessage((raw) => {
    heardMs = clock.monotonic();
    const parsed = hubMessageSchema.safeParse(raw);
    if (!parsed.success) return logger.warn({}, 'the hub sent a message that this agent does not understand');
    const message = parsed.data;
    if (message.kind === 'welcome')
      welcome(message).catch((error: Error) => line.close(`no welcome: ${error.message}`));
    else onMessage(message, logger, options);
  });
  line.send((await options.hello()) as unknown as Json);
  return ended.promise;
}

function onMessage(message: Exclude<HubMessage, Welcome>, logger: Logger, options: ConnectionOptions): void {
  switch (message.kind) {
    case 'heartbeatAck':
      return;
    case 'command':
      options.onCommand(message.command);
      return;
    case 'blob':
      options.onBlob(message.blob);
      return;
    case 'blobMissing':
      options.onBlobMissing(message.digest);
      return;
    case 'refuse':
      logger.error({ refusal: (message.refusal as Refusal).message }, 'the hub refused this agent');
      return;
  }
}
