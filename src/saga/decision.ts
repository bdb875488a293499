/** What a decision is made of; shared by the way forward (decide.ts) and the way back (rollback.ts). */
import type { TransactionEvent } from './events.ts';
import { saysNothing } from './silence.ts';
import { type StepState, stateOf, type TransactionData } from './state.ts';

/** Something to be waited for. Its key names it over all decisions, and is the command id where there is one. */
export type Ask =
  | { readonly kind: 'do' | 'undo'; readonly key: string; readonly step: string }
  | { readonly kind: 'verify'; readonly key: string; readonly cluster: string }
  | { readonly kind: 'replan'; readonly key: string }
  | { readonly kind: 'amend'; readonly key: string; readonly lost: readonly string[] };

export interface Surroundings {
  readonly nowMs: number;
  /** Clusters that are lost now. */
  readonly lost: ReadonlySet<string>;
  /** Whether work of its stack is owed there, which comes first. */
  owing(cluster: string): boolean;
  /** Of a queued one: nothing holds its locks. */
  readonly mayStart: boolean;
  /** Of a queued one: its plan may be stale, so it is planned anew first. */
  readonly stale: boolean;
  /** Unix ms before which a step that was refused is not tried anew. */
  notBeforeMs(step: string): number;
  readonly attemptsMax: number;
  /** How long what is owed is waited for where no deadline counts yet. */
  readonly preparingMsMax: number;
  /** Events of one decision. */
  readonly eventsMax: number;
}

export interface Decision {
  readonly events: readonly TransactionEvent[];
  readonly asks: readonly Ask[];
  /** Unix ms at which to decide again even if nothing happens. */
  readonly wakeAtMs: number | null;
}

export const NOTHING: Decision = { events: [], asks: [], wakeAtMs: null };
export const journal = (...events: TransactionEvent[]): Decision => ({ ...NOTHING, events });

/** Steps in flight or to be asked again: started, and not ended by the clock alone. */
export function startedAsks(data: TransactionData): readonly Ask[] {
  const asks: Ask[] = [];
  for (const id of data.tally.of('started')) {
    const state = stateOf(data, id);
    if (state.step.work.action !== 'soak') asks.push(askOf(data, state, 'do'));
  }
  return asks;
}

/** Command id: `<transaction>/<step>/do|undo`, with `#n` from the second attempt on, for a refusal is final for its id. */
export function askOf(data: TransactionData, state: StepState, kind: 'do' | 'undo'): Ask {
  const made = asks[kind].get(state);
  if (made !== undefined) return made;
  const { step, attempt } = state;
  const suffix = attempt > 1 ? `#${attempt}` : '';
  const ask: Ask = { kind, key: `${data.header.id}/${step.id}/${kind}${suffix}`, step: step.id };
  asks[kind].set(state, ask);
  return ask;
}

/** A state is replaced with each change, so what was made of it stays true. */
const asks = { do: new WeakMap<StepState, Ask>(), undo: new WeakMap<StepState, Ask>() };

/** Silence and "later" leave the command as it was: the same id is asked again. A refusal is final for its id. */
export function nextAttempt({ attempt, refusal }: StepState): number {
  return saysNothing(refusal) ? attempt : attempt + 1;
}

export const STEPS_NAMED_MAX = 100;

export function earliest(...times: readonly (number | null)[]): number | null {
  const set = times.filter((time): time is number => time !== null && Number.isFinite(time));
  return set.length === 0 ? null : Math.min(...set);
}
