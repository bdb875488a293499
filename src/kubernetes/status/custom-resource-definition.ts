import { condition, conditionText, isTrue, type StatusRule, status } from './read.ts';

/** A definition is there when its API is served. A name that another one holds is not given up by waiting. */
export const customResourceDefinition: StatusRule = (object) => {
  const names = condition(object, 'NamesAccepted');
  if (names?.status === 'False') return status('failed', conditionText(names));
  const terminating = isTrue(object, 'Terminating');
  if (terminating !== undefined) return status('terminating', conditionText(terminating));
  if (isTrue(object, 'Established') !== undefined) return status('current', 'established');
  const established = condition(object, 'Established');
  return status('inProgress', established === undefined ? 'not yet established' : conditionText(established));
};
