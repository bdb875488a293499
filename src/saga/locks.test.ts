import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import type { TransactionKind } from '../plan/index.ts';
import { blockers, type Contender, isBlocked } from './locks.ts';
import type { TransactionState } from './types.ts';

const KINDS: readonly TransactionKind[] = ['deploy', 'reschedule', 'settle'];
const STATES: readonly TransactionState[] = ['queued', 'running', 'paused', 'stuck', 'compensating', 'committed'];

const contender = fc
  .record({
    id: fc.integer({ min: 0, max: 20 }),
    stack: fc.constantFrom('shop', 'pay'),
    kind: fc.constantFrom(...KINDS),
    state: fc.constantFrom(...STATES),
    heldFrom: fc.constantFrom<TransactionState>('queued', 'running'),
    locks: fc.subarray(['p/s/a@x', 'p/s/a@y', 'p/s/b@x']),
    clusters: fc.subarray(['x', 'y']),
  })
  .map(({ id, stack: name, kind, state, heldFrom, locks, clusters }): Contender => {
    const header = { id: `tx_${String(id).padStart(2, '0')}`, stack: { project: 'p', name }, kind, state };
    return {
      header: (state === 'paused' ? { ...header, heldFrom } : header) as Contender['header'],
      locks,
      clusters: () => new Set(clusters),
    };
  });

it('property: one is blocked exactly when there is somebody before it, who is named oldest first', () => {
  fc.assert(
    fc.property(contender, fc.array(contender, { maxLength: 12 }), (candidate, all) => {
      const before = blockers(candidate, all);
      assert.equal(isBlocked(candidate, all), before.length > 0);
      const ids = before.map(({ header }) => header.id);
      assert.deepEqual(ids, ids.toSorted());
      assert.ok(!ids.includes(candidate.header.id));
    }),
  );
});

it('property: of two that are only queued one never waits for the other while the other waits for it', () => {
  fc.assert(
    fc.property(contender, contender, (a, b) => {
      fc.pre(a.header.id !== b.header.id && a.header.state === 'queued' && b.header.state === 'queued');
      assert.ok(!(isBlocked(a, [b]) && isBlocked(b, [a])));
    }),
    { numRuns: 300 },
  );
});
