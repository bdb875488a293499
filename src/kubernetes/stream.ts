import { errorText } from '../base/index.ts';

export type StreamEnd<T> =
  | { readonly kind: 'ended' }
  /** The reader had enough and said so with a value. */
  | { readonly kind: 'stopped'; readonly value: T }
  | { readonly kind: 'broken'; readonly reason: string };

/** An object of the API server may be 3 MiB; what is longer than this without a line end is none. */
const LINE_CHARACTERS_MAX = 16 * 1024 * 1024;

const LINE_END = 10;

/**
 * The same bytes with no line longer than `bytesMax`: what is beyond is left out as if it had not been written, so that
 * nothing of it is held. For text whose lines are of any length, such as logs.
 */
export async function* cutLines(body: AsyncIterable<Uint8Array>, bytesMax: number): AsyncGenerator<Uint8Array, void> {
  /** Of the line that goes on. */
  let written = 0;
  for await (const chunk of body) {
    if (written + chunk.length <= bytesMax) {
      yield chunk;
      const end = chunk.lastIndexOf(LINE_END);
      written = end < 0 ? written + chunk.length : chunk.length - end - 1;
      continue;
    }
    for (let from = 0; from < chunk.length; ) {
      const end = chunk.indexOf(LINE_END, from);
      const to = end < 0 ? chunk.length : end;
      const kept = chunk.subarray(from, Math.min(to, from + Math.max(0, bytesMax - written)));
      if (kept.length > 0) yield kept;
      if (end >= 0) yield chunk.subarray(end, end + 1);
      written = end < 0 ? written + to - from : 0;
      from = end < 0 ? to : end + 1;
    }
  }
}

/** Reads text line by line; each line is awaited before the next chunk is read, which is the backpressure. Never rejects. */
export async function streamLines<T>(
  body: AsyncIterable<Uint8Array>,
  onLine: (line: string) => Promise<T | undefined>,
): Promise<StreamEnd<T>> {
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const chunk of body) {
      const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = parts.pop() ?? '';
      if (rest.length > LINE_CHARACTERS_MAX) return { kind: 'broken', reason: 'a line is too long' };
      for (const line of parts) {
        const value = line === '' ? undefined : await onLine(line);
        if (value !== undefined) return { kind: 'stopped', value };
      }
    }
    const value = rest === '' ? undefined : await onLine(rest);
    return value === undefined ? { kind: 'ended' } : { kind: 'stopped', value };
  } catch (error) {
    return { kind: 'broken', reason: errorText(error) };
  }
}
