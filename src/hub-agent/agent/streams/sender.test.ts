import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { limits, SimulatedClock } from '../../../base/index.ts';
import type { StreamItem } from '../../../protocol/index.ts';
import { createPace, createSender, sizeOf } from './sender.ts';

const line = (n: number, length = 100): StreamItem => {
  return { kind: 'line', name: 'f', pod: 'p', container: 'c', at: '', line: `${n} `.padEnd(length, 'x') };
};
const numberOf = (item: StreamItem) => (item.kind === 'line' ? Number(item.line.split(' ')[0]) : -1);

function rig(bytesPerSecondMax = 1e9) {
  const clock = new SimulatedClock();
  const control = new AbortController();
  const sent: StreamItem[] = [];
  const pace = createPace(clock, bytesPerSecondMax);
  const sender = createSender(clock, (items) => sent.push(...items), control.signal, pace);
  return { clock, control, sent, sender, pace, bytes: () => sent.reduce((sum, item) => sum + sizeOf(item), 0) };
}

describe('a stream to the hub', () => {
  it('sends what is there after a moment, however little it is', async () => {
    const { clock, sent, sender } = rig();
    await sender.push(line(1));
    assert.equal(sent.length, 0);
    await clock.advance(50);
    assert.deepEqual(sent.map(numberOf), [1]);
  });

  it('stops at its window until the hub has read, and loses and reorders nothing', async () => {
    const { clock, sent, sender, bytes } = rig();
    const pushing = (async () => {
      for (let n = 0; n < 10_000; n++) await sender.push(line(n));
      await sender.flush();
    })();
    await clock.advance(1_000);
    assert.ok(
      bytes() >= limits.streamWindowBytes && bytes() < 1.3 * limits.streamWindowBytes,
      `${bytes()} bytes ahead`,
    );
    for (let told = bytes(); sent.length < 10_000; told = bytes()) {
      sender.grant(told > 0 ? limits.streamWindowBytes / 2 : 1);
      await clock.advance(100);
    }
    await pushing;
    assert.deepEqual(
      sent.map(numberOf),
      Array.from({ length: 10_000 }, (_, n) => n),
    );
  });

  it('keeps to the pace that all streams of an agent share', async () => {
    const { clock, control, pace, sent, sender, bytes } = rig(100_000);
    const other: StreamItem[] = [];
    const second = createSender(clock, (items) => other.push(...items), control.signal, pace);
    for (const each of [sender, second]) {
      void (async () => {
        for (let n = 0; n < 1_000; n++) await each.push(line(n, 1_000));
      })();
    }
    await clock.advance(2_000);
    const both = bytes() + other.reduce((sum, item) => sum + sizeOf(item), 0);
    assert.ok(both <= 300_000, `${both} bytes in two seconds`);
    assert.ok(sent.length > 0 && other.length > 0, 'neither starves');
    control.abort();
  });

  it('left by its reader, it sends nothing more and keeps nobody waiting', async () => {
    const { clock, control, sent, sender } = rig();
    const pushing = (async () => {
      for (let n = 0; n < 10_000; n++) await sender.push(line(n));
      await sender.flush();
    })();
    await clock.advance(1_000);
    const before = sent.length;
    control.abort();
    await clock.advance(100);
    await pushing;
    assert.equal(sent.length, before);
  });
});
