import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type EventWords, foldAlike } from './alike-events.ts';

function seen(message: string, second: number, more: Partial<EventWords> = {}): EventWords {
  const at = `2026-11-22T10:00:${String(second).padStart(2, '0')}Z`;
  return { at, type: 'Warning', reason: 'FailedCreate', message, count: 1, ...more };
}

describe('events alike', () => {
  it('are one, with the newest words, all counts, and since when', () => {
    const events = [
      seen('pods "web-9bd89c474-v79fx" is forbidden', 3),
      seen('pods "web-9bd89c474-s5jb7" is forbidden', 9, { count: 4, since: '2026-11-22T10:00:05Z' }),
      seen('(combined from similar events): pods "web-9bd89c474-md79x" is forbidden', 7),
    ];
    const [one, ...others] = foldAlike(events);
    assert.deepEqual(others, []);
    const message = 'pods "web-9bd89c474-s5jb7" is forbidden';
    assert.deepEqual(one?.event, { ...seen(message, 9), count: 6, since: '2026-11-22T10:00:03Z' });
    assert.equal(one?.members.length, 3);
  });

  it('are not those of another cause, type, or object', () => {
    const events = [
      seen('exceeded quota: few, used: pods=1', 1),
      seen('exceeded quota: few, used: pods=2', 2),
      seen('exceeded quota: few, used: pods=1', 3, { type: 'Normal' }),
      seen('exceeded quota: few, used: pods=1', 4, { reason: 'Other' }),
    ];
    assert.equal(foldAlike(events).length, 4);
    const words = seen('same', 1);
    assert.equal(foldAlike([words, words], () => [String(Math.random())]).length, 2);
  });

  it('leaves one that is alone as it is, newest first', () => {
    const events = [seen('a', 1), seen('b', 2)];
    assert.deepEqual(
      foldAlike(events).map(({ event }) => event),
      [events[1], events[0]],
    );
  });
});
