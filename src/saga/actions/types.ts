/** What an action of the plan is to the engine: its commands for do and undo, by the name that the plan's steps carry. */
import type { Digest, Outcome, Refusal } from '../../base/index.ts';
import type { Location, StepWork } from '../../plan/index.ts';
import type { CommandBody, CommandOutput } from '../../protocol/index.ts';

export type ActionName = StepWork['action'];
export type WorkOf<A extends ActionName> = Extract<StepWork, { readonly action: A }>;

/** What is to be done for a step: a command to an agent, or something of the hub's own. */
export type Deed =
  | {
      readonly kind: 'command';
      readonly cluster: string;
      readonly body: CommandBody;
      /** An earlier command's id, to hear its answer once more; absent: the step's own. */
      readonly id?: string;
    }
  | {
      readonly kind: 'reserve';
      readonly location: Location;
      readonly need: { readonly cpuMilli: number; readonly memoryBytes: number; readonly pods: number };
    }
  | { readonly kind: 'release' }
  /** Done when so much time has passed since the step started; durable, as the start is. */
  | { readonly kind: 'wait'; readonly durationMs: number };

/** What earlier steps have left for this one. */
export interface ActionContext {
  /** The digest of a location's pre-images, from its snapshot step. @throws Error when there is none: the plan was checked for it. */
  preImages(location: Location): Digest;
  /** What the step's own do has answered; undefined when it was refused or never answered. */
  readonly output: CommandOutput | undefined;
  readonly refusal: Refusal | undefined;
  /** How long it is until the transaction's deadline; null: there is none, or none that counts here. */
  readonly remainingMs: number | null;
  /** What another step of the transaction has answered. */
  outputOf(step: string): CommandOutput | undefined;
}

/** What an agent has said, whatever it was. */
export type Answered = Extract<Outcome<CommandOutput>, { readonly kind: 'done' | 'refused' }>;

export interface Action<A extends ActionName> {
  readonly name: A;
  /** The cluster that it acts on; null: the hub alone. */
  cluster(work: WorkOf<A>): string | null;
  location(work: WorkOf<A>): Location | null;
  do(work: WorkOf<A>, context: ActionContext): Deed;
  /** null: there is nothing to undo. */
  readonly undo: ((work: WorkOf<A>, context: ActionContext) => Deed) | null;
  /** The undo needs what the do has answered, so an unanswered do is asked again (same id) before it is undone. */
  readonly undoNeedsOutcome: boolean;
  /** What the agent's answer to the do means for the step, where it is not simply the step's outcome. */
  readonly judge?: (work: WorkOf<A>, answer: Answered) => Answered;
}
