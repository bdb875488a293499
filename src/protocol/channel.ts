/** A line between hub and agent that carries whole JSON messages in order; over WebSocket or in memory. */
import type { Json } from '../base/index.ts';

/**
 * `queued`: on its way. `tooLarge`: above limits.protocolMessageBytesMax, not sent; the line stays, and who sent it owes the
 * other end a refusal. `closed`: the line is closed, or was closed because its queue is full.
 */
export type Sent = 'queued' | 'tooLarge' | 'closed';

export interface Channel {
  /** Queues a message. Urgent ones (heartbeats) overtake what is queued, also between the pieces of a large message. */
  send(message: Json, urgency?: 'urgent'): Sent;
  /** One listener; messages that came before it was set are handed over first. */
  onMessage(listener: (message: Json) => void): void;
  /** One listener; called once, at once when it is already closed. */
  onClose(listener: (reason: string) => void): void;
  close(reason: string): void;
}

/** What both kinds of channel share: buffering until a listener is there, and closing once. */
export interface Mailbox {
  deliver(message: Json): void;
  closed(reason: string): void;
  readonly isClosed: boolean;
  onMessage(listener: (message: Json) => void): void;
  onClose(listener: (reason: string) => void): void;
}

export function createMailbox(): Mailbox {
  const waiting: Json[] = [];
  let onMessage: ((message: Json) => void) | undefined;
  let onClose: ((reason: string) => void) | undefined;
  let reason: string | undefined;
  return {
    deliver(message) {
      if (reason !== undefined) return;
      if (onMessage === undefined) waiting.push(message);
      else onMessage(message);
    },
    closed(why) {
      if (reason !== undefined) return;
      reason = why;
      onClose?.(why);
    },
    get isClosed() {
      return reason !== undefined;
    },
    onMessage(listener) {
      onMessage = listener;
      for (const message of waiting.splice(0)) listener(message);
    },
    onClose(listener) {
      onClose = listener;
      if (reason !== undefined) listener(reason);
    },
  };
}
