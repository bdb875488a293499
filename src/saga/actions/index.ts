/** The registry: action name → action. A plan names actions, so that code is found anew at each recovery. */
import type { Step, StepWork } from '../../plan/index.ts';
import { apply } from './apply.ts';
import { dryRun } from './dry-run.ts';
import { ensure } from './ensure.ts';
import { gate } from './gate.ts';
import { prune } from './prune.ts';
import { readBack } from './read-back.ts';
import { recallEnsure } from './recall-ensure.ts';
import { remove } from './remove.ts';
import { reserve } from './reserve.ts';
import { settleApply } from './settle-apply.ts';
import { settleEnsure } from './settle-ensure.ts';
import { settleUndo } from './settle-undo.ts';
import { settleVerify } from './settle-verify.ts';
import { snapshot } from './snapshot.ts';
import { soak } from './soak.ts';
import type { Action, ActionName } from './types.ts';

const registry: { readonly [A in ActionName]: Action<A> } = {
  snapshot,
  ensure,
  dryRun,
  reserve,
  apply,
  gate,
  soak,
  readBack,
  prune,
  remove,
  settleUndo,
  settleVerify,
  settleApply,
  recallEnsure,
  settleEnsure,
};

/** All registered names, for start-up checks and the laws that every action must keep. */
export const actionNames = Object.keys(registry) as readonly ActionName[];

export function isRegistered(name: string): name is ActionName {
  return Object.hasOwn(registry, name);
}

/** The action of a step's work. Its methods take exactly that work. */
export function actionOf(work: StepWork): Action<ActionName> {
  return registry[work.action] as unknown as Action<ActionName>;
}

export function clusterOf(step: Step): string | null {
  return actionOf(step.work).cluster(step.work);
}

export type { Action, ActionContext, ActionName, Answered, Deed } from './types.ts';
