import type { Outcome, Refusal } from '../../base/index.ts';

/** Ends a command early with an outcome: thrown in the depth of one, caught by who runs commands, never seen outside. */
export class Halted extends Error {
  readonly outcome: Exclude<Outcome<never>, { kind: 'done' }>;
  constructor(outcome: Exclude<Outcome<never>, { kind: 'done' }>) {
    super(outcome.kind === 'refused' ? outcome.refusal.message : outcome.reason);
    this.name = 'Halted';
    this.outcome = outcome;
  }
}

/** What a command that was called off leaves to do. */
export const CALLED_OFF = 'its transaction is being undone: look at why, by `ldc tx show`';

/** Of what only a fault of ldc can bring about. */
export const OURS =
  'a fault of ldc, or a hub and an agent of releases too far apart: bring both to one release, and report it';

export function refuse(refusal: Refusal): never {
  throw new Halted({ kind: 'refused', refusal });
}

export function retryLater(reason: string, afterMs = 1_000): never {
  throw new Halted({ kind: 'retry', afterMs, reason });
}
