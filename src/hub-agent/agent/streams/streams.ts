/**
 * What the hub reads on demand over the agent's own line: logs and events. Nothing of it is remembered; it ends when the
 * hub has enough, when the line ends, and when the agent stops. Changes nothing, so that no epoch is asked for.
 */
import { type Clock, errorText, type KubeObject, limits, type Random, type Refusal } from '../../../base/index.ts';
import type { Client, Mask } from '../../../kubernetes/index.ts';
import type { AgentMessage, HubMessage, StreamRequest } from '../../../protocol/index.ts';
import type { Location } from '../bundle.ts';
import { streamEvents } from './events.ts';
import { streamLogs } from './logs.ts';
import { createPace, createSender, type Sender } from './sender.ts';

/** What the cluster holds of one function or member. */
export interface StreamPlace {
  readonly name: string;
  readonly location: Location;
  readonly objects: readonly KubeObject[];
  belongs(kind: string, name: string): boolean;
}

export interface StreamsOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  holding(stack: Location['stack'], names: readonly string[] | undefined): readonly StreamPlace[];
  live(object: KubeObject): Promise<KubeObject | undefined>;
  mask(stack: Location['stack']): Mask;
  send(message: AgentMessage): void;
}

export type StreamMessage = Extract<HubMessage, { kind: 'stream' | 'streamMore' | 'streamStop' }>;

export interface Streams {
  handle(message: StreamMessage): void;
  /** The line is gone, and with it who reads. */
  lineEnded(): void;
}

export function createStreams(options: StreamsOptions): Streams {
  const pace = createPace(options.clock);
  const open = new Map<string, { readonly control: AbortController; readonly sender: Sender }>();

  function start(id: string, request: StreamRequest): void {
    if (open.has(id)) return;
    const held = options.holding(request.stack, request.names).length > 0;
    const refusal = open.size >= limits.clusterStreamsMax ? TOO_MANY : held ? undefined : notHeld(request);
    if (refusal !== undefined) {
      options.send({ kind: 'streamEnded', id, refusal });
      return;
    }
    const control = new AbortController();
    const signal = AbortSignal.any([control.signal, options.signal]);
    const send = (items: readonly StreamItemOf[]) => options.send({ kind: 'streamed', id, items: [...items] });
    const sender = createSender(options.clock, send, signal, pace);
    open.set(id, { control, sender });
    send([]);
    void serve(request, sender, signal, options)
      .then((refusal) => {
        if (!signal.aborted) options.send({ kind: 'streamEnded', id, ...(refusal === undefined ? {} : { refusal }) });
      })
      .finally(() => {
        control.abort();
        open.delete(id);
      });
  }
  return {
    handle(message) {
      if (message.kind === 'stream') return start(message.id, message.request);
      const one = open.get(message.id);
      if (message.kind === 'streamMore') one?.sender.grant(message.bytes);
      else one?.control.abort();
    },
    lineEnded() {
      for (const { control } of open.values()) control.abort();
      open.clear();
    },
  };
}

type StreamItemOf = Extract<AgentMessage, { kind: 'streamed' }>['items'][number];

async function serve(
  request: StreamRequest,
  sender: Sender,
  signal: AbortSignal,
  options: StreamsOptions,
): Promise<Refusal | undefined> {
  const { client, clock, random, live } = options;
  const places = () => options.holding(request.stack, request.names);
  const mask: Mask = (text) => options.mask(request.stack)(text);
  const stream = { client, clock, random, live, signal, mask, places, push: sender.push };
  try {
    if (request.kind === 'logs') await streamLogs(request, stream);
    else await streamEvents(request.follow, stream);
    await sender.flush();
    return undefined;
  } catch (error) {
    return {
      kind: 'streamFailed',
      message: `the agent could not read it: ${mask(errorText(error))}`,
      hint: 'try again; when it stays so, look at the log of the agent',
    };
  }
}

const TOO_MANY: Refusal = {
  kind: 'tooManyStreams',
  message: `${limits.clusterStreamsMax} streams of this cluster are open`,
  hint: 'end one of them (Ctrl-C in `ldc logs -f`), then try again',
};

function notHeld({ stack, names }: StreamRequest): Refusal {
  const what = names === undefined ? '' : `${names.join(', ')} of `;
  return {
    kind: 'notHeld',
    message: `this cluster holds nothing of ${what}${stack.project}/${stack.name}`,
    hint: '`ldc describe` of the stack says where it is',
  };
}
