import { z } from 'zod';
import { type Digest, limits, type Problem } from '../../base/index.ts';
import type { LocationChange, PlacementReason, Plan } from '../../plan/types.ts';
import type { TransactionView } from '../../saga/types.ts';
import type { StackSummary } from '../../stacks/types.ts';
import { digest, name, page, paging, placementReason, problem, stackParams } from './basics.ts';
import { route } from './route.ts';
import { locationChange, objectDiff, revisionView, stackSummary } from './stack-views.ts';
import { transactionView } from './transaction-view.ts';

const source = {
  stack: z.string().min(1).describe('the stack definition, YAML'),
  files: z.record(z.string(), z.string()).default({}).describe('the files that it names, by path relative to it'),
  path: z.string().max(1_000).default('stack.yaml').describe('for messages'),
};
const sourceBody = z.strictObject(source);

const options = {
  reason: z.string().max(2_000).optional(),
  ifBusy: z
    .enum(['wait', 'fail', 'replace'])
    .default('wait')
    .describe('when another transaction holds it: queue, be refused, or undo that one first'),
  expectPlan: digest.optional().describe('refused when the plan made now has another digest'),
};

/** A plan with its readable forms. */
export interface PlannedView {
  readonly kind: 'planned';
  readonly plan: Plan;
  readonly text: string;
  readonly mermaid: string;
}
const plan = z.custom<Plan>((value) => typeof value === 'object' && value !== null && 'digest' in value);
export const planned: z.ZodType<PlannedView> = z.object({
  kind: z.literal('planned'),
  plan,
  text: z.string(),
  mermaid: z.string(),
});

/** What came of asking for a change: a transaction, or nothing to do. Refusals are problems. */
export type SubmittedView =
  | { readonly kind: 'submitted'; readonly transaction: TransactionView }
  | { readonly kind: 'nothing'; readonly message: string };
export const submitted: z.ZodType<SubmittedView> = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('submitted'), transaction: transactionView }),
  z.object({ kind: z.literal('nothing'), message: z.string() }),
]);

const valid: z.ZodType<{ readonly problems: readonly Problem[] }> = z.object({ problems: z.array(problem) });

export interface StackDescription {
  readonly summary: StackSummary;
  readonly source: string;
  readonly reasons: readonly PlacementReason[];
  readonly changes: readonly LocationChange[];
}
const description: z.ZodType<StackDescription> = z.object({
  summary: stackSummary,
  source: z.string(),
  reasons: z.array(placementReason),
  changes: z.array(locationChange),
});

const toRevision: z.ZodType<number | 'previous'> = z.union([z.int().min(1), z.literal('previous')]);
const upload = { bodyBytesMax: limits.stackUploadBytesMax };

export interface ChangeOptions {
  readonly reason?: string | undefined;
  readonly ifBusy: 'wait' | 'fail' | 'replace';
  readonly expectPlan?: Digest | undefined;
}

export const stacks = {
  validate: route({
    id: 'stacks.validate',
    method: 'POST',
    path: '/api/v1/stacks/validate',
    summary: 'Checks a stack definition and its manifests; answers every problem at once.',
    role: 'viewer',
    body: sourceBody,
    answer: valid,
    changes: false,
    ...upload,
  }),
  plan: route({
    id: 'stacks.plan',
    method: 'POST',
    path: '/api/v1/stacks/plan',
    summary: 'What an apply would do, step by step; changes nothing.',
    role: 'viewer',
    body: sourceBody,
    answer: planned,
    changes: false,
    ...upload,
  }),
  diff: route({
    id: 'stacks.diff',
    method: 'POST',
    path: '/api/v1/stacks/diff',
    summary:
      'What would change on each cluster, object by object, as the clusters themselves say (server-side dry run).',
    role: 'viewer',
    body: sourceBody,
    answer: z.object({ items: z.array(objectDiff) }),
    changes: false,
    ...upload,
  }),
  apply: route({
    id: 'stacks.apply',
    method: 'POST',
    path: '/api/v1/stacks',
    summary: 'Deploys a stack: one transaction over all its clusters.',
    role: 'operator',
    body: z.strictObject({ ...source, ...options }),
    answer: submitted,
    status: 202,
    ...upload,
  }),
  list: route({
    id: 'stacks.list',
    method: 'GET',
    path: '/api/v1/stacks',
    summary: 'Stacks with where each function is served.',
    role: 'viewer',
    query: z.strictObject({ ...paging, project: name.optional() }),
    answer: page(stackSummary),
  }),
  get: route({
    id: 'stacks.get',
    method: 'GET',
    path: '/api/v1/stacks/{project}/{name}',
    summary: 'One stack.',
    role: 'viewer',
    params: stackParams,
    answer: stackSummary,
  }),
  describe: route({
    id: 'stacks.describe',
    method: 'GET',
    path: '/api/v1/stacks/{project}/{name}/description',
    summary: 'One stack with its committed definition, why each cluster was taken or not, and what is unwell and why.',
    role: 'viewer',
    params: stackParams,
    answer: description,
  }),
  revisions: route({
    id: 'stacks.revisions',
    method: 'GET',
    path: '/api/v1/stacks/{project}/{name}/revisions',
    summary: 'The revisions of a stack, newest first.',
    role: 'viewer',
    params: stackParams,
    query: z.strictObject(paging),
    answer: page(revisionView),
  }),
  rollback: route({
    id: 'stacks.rollback',
    method: 'POST',
    path: '/api/v1/stacks/{project}/{name}/rollback',
    summary: 'Goes back to an earlier revision, as a transaction.',
    role: 'operator',
    params: stackParams,
    body: z.strictObject({ to: toRevision.default('previous'), ...options }),
    answer: submitted,
    status: 202,
  }),
  planRollback: route({
    id: 'stacks.planRollback',
    method: 'POST',
    path: '/api/v1/stacks/{project}/{name}/rollback/plan',
    summary: 'What a rollback would do.',
    role: 'viewer',
    params: stackParams,
    body: z.strictObject({ to: toRevision.default('previous') }),
    answer: planned,
    changes: false,
  }),
  retire: route({
    id: 'stacks.retire',
    method: 'POST',
    path: '/api/v1/stacks/{project}/{name}/retire',
    summary: 'Takes a stack off every cluster, as a transaction.',
    role: 'operator',
    params: stackParams,
    body: z.strictObject(options).prefault({}),
    answer: submitted,
    status: 202,
  }),
  planRetire: route({
    id: 'stacks.planRetire',
    method: 'POST',
    path: '/api/v1/stacks/{project}/{name}/retire/plan',
    summary: 'What retiring would do.',
    role: 'viewer',
    params: stackParams,
    answer: planned,
    changes: false,
  }),
};
