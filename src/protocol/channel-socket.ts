/** The Channel over a WebSocket; the same for both ends. */
import type { WebSocket } from 'ws';
import { type Json, limits } from '../base/index.ts';
import { type Channel, createMailbox } from './channel.ts';
import { createAssembler, FRAME_BYTES_MAX, splitMessage } from './frames.ts';

/** Options for both ends: deflate costs four times the memory for messages that are small (anchors/toolchain §6). */
export const SOCKET_OPTIONS = { perMessageDeflate: false, maxPayload: FRAME_BYTES_MAX } as const;

/** Bytes handed to the socket and not yet on the wire, above which frames wait here, where urgent ones can overtake. */
const SOCKET_BYTES_MAX = 512 * 1024;
const QUEUE_BYTES_MAX = 64 * 1024 * 1024;

/** Wraps an open WebSocket. */
export function socketChannel(socket: WebSocket): Channel {
  const mailbox = createMailbox();
  const assembler = createAssembler();
  const queue: Uint8Array[] = [];
  let queuedBytes = 0;
  let numbers = 0;

  function close(reason: string): void {
    if (mailbox.isClosed) return;
    // a close frame holds 123 bytes; text beyond ASCII takes up to three for each of JavaScript's characters
    socket.close(1000, reason.slice(0, 40));
    // a peer that answers no close frame (its line is cut) must not hold the descriptor
    socket.terminate();
    mailbox.closed(reason);
  }
  function pump(): void {
    while (queue.length > 0 && socket.bufferedAmount < SOCKET_BYTES_MAX && socket.readyState === socket.OPEN) {
      const frame = queue.shift() as Uint8Array;
      queuedBytes -= frame.length;
      socket.send(frame, () => pump());
    }
  }

  socket.on('message', (data: Buffer) => {
    const result = assembler.add(data);
    if (result.kind === 'more') return;
    if (result.kind === 'broken') return close(`protocol: ${result.reason}`);
    const message = parse(result.text);
    if (message === undefined) return close('protocol: no JSON');
    mailbox.deliver(message);
  });
  socket.on('close', (code, reason) => mailbox.closed(String(reason) || `closed (${code})`));
  socket.on('error', (error) => {
    mailbox.closed(error.message);
    socket.terminate();
  });

  return {
    send(message, urgency) {
      if (mailbox.isClosed) return 'closed';
      const text = JSON.stringify(message);
      if (Buffer.byteLength(text) > limits.protocolMessageBytesMax) return 'tooLarge';
      const frames = splitMessage(numbers++, text);
      if (urgency === 'urgent') queue.unshift(...frames);
      else queue.push(...frames);
      queuedBytes += frames.reduce((sum, frame) => sum + frame.length, 0);
      if (queue.length > limits.protocolQueueMessagesMax || queuedBytes > QUEUE_BYTES_MAX) {
        close('the other end does not keep up');
        return 'closed';
      }
      pump();
      return 'queued';
    },
    onMessage: mailbox.onMessage,
    onClose: mailbox.onClose,
    close,
  };
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
