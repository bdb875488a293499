/**
 * The xstate adapter: the only importer of xstate. Machines are pure reducers over journaled events: no actors, no
 * invoke or spawn, no side effects in actions. An `after` shows up as a durable timer (facts: saga-audit §1.3).
 */
import { type AnyMachineSnapshot, type AnyStateMachine, initialTransition, transition } from 'xstate';

export { assign, setup } from 'xstate';
export type Machine = AnyStateMachine;
export type Snapshot<M extends Machine> = ReturnType<M['resolveState']>;

/** What a transition asks its owner to keep: timers to set (the event `{type: id}` is due after `delayMs`) and to drop. */
export interface Transition<S> {
  readonly snapshot: S;
  /** False when the event means nothing in this state: journal nothing. */
  readonly accepted: boolean;
  readonly timers: readonly { readonly id: string; readonly delayMs: number }[];
  readonly cancelled: readonly string[];
}

/** The state in which a new thing of this kind starts. */
export function initial<M extends Machine>(machine: M, input?: unknown): Transition<Snapshot<M>> {
  const [snapshot, actions] = initialTransition(machine, input as never);
  return { snapshot: snapshot as Snapshot<M>, accepted: true, ...effects(actions) };
}

/** One event folded in. An `assign` or guard that throws throws here, and nothing has changed. */
export function advance<M extends Machine>(
  machine: M,
  snapshot: Snapshot<M>,
  event: { readonly type: string },
): Transition<Snapshot<M>> {
  const [next, actions] = transition(machine as AnyStateMachine, snapshot as AnyMachineSnapshot, event);
  return { snapshot: next as Snapshot<M>, accepted: next !== snapshot, ...effects(actions) };
}

function effects(actions: readonly { type: string; params?: unknown }[]) {
  const timers: { id: string; delayMs: number }[] = [];
  const cancelled: string[] = [];
  for (const action of actions) {
    const params = action.params as { id?: string; delay?: number; sendId?: string } | undefined;
    // an immediate raise was consumed inside the macrostep already: only delayed ones are timers
    if (action.type === 'xstate.raise' && params?.delay !== undefined && params.id !== undefined) {
      timers.push({ id: params.id, delayMs: params.delay });
    }
    if (action.type === 'xstate.cancel' && params?.sendId !== undefined) cancelled.push(params.sendId);
  }
  return { timers, cancelled };
}
