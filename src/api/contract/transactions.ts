import { z } from 'zod';
import type { Entry } from '../../base/index.ts';
import type { RollbackVerified, TransactionState } from '../../saga/types.ts';
import { entry, flag, json, name, page, paging, reasonBody, time } from './basics.ts';
import { type Role, route } from './route.ts';
import { planned } from './stacks.ts';
import {
  transactionKind,
  transactionState,
  transactionSummary,
  transactionView,
  verified,
} from './transaction-view.ts';

const params = z.object({ id: z.string().regex(/^[a-z]+-[0-9a-z]{8,40}$/, 'must be a transaction id') });

/** What an undo did, and whether it was proven equal to the state before. */
export interface RollbackReport {
  readonly transaction: string;
  readonly state: TransactionState;
  readonly cause: unknown;
  readonly verified: RollbackVerified | null;
  readonly undone: readonly string[];
  readonly owed: readonly unknown[];
  readonly forced: boolean;
  readonly endedAt: string | null;
}
const rollbackReport: z.ZodType<RollbackReport> = z.object({
  transaction: z.string(),
  state: transactionState,
  cause: json.nullable(),
  verified: verified.nullable(),
  undone: z.array(z.string()),
  owed: z.array(json),
  forced: z.boolean(),
  endedAt: time.nullable(),
});

const mustSay = z.strictObject({ reason: z.string().min(1, 'say why; it goes into the journal').max(2_000) });

function operation<B extends { reason?: string | undefined }>(
  verb: string,
  role: Role,
  summary: string,
  body: z.ZodType<B>,
) {
  return route({
    id: `transactions.${verb}`,
    method: 'POST',
    path: `/api/v1/transactions/{id}/${verb}`,
    summary,
    role,
    params,
    body,
    answer: transactionView,
  });
}

export const transactions = {
  list: route({
    id: 'transactions.list',
    method: 'GET',
    path: '/api/v1/transactions',
    summary: 'Transactions, newest first, without their steps.',
    role: 'viewer',
    query: z.strictObject({
      ...paging,
      stack: z
        .string()
        .regex(/^([-a-z0-9]+\/)?[-a-z0-9]+$/, 'must be NAME or PROJECT/NAME')
        .optional(),
      kind: transactionKind.optional(),
      state: transactionState.optional(),
      cluster: name.optional(),
      unfinished: flag.optional(),
    }),
    answer: page(transactionSummary),
  }),
  get: route({
    id: 'transactions.get',
    method: 'GET',
    path: '/api/v1/transactions/{id}',
    summary: 'One transaction with its steps.',
    role: 'viewer',
    params,
    answer: transactionView,
  }),
  events: route<
    z.output<typeof params>,
    { after?: number | undefined; limit?: number | undefined },
    undefined,
    EventPage
  >({
    id: 'transactions.events',
    method: 'GET',
    path: '/api/v1/transactions/{id}/events',
    summary:
      'The journaled events of a transaction, in order; as JSON page, NDJSON (all) or server-sent events (live).',
    role: 'viewer',
    params,
    query: z.strictObject({ after: z.coerce.number().int().min(0).optional(), limit: paging.limit }),
    answer: z.object({ items: z.array(entry), next: z.string().nullable() }),
    forms: ['application/x-ndjson', 'text/event-stream'],
  }),
  plan: route({
    id: 'transactions.plan',
    method: 'GET',
    path: '/api/v1/transactions/{id}/plan',
    summary: 'The plan of a transaction: the DAG of steps as data, as text and as Mermaid.',
    role: 'viewer',
    params,
    answer: planned,
  }),
  rollbackReport: route({
    id: 'transactions.rollbackReport',
    method: 'GET',
    path: '/api/v1/transactions/{id}/rollback-report',
    summary: 'What was undone and the proof that all is as before.',
    role: 'viewer',
    params,
    answer: rollbackReport,
  }),
  approve: operation('approve', 'approver', 'Lets a transaction that awaits approval go on.', reasonBody),
  pause: operation('pause', 'operator', 'Holds a transaction before its decision.', reasonBody),
  resume: operation('resume', 'operator', 'Lets a paused transaction go on.', reasonBody),
  abort: operation('abort', 'operator', 'Undoes a transaction that is not decided yet.', reasonBody),
  retry: operation('retry', 'operator', 'Tries what failed in a stuck transaction again.', reasonBody),
  skip: operation(
    'skip',
    'operator',
    'Goes on without what failed in a stuck transaction: that is owed (of a settle: given up). A difference is accepted.',
    mustSay,
  ),
  'force-close': operation(
    'force-close',
    'operator',
    'Closes a stuck transaction as it is: tries nothing more, the rest is owed.',
    mustSay,
  ),
};

export interface EventPage {
  readonly items: readonly Entry[];
  readonly next: string | null;
}
