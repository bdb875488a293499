/** Every state of the law is reachable, every edge leads where DESIGN §5 draws it, and no ended one ever moves again. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { getAdjacencyMap, getShortestPaths } from 'xstate/graph';
import { advance, initial } from '../../base/machine.ts';
import type { TransactionState } from '../types.ts';
import { type TransactionContext, transactionV1 } from './transaction.v1.ts';

const EVENTS = [
  'tx.replanned',
  'tx.started',
  'tx.awaitingApproval',
  'tx.approved',
  'tx.running',
  'wave.done',
  'tx.amended',
  'tx.overtaken',
  'tx.verifying',
  'tx.decided',
  'tx.committed',
  'tx.paused',
  'tx.resumed',
  'tx.compensating',
  'rollback.cluster',
  'rollback.verified',
  'tx.rolledBack',
  'tx.stuck',
  'tx.retried',
  'tx.skipped',
  'tx.forceClosed',
  'tx.sealed',
].map((type) => ({ type }));
const PIVOTS = [
  { type: 'step.started', pivot: true },
  { type: 'step.failed', pivot: true },
];
const events = [...EVENTS, ...PIVOTS];
interface Node {
  readonly value: unknown;
  readonly context: unknown;
}
type Adjacency = Record<string, { state: Node; transitions: Record<string, { event: { type: string }; state: Node }> }>;
const adjacency = getAdjacencyMap(transactionV1, { events }) as unknown as Adjacency;
const edges = Object.values(adjacency).flatMap(({ state, transitions }) =>
  Object.values(transitions).map(({ event, state: next }) => ({
    from: state.value as TransactionState,
    context: state.context as TransactionContext,
    event: event.type,
    to: next.value as TransactionState,
    after: next.context as TransactionContext,
  })),
);

const FORWARD: readonly TransactionState[] = [
  'queued',
  'preparing',
  'awaitingApproval',
  'running',
  'verifying',
  'decided',
];

describe('transaction.v1', () => {
  it('reaches all eleven states, each by a path that the pure fold accepts event by event', () => {
    const paths = getShortestPaths(transactionV1, { events });
    const reached = new Set<string>();
    for (const { state, steps } of paths) {
      reached.add(String(state.value));
      let snapshot = initial(transactionV1).snapshot;
      for (const { event } of steps.slice(1)) {
        const next = advance(transactionV1, snapshot, event);
        assert.ok(next.accepted, `${event.type} in ${String(snapshot.value)}`);
        assert.deepEqual([next.timers, next.cancelled], [[], []], 'time is in the entries, not in the machine');
        snapshot = next.snapshot;
      }
      assert.deepEqual([snapshot.value, snapshot.context], [state.value, state.context]);
    }
    assert.equal(reached.size, 11, [...reached].join());
    assert.ok(edges.length > 100, `${edges.length} edges`);
  });

  it('goes back only before the decision and before a pivot', () => {
    const turns = edges.filter(({ from, to }) => to === 'compensating' && from !== 'compensating' && from !== 'stuck');
    assert.deepEqual([...new Set(turns.map(({ from }) => from))].sort(), [
      'awaitingApproval',
      'paused',
      'preparing',
      'queued',
      'running',
      'verifying',
    ]);
    assert.ok(turns.every(({ context }) => !context.pivoted));
    assert.ok(
      edges.every(({ from, to }) => from !== 'compensating' || !FORWARD.includes(to)),
      'never forward again',
    );
  });

  it('commits only what was decided, and rolls back only what was compensated', () => {
    for (const { from, to } of edges) {
      if (to === 'committed' && from !== 'committed') assert.equal(from, 'decided');
      if (to === 'rolledBack' && from !== 'rolledBack') assert.equal(from, 'compensating');
      if (to === 'decided' && from !== 'decided') assert.ok(from === 'verifying' || from === 'stuck', from);
    }
  });

  it('a held one returns to where it was held, and only there', () => {
    const returns = edges.filter(({ from, to }) => (from === 'paused' || from === 'stuck') && from !== to);
    for (const { context, to, event, after } of returns) {
      if (event === 'tx.compensating') continue;
      assert.equal(to, context.heldFrom);
      assert.equal(after.heldFrom, null);
      assert.equal(after.forced, context.forced || event === 'tx.skipped' || event === 'tx.forceClosed');
    }
    assert.ok(returns.length > 10);
  });

  it('an ended one takes the seal once, and nothing else', () => {
    const last = edges.filter(({ from, to, after, context }) => (from === 'committed' || from === 'rolledBack') && (to !== from || after.sealed !== context.sealed)); // biome-ignore format: one line
    assert.ok(last.length >= 2);
    for (const { event, to, from, context } of last) {
      assert.deepEqual([event, to, context.sealed], ['tx.sealed', from, false]);
    }
  });

  it('stuck before the pivot does not exist on the way forward', () => {
    const stuck = edges.filter(({ from, to }) => to === 'stuck' && (from === 'running' || from === 'verifying'));
    assert.ok(stuck.length > 0 && stuck.every(({ context }) => context.pivoted));
  });
});
