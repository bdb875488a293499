import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { it } from 'node:test';
import { type Channel, createRpc } from './rpc.ts';

/** Two ends of one channel. */
function pair(): [Channel & EventEmitter, Channel & EventEmitter] {
  const left = new EventEmitter();
  const right = new EventEmitter();
  const end = (own: EventEmitter, other: EventEmitter) =>
    Object.assign(own, {
      send: (message: object) => queueMicrotask(() => other.emit('message', structuredClone(message))),
    }) as Channel & EventEmitter;
  return [end(left, right), end(right, left)];
}

it('answers, passes errors on, and says when nobody answers', async () => {
  const [left, right] = pair();
  createRpc(left, {
    add: ({ a, b }: { a: number; b: number }) => a + b,
    fail: () => {
      throw new Error('no such cluster');
    },
  });
  const rpc = createRpc(right);
  assert.equal(await rpc.call('add', { a: 1, b: 2 }), 3);
  await assert.rejects(rpc.call('fail'), /no such cluster/);
  await assert.rejects(rpc.call('other'), /nobody answers other/);
});

it('what is waiting when the channel ends is rejected, not left hanging', async () => {
  const [, right] = pair();
  const rpc = createRpc(right);
  const asked = rpc.call('never');
  right.emit('disconnect');
  await assert.rejects(asked, /ended before it answered/);
});
