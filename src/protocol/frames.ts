/**
 * Messages in frames: one byte (0 the last piece, 1 more follow), four bytes of message number, then UTF-8 text. A message
 * above one frame is split, so that a heartbeat never waits behind a large bundle.
 */
import { limits } from '../base/index.ts';

export const FRAME_BYTES_MAX = 128 * 1024;
const HEADER_BYTES = 5;
/** Messages of one sender that may be in pieces at once: a large one and an urgent one between its pieces. */
const OPEN_MESSAGES_MAX = 4;

/** The frames of one message, in order. `number` tells its pieces from those of others. */
export function splitMessage(number: number, text: string): readonly Uint8Array[] {
  const bytes = Buffer.from(text);
  const room = FRAME_BYTES_MAX - HEADER_BYTES;
  const frames: Uint8Array[] = [];
  for (let from = 0; from === 0 || from < bytes.length; from += room) {
    const piece = bytes.subarray(from, from + room);
    const frame = Buffer.allocUnsafe(HEADER_BYTES + piece.length);
    frame.writeUInt8(from + room < bytes.length ? 1 : 0, 0);
    frame.writeUInt32BE(number >>> 0, 1);
    piece.copy(frame, HEADER_BYTES);
    frames.push(frame);
  }
  return frames;
}

export type Assembled =
  | { readonly kind: 'message'; readonly text: string }
  | { readonly kind: 'more' }
  | { readonly kind: 'broken'; readonly reason: string };

/** Puts frames together again; refuses what is above the limits. */
export function createAssembler(messageBytesMax: number = limits.protocolMessageBytesMax): {
  add(frame: Uint8Array): Assembled;
} {
  const open = new Map<number, { pieces: Uint8Array[]; bytes: number }>();
  return {
    add(frame) {
      const bytes = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
      if (bytes.length < HEADER_BYTES || bytes.length > FRAME_BYTES_MAX) return broken('a frame of a wrong size');
      const more = bytes.readUInt8(0);
      if (more > 1) return broken('a frame of an unknown kind');
      // pieces without text would cost memory that the limit on bytes does not see
      if (more === 1 && bytes.length === HEADER_BYTES) return broken('a piece without text');
      const number = bytes.readUInt32BE(1);
      const message = open.get(number) ?? { pieces: [], bytes: 0 };
      message.pieces.push(bytes.subarray(HEADER_BYTES));
      message.bytes += bytes.length - HEADER_BYTES;
      if (message.bytes > messageBytesMax) return broken(`a message above ${messageBytesMax} bytes`);
      if (more === 1) {
        open.set(number, message);
        return open.size > OPEN_MESSAGES_MAX ? broken('too many messages in pieces') : { kind: 'more' };
      }
      open.delete(number);
      return { kind: 'message', text: Buffer.concat(message.pieces).toString('utf8') };
    },
  };
}

function broken(reason: string): Assembled {
  return { kind: 'broken', reason };
}
