/** A transaction as CLI, REST and console show it. */
import { timestamp } from '../base/index.ts';
import { locationId } from '../plan/index.ts';
import { actionOf } from './actions/index.ts';
import type { Header } from './header.ts';
import { type StepState, stateOf, type TransactionData } from './state.ts';
import { stuckView } from './stuck.ts';
import type { StepView, TransactionSummary, TransactionView } from './types.ts';

export function viewOf(data: TransactionData): TransactionView {
  const { machine, pivoted, planBlob, ...header } = data.header;
  const stuck = stuckView(data);
  return {
    ...header,
    ...(stuck === undefined ? {} : { stuck }),
    plan: { digest: header.plan.digest, steps: stepViews(data) },
    cause: data.cause === null ? header.cause : data.cause,
    rollback: header.rollback === null ? null : { verified: data.verified },
  };
}

export function summaryOf({ machine, pivoted, planBlob, ...summary }: Header): TransactionSummary {
  return summary;
}

/** Only steps that have changed since the last view are shown anew; the array is the caller's own. */
function stepViews(data: TransactionData): readonly StepView[] {
  if (data.views.length !== data.plan.steps.length) {
    data.views = data.plan.steps.map(({ id }) => stepView(stateOf(data, id)));
  } else {
    for (const id of data.changedSteps) data.views[data.places.get(id) as number] = stepView(stateOf(data, id));
  }
  data.changedSteps.clear();
  return data.views.slice();
}

function stepView(state: StepState): StepView {
  const { step } = state;
  const action = actionOf(step.work);
  const location = action.location(step.work);
  const cluster = action.cluster(step.work);
  return {
    id: step.id,
    action: step.work.action,
    phase: step.phase,
    kind: step.kind,
    ...(step.wave === undefined ? {} : { wave: step.wave }),
    ...(cluster === null ? {} : { cluster }),
    ...(location === null ? {} : { location: locationId(location) }),
    status: state.status,
    attempts: state.starts,
    ...(state.startedAtMs === null ? {} : { startedAt: timestamp(state.startedAtMs) }),
    ...(state.endedAtMs === null ? {} : { endedAt: timestamp(state.endedAtMs) }),
    ...(state.refusal === undefined ? {} : { refusal: state.refusal }),
  };
}
