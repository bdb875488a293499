/** The refusal of a step that never got an answer although its agent was connected: silence, not a cluster's no. */
export const NO_ANSWER = 'noAnswer';
