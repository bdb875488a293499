import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { limits, SimulatedClock } from '../../base/index.ts';
import type { HubMessage, StreamEnd, StreamItem } from '../../protocol/index.ts';
import { createLineStreams } from './streams.ts';

const REQUEST = { kind: 'events', stack: { project: 'default', name: 'shop' }, follow: true } as const;
const note = (message: string): StreamItem => ({ kind: 'note', name: 'f', message });

function rig(isOpen = true) {
  const clock = new SimulatedClock();
  const sent: HubMessage[] = [];
  let count = 0;
  const line = {
    send(message: HubMessage) {
      sent.push(message);
      return isOpen;
    },
  };
  const streams = createLineStreams('eu-1', line as never, clock, { next: (kind) => `${kind}-${++count}` });
  return { clock, sent, streams };
}

/** Reads to the end; answers what was said, and how it ended. */
async function read(stream: AsyncGenerator<readonly StreamItem[], StreamEnd>) {
  const items: StreamItem[] = [];
  for (;;) {
    const next = await stream.next();
    if (next.done === true) return { items, end: next.value };
    items.push(...next.value);
  }
}

describe('the hub’s end of a stream', () => {
  it('grants what was read, and ends as the agent says', async () => {
    const { sent, streams } = rig();
    const reading = read(streams.open(REQUEST, new AbortController().signal));
    await Promise.resolve();
    streams.received({ kind: 'streamed', id: 'stream-1', items: [] });
    streams.received({ kind: 'streamed', id: 'stream-1', items: [note('a'), note('b')] });
    streams.received({ kind: 'streamed', id: 'another', items: [note('not mine')] });
    await new Promise((resolve) => setImmediate(resolve));
    streams.received({ kind: 'streamEnded', id: 'stream-1' });
    const { items, end } = await reading;
    assert.deepEqual(items, [note('a'), note('b')]);
    assert.deepEqual(end, { kind: 'ended' });
    const granted = sent.flatMap((message) => (message.kind === 'streamMore' ? [message.bytes] : []));
    assert.deepEqual(granted, [2 * Buffer.byteLength(JSON.stringify(note('a')))]);
    assert.equal(sent.at(-1)?.kind === 'streamStop', false, 'what has ended is not stopped');
  });

  it('an agent of an earlier release, which answers nothing, is told apart', async () => {
    const { clock, streams, sent } = rig();
    const reading = read(streams.open(REQUEST, new AbortController().signal));
    await clock.advance(11_000);
    const { end } = await reading;
    assert.equal(end.kind === 'refused' ? end.refusal.kind : end.kind, 'noStreams');
    assert.equal(sent.at(-1)?.kind, 'streamStop');
  });

  it('an agent that sends more than it was granted is stopped', async () => {
    const { streams, sent } = rig();
    const reading = read(streams.open(REQUEST, new AbortController().signal));
    await Promise.resolve();
    const items = Array.from({ length: 100 }, () => note('x'.repeat(10_000)));
    streams.received({ kind: 'streamed', id: 'stream-1', items });
    assert.ok(items.length * 10_000 > 2 * limits.streamWindowBytes);
    const { end } = await reading;
    assert.equal(end.kind === 'refused' ? end.refusal.kind : end.kind, 'protocol');
    assert.ok(sent.some(({ kind }) => kind === 'streamStop'));
  });

  it('a reader that leaves, by its signal or by going, stops the agent', async () => {
    const { streams, sent } = rig();
    const stop = new AbortController();
    const reading = read(streams.open(REQUEST, stop.signal));
    await Promise.resolve();
    streams.received({ kind: 'streamed', id: 'stream-1', items: [] });
    stop.abort();
    assert.deepEqual((await reading).end, { kind: 'ended' });
    const second = streams.open(REQUEST, new AbortController().signal);
    const first = second.next();
    await Promise.resolve();
    streams.received({ kind: 'streamed', id: 'stream-2', items: [note('a')] });
    await first;
    await second.return({ kind: 'ended' });
    const stopped = sent.flatMap((message) => (message.kind === 'streamStop' ? [message.id] : []));
    assert.deepEqual(stopped, ['stream-1', 'stream-2']);
  });

  it('a line that ends, or is closed already, says so', async () => {
    const { streams } = rig();
    const reading = read(streams.open(REQUEST, new AbortController().signal));
    await Promise.resolve();
    streams.lineEnded('silent');
    assert.deepEqual((await reading).end, { kind: 'cut', reason: 'silent' });
    const closed = await read(rig(false).streams.open(REQUEST, new AbortController().signal));
    assert.equal(closed.end.kind, 'cut');
  });
});
