import { unreachable } from '../../base/index.ts';
import type { StackRef } from '../../plan/types.ts';
import type { ApplyOptions, ApplyResult, PlanResult, StackSource } from '../../stacks/types.ts';
import { type ChangeOptions, PAGE_ITEMS, type PlannedView, routes, type SubmittedView } from '../contract/index.ts';
import { type Binding, bind, type Call, type Reply } from '../http/binding.ts';
import { checkIfMatch } from '../http/etag.ts';
import { given, pageOf } from '../http/page.ts';
import { doneOr, HttpProblem, invalidStack, notFound, refusalProblem } from '../http/problem.ts';
import type { Services } from '../services.ts';

const R = routes.stacks;

export function stackRoutes(services: Services): Binding[] {
  const { stacks } = services;
  return [
    bind(R.validate, ({ body }) => ({ answer: stacks.validate(sourceOf(body)) })),
    bind(R.plan, async ({ body }) => ({ answer: plannedOr(await stacks.plan(sourceOf(body))) })),
    bind(R.diff, async ({ body }) => {
      const source = sourceOf(body);
      const { problems } = stacks.validate(source);
      if (problems.length > 0) throw invalidStack(problems);
      return { answer: { items: [...doneOr(await stacks.diff(source))] } };
    }),
    bind(R.apply, async (call) => {
      const source = sourceOf(call.body);
      if (call.ifMatch !== undefined) await checkApplies(services, source, call.ifMatch);
      return submittedOr(services, await stacks.apply(source, optionsOf(call)));
    }),
    bind(R.list, ({ query }) => ({ answer: stacks.list({ limit: PAGE_ITEMS, ...given(query) }) })),
    bind(R.get, ({ params }) => {
      const summary = found(services, params);
      return { answer: summary, version: versionOf(summary) };
    }),
    bind(R.describe, ({ params }) => {
      const answer = stacks.describe(params);
      if (answer === undefined) throw noStack(params);
      return { answer, version: versionOf(answer.summary) };
    }),
    bind(R.revisions, ({ params, query }) => {
      found(services, params);
      // newest first: the key of a page counts down
      const key = (revision: number) => String(1e9 - revision).padStart(10, '0');
      return { answer: pageOf(stacks.revisions(params), ({ revision }) => key(revision), query) };
    }),
    ...moveRoutes(services),
  ];
}

function moveRoutes(services: Services): Binding[] {
  const { stacks } = services;
  return [
    bind(R.rollback, async (call) => {
      checkIfMatch(call.ifMatch, versionOf(found(services, call.params)), nameOf(call.params));
      return submittedOr(services, await stacks.rollback(call.params, call.body.to, optionsOf(call)));
    }),
    bind(R.planRollback, async ({ params, body }) => {
      found(services, params);
      return { answer: plannedOr(await stacks.planRollback(params, body.to)) };
    }),
    bind(R.retire, async (call) => {
      checkIfMatch(call.ifMatch, versionOf(found(services, call.params)), nameOf(call.params));
      return submittedOr(services, await stacks.retire(call.params, optionsOf(call)));
    }),
    bind(R.planRetire, async ({ params }) => {
      found(services, params);
      return { answer: plannedOr(await stacks.planRetire(params)) };
    }),
  ];
}

function sourceOf(body: { stack: string; files: { readonly [path: string]: string }; path: string }): StackSource {
  return { path: body.path, stack: body.stack, files: body.files };
}

function optionsOf({ body, caller }: Pick<Call<unknown>, 'caller'> & { body: ChangeOptions }): ApplyOptions {
  const { reason, ifBusy, expectPlan } = body;
  return { actor: caller.actor, reason: reason ?? null, ifBusy, ...(expectPlan === undefined ? {} : { expectPlan }) };
}

/** If-Match of an apply is about the stack that the definition names: it has to be planned to know which. */
async function checkApplies(services: Services, source: StackSource, ifMatch: string): Promise<void> {
  const { plan } = plannedOr(await services.stacks.plan(source));
  const before = services.stacks.get(plan.stack);
  checkIfMatch(ifMatch, before === undefined ? undefined : versionOf(before), nameOf(plan.stack));
}

function plannedOr(result: PlanResult): PlannedView {
  switch (result.kind) {
    case 'planned':
      return result;
    case 'invalid':
      throw invalidStack(result.problems);
    case 'refused': {
      const { refusal, reasons } = result;
      const details =
        refusal.details ?? (reasons.length > 0 ? { reasons: reasons.map((reason) => ({ ...reason })) } : undefined);
      throw refusalProblem(details === undefined ? refusal : { ...refusal, details });
    }
    default:
      return unreachable(result);
  }
}

function submittedOr({ engine }: Services, result: ApplyResult): Reply<SubmittedView> {
  switch (result.kind) {
    case 'submitted': {
      const transaction = engine.get(result.transaction);
      if (transaction === undefined)
        throw new HttpProblem(500, {
          kind: 'internal',
          message: `transaction ${result.transaction} is not to be read`,
          hint: 'it was accepted: look at it by `ldc tx show`, and at the log of the hub when it is not there',
        });
      const location = `/api/v1/transactions/${transaction.id}`;
      return { answer: { kind: 'submitted', transaction }, location, transaction: transaction.id };
    }
    case 'nothing':
      return { answer: result, status: 200 };
    case 'invalid':
      throw invalidStack(result.problems);
    case 'refused':
      throw refusalProblem(result.refusal);
    default:
      return unreachable(result);
  }
}

function found({ stacks }: Services, ref: StackRef) {
  const summary = stacks.get(ref);
  if (summary === undefined) throw noStack(ref);
  return summary;
}

function noStack(ref: StackRef): HttpProblem {
  return notFound(`stack ${nameOf(ref)}`, '`ldc get stacks` lists all (GET /api/v1/stacks)');
}

/** What If-Match compares: the committed revision. */
function versionOf(summary: { readonly revision: number }): string {
  return `r${summary.revision}`;
}

function nameOf({ project, name }: StackRef): string {
  return `${project}/${name}`;
}
