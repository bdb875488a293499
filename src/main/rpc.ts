/** Requests and answers over the channel between a process and its child. Either side may ask. */
import { errorText } from '../base/index.ts';

/** What `process` in a child and a ChildProcess in its parent have in common. */
export interface Channel {
  send(message: object): unknown;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  on(event: 'disconnect', listener: () => void): unknown;
}

export type Handlers = { readonly [method: string]: (params: never) => unknown };

export interface Rpc {
  /** Rejects with the other side's message, or when the channel ends before the answer. */
  call<T>(method: string, params?: unknown): Promise<T>;
}

type Message =
  | { rpc: 'ask'; id: number; method: string; params: unknown }
  | { rpc: 'answer'; id: number; value?: unknown; error?: string };

export function createRpc(channel: Channel, handlers: Handlers = {}): Rpc {
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let nextId = 1;

  async function answer(message: Extract<Message, { rpc: 'ask' }>) {
    const reply = (rest: { value?: unknown; error?: string }) =>
      channel.send({ rpc: 'answer', id: message.id, ...rest });
    try {
      const handler = handlers[message.method];
      if (handler === undefined) throw new Error(`nobody answers ${message.method}`);
      reply({ value: await handler(message.params as never) });
    } catch (error) {
      reply({ error: errorText(error) });
    }
  }

  channel.on('message', (raw) => {
    const message = raw as Message;
    if (message?.rpc === 'ask') void answer(message);
    if (message?.rpc === 'answer') {
      const asked = waiting.get(message.id);
      waiting.delete(message.id);
      if (message.error === undefined) asked?.resolve(message.value);
      else asked?.reject(new Error(message.error));
    }
  });
  channel.on('disconnect', () => {
    for (const asked of waiting.values()) asked.reject(new Error('the other process ended before it answered'));
    waiting.clear();
  });

  return {
    call: <T>(method: string, params: unknown = null) =>
      new Promise<T>((resolve, reject) => {
        const id = nextId++;
        waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
        channel.send({ rpc: 'ask', id, method, params });
      }),
  };
}
