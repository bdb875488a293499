/** Which steps are where: kept up with each change, so that a decision costs what is under way and not what the plan holds. */
import type { Step, StepPhase } from '../plan/index.ts';
import type { StepStatus } from './types.ts';

/** In the order in which a transaction passes them. */
export const PHASES: readonly StepPhase[] = ['preparing', 'running', 'verifying', 'decided'];

const NONE: ReadonlySet<string> = new Set();

export class Tally {
  readonly #byStatus = new Map<StepStatus, Set<string>>();
  readonly #openInPhase = new Map<StepPhase, number>();
  readonly #openInWave = new Map<number, number>();
  /** Pending steps that nothing holds back any more. */
  readonly ready = new Set<string>();

  /** Ids in the order in which they came to the status. */
  of(status: StepStatus): ReadonlySet<string> {
    return this.#byStatus.get(status) ?? NONE;
  }

  /** How many steps of the phase, or of one before it, have not come to an end. */
  openUpTo(phase: StepPhase): number {
    const passed = PHASES.slice(0, PHASES.indexOf(phase) + 1);
    return passed.reduce((sum, each) => sum + (this.#openInPhase.get(each) ?? 0), 0);
  }

  finishedWaves(): readonly number[] {
    return [...this.#openInWave].filter(([, open]) => open === 0).map(([wave]) => wave);
  }

  add(step: Step, status: StepStatus): void {
    this.#enter(step, status);
  }

  move(step: Step, from: StepStatus, to: StepStatus): void {
    this.#byStatus.get(from)?.delete(step.id);
    if (isOpen(from)) this.#count(step, -1);
    this.#enter(step, to);
    if (to !== 'pending') this.ready.delete(step.id);
  }

  #enter(step: Step, status: StepStatus): void {
    const members = this.#byStatus.get(status);
    if (members === undefined) this.#byStatus.set(status, new Set([step.id]));
    else members.add(step.id);
    if (isOpen(status)) this.#count(step, 1);
  }

  #count({ phase, wave }: Step, by: 1 | -1): void {
    this.#openInPhase.set(phase, (this.#openInPhase.get(phase) ?? 0) + by);
    if (wave !== undefined) this.#openInWave.set(wave, (this.#openInWave.get(wave) ?? 0) + by);
  }
}

/** It will still do something on the way forward. */
export function isOpen(status: StepStatus): boolean {
  return status === 'pending' || status === 'started' || status === 'failed';
}
