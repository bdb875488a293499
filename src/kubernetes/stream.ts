import { errorText } from '../base/index.ts';

export type StreamEnd<T> =
  | { readonly kind: 'ended' }
  /** The reader had enough and said so with a value. */
  | { readonly kind: 'stopped'; readonly value: T }
  | { readonly kind: 'broken'; readonly reason: string };

/** An object of the API server may be 3 MiB; what is longer than this without a line end is none. */
const LINE_CHARACTERS_MAX = 16 * 1024 * 1024;

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
