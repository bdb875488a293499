import { clusters, joinTokens } from './clusters.ts';
import { fleet, functions } from './fleet.ts';
import { insight } from './insight.ts';
import { journal } from './journal.ts';
import { sim } from './sim.ts';
import { stacks } from './stacks.ts';
import { tokens } from './tokens.ts';
import { transactions } from './transactions.ts';

/** Every route of the API, by noun. `sim` is mounted by `ldc dev` only. */
export const routes = { stacks, transactions, functions, clusters, insight, joinTokens, fleet, journal, tokens, sim };

export { PAGE_ITEMS, type Page } from './basics.ts';
export type { ClusterView } from './clusters.ts';
export { TOLD_BYTES_MAX, type ToldPage } from './insight.ts';
export type { PositionedEntry } from './journal.ts';
export type { AnswerOf, AnyRoute, BodyOf, Method, ParamsOf, QueryOf, Role, Route } from './route.ts';
export { roles } from './route.ts';
export { type Fault, faults } from './sim.ts';
export type { ChangeOptions, PlannedView, StackDescription, SubmittedView } from './stacks.ts';
export type { TokenView } from './tokens.ts';
export type { EventPage, RollbackReport } from './transactions.ts';
