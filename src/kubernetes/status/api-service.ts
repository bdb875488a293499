import { condition, conditionText, type StatusRule, status } from './read.ts';

/** An aggregated API is there when the server behind it answers. */
export const apiService: StatusRule = (object) => {
  const available = condition(object, 'Available');
  if (available?.status === 'True') return status('current', 'available');
  return status('inProgress', available === undefined ? 'not yet checked' : conditionText(available));
};
