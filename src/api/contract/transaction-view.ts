import { z } from 'zod';
import type { TransactionSummary, TransactionView } from '../../saga/types.ts';
import { digest, json, objectRef, refusal, stackRef, time } from './basics.ts';

export const transactionKind = z.enum([
  'deploy',
  'rollback',
  'reschedule',
  'switchover',
  'failover',
  'failback',
  'scale',
  'retire',
  'migrate',
  'drill',
  'settle',
]);

export const transactionState = z.enum([
  'queued',
  'preparing',
  'awaitingApproval',
  'running',
  'verifying',
  'decided',
  'committed',
  'compensating',
  'rolledBack',
  'paused',
  'stuck',
]);

const stepStatus = z.enum([
  'pending',
  'started',
  'succeeded',
  'failed',
  'undoStarted',
  'undone',
  'undoFailed',
  'skipped',
  'dropped',
  'owed',
]);

const step = z.object({
  id: z.string(),
  action: z.string(),
  phase: z.enum(['preparing', 'running', 'verifying', 'decided']),
  kind: z.enum(['compensatable', 'pivot', 'retriable']),
  wave: z.int().optional(),
  cluster: z.string().optional(),
  location: z.string().optional(),
  status: stepStatus,
  attempts: z.int(),
  startedAt: time.optional(),
  endedAt: time.optional(),
  refusal: refusal.optional(),
});

export const verified = z.object({
  equal: z.boolean(),
  clusters: z.record(z.string(), z.enum(['equal', 'different', 'owed'])),
  differences: z.array(json),
  explained: z.int().optional().describe('how many of the differences are others’ doing, and so count as none'),
  kept: z.array(json),
  digestBefore: digest,
  digestAfter: digest,
});

const owed = z.object({
  cluster: z.string(),
  location: z.string(),
  step: z.string(),
  kind: z.enum(['undo', 'prune', 'apply']),
  since: time,
});

const left = z.object({
  cluster: z.string().optional(),
  location: z.string().optional(),
  step: z.string().optional().describe('absent: no step failed, but what was read back differs'),
  objects: z.array(z.object({ ref: objectRef, why: z.string() })).optional(),
  why: z.string(),
});

const stuck = z.object({
  since: time,
  why: refusal.describe('why it cannot go on; `cause` says why it was undone'),
  left: z.array(left),
  more: z.int().describe('left, but not named'),
  choices: z.array(
    z.object({ verb: z.enum(['retry', 'skip', 'force-close']), does: z.string(), needsReason: z.boolean() }),
  ),
});

const shared = {
  id: z.string(),
  kind: transactionKind,
  stack: stackRef,
  revision: z.int(),
  baseRevision: z.int(),
  state: transactionState,
  heldFrom: transactionState.optional(),
  waves: z.object({ done: z.int(), total: z.int() }),
  cause: refusal.nullable(),
  rollback: z.object({ verified: verified.nullable() }).nullable(),
  owed: z.array(owed),
  leftOut: z.array(z.object({ clusters: z.array(z.string()), explanation: z.string(), at: time })).optional(),
  forced: z.boolean(),
  actor: z.string(),
  reason: json.nullable(),
  createdAt: time,
  startedAt: time.nullable(),
  endedAt: time.nullable(),
  deadlineAt: time.nullable(),
  sealed: z.boolean(),
};

/** The one transaction object: CLI, REST and console. */
export const transactionView: z.ZodType<TransactionView> = z.object({
  ...shared,
  plan: z.object({ digest, steps: z.array(step) }),
  stuck: stuck.optional(),
  waitsFor: z
    .array(z.object({ id: z.string(), kind: transactionKind, stack: stackRef, state: transactionState }))
    .optional()
    .describe('while it is queued: those before it'),
});

/** In lists: without the steps, only their number. */
export const transactionSummary: z.ZodType<TransactionSummary> = z.object({
  ...shared,
  plan: z.object({ digest, steps: z.int() }),
});
