/** The hub's end of one agent's streams: credit for what was read, silence and excess ended, nothing kept. */
import { type Clock, type Ids, limits, type Refusal } from '../../base/index.ts';
import type { AgentMessage, HubMessage, StreamEnd, StreamItem, StreamRequest } from '../../protocol/index.ts';

type Message = Extract<AgentMessage, { kind: 'streamed' | 'streamEnded' }>;

export interface AgentLine {
  send(message: Extract<HubMessage, { kind: 'stream' | 'streamMore' | 'streamStop' }>): boolean;
}

/** Streams over one line, for as long as it lives. */
export interface LineStreams {
  open(request: StreamRequest, signal: AbortSignal): AsyncGenerator<readonly StreamItem[], StreamEnd>;
  received(message: Message): void;
  lineEnded(reason: string): void;
}

const OPEN_MS_MAX = 10_000;
/** An agent of ours never sends more ahead than its window and a batch or two. */
const AHEAD_BYTES_MAX = 2 * limits.streamWindowBytes;

interface Reader {
  readonly batches: { readonly items: readonly StreamItem[]; readonly bytes: number }[];
  bytes: number;
  opened: boolean;
  end: StreamEnd | undefined;
  wake: () => void;
}

export function createLineStreams(cluster: string, line: AgentLine, clock: Clock, ids: Pick<Ids, 'next'>): LineStreams {
  const readers = new Map<string, Reader>();

  function finish(reader: Reader, end: StreamEnd): void {
    reader.end ??= end;
    reader.wake();
  }
  async function* read(request: StreamRequest, signal: AbortSignal): AsyncGenerator<readonly StreamItem[], StreamEnd> {
    const id = ids.next('stream');
    const reader: Reader = { batches: [], bytes: 0, opened: false, end: undefined, wake: () => {} };
    readers.set(id, reader);
    const left = () => finish(reader, { kind: 'ended' });
    signal.addEventListener('abort', left, { once: true });
    if (signal.aborted) left();
    const silent = clock.after(OPEN_MS_MAX, () => {
      if (!reader.opened) finish(reader, { kind: 'refused', refusal: noAnswer(cluster) });
    });
    if (!line.send({ kind: 'stream', id, request })) finish(reader, { kind: 'cut', reason: CLOSED });
    try {
      for (;;) {
        const batch = reader.batches.shift();
        if (batch !== undefined) {
          reader.bytes -= batch.bytes;
          yield batch.items;
          line.send({ kind: 'streamMore', id, bytes: batch.bytes });
        } else if (reader.end !== undefined) return reader.end;
        else await new Promise<void>((resolve) => (reader.wake = resolve));
      }
    } finally {
      silent();
      signal.removeEventListener('abort', left);
      readers.delete(id);
      if (reader.end === undefined || signal.aborted || !reader.opened) line.send({ kind: 'streamStop', id });
    }
  }
  return {
    open: read,
    received(message) {
      const reader = readers.get(message.id);
      if (reader === undefined) return; // it was left a moment ago
      reader.opened = true;
      if (message.kind === 'streamEnded') {
        const { refusal } = message;
        return finish(
          reader,
          refusal === undefined ? { kind: 'ended' } : { kind: 'refused', refusal: refusal as Refusal },
        );
      }
      if (message.items.length === 0) return;
      const bytes = message.items.reduce((sum, item) => sum + Buffer.byteLength(JSON.stringify(item)), 0);
      reader.bytes += bytes;
      if (reader.bytes > AHEAD_BYTES_MAX) {
        line.send({ kind: 'streamStop', id: message.id });
        return finish(reader, { kind: 'refused', refusal: EXCESS });
      }
      reader.batches.push({ items: message.items, bytes });
      reader.wake();
    },
    lineEnded(reason) {
      for (const reader of readers.values()) finish(reader, { kind: 'cut', reason });
    },
  };
}

const CLOSED = 'the line is closed';
const EXCESS: Refusal = {
  kind: 'protocol',
  message: 'the agent sent more than it was asked for',
  hint: 'bring the agent to the release of the hub',
};

function noAnswer(cluster: string): Refusal {
  return {
    kind: 'noStreams',
    message: `the agent of ${cluster} does not answer`,
    hint: `its line was cut a moment ago, or it is busy: see \`ldc cluster show ${cluster}\` and try again; one of an earlier release has no logs and events, bring it to the release of the hub`,
  };
}
