export * from '../contract/index.ts';
export type { ProblemDetails } from '../contract/problem.ts';
export {
  type CallInput,
  type ClientPorts,
  type Connection,
  createClient,
  type FollowInput,
  type HubClient,
} from './client.ts';
export { HubProblem, HubUnreachable } from './error.ts';
