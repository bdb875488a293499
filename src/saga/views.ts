/** A transaction as CLI, REST and console show it. */
import { timestamp } from '../base/index.ts';
import { actionOf } from './actions/index.ts';
import type { Header } from './header.ts';
import { locationText } from './location.ts';
import type { StepState, TransactionData } from './state.ts';
import type { StepView, TransactionSummary, TransactionView } from './types.ts';

/** A step's view depends on its state alone, which is replaced with each change. */
const stepViews = new WeakMap<StepState, StepView>();

export function viewOf(data: TransactionData): TransactionView {
  const { machine, pivoted, planBlob, ...header } = data.header;
  return {
    ...header,
    plan: { digest: header.plan.digest, steps: data.plan.steps.map(({ id }) => stepView(data.steps.get(id))) },
    cause: data.cause === null ? header.cause : data.cause,
    rollback: header.rollback === null ? null : { verified: data.verified },
  };
}

export function summaryOf({ machine, pivoted, planBlob, ...summary }: Header): TransactionSummary {
  return summary;
}

function stepView(state: StepState | undefined): StepView {
  if (state === undefined) throw new Error('a step of the plan has no state');
  const known = stepViews.get(state);
  if (known !== undefined) return known;
  const { step } = state;
  const action = actionOf(step.work);
  const location = action.location(step.work);
  const cluster = action.cluster(step.work);
  const view: StepView = {
    id: step.id,
    action: step.work.action,
    phase: step.phase,
    kind: step.kind,
    ...(step.wave === undefined ? {} : { wave: step.wave }),
    ...(cluster === null ? {} : { cluster }),
    ...(location === null ? {} : { location: locationText(location) }),
    status: state.status,
    attempts: state.starts,
    ...(state.startedAtMs === null ? {} : { startedAt: timestamp(state.startedAtMs) }),
    ...(state.endedAtMs === null ? {} : { endedAt: timestamp(state.endedAtMs) }),
    ...(state.refusal === undefined ? {} : { refusal: state.refusal }),
  };
  stepViews.set(state, view);
  return view;
}
