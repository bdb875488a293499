import assert from 'node:assert/strict';
import { it } from 'node:test';
import { advance, assign, initial, setup } from './machine.ts';

const machine = setup({
  types: {
    context: {} as { tries: number },
    events: {} as { type: 'fail' } | { type: 'ok' } | { type: 'xstate.after.T.waiting' },
  },
  delays: { T: 500 },
}).createMachine({
  id: 'm',
  context: { tries: 0 },
  initial: 'trying',
  states: {
    trying: {
      on: { fail: { target: 'waiting', actions: assign({ tries: ({ context }) => context.tries + 1 }) }, ok: 'done' },
    },
    waiting: { after: { T: 'trying' }, on: { ok: 'done' } },
    done: { type: 'final' },
  },
});

it('an after shows up as a timer whose id is the event that fires it, and leaving the state cancels it', () => {
  const start = initial(machine);
  const failed = advance(machine, start.snapshot, { type: 'fail' });
  assert.equal(failed.snapshot.value, 'waiting');
  assert.equal(failed.snapshot.context.tries, 1);
  assert.deepEqual(
    failed.timers.map((timer) => timer.delayMs),
    [500],
  );
  const fired = advance(machine, failed.snapshot, { type: failed.timers[0]?.id as string });
  assert.equal(fired.snapshot.value, 'trying');
  const left = advance(machine, failed.snapshot, { type: 'ok' });
  assert.deepEqual(left.cancelled, [failed.timers[0]?.id]);
});

it('an event that means nothing in a state is not accepted and changes nothing', () => {
  const start = initial(machine);
  const next = advance(machine, start.snapshot, { type: 'nonsense' });
  assert.equal(next.accepted, false);
  assert.equal(next.snapshot, start.snapshot);
});

it('a snapshot goes on after a trip through JSON', () => {
  const failed = advance(machine, initial(machine).snapshot, { type: 'fail' });
  const { value, context } = JSON.parse(
    JSON.stringify({ value: failed.snapshot.value, context: failed.snapshot.context }),
  );
  const restored = machine.resolveState({ value, context });
  assert.equal(advance(machine, restored, { type: 'ok' }).snapshot.value, 'done');
});
