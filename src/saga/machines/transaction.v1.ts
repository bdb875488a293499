/**
 * The law of a transaction's states (DESIGN §5). Pure: folded over the journal by xstate's transition functions. The plan and
 * its steps are data elsewhere; this machine only says which entry is legal in which state.
 */
import { assign, setup } from '../../base/machine.ts';
import type { TransactionState } from '../types.ts';

/** Finite on purpose: model-based tests walk all of value × context. */
export interface TransactionContext {
  /** The state that a paused or stuck one returns to. */
  readonly heldFrom: TransactionState | null;
  /** A pivot has started and was not refused: forward only. */
  readonly pivoted: boolean;
  /** A person closed it by skip or force-close. */
  readonly forced: boolean;
  readonly sealed: boolean;
}

export interface TransactionMachineEvent {
  readonly type: string;
  /** Of step.started and step.failed: the step is a pivot. */
  readonly pivot?: boolean;
}

const machine = setup({
  types: { context: {} as TransactionContext, events: {} as TransactionMachineEvent },
  guards: {
    reversible: ({ context }) => !context.pivoted,
    pivoted: ({ context }) => context.pivoted,
    isPivot: ({ event }) => event.pivot === true,
    heldFrom: ({ context }, state: TransactionState) => context.heldFrom === state,
    unsealed: ({ context }) => !context.sealed,
  },
  actions: {
    hold: assign((_, state: TransactionState) => ({ heldFrom: state })),
    release: assign({ heldFrom: null }),
    force: assign({ forced: true }),
    pivot: assign({ pivoted: true }),
    unpivot: assign({ pivoted: false }),
    seal: assign({ sealed: true }),
    note: assign({}),
  },
});

const pausable = (from: TransactionState) =>
  ({ target: 'paused', guard: 'reversible', actions: { type: 'hold', params: from } }) as const;
const stuckFrom = (from: TransactionState) => ({ target: 'stuck', actions: { type: 'hold', params: from } }) as const;
const undoable = { target: 'compensating', guard: 'reversible' } as const;
const back = <S extends TransactionState>(target: S, actions: 'release' | readonly ['release', 'force']) =>
  ({ target, guard: { type: 'heldFrom', params: target }, actions }) as const;
const beforeDecided = ['queued', 'preparing', 'awaitingApproval', 'running', 'verifying'] as const;
const sticky = ['running', 'verifying', 'decided', 'compensating'] as const;
/** Legal here, changes no state; with an action, for xstate takes a bare `{}` as forbidden. */
const noted = { actions: 'note' } as const;
const pivots = {
  'step.started': { guard: 'isPivot', actions: 'pivot' },
  'step.failed': { guard: 'isPivot', actions: 'unpivot' },
} as const;
const forced = sticky.map((state) => back(state, ['release', 'force']));

export const transactionV1 = machine.createMachine({
  id: 'transaction.v1',
  initial: 'queued',
  context: { heldFrom: null, pivoted: false, forced: false, sealed: false },
  states: {
    queued: {
      on: {
        'tx.replanned': noted,
        'tx.started': 'preparing',
        'tx.paused': pausable('queued'),
        'tx.compensating': undoable,
      },
    },
    preparing: {
      on: {
        'tx.awaitingApproval': 'awaitingApproval',
        'tx.running': 'running',
        'tx.amended': noted,
        'tx.overtaken': noted,
        'tx.paused': pausable('preparing'),
        'tx.compensating': undoable,
      },
    },
    awaitingApproval: {
      on: {
        'tx.approved': noted,
        'tx.running': 'running',
        'tx.overtaken': noted,
        'tx.paused': pausable('awaitingApproval'),
        'tx.compensating': undoable,
      },
    },
    running: {
      on: {
        ...pivots,
        'wave.done': noted,
        'tx.amended': noted,
        'tx.overtaken': noted,
        'tx.verifying': 'verifying',
        'tx.paused': pausable('running'),
        'tx.compensating': undoable,
        'tx.stuck': { ...stuckFrom('running'), guard: 'pivoted' },
      },
    },
    verifying: {
      on: {
        ...pivots,
        'wave.done': noted,
        'tx.amended': noted,
        'tx.overtaken': noted,
        'tx.decided': 'decided',
        'tx.paused': pausable('verifying'),
        'tx.compensating': undoable,
        'tx.stuck': { ...stuckFrom('verifying'), guard: 'pivoted' },
      },
    },
    decided: { on: { 'wave.done': noted, 'tx.committed': 'committed', 'tx.stuck': stuckFrom('decided') } },
    compensating: {
      on: {
        'rollback.cluster': noted,
        'rollback.verified': noted,
        'tx.rolledBack': 'rolledBack',
        'tx.stuck': stuckFrom('compensating'),
      },
    },
    paused: {
      on: {
        'tx.overtaken': noted,
        'tx.resumed': beforeDecided.map((state) => back(state, 'release')),
        'tx.compensating': { ...undoable, actions: 'release' },
      },
    },
    stuck: {
      on: {
        'tx.overtaken': noted,
        'tx.retried': sticky.map((state) => back(state, 'release')),
        'tx.skipped': forced,
        'tx.forceClosed': forced,
      },
    },
    committed: { on: { 'tx.sealed': { guard: 'unsealed', actions: 'seal' } } },
    rolledBack: { on: { 'tx.sealed': { guard: 'unsealed', actions: 'seal' } } },
  },
});
