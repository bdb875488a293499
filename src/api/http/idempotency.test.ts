import assert from 'node:assert/strict';
import { it } from 'node:test';
import { SimulatedClock, seededRandom, silentLogger } from '../../base/index.ts';
import { memoryStore } from '../../store/index.ts';
import { createIdempotency } from './idempotency.ts';

const DAY = 24 * 3_600_000;

it('answers are kept for a day, however many there are', async () => {
  const clock = new SimulatedClock();
  const store = memoryStore({ clock, random: seededRandom(1), projectors: [], logger: silentLogger });
  const idempotency = createIdempotency({ documents: store.documents, clock, key: new Uint8Array(32) });
  const call = (key: string) => idempotency.once('ann', key, 'request', true, async () => ({ status: 202, body: key }));
  const many = (day: number, count: number) =>
    Promise.all(Array.from({ length: count }, (_, n) => call(`${day}-${n}`)));
  const dayOf = ({ body }: { readonly body: { readonly at?: unknown } }) => String(body.at).slice(0, 10);
  await many(0, 3_000);
  await clock.advance(DAY / 2);
  assert.equal((await call('0-7')).replayed, true);
  await clock.advance(DAY);
  await many(1, 500);
  const kept = store.documents.list('idempotency');
  assert.deepEqual([...new Set(kept.map(dayOf))].length, 1, 'nothing of the day before is left');
  assert.equal(kept.length, 500);
  assert.equal((await call('1-7')).replayed, true);
});
