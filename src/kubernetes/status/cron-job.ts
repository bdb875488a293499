import { part, type StatusRule, status } from './read.ts';

/** Nothing to wait for: its Jobs come by the schedule, and how they end is no matter of the deploy. */
export const cronJob: StatusRule = (object) => {
  const spec = part(object, 'spec');
  return status('current', spec.suspend === true ? 'suspended' : `scheduled: ${String(spec.schedule)}`);
};
