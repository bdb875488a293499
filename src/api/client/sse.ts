/** One server-sent event, as it came. */
export interface ServerSentEvent {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: string;
}

const EVENT_CHARS_MAX = 1024 * 1024;

/**
 * Parses `text/event-stream` (WHATWG HTML §9.2) as it arrives, in any cutting of the bytes.
 * @throws Error when one event is longer than a million characters.
 */
export async function* parseEvents(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of chunks) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > EVENT_CHARS_MAX) throw new Error('an event of the hub is too long');
    for (let end = endOf(text); end !== undefined; end = endOf(text)) {
      const event = parseBlock(text.slice(0, end.at));
      text = text.slice(end.at + end.length);
      if (event !== undefined) yield event;
    }
  }
}

function endOf(text: string): { at: number; length: number } | undefined {
  const match = /\r\n\r\n|\n\n|\r\r/.exec(text);
  return match === null ? undefined : { at: match.index, length: match[0].length };
}

/** undefined: comments only. */
function parseBlock(block: string): ServerSentEvent | undefined {
  let id: string | undefined;
  let event = 'message';
  const data: string[] = [];
  for (const line of block.split(/\r\n|\n|\r/)) {
    const colon = line.indexOf(':');
    if (colon === 0) continue;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'id') id = value;
    else if (field === 'event') event = value;
    else if (field === 'data') data.push(value);
  }
  return data.length === 0 ? undefined : { id, event, data: data.join('\n') };
}
